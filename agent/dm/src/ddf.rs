//! Device description files: what nodes a management object has and what may be done with them
//! (OMA-TS-DM_TND 9, `DM_DDF-V1_2.dtd`).

use crate::acl::Acl;
use omadm_syncml::{Format, Property, Uri, UriError, uri};
use std::fmt;
use std::str::FromStr;

mod dom;
mod error;
mod parse;
mod write;

pub use error::{DdfError, DdfReason};

/// A device description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ddf {
    /// What errors call it: the name of its file.
    pub document: String,
    /// `VerDTD`.
    pub ver_dtd: String,
    /// `Man`: the manufacturer.
    pub man: Option<String>,
    /// `Mod`: the model.
    pub model: Option<String>,
    /// The top nodes.
    pub nodes: Vec<DdfNode>,
}

/// The description of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DdfNode {
    /// `NodeName`; `None` is a name that is given at run time, `<X>`.
    pub name: Option<String>,
    /// `Path`: where a top node goes; without it, below the root.
    pub path: Option<DdfPath>,
    /// `RTProperties`.
    pub run_time: Option<RunTimeProperties>,
    /// `AccessType`.
    pub access: AccessType,
    /// `DefaultValue`.
    pub default: Option<String>,
    /// `Description`.
    pub description: Option<String>,
    /// `DFFormat`.
    pub format: Format,
    /// `Occurrence`.
    pub occurrence: Occurrence,
    /// `Scope`.
    pub scope: Scope,
    /// `DFTitle`.
    pub title: Option<String>,
    /// `DFType`.
    pub types: NodeType,
    /// `CaseSense`; kept for export, names compare exactly in any case.
    pub case_sense: Option<CaseSense>,
    /// `Value`: what a leaf made from this description holds at first, before `DefaultValue`.
    pub value: Option<String>,
    /// The nodes below.
    pub children: Vec<DdfNode>,
}

/// `RTProperties`: the run-time properties that a description states.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunTimeProperties {
    /// `ACL`: what a built-in node has at first.
    pub acl: Acl,
    /// Every property that is listed, with its text; `ACL` included.
    pub listed: Vec<(Property, String)>,
}

/// `DFType`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeType {
    /// The media types that a leaf may have, the first by default.
    Mime(Vec<String>),
    /// The management object identifier of an interior node; may be empty.
    DdfName(String),
}

/// `Scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Built in: no server can add, delete or rename it.
    Permanent,
    /// Comes and goes.
    #[default]
    Dynamic,
}

/// `CaseSense`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseSense {
    /// `CS`
    Sensitive,
    /// `CIS`
    Insensitive,
}

/// `Occurrence`: how many nodes there may be where the description stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Occurrence {
    /// `One`
    #[default]
    One,
    /// `ZeroOrOne`
    ZeroOrOne,
    /// `ZeroOrMore`
    ZeroOrMore,
    /// `OneOrMore`
    OneOrMore,
    /// `ZeroOrN`
    ZeroOrN(u32),
    /// `OneOrN`
    OneOrN(u32),
}

impl Occurrence {
    /// The most nodes; `None` is no limit.
    pub const fn most(self) -> Option<u32> {
        match self {
            Self::One | Self::ZeroOrOne => Some(1),
            Self::ZeroOrMore | Self::OneOrMore => None,
            Self::ZeroOrN(n) | Self::OneOrN(n) => Some(n),
        }
    }

    /// Whether there is always one at least.
    pub const fn is_mandatory(self) -> bool {
        matches!(self, Self::One | Self::OneOrMore | Self::OneOrN(_))
    }
}

/// `AccessType`: the commands that a node takes at all, whatever the ACL says.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct AccessType(u8);

impl AccessType {
    /// No command.
    pub const NONE: Self = Self(0);
    /// `Add`
    pub const ADD: Self = Self(1);
    /// `Copy`
    pub const COPY: Self = Self(2);
    /// `Delete`
    pub const DELETE: Self = Self(4);
    /// `Exec`
    pub const EXEC: Self = Self(8);
    /// `Get`
    pub const GET: Self = Self(16);
    /// `Replace`
    pub const REPLACE: Self = Self(32);

    const NAMES: [(Self, &'static str); 6] = [
        (Self::ADD, "Add"),
        (Self::COPY, "Copy"),
        (Self::DELETE, "Delete"),
        (Self::EXEC, "Exec"),
        (Self::GET, "Get"),
        (Self::REPLACE, "Replace"),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every command of `other` is allowed.
    pub const fn allows(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the commands, as a DDF writes them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(access, _)| self.allows(*access))
            .map(|(_, name)| name)
    }

    fn named(text: &str) -> Option<Self> {
        let found = Self::NAMES.into_iter().find(|(_, name)| *name == text);
        found.map(|(access, _)| access)
    }
}

impl fmt::Debug for AccessType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// The address of a description: a node's address in which `<X>`, or any text in angle
/// brackets, stands for a name that is given at run time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DdfPath(Vec<Option<String>>);

impl DdfPath {
    /// The names from the root down; `None` is one that is given at run time.
    pub fn segments(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(Option::as_deref)
    }

    pub(crate) fn push(&mut self, name: Option<&str>) {
        self.0.push(name.map(str::to_owned));
    }

    pub(crate) fn join(&self, name: Option<&str>) -> Self {
        let mut path = self.clone();
        path.push(name);
        path
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }
}

/// Reads an address, with the `/` at the end that some descriptions write.
impl FromStr for DdfPath {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let text = match text.strip_suffix('/') {
            Some("") | None => text,
            Some(path) => path,
        };
        // A placeholder is made a plain name for the reader of addresses.
        let plain: Vec<&str> = text
            .split('/')
            .map(|part| if is_placeholder(part) { "x" } else { part })
            .collect();
        let names: Uri = plain.join("/").parse()?;
        let written = text.strip_prefix("./").unwrap_or(text).split('/');
        let segment =
            |(name, written): (&str, &str)| (!is_placeholder(written)).then(|| name.to_owned());
        Ok(Self(names.segments().zip(written).map(segment).collect()))
    }
}

/// Whether a text stands for a name that is given at run time: `<X>`, or `*` as Microsoft writes
/// it. Angle brackets never stand unescaped in an address.
fn is_placeholder(text: &str) -> bool {
    text == "*" || (text.len() > 2 && text.starts_with('<') && text.ends_with('>'))
}

impl fmt::Display for DdfPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(".")?;
        for name in self.segments() {
            match name {
                Some(name) => write!(f, "/{}", uri::escape(name))?,
                None => f.write_str("/<X>")?,
            }
        }
        Ok(())
    }
}

impl Ddf {
    /// Reads a DDF; `document` is what errors call it.
    ///
    /// Elements of foreign namespaces are skipped, as Microsoft's descriptions need.
    pub fn parse(document: &str, xml: &str) -> Result<Self, DdfError> {
        parse::parse(document, xml)
    }

    /// Writes the description in OMA's own format.
    pub fn to_xml(&self) -> String {
        write::to_xml(self)
    }
}

impl DdfNode {
    /// Whether the description is of an interior node.
    pub fn is_interior(&self) -> bool {
        self.format == Format::Node
    }
}

#[cfg(test)]
mod tests;
