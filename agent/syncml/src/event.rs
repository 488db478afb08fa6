//! The pull events that both encodings are read through, with the limits of a document.

use crate::codepage::{Page, Tag, syncml};
use crate::error::{Decoded, Failure, Reason};
use crate::limits::Limits;
use crate::progress::Progress;
use crate::wbxml::WbxmlReader;
use crate::xml::XmlReader;
use crate::{Attribute, Element, ElementName, MediaType, Namespace, Node};
use bytes::Bytes;
use std::borrow::Cow;

/// One step through a document.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// An element begins; its attributes wait in [`Events::take_attributes`].
    Start(Name),
    /// A piece of character data; neighbours belong together.
    Text(Cow<'a, str>),
    /// The octets of an OPAQUE token.
    Opaque(&'a [u8]),
    /// The innermost open element ends.
    End,
    /// The document ends after its root element.
    Eof,
}

/// The name of an element, cheap for those that a code page knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// An element of a code page.
    Known(Tag),
    /// Any other element.
    Foreign(Box<ElementName>),
}

impl Name {
    /// The name of an element called `local` with `declared` as its namespace, below `parent`.
    ///
    /// Peers leave the namespaces of `MetInf` and `MgmtTree` out, or declare them on the parent,
    /// so the parent has a say as long as no foreign namespace is in force. That of SyncML may
    /// only be left over from the root element; another one is declared on purpose.
    pub(crate) fn resolve(parent: Option<&Self>, declared: &Namespace, local: &str) -> Self {
        let page = Page::of(declared);
        let undeclared = matches!(declared, Namespace::Other(name) if name.is_empty());
        let mut found = None;
        let mut look = |page| found = found.or_else(|| Tag::find(page, local));
        if page.is_some() || undeclared {
            match parent {
                None => {
                    page.into_iter().for_each(&mut look);
                    Page::ALL.into_iter().for_each(look);
                }
                Some(Self::Known(parent)) => {
                    let inner = content_page(*parent);
                    let on_purpose = |page: &Page| *page != Page::SyncMl;
                    page.filter(on_purpose).into_iter().for_each(&mut look);
                    Some(inner)
                        .filter(on_purpose)
                        .into_iter()
                        .for_each(&mut look);
                    page.into_iter().for_each(&mut look);
                    look(inner);
                    if *parent == syncml::DATA {
                        look(Page::DmDdf);
                    }
                }
                Some(Self::Foreign(_)) => page.into_iter().for_each(look),
            }
        }
        found.map_or_else(|| Self::foreign(declared.clone(), local), Self::Known)
    }

    fn foreign(namespace: Namespace, local: &str) -> Self {
        Self::Foreign(Box::new(ElementName {
            namespace,
            local: Cow::Owned(local.to_owned()),
        }))
    }

    /// The expanded name.
    pub(crate) fn expand(self) -> ElementName {
        match self {
            Self::Known(tag) => ElementName {
                namespace: tag.page().namespace(),
                local: Cow::Borrowed(tag.local()),
            },
            Self::Foreign(name) => *name,
        }
    }
}

/// The page that the children of `parent` are expected on.
fn content_page(parent: Tag) -> Page {
    if parent == syncml::META {
        Page::MetInf
    } else {
        parent.page()
    }
}

/// A document as a sequence of events.
pub(crate) enum Events<'a> {
    /// In XML.
    Xml(XmlReader<'a>),
    /// In WBXML.
    Wbxml(WbxmlReader<'a>),
}

impl<'a> Events<'a> {
    /// Begins to read a document.
    pub(crate) fn new(media_type: MediaType, document: &'a [u8], limits: &Limits) -> Decoded<Self> {
        let limits = Limits {
            depth: limits.depth.min(Limits::MAX_DEPTH),
            ..*limits
        };
        if document.len() > limits.message_bytes {
            let limit = limits.message_bytes;
            return Err(Failure::at(limit, Reason::TooLong(limit)));
        }
        Ok(match media_type {
            MediaType::DmXml => Self::Xml(XmlReader::new(document, limits)?),
            MediaType::DmWbxml => Self::Wbxml(WbxmlReader::new(document, limits)?),
        })
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Decoded<Event<'a>> {
        match self {
            Self::Xml(reader) => reader.next(),
            Self::Wbxml(reader) => reader.next(),
        }
    }

    /// The attributes of the element that began last.
    pub(crate) fn take_attributes(&mut self) -> Vec<Attribute> {
        match self {
            Self::Xml(reader) => reader.take_attributes(),
            Self::Wbxml(reader) => reader.take_attributes(),
        }
    }

    /// An error at the last event.
    pub(crate) fn error(&self, reason: Reason) -> Failure {
        self.progress().error(reason)
    }

    fn progress(&self) -> &Progress {
        match self {
            Self::Xml(reader) => reader.progress(),
            Self::Wbxml(reader) => reader.progress(),
        }
    }

    /// Counts the memory of something that is kept.
    pub(crate) fn keep<T>(&mut self) -> Decoded<()> {
        self.keep_octets(size_of::<T>())
    }

    fn keep_octets(&mut self, octets: usize) -> Decoded<()> {
        match self {
            Self::Xml(reader) => reader.progress_mut().keep(octets),
            Self::Wbxml(reader) => reader.progress_mut().keep(octets),
        }
    }

    /// The root element with everything in it, and nothing but the end after it.
    pub(crate) fn document(&mut self) -> Decoded<Element> {
        let root = self.root()?;
        let element = self.element(root)?;
        self.finish()?;
        Ok(element)
    }

    /// The name of the root element, which must be the next event.
    pub(crate) fn root(&mut self) -> Decoded<Name> {
        match self.next()? {
            Event::Start(name) => Ok(name),
            _ => Err(self.error(Reason::UnexpectedEnd)),
        }
    }

    /// Expects that nothing but the end follows the root element.
    pub(crate) fn finish(&mut self) -> Decoded<()> {
        match self.next()? {
            Event::Eof => Ok(()),
            _ => Err(self.error(Reason::TrailingContent)),
        }
    }

    /// The next child of the open element, `None` when the element ends. Text is passed over.
    pub(crate) fn child(&mut self) -> Decoded<Option<Name>> {
        loop {
            match self.next()? {
                Event::Start(name) => return Ok(Some(name)),
                Event::Text(_) | Event::Opaque(_) => {}
                Event::End => return Ok(None),
                Event::Eof => return Err(self.error(Reason::UnexpectedEnd)),
            }
        }
    }

    /// Passes over the rest of the open element.
    pub(crate) fn skip(&mut self) -> Decoded<()> {
        let inside = self.progress().depth();
        while self.progress().depth() >= inside {
            if matches!(self.next()?, Event::Eof) {
                return Err(self.error(Reason::UnexpectedEnd));
            }
        }
        Ok(())
    }

    /// The character data of the open element up to its end; elements inside are passed over.
    pub(crate) fn text(&mut self) -> Decoded<Cow<'a, str>> {
        let mut text = Cow::Borrowed("");
        loop {
            let piece = match self.next()? {
                Event::Text(piece) => piece,
                Event::Opaque(octets) => match std::str::from_utf8(octets) {
                    Ok(piece) => Cow::Borrowed(piece),
                    Err(_) => return Err(self.error(Reason::NotText)),
                },
                Event::Start(_) => {
                    self.skip()?;
                    continue;
                }
                Event::End => return Ok(text),
                Event::Eof => return Err(self.error(Reason::UnexpectedEnd)),
            };
            join(&mut text, piece);
        }
    }

    /// The open element with everything in it, up to its end.
    pub(crate) fn element(&mut self, name: Name) -> Decoded<Element> {
        let mut outer: Vec<Element> = Vec::new();
        let mut open = self.begun(name)?;
        loop {
            match self.next()? {
                Event::Start(name) => {
                    let inner = self.begun(name)?;
                    outer.push(std::mem::replace(&mut open, inner));
                }
                Event::Text(piece) => {
                    if let Some(Node::Text(text)) = open.children.last_mut() {
                        text.push_str(&piece);
                    } else {
                        self.keep::<Node>()?;
                        open.children.push(Node::Text(piece.into_owned()));
                    }
                }
                Event::Opaque(octets) => {
                    self.keep::<Node>()?;
                    let octets = Bytes::copy_from_slice(octets);
                    open.children.push(Node::Opaque(octets));
                }
                Event::End => {
                    drop_layout(&mut open.children);
                    let Some(parent) = outer.pop() else {
                        return Ok(open);
                    };
                    let closed = std::mem::replace(&mut open, parent);
                    open.children.push(Node::Element(closed));
                }
                Event::Eof => return Err(self.error(Reason::UnexpectedEnd)),
            }
        }
    }

    fn begun(&mut self, name: Name) -> Decoded<Element> {
        let attributes = self.take_attributes();
        self.keep_octets(size_of::<Node>() + size_of_val(attributes.as_slice()))?;
        Ok(Element {
            name: name.expand(),
            attributes,
            children: Vec::new(),
        })
    }
}

/// Appends a piece of text, without a copy when it is the first.
pub(crate) fn join<'a>(text: &mut Cow<'a, str>, piece: Cow<'a, str>) {
    if text.is_empty() {
        *text = piece;
    } else {
        text.to_mut().push_str(&piece);
    }
}

/// Removes the white space between child elements, which only lays the document out.
fn drop_layout(children: &mut Vec<Node>) {
    let has_elements = children.iter().any(|c| matches!(c, Node::Element(_)));
    let is_layout = |child: &Node| matches!(child, Node::Text(text) if text.trim().is_empty());
    let has_words = children
        .iter()
        .any(|child| !matches!(child, Node::Element(_)) && !is_layout(child));
    if has_elements && !has_words {
        children.retain(|child| !is_layout(child));
    }
}
