//! How reading or writing a document fails.

use crate::limits::Limits;
use std::fmt;

/// A short piece of a text that a peer chose, safe to show.
///
/// Whatever the text is, the piece fits a line and holds nothing that a terminal obeys or that
/// hides or turns what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    /// Characters of a name.
    const NAME: usize = 64;
    /// Characters of a sentence that may quote names.
    const SENTENCE: usize = 128;

    /// A message of the XML reader, which may quote the document.
    pub(crate) fn sentence(text: &str) -> Self {
        Self::up_to(Self::SENTENCE, text)
    }

    fn up_to(limit: usize, text: &str) -> Self {
        let mut shown = String::new();
        let mut length = 0;
        for character in text.chars() {
            if length >= limit {
                shown.push('…');
                break;
            }
            if is_plain(character) {
                shown.push(character);
                length += 1;
            } else {
                shown.extend(character.escape_debug());
                length += character.escape_debug().len();
            }
        }
        Self(shown.into())
    }
}

impl From<&str> for Excerpt {
    fn from(text: &str) -> Self {
        Self::up_to(Self::NAME, text)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a character stands for itself alone: it is neither a control character nor one that
/// turns the direction of the text, joins the character before it or cannot be seen.
pub(crate) fn is_plain(character: char) -> bool {
    matches!(character, '"' | '\'') || character.escape_debug().len() == 1
}

/// Why a document was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// Octets of the document before the place of the error.
    pub offset: usize,
    /// What is wrong.
    pub reason: Reason,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.reason, self.offset)
    }
}

impl std::error::Error for DecodeError {}

/// A [`DecodeError`] in the form that travels fast: a box does not make every result large.
#[derive(Debug)]
pub(crate) struct Failure(Box<DecodeError>);

impl Failure {
    #[cold]
    pub(crate) fn at(offset: usize, reason: Reason) -> Self {
        Self(Box::new(DecodeError { offset, reason }))
    }
}

impl From<Failure> for DecodeError {
    fn from(failure: Failure) -> Self {
        *failure.0
    }
}

/// What reading gives inside this crate.
pub(crate) type Decoded<T> = Result<T, Failure>;

/// Why a document was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It is longer than [`Limits::message_bytes`].
    TooLong(usize),
    /// It nests deeper than [`Limits::depth`].
    TooDeep(usize),
    /// It has more elements than [`Limits::elements`].
    TooManyElements(usize),
    /// An element has more attributes than [`Limits::attributes`].
    TooManyAttributes(usize),
    /// It has more namespace declarations in force at once than this.
    TooManyNamespaces(usize),
    /// Its string table is longer than [`Limits::string_table`].
    StringTableTooLong(usize),
    /// Its references expand to more than [`Limits::expansion`].
    ExpandsTooFar(usize),
    /// Its elements take more memory than [`Limits::memory`].
    TooMuchMemory(usize),
    /// It ends in the middle.
    UnexpectedEnd,
    /// Something follows its root element.
    TrailingContent,
    /// Its root element is another one than `SyncML`.
    NotSyncMl(Excerpt),
    /// An element is missing that nothing can stand in for.
    Missing(&'static str),
    /// An element occurs twice that can occur once.
    Repeated(&'static str),
    /// A `Data` holds both elements and text.
    MixedContent,
    /// A text has octets that its character encoding does not allow.
    NotText,
    /// It is written in a character encoding that is not supported.
    Encoding(Excerpt),
    /// It is not well-formed XML.
    Xml(Excerpt),
    /// It has a character that XML forbids.
    ControlCharacter(u32),
    /// An identifier, a code or an address has a control character.
    IdentifierCharacter(u32),
    /// It refers to an entity that XML does not predefine.
    UnknownEntity(Excerpt),
    /// Its document type has an internal subset.
    InternalSubset,
    /// An attribute occurs twice.
    RepeatedAttribute(Excerpt),
    /// Its WBXML version is not 1.0 to 1.3.
    WbxmlVersion(u8),
    /// Its WBXML public identifier is of another document type.
    PublicId(Excerpt),
    /// Its WBXML character set is not supported (a `MIBenum` of IANA).
    Charset(u32),
    /// An integer has more octets or bits than WBXML allows.
    IntegerTooLong,
    /// A reference points behind the end of the string table.
    StringIndex(u32),
    /// An ENTITY is no character.
    Entity(u32),
    /// An element or an attribute has a name that is none.
    Name(Excerpt),
    /// A global token that has no meaning where it stands.
    MisplacedToken(u8),
}

impl Reason {
    /// A bound that the document exceeds, between the words before and after it.
    const fn bound(&self) -> Option<(&'static str, usize, &'static str)> {
        Some(match *self {
            Self::TooLong(limit) => ("the document is longer than", limit, "bytes"),
            Self::TooDeep(limit) => ("more than", limit, "elements inside each other"),
            Self::TooManyElements(limit) => ("more than", limit, "elements"),
            Self::TooManyAttributes(limit) => ("an element has more than", limit, "attributes"),
            Self::TooManyNamespaces(limit) => {
                ("more than", limit, "namespace declarations at once")
            }
            Self::StringTableTooLong(limit) => ("the string table is longer than", limit, "bytes"),
            Self::TooMuchMemory(limit) => ("its elements take more than", limit, "bytes"),
            Self::ExpandsTooFar(limit) => ("references expand to more than", limit, "bytes"),
            _ => return None,
        })
    }

    /// What needs no more than its words.
    const fn words(&self) -> &'static str {
        match self {
            Self::UnexpectedEnd => "the document ends in the middle",
            Self::TrailingContent => "something follows the root element",
            Self::MixedContent => "a Data element mixes text and elements",
            Self::NotText => "a text is not valid in its character encoding",
            Self::InternalSubset => "a document type with an internal subset is refused",
            Self::IntegerTooLong => "an integer does not fit 32 bits",
            _ => "the document is not understood",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((before, limit, after)) = self.bound() {
            return write!(f, "{before} {limit} {after}");
        }
        match self {
            Self::NotSyncMl(root) => write!(f, "the root element is \"{root}\", not SyncML"),
            Self::Missing(name) => write!(f, "there is no {name}"),
            Self::Repeated(name) => write!(f, "there is a second {name}"),
            Self::Encoding(name) => {
                write!(
                    f,
                    "the character encoding {name} is not supported, only UTF-8"
                )
            }
            Self::Xml(message) => write!(f, "not well-formed XML: {message}"),
            Self::ControlCharacter(code) => write!(f, "XML forbids the character U+{code:04X}"),
            Self::IdentifierCharacter(code) => {
                write!(f, "an identifier holds the control character U+{code:04X}")
            }
            Self::UnknownEntity(name) => write!(f, "the entity &{name}; is not defined"),
            Self::RepeatedAttribute(name) => write!(f, "the attribute {name} occurs twice"),
            Self::WbxmlVersion(byte) => {
                write!(
                    f,
                    "WBXML version byte 0x{byte:02X} is not one of 1.0 to 1.3"
                )
            }
            Self::PublicId(id) => write!(f, "the WBXML document type {id} is not a SyncML one"),
            Self::Charset(number) => {
                write!(f, "the WBXML character set {number} is not supported")
            }
            Self::StringIndex(index) => {
                write!(
                    f,
                    "string table reference {index} is behind the table's end"
                )
            }
            Self::Entity(code) => write!(f, "the entity {code} is no character"),
            Self::Name(name) => write!(f, "\"{name}\" is no name"),
            Self::MisplacedToken(token) => {
                write!(f, "the token 0x{token:02X} has no meaning here")
            }
            other => f.write_str(other.words()),
        }
    }
}

/// Why a document could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A text has a character that the encoding cannot carry.
    Character {
        /// The element it is in.
        element: Excerpt,
        /// The character's code.
        code: u32,
    },
    /// Octets that are no text, in XML; base64 is the way (`Format` `b64`).
    Octets {
        /// The element they are in.
        element: Excerpt,
    },
    /// A name that XML does not allow.
    Name(Excerpt),
    /// Elements are nested deeper than [`Limits::MAX_DEPTH`].
    TooDeep,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character { element, code } => {
                write!(f, "{element} holds U+{code:04X}, which XML cannot carry")
            }
            Self::Octets { element } => write!(
                f,
                "{element} holds octets that are no text, which XML carries only as base64"
            ),
            Self::Name(name) => write!(f, "\"{name}\" is not a name that XML allows"),
            Self::TooDeep => write!(
                f,
                "more than {} elements inside each other",
                Limits::MAX_DEPTH
            ),
        }
    }
}

impl std::error::Error for EncodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_plain() {
        for (text, shown) in [
            ("Frob", "Frob"),
            ("é漢 'a' \"b\"", "é漢 'a' \"b\""),
            ("a\nb\\", "a\\nb\\\\"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("\u{202e}gnp.exe\u{2066}", "\\u{202e}gnp.exe\\u{2066}"),
            ("a\u{301}\u{200b}", "a\\u{301}\\u{200b}"),
        ] {
            assert_eq!(Excerpt::from(text).to_string(), shown, "{text:?}");
        }
        let long = Excerpt::from("x".repeat(1 << 20).as_str()).to_string();
        assert_eq!(long, "x".repeat(64) + "…");
        let escaped = Excerpt::from("\u{7f}".repeat(1 << 20).as_str()).to_string();
        assert!(escaped.len() < 80, "{escaped}");
    }
}
