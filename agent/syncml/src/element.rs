//! A generic element: what any SyncML document is made of, in either encoding.

use bytes::Bytes;
use std::borrow::Cow;

/// The namespace of an element; in WBXML a code page stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// `SYNCML:SYNCML1.2` and its older versions: code page 0.
    SyncMl,
    /// `syncml:metinf`: code page 1.
    MetInf,
    /// `syncml:dmddf1.2`: code page 2.
    DmDdf,
    /// Any other namespace, which no code page carries; empty for none at all.
    Other(String),
}

impl Namespace {
    /// The namespace that `name` stands for, any version and any case of the SyncML ones.
    pub fn of(name: &str) -> Self {
        let starts = |prefix: &str| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if starts("syncml:syncml") {
            Self::SyncMl
        } else if starts("syncml:metinf") {
            Self::MetInf
        } else if starts("syncml:dmddf") {
            Self::DmDdf
        } else {
            Self::Other(name.to_owned())
        }
    }

    /// The namespace's name as it is written in XML; empty for none.
    pub fn as_str(&self) -> &str {
        match self {
            Self::SyncMl => "SYNCML:SYNCML1.2",
            Self::MetInf => "syncml:metinf",
            Self::DmDdf => "syncml:dmddf1.2",
            Self::Other(name) => name,
        }
    }
}

/// The expanded name of an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ElementName {
    /// Where the name comes from.
    pub namespace: Namespace,
    /// The local name, case-sensitive.
    pub local: Cow<'static, str>,
}

/// An attribute; the elements of SyncML have none, foreign ones may.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attribute {
    /// The name of its namespace; empty for none.
    pub namespace: String,
    /// The local name, case-sensitive.
    pub local: String,
    /// The value, with references resolved.
    pub value: String,
}

/// An element with its content in document order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The expanded name.
    pub name: ElementName,
    /// The attributes in document order, namespace declarations left out.
    pub attributes: Vec<Attribute>,
    /// The content in document order.
    pub children: Vec<Node>,
}

/// One piece of an element's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Character data, with references resolved.
    Text(String),
    /// Octets of a WBXML OPAQUE token.
    Opaque(Bytes),
}

impl Element {
    /// An element without attributes and content.
    pub fn new(namespace: Namespace, local: impl Into<Cow<'static, str>>) -> Self {
        let local = local.into();
        Self {
            name: ElementName { namespace, local },
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// The element with one more piece of text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// The element with one more child.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// The child elements in document order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Opaque(_) => None,
        })
    }

    /// The first child element with this local name, whatever its namespace.
    pub fn child(&self, local: &str) -> Option<&Self> {
        self.elements().find(|child| child.name.local == local)
    }

    /// The character data of the element itself; opaque octets count when they are UTF-8.
    pub fn text(&self) -> Cow<'_, str> {
        let mut text = Cow::Borrowed("");
        for child in &self.children {
            let piece = match child {
                Node::Text(piece) => piece.as_str(),
                Node::Opaque(octets) => std::str::from_utf8(octets).unwrap_or_default(),
                Node::Element(_) => continue,
            };
            if text.is_empty() {
                text = Cow::Borrowed(piece);
            } else {
                text.to_mut().push_str(piece);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_of_every_version_are_known() {
        for (name, expected) in [
            ("SYNCML:SYNCML1.2", Namespace::SyncMl),
            ("SYNCML:SYNCML1.1", Namespace::SyncMl),
            ("syncml:SYNCML1.0", Namespace::SyncMl),
            ("syncml:metinf", Namespace::MetInf),
            ("SYNCML:METINF", Namespace::MetInf),
            ("syncml:dmddf1.2", Namespace::DmDdf),
            ("syncml:dmddf", Namespace::DmDdf),
            ("syncml:devinf", Namespace::Other("syncml:devinf".into())),
            ("", Namespace::Other(String::new())),
        ] {
            assert_eq!(Namespace::of(name), expected, "{name:?}");
        }
    }

    #[test]
    fn text_is_joined_across_pieces_and_children() {
        let mut element = Element::new(Namespace::SyncMl, "Data")
            .with_text("a")
            .with_child(Element::new(Namespace::MetInf, "Type"))
            .with_text("b");
        element
            .children
            .push(Node::Opaque(Bytes::from_static(b"c")));
        assert_eq!(element.text(), "abc");
        assert!(element.child("Type").is_some());
        assert!(element.child("Format").is_none());
    }
}
