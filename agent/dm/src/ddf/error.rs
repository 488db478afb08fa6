//! Why a description was refused.

use std::fmt;

/// Why a DDF was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DdfError {
    /// The document's name.
    pub document: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The node whose description is at fault, if it is known.
    pub node: Option<String>,
    /// What is wrong.
    pub reason: DdfReason,
}

/// What is wrong with a DDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DdfReason {
    /// It is not well-formed XML.
    Xml(String),
    /// Elements nest deeper than any description needs.
    TooDeep,
    /// There are more elements than any description needs.
    TooManyElements,
    /// There is not exactly one root element, or it is not `MgmtTree`.
    Root,
    /// An element is missing.
    Missing(&'static str),
    /// An element stands where it does not belong.
    Unexpected(String),
    /// An element stands twice.
    Repeated(String),
    /// The text or choice of an element is not one that it may have.
    Content(&'static str, String),
    /// Two nodes at one place.
    Duplicate(String),
    /// A leaf has nodes below it.
    LeafWithChildren,
    /// An interior node has a value.
    InteriorWithValue,
}

impl fmt::Display for DdfReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xml(error) => write!(f, "not well-formed XML: {error}"),
            Self::TooDeep => f.write_str("elements nest too deeply"),
            Self::TooManyElements => f.write_str("too many elements"),
            Self::Root => f.write_str("expected one root element, MgmtTree"),
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Unexpected(name) => write!(f, "{name} does not belong here"),
            Self::Repeated(name) => write!(f, "{name} stands twice"),
            Self::Content(name, text) => write!(f, "{name} cannot be {text:?}"),
            Self::Duplicate(name) => write!(f, "a second node {name} at the same place"),
            Self::LeafWithChildren => {
                f.write_str("a leaf has nodes below it; give it DFFormat node")
            }
            Self::InteriorWithValue => f.write_str("a node with DFFormat node cannot have a value"),
        }
    }
}

impl fmt::Display for DdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.document, self.line)?;
        if let Some(node) = &self.node {
            write!(f, "node {node}: ")?;
        }
        self.reason.fmt(f)
    }
}

impl std::error::Error for DdfError {}
