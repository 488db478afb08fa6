//! The target of a command: a node, one of its properties, or a listing of its subtree.

use super::{Uri, UriError, UriLimits};
use std::fmt;

/// A property of a node (OMA-TS-DM_TND 7.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Property {
    /// `ACL`
    Acl,
    /// `Format`
    Format,
    /// `Name`
    Name,
    /// `Size`
    Size,
    /// `Title`
    Title,
    /// `TStamp`
    TStamp,
    /// `Type`
    Type,
    /// `VerNo`
    VerNo,
}

impl Property {
    /// Every property, in the order of the DDF's DTD.
    pub const ALL: [Self; 8] = [
        Self::Acl,
        Self::Format,
        Self::Name,
        Self::Size,
        Self::Title,
        Self::TStamp,
        Self::Type,
        Self::VerNo,
    ];

    /// The name as the specification writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acl => "ACL",
            Self::Format => "Format",
            Self::Name => "Name",
            Self::Size => "Size",
            Self::Title => "Title",
            Self::TStamp => "TStamp",
            Self::Type => "Type",
            Self::VerNo => "VerNo",
        }
    }

    /// Reads a name in any case, since peers differ in it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|property| property.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What `?list=` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum List {
    /// `Struct`: the nodes of the subtree.
    Struct,
    /// `StructData`: the nodes of the subtree with the values of the leaves.
    StructData,
    /// `TNDS` with what follows it, such as `+Value+ACL` or `-Format`.
    Tnds(String),
    /// Any other attribute.
    Other(String),
}

/// What follows the `?`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Query {
    /// `prop=` and a property that exists.
    Prop(Property),
    /// `prop=` and a name that is no property.
    UnknownProp(String),
    /// `list=`.
    List(List),
    /// Any other `name=value`.
    Other(String),
}

/// The target of a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Which node.
    pub uri: Uri,
    /// What of it; `None` is the node itself.
    pub query: Option<Query>,
}

impl Address {
    /// Reads an address as it travels.
    pub fn parse(text: &str, limits: &UriLimits) -> Result<Self, UriError> {
        let Some((path, query)) = text.split_once('?') else {
            return Uri::parse(text, limits).map(Self::from);
        };
        let uri = Uri::parse(path, limits)?;
        let total = uri.key().chars().count() + 1 + query.chars().count();
        if limits.total != 0 && total > usize::from(limits.total) {
            return Err(UriError::TooLong);
        }
        let query = Some(Query::parse(query)?);
        Ok(Self { uri, query })
    }

    /// The address of a property of a node.
    pub fn property(uri: Uri, property: Property) -> Self {
        let query = Some(Query::Prop(property));
        Self { uri, query }
    }

    /// The address of a listing of a subtree.
    pub fn list(uri: Uri, list: List) -> Self {
        let query = Some(Query::List(list));
        Self { uri, query }
    }
}

impl From<Uri> for Address {
    fn from(uri: Uri) -> Self {
        Self { uri, query: None }
    }
}

impl Query {
    fn parse(text: &str) -> Result<Self, UriError> {
        let (name, value) = text.split_once('=').ok_or(UriError::Query)?;
        if name.is_empty() || value.is_empty() {
            return Err(UriError::Query);
        }
        Ok(match name {
            "prop" => match Property::parse(value) {
                Some(property) => Self::Prop(property),
                None => Self::UnknownProp(value.to_owned()),
            },
            "list" => Self::List(List::parse(value)),
            _ => Self::Other(text.to_owned()),
        })
    }
}

impl List {
    fn parse(text: &str) -> Self {
        let (head, tail) = text.split_at_checked(4).unwrap_or((text, ""));
        if text.eq_ignore_ascii_case("Struct") {
            Self::Struct
        } else if text.eq_ignore_ascii_case("StructData") {
            Self::StructData
        } else if head.eq_ignore_ascii_case("TNDS")
            && (tail.is_empty() || tail.starts_with(['+', '-']))
        {
            Self::Tnds(tail.to_owned())
        } else {
            Self::Other(text.to_owned())
        }
    }
}

/// Writes the address as it travels.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)?;
        match &self.query {
            None => Ok(()),
            Some(Query::Prop(property)) => write!(f, "?prop={property}"),
            Some(Query::UnknownProp(name)) => write!(f, "?prop={name}"),
            Some(Query::List(list)) => write!(f, "?list={list}"),
            Some(Query::Other(text)) => write!(f, "?{text}"),
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Struct => f.write_str("Struct"),
            Self::StructData => f.write_str("StructData"),
            Self::Tnds(tail) => write!(f, "TNDS{tail}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}
