//! Node addresses and what may be asked of the node (OMA-TS-DM_TND 6, OMA-TS-DM_StdObj 5.3).

use crate::StatusCode;
use std::borrow::{Borrow, Cow};
use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

mod address;

pub use address::{Address, List, Property, Query};

/// The longest addresses that the device takes; `0` is no limit.
///
/// What is counted is the address as the node has it: names without escapes, without `./`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UriLimits {
    /// `MaxDepth`: names in an address.
    pub depth: u16,
    /// `MaxTotLen`: characters of a whole address, `?prop=` included.
    pub total: u16,
    /// `MaxSegLen`: characters of one name.
    pub segment: u16,
}

impl UriLimits {
    /// No limit at all, for addresses that the device itself makes.
    pub const NONE: Self = Self {
        depth: 0,
        total: 0,
        segment: 0,
    };
}

impl Default for UriLimits {
    fn default() -> Self {
        Self {
            depth: 32,
            total: 1024,
            segment: 255,
        }
    }
}

/// Why a text is no address of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UriError {
    /// There is no text.
    Empty,
    /// The address begins with `/`: addresses are relative to the root.
    LeadingSlash,
    /// The address ends with `/`.
    TrailingSlash,
    /// Two slashes follow each other.
    EmptyName,
    /// `.` or `..` stands where a name belongs.
    DotName,
    /// A name holds a slash, escaped or not.
    SlashInName,
    /// `%` is not followed by two hexadecimal digits, or the octets are no UTF-8.
    Escape,
    /// A name holds a control character or one that XML cannot carry.
    Character,
    /// The part after `?` is not `name=value`, or stands where only a node may be named.
    Query,
    /// More names than `MaxDepth`.
    TooDeep,
    /// More characters than `MaxTotLen`.
    TooLong,
    /// A name of more characters than `MaxSegLen`.
    NameTooLong,
}

impl UriError {
    /// The status of a command on such an address.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooDeep | Self::TooLong | Self::NameTooLong => StatusCode::URI_TOO_LONG,
            Self::Escape | Self::Character => StatusCode::BAD_REQUEST,
            _ => StatusCode::NOT_FOUND,
        }
    }
}

impl From<UriError> for StatusCode {
    fn from(error: UriError) -> Self {
        error.status()
    }
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the address is empty; the root is \".\"",
            Self::LeadingSlash => "an address is relative to the root: leave out the first \"/\"",
            Self::TrailingSlash => "an address does not end with \"/\"",
            Self::EmptyName => "a name is empty",
            Self::DotName => "\".\" and \"..\" are not names",
            Self::SlashInName => "a name cannot hold \"/\"",
            Self::Escape => "\"%\" needs two hexadecimal digits that give UTF-8",
            Self::Character => "a name holds a character that cannot travel",
            Self::Query => "expected \"?prop=NAME\" or \"?list=NAME\" after a node's address",
            Self::TooDeep => "more names than MaxDepth allows",
            Self::TooLong => "more characters than MaxTotLen allows",
            Self::NameTooLong => "a name has more characters than MaxSegLen allows",
        })
    }
}

impl std::error::Error for UriError {}

/// The absolute address of a node.
///
/// Names are kept unescaped and compare as they are; `./A/B` and `A/B` are the same address.
/// In `Ord`, the addresses at and below a node are contiguous and begin with the node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri(Arc<str>);

/// Separates names inside a [`Uri`]: below every character of a name, so that a subtree is contiguous.
const SEPARATOR: char = '\0';

impl Uri {
    /// The root, `.`.
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// Reads an address as it travels, escapes included.
    pub fn parse(text: &str, limits: &UriLimits) -> Result<Self, UriError> {
        let uri = parse_path(text)?;
        uri.check(limits)?;
        Ok(uri)
    }

    /// The address of the child called `name` (unescaped).
    pub fn join(&self, name: &str) -> Result<Self, UriError> {
        check_name(name)?;
        Ok(self.extended(name))
    }

    /// The address of the parent; the root has none.
    pub fn parent(&self) -> Option<Self> {
        self.parent_key().map(|key| Self(Arc::from(key)))
    }

    /// The node's own name, unescaped; the root has none.
    pub fn name(&self) -> Option<&str> {
        self.0
            .rsplit(SEPARATOR)
            .next()
            .filter(|name| !name.is_empty())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The names from the root down, unescaped.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.split(SEPARATOR).filter(|name| !name.is_empty())
    }

    /// How many names the address has.
    pub fn depth(&self) -> usize {
        self.segments().count()
    }

    /// Whether this node is `ancestor` or below it.
    pub fn starts_with(&self, ancestor: &Self) -> bool {
        match self.0.strip_prefix(&*ancestor.0) {
            Some(rest) => ancestor.is_root() || rest.is_empty() || rest.starts_with(SEPARATOR),
            None => false,
        }
    }

    /// Whether `parent` is the direct parent of this node.
    pub fn is_child_of(&self, parent: &Self) -> bool {
        self.parent_key() == Some(parent.key())
    }

    /// The same place below `to` as this node has below `from`; `None` if it is not below `from`.
    pub fn rebase(&self, from: &Self, to: &Self) -> Option<Self> {
        if !self.starts_with(from) {
            return None;
        }
        let below = self.0.get(from.0.len()..)?.trim_start_matches(SEPARATOR);
        match (below.is_empty(), to.is_root()) {
            (true, _) => Some(to.clone()),
            (false, true) => Some(Self(Arc::from(below))),
            (false, false) => Some(to.extended(below)),
        }
    }

    /// Checks the address against limits.
    pub fn check(&self, limits: &UriLimits) -> Result<(), UriError> {
        let over = |limit: u16, count: usize| limit != 0 && count > usize::from(limit);
        if over(limits.depth, self.depth()) {
            Err(UriError::TooDeep)
        } else if over(limits.total, self.0.chars().count()) {
            Err(UriError::TooLong)
        } else if self
            .segments()
            .any(|name| over(limits.segment, name.chars().count()))
        {
            Err(UriError::NameTooLong)
        } else {
            Ok(())
        }
    }

    /// The names separated by NUL: the text by which a [`Uri`] is ordered, for look-ups without allocation.
    pub fn key(&self) -> &str {
        &self.0
    }

    /// The [`key`](Self::key) of the parent.
    pub fn parent_key(&self) -> Option<&str> {
        parent_key(&self.0)
    }

    fn extended(&self, below: &str) -> Self {
        if self.is_root() {
            return Self(Arc::from(below));
        }
        let mut key = String::with_capacity(self.0.len() + 1 + below.len());
        key.push_str(&self.0);
        key.push(SEPARATOR);
        key.push_str(below);
        Self(key.into())
    }
}

/// The key of the parent of the node with this [`Uri::key`]; the root's key is empty and has none.
pub fn parent_key(key: &str) -> Option<&str> {
    match key.rfind(SEPARATOR) {
        Some(at) => key.get(..at),
        None if key.is_empty() => None,
        None => Some(""),
    }
}

/// Writes a name as it stands in an address (RFC 2396 2.4): reserved and excluded ASCII becomes `%XX`.
pub fn escape(name: &str) -> Cow<'_, str> {
    if !name.bytes().any(is_escaped) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        match u8::try_from(c) {
            Ok(byte) if is_escaped(byte) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

const fn is_escaped(byte: u8) -> bool {
    byte <= b' '
        || matches!(
            byte,
            b'"' | b'#'
                | b'%'
                | b'/'
                | b';'
                | b'<'
                | b'>'
                | b'?'
                | b'['
                | b'\\'
                | b']'
                | b'^'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | 0x7f
        )
}

/// Undoes `%XX`.
fn unescape(text: &str) -> Result<Cow<'_, str>, UriError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next())? << 4 | hex(bytes.next())?,
            _ => byte,
        });
    }
    String::from_utf8(out)
        .map(Cow::Owned)
        .map_err(|_| UriError::Escape)
}

fn hex(digit: Option<u8>) -> Result<u8, UriError> {
    digit
        .and_then(|digit| char::from(digit).to_digit(16))
        .and_then(|value| u8::try_from(value).ok())
        .ok_or(UriError::Escape)
}

/// Whether an unescaped text can be a node's name.
pub fn check_name(name: &str) -> Result<(), UriError> {
    match name {
        "" => Err(UriError::EmptyName),
        "." | ".." => Err(UriError::DotName),
        _ if name.contains('/') => Err(UriError::SlashInName),
        _ if name.contains(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) => {
            Err(UriError::Character)
        }
        _ => Ok(()),
    }
}

fn parse_path(text: &str) -> Result<Uri, UriError> {
    let path = match text {
        "" => return Err(UriError::Empty),
        "." => return Ok(Uri::root()),
        _ if text.contains('?') => return Err(UriError::Query),
        _ if text.starts_with('/') => return Err(UriError::LeadingSlash),
        _ if text.ends_with('/') => return Err(UriError::TrailingSlash),
        _ => text.strip_prefix("./").unwrap_or(text),
    };
    let mut key = String::with_capacity(path.len());
    for segment in path.split('/') {
        let name = unescape(segment)?;
        check_name(&name)?;
        if !key.is_empty() {
            key.push(SEPARATOR);
        }
        key.push_str(&name);
    }
    Ok(Uri(key.into()))
}

impl Borrow<str> for Uri {
    fn borrow(&self) -> &str {
        self.key()
    }
}

/// Reads an address without limits; meant for addresses that the device itself makes.
impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(text, &UriLimits::NONE)
    }
}

/// Writes `.` or `./A/B`, escapes included.
impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('.')?;
        for name in self.segments() {
            f.write_char('/')?;
            f.write_str(&escape(name))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
