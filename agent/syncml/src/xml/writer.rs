//! Writes XML: UTF-8, no layout, a namespace declaration where the namespace changes.

use super::{XML_NAMESPACE, is_allowed, valid_name};
use crate::codepage::{Page, Tag};
use crate::error::EncodeError;
use crate::{Attribute, ElementName, Namespace};

const DECLARATION: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

/// An XML document that grows.
pub(crate) struct XmlWriter {
    out: Vec<u8>,
    /// The default namespace of each open element.
    scopes: Vec<Namespace>,
    /// The name of the SyncML namespace in the document's version.
    syncml: &'static str,
}

impl XmlWriter {
    /// An empty document; `ver_dtd` chooses the version of the SyncML namespace.
    pub(crate) fn new(ver_dtd: &str) -> Self {
        Self {
            out: DECLARATION.to_vec(),
            scopes: Vec::new(),
            syncml: match ver_dtd {
                "1.0" => "SYNCML:SYNCML1.0",
                "1.1" => "SYNCML:SYNCML1.1",
                _ => "SYNCML:SYNCML1.2",
            },
        }
    }

    /// A piece of a document, as it stands inside an element of namespace `scope`.
    pub(crate) fn fragment(scope: Namespace) -> Self {
        Self {
            // Most commands need no more.
            out: Vec::with_capacity(512),
            scopes: vec![scope],
            syncml: "SYNCML:SYNCML1.2",
        }
    }

    /// Begins an element that has content.
    pub(crate) fn open(&mut self, tag: Tag) {
        self.begin(tag);
        self.out.push(b'>');
        self.scopes.push(tag.page().namespace());
    }

    /// Ends the element that `open` began.
    pub(crate) fn close(&mut self, tag: Tag) {
        self.scopes.pop();
        self.end_tag(tag.local());
    }

    /// Writes an element without content.
    pub(crate) fn empty(&mut self, tag: Tag) {
        self.begin(tag);
        self.out.extend_from_slice(b"/>");
    }

    /// Begins an element that no code page has, or one with attributes.
    pub(crate) fn open_foreign(
        &mut self,
        name: &ElementName,
        attributes: &[Attribute],
    ) -> Result<(), EncodeError> {
        let local = valid_name(&name.local)?;
        self.out.push(b'<');
        self.out.extend_from_slice(local.as_bytes());
        self.declare(&name.namespace)?;
        for (index, attribute) in attributes.iter().enumerate() {
            self.attribute(index, attribute)?;
        }
        self.out.push(b'>');
        self.scopes.push(name.namespace.clone());
        Ok(())
    }

    /// Ends the element that `open_foreign` began.
    pub(crate) fn close_foreign(&mut self, name: &ElementName) {
        self.scopes.pop();
        self.end_tag(&name.local);
    }

    /// Writes character data into the open element, which is called `element` in an error.
    pub(crate) fn text(&mut self, element: &str, text: &str) -> Result<(), EncodeError> {
        self.escape(element, text, false)
    }

    /// Octets that were written.
    pub(crate) const fn len(&self) -> usize {
        self.out.len()
    }

    /// The finished document.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    fn begin(&mut self, tag: Tag) {
        self.out.push(b'<');
        self.out.extend_from_slice(tag.local().as_bytes());
        if self.scopes.last().and_then(Page::of) != Some(tag.page()) {
            let uri = match tag.page() {
                Page::SyncMl => self.syncml,
                Page::MetInf => "syncml:metinf",
                Page::DmDdf => "syncml:dmddf1.2",
            };
            self.out.extend_from_slice(b" xmlns=\"");
            self.out.extend_from_slice(uri.as_bytes());
            self.out.push(b'"');
        }
    }

    fn end_tag(&mut self, local: &str) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(local.as_bytes());
        self.out.push(b'>');
    }

    /// Declares `namespace` as the default one unless it is in force.
    fn declare(&mut self, namespace: &Namespace) -> Result<(), EncodeError> {
        let in_force = match self.scopes.last() {
            Some(scope) => scope == namespace,
            None => namespace.as_str().is_empty(),
        };
        if in_force {
            return Ok(());
        }
        self.out.extend_from_slice(b" xmlns=\"");
        let uri = match namespace {
            Namespace::SyncMl => self.syncml,
            other => other.as_str(),
        };
        self.escape("xmlns", uri, true)?;
        self.out.push(b'"');
        Ok(())
    }

    fn attribute(&mut self, index: usize, attribute: &Attribute) -> Result<(), EncodeError> {
        let local = valid_name(&attribute.local)?;
        self.out.push(b' ');
        if attribute.namespace == XML_NAMESPACE {
            self.out.extend_from_slice(b"xml:");
        } else if !attribute.namespace.is_empty() {
            self.out
                .extend_from_slice(format!("xmlns:a{index}=\"").as_bytes());
            self.escape("xmlns", &attribute.namespace, true)?;
            self.out
                .extend_from_slice(format!("\" a{index}:").as_bytes());
        }
        self.out.extend_from_slice(local.as_bytes());
        self.out.extend_from_slice(b"=\"");
        self.escape(local, &attribute.value, true)?;
        self.out.push(b'"');
        Ok(())
    }

    fn escape(&mut self, place: &str, text: &str, quoted: bool) -> Result<(), EncodeError> {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|b| is_special(b, quoted)) {
            let (plain, special) = rest.split_at(at);
            self.out.extend_from_slice(plain.as_bytes());
            let mut characters = special.chars();
            let Some(character) = characters.next() else {
                break;
            };
            if let Some(reference) = reference(character) {
                self.out.extend_from_slice(reference);
            } else if is_allowed(character) {
                let mut octets = [0; 4];
                let octets = character.encode_utf8(&mut octets).as_bytes();
                self.out.extend_from_slice(octets);
            } else {
                return Err(EncodeError::Character {
                    element: place.into(),
                    code: character.into(),
                });
            }
            rest = characters.as_str();
        }
        self.out.extend_from_slice(rest.as_bytes());
        Ok(())
    }
}

/// Whether an octet needs a closer look before it is written as it is.
const fn is_special(octet: u8, quoted: bool) -> bool {
    match octet {
        // The last begins U+FFFE and U+FFFF, among others.
        b'&' | b'<' | b'>' | b'\r' | 0xEF => true,
        b'"' | b'\t' | b'\n' => quoted,
        _ => octet < b' ',
    }
}

/// What stands for a character of markup. A carriage return would be read as a line feed, and
/// white space in an attribute as a space, if they were not references.
const fn reference(character: char) -> Option<&'static [u8]> {
    Some(match character {
        '&' => b"&amp;",
        '<' => b"&lt;",
        '>' => b"&gt;",
        '"' => b"&quot;",
        '\r' => b"&#13;",
        '\n' => b"&#10;",
        '\t' => b"&#9;",
        _ => return None,
    })
}
