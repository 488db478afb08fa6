//! A generic element: what any SyncML document is made of, in either encoding.

use bytes::Bytes;

/// The namespace of an element; in WBXML a code page stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// `SYNCML:SYNCML1.2` and its older versions: code page 0.
    SyncMl,
    /// `syncml:metinf`: code page 1.
    MetInf,
    /// `syncml:dmddf1.2`: code page 2.
    DmDdf,
    /// Any other namespace, which no code page carries.
    Other(String),
}

/// The expanded name of an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ElementName {
    /// Where the name comes from.
    pub namespace: Namespace,
    /// The local name, case-sensitive.
    pub local: String,
}

/// An element with its content in document order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The expanded name.
    pub name: ElementName,
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
