//! Writes compact WBXML 1.2: a numeric public identifier, inline strings, and a string table
//! only for names that no code page has.

use super::{DM_DDF, SYNCML_1_0, SYNCML_1_1, SYNCML_1_2, UNKNOWN_TYPE, UTF_8, token};
use crate::codepage::{Page, Tag};
use crate::error::EncodeError;
use crate::{Attribute, ElementName, Namespace};
use std::collections::BTreeMap;

/// Most peers write this version (1.2) and every peer reads it.
const VERSION: u8 = 0x02;

/// A WBXML document that grows.
pub(crate) struct WbxmlWriter {
    public_id: u32,
    body: Vec<u8>,
    page: Page,
    table: Vec<u8>,
    /// Where each name begins in the table.
    names: BTreeMap<String, u32>,
    /// The namespace of each open element, which one without a code page inherits.
    scopes: Vec<Namespace>,
}

impl WbxmlWriter {
    /// An empty document with a root element of this namespace; `ver_dtd` chooses the version of
    /// the public identifier.
    pub(crate) fn new(root: &Namespace, ver_dtd: &str) -> Self {
        let public_id = match (root, ver_dtd) {
            (Namespace::SyncMl, "1.0") => SYNCML_1_0,
            (Namespace::SyncMl, "1.1") => SYNCML_1_1,
            (Namespace::SyncMl, _) => SYNCML_1_2,
            (Namespace::DmDdf, _) => 0,
            _ => UNKNOWN_TYPE,
        };
        let mut writer = Self {
            public_id,
            // Most commands need no more.
            body: Vec::with_capacity(128),
            page: Page::SyncMl,
            table: Vec::new(),
            names: BTreeMap::new(),
            scopes: vec![Namespace::Other(String::new())],
        };
        if public_id == 0 {
            writer.table.extend_from_slice(DM_DDF.as_bytes());
            writer.table.push(0);
        }
        writer
    }

    /// A piece of a document, as it stands inside an element of namespace `scope`.
    pub(crate) fn fragment(scope: Namespace) -> Self {
        let mut writer = Self::new(&scope, "");
        writer.scopes.push(scope);
        writer
    }

    /// Begins an element that has content.
    pub(crate) fn open(&mut self, tag: Tag) {
        self.begin(tag, token::HAS_CONTENT);
        self.scopes.push(tag.page().namespace());
    }

    /// Ends the innermost element.
    pub(crate) fn close(&mut self) {
        self.scopes.pop();
        self.body.push(token::END);
    }

    /// Writes an element without content.
    pub(crate) fn empty(&mut self, tag: Tag) {
        self.begin(tag, 0);
    }

    /// Begins an element that no code page has, or one with attributes.
    pub(crate) fn open_foreign(
        &mut self,
        name: &ElementName,
        tag: Option<Tag>,
        attributes: &[Attribute],
    ) -> Result<(), EncodeError> {
        let inherited = self.scopes.last() == Some(&name.namespace);
        let declares = tag.is_none() && !inherited;
        let mut flags = token::HAS_CONTENT;
        if declares || !attributes.is_empty() {
            flags |= token::HAS_ATTRIBUTES;
        }
        if let Some(tag) = tag {
            self.begin(tag, flags);
        } else {
            self.body.push(token::LITERAL | flags);
            self.name(&name.local)?;
        }
        if declares {
            self.attribute("xmlns", name.namespace.as_str())?;
        }
        for (index, attribute) in attributes.iter().enumerate() {
            self.qualified_attribute(index, attribute)?;
        }
        if flags & token::HAS_ATTRIBUTES != 0 {
            self.body.push(token::END);
        }
        self.scopes.push(name.namespace.clone());
        Ok(())
    }

    /// Writes character data into the open element. A string cannot hold a NUL, octets can.
    pub(crate) fn text(&mut self, text: &str) {
        if text.as_bytes().contains(&0) {
            self.opaque(text.as_bytes());
        } else {
            self.string(text);
        }
    }

    /// Writes octets into the open element.
    pub(crate) fn opaque(&mut self, octets: &[u8]) {
        self.body.push(token::OPAQUE);
        integer(&mut self.body, length(octets));
        self.body.extend_from_slice(octets);
    }

    /// The finished document.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + self.table.len() + 8);
        out.push(VERSION);
        integer(&mut out, self.public_id);
        if self.public_id == 0 {
            // The index of the text in the table.
            integer(&mut out, 0);
        }
        integer(&mut out, UTF_8);
        integer(&mut out, length(&self.table));
        out.extend_from_slice(&self.table);
        out.extend_from_slice(&self.body);
        out
    }

    /// The octets that what was written makes a document longer by, at most.
    pub(crate) fn len(&self) -> usize {
        let back_to_page_0 = if self.page == Page::SyncMl { 0 } else { 2 };
        let table = match self.table.len() {
            0 => 0,
            // The length of the table grows as well.
            length => length + 4,
        };
        self.body.len() + back_to_page_0 + table
    }

    fn begin(&mut self, tag: Tag, flags: u8) {
        if self.page != tag.page() {
            self.page = tag.page();
            self.body
                .extend_from_slice(&[token::SWITCH_PAGE, self.page as u8]);
        }
        self.body.push(tag.token() | flags);
    }

    fn string(&mut self, text: &str) {
        self.body.push(token::STR_I);
        self.body.extend_from_slice(text.as_bytes());
        self.body.push(0);
    }

    fn qualified_attribute(
        &mut self,
        index: usize,
        attribute: &Attribute,
    ) -> Result<(), EncodeError> {
        let local = crate::xml::valid_name(&attribute.local)?;
        if attribute.namespace.is_empty() {
            return self.attribute(local, &attribute.value);
        }
        if attribute.namespace == crate::xml::XML_NAMESPACE {
            return self.attribute(&format!("xml:{local}"), &attribute.value);
        }
        self.attribute(&format!("xmlns:a{index}"), &attribute.namespace)?;
        self.attribute(&format!("a{index}:{local}"), &attribute.value)
    }

    fn attribute(&mut self, name: &str, value: &str) -> Result<(), EncodeError> {
        if value.as_bytes().contains(&0) {
            return Err(EncodeError::Character {
                element: name.into(),
                code: 0,
            });
        }
        self.body.push(token::LITERAL);
        self.reference(name);
        self.string(value);
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<(), EncodeError> {
        let name = crate::xml::valid_name(name)?;
        self.reference(name);
        Ok(())
    }

    /// Writes the place of `name` in the string table, which it joins when it is new.
    fn reference(&mut self, name: &str) {
        let index = if let Some(&index) = self.names.get(name) {
            index
        } else {
            let index = length(&self.table);
            self.table.extend_from_slice(name.as_bytes());
            self.table.push(0);
            self.names.insert(name.to_owned(), index);
            index
        };
        integer(&mut self.body, index);
    }
}

fn length(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).unwrap_or(u32::MAX)
}

const fn seven_bits(value: u32) -> u8 {
    (value & 0x7F) as u8
}

/// Writes a multi-byte integer (WAP-192-WBXML 5.1).
fn integer(out: &mut Vec<u8>, value: u32) {
    for shift in [28, 21, 14, 7] {
        if value >> shift != 0 {
            out.push(seven_bits(value >> shift) | 0x80);
        }
    }
    out.push(seven_bits(value));
}
