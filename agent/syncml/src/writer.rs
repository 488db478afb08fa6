//! What both encodings are written through.

use crate::codepage::{Page, Tag};
use crate::error::EncodeError;
use crate::limits::Limits;
use crate::wbxml::WbxmlWriter;
use crate::xml::XmlWriter;
use crate::{Data, Element, MediaType, Namespace, Node};

/// A document that grows, in either encoding.
pub(crate) enum Writer {
    /// In XML.
    Xml(XmlWriter),
    /// In WBXML.
    Wbxml(WbxmlWriter),
}

impl Writer {
    /// An empty document with a root element of this namespace and with this `VerDTD`.
    pub(crate) fn new(media_type: MediaType, root: &Namespace, ver_dtd: &str) -> Self {
        match media_type {
            MediaType::DmXml => Self::Xml(XmlWriter::new(ver_dtd)),
            MediaType::DmWbxml => Self::Wbxml(WbxmlWriter::new(root, ver_dtd)),
        }
    }

    /// Markup that stands on its own, without the declaration of a document.
    pub(crate) fn markup() -> Self {
        Self::Xml(XmlWriter::fragment(Namespace::Other(String::new())))
    }

    /// A piece of a document, as it stands inside an element of SyncML.
    pub(crate) fn fragment(media_type: MediaType) -> Self {
        match media_type {
            MediaType::DmXml => Self::Xml(XmlWriter::fragment(Namespace::SyncMl)),
            MediaType::DmWbxml => Self::Wbxml(WbxmlWriter::fragment(Namespace::SyncMl)),
        }
    }

    /// Begins an element that has content.
    pub(crate) fn open(&mut self, tag: Tag) {
        match self {
            Self::Xml(writer) => writer.open(tag),
            Self::Wbxml(writer) => writer.open(tag),
        }
    }

    /// Ends the element that `open` began.
    pub(crate) fn close(&mut self, tag: Tag) {
        match self {
            Self::Xml(writer) => writer.close(tag),
            Self::Wbxml(writer) => writer.close(),
        }
    }

    /// Writes an element without content.
    pub(crate) fn empty(&mut self, tag: Tag) {
        match self {
            Self::Xml(writer) => writer.empty(tag),
            Self::Wbxml(writer) => writer.empty(tag),
        }
    }

    /// Writes `tag` without content when `present`.
    pub(crate) fn flag(&mut self, tag: Tag, present: bool) {
        if present {
            self.empty(tag);
        }
    }

    /// Writes an element that holds `text`.
    pub(crate) fn leaf(&mut self, tag: Tag, text: &str) -> Result<(), EncodeError> {
        if text.is_empty() {
            self.empty(tag);
            return Ok(());
        }
        self.open(tag);
        self.text(tag.local(), text)?;
        self.close(tag);
        Ok(())
    }

    /// Writes an element that holds `text` when there is one.
    pub(crate) fn optional(&mut self, tag: Tag, text: Option<&str>) -> Result<(), EncodeError> {
        text.map_or(Ok(()), |text| self.leaf(tag, text))
    }

    /// Writes an element that holds `data`.
    pub(crate) fn data(&mut self, tag: Tag, data: &Data) -> Result<(), EncodeError> {
        match data {
            Data::Text(text) => self.leaf(tag, text),
            Data::Opaque(octets) => {
                self.open(tag);
                self.opaque(tag.local(), octets)?;
                self.close(tag);
                Ok(())
            }
            Data::Elements(elements) => {
                self.open(tag);
                for element in elements {
                    self.element(element, 2)?;
                }
                self.close(tag);
                Ok(())
            }
        }
    }

    /// Writes an element with everything in it; `depth` counts the elements around it.
    pub(crate) fn element(&mut self, element: &Element, depth: usize) -> Result<(), EncodeError> {
        if depth >= Limits::MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        let name = &element.name;
        let tag = Page::of(&name.namespace).and_then(|page| Tag::find(page, &name.local));
        match tag.filter(|_| element.attributes.is_empty()) {
            Some(tag) if element.children.is_empty() => self.empty(tag),
            Some(tag) => {
                self.open(tag);
                self.children(element, depth)?;
                self.close(tag);
            }
            None => {
                match self {
                    Self::Xml(writer) => writer.open_foreign(name, &element.attributes)?,
                    Self::Wbxml(writer) => {
                        writer.open_foreign(name, tag, &element.attributes)?;
                    }
                }
                self.children(element, depth)?;
                match self {
                    Self::Xml(writer) => writer.close_foreign(name),
                    Self::Wbxml(writer) => writer.close(),
                }
            }
        }
        Ok(())
    }

    /// The octets that what was written makes a document longer by, at most.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Xml(writer) => writer.len(),
            Self::Wbxml(writer) => writer.len(),
        }
    }

    /// The finished document.
    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Xml(writer) => writer.finish(),
            Self::Wbxml(writer) => writer.finish(),
        }
    }

    fn children(&mut self, element: &Element, depth: usize) -> Result<(), EncodeError> {
        for child in &element.children {
            match child {
                Node::Element(child) => self.element(child, depth + 1)?,
                Node::Text(text) => self.text(&element.name.local, text)?,
                Node::Opaque(octets) => self.opaque(&element.name.local, octets)?,
            }
        }
        Ok(())
    }

    fn text(&mut self, element: &str, text: &str) -> Result<(), EncodeError> {
        match self {
            Self::Xml(writer) => writer.text(element, text),
            Self::Wbxml(writer) => {
                writer.text(text);
                Ok(())
            }
        }
    }

    /// Octets that are text go into XML as such; WBXML has a token of its own for them.
    fn opaque(&mut self, element: &str, octets: &[u8]) -> Result<(), EncodeError> {
        match self {
            Self::Xml(writer) => match std::str::from_utf8(octets) {
                Ok(text) => writer.text(element, text),
                Err(_) => Err(EncodeError::Octets {
                    element: element.into(),
                }),
            },
            Self::Wbxml(writer) => {
                writer.opaque(octets);
                Ok(())
            }
        }
    }
}
