//! What a document may cost, and how reading or writing one fails.

use std::fmt;

/// Bounds on a document that is read.
///
/// Whatever the bounds, memory stays proportional to the input and recursion stays shallow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the whole document.
    pub message_bytes: usize,
    /// Elements inside each other; more than [`Limits::MAX_DEPTH`] is never allowed.
    pub depth: usize,
    /// Elements of the whole document.
    pub elements: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Octets of a WBXML string table.
    pub string_table: usize,
    /// Octets that references to a string table, or the names of namespaces, may add up to.
    pub expansion: usize,
}

impl Limits {
    /// The depth that no setting exceeds, so that recursion fits a small stack.
    pub const MAX_DEPTH: usize = 128;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            depth: 64,
            elements: 1 << 16,
            attributes: 32,
            string_table: 1 << 16,
            expansion: 1 << 20,
        }
    }
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
    /// It ends in the middle.
    UnexpectedEnd,
    /// Something follows its root element.
    TrailingContent,
    /// Its root element is another one than `SyncML`.
    NotSyncMl(String),
    /// An element is missing that nothing can stand in for.
    Missing(&'static str),
    /// An element occurs twice that can occur once.
    Repeated(&'static str),
    /// A `Data` holds both elements and text.
    MixedContent,
    /// A text has octets that its character encoding does not allow.
    NotText,
    /// It is written in a character encoding that is not supported.
    Encoding(String),
    /// It is not well-formed XML.
    Xml(String),
    /// It has a control character that XML forbids.
    ControlCharacter(u32),
    /// It refers to an entity that XML does not predefine.
    UnknownEntity(String),
    /// Its document type has an internal subset.
    InternalSubset,
    /// An attribute occurs twice.
    RepeatedAttribute(String),
    /// Its WBXML version is not 1.0 to 1.3.
    WbxmlVersion(u8),
    /// Its WBXML public identifier is of another document type.
    PublicId(String),
    /// Its WBXML character set is not supported (a `MIBenum` of IANA).
    Charset(u32),
    /// An integer has more octets or bits than WBXML allows.
    IntegerTooLong,
    /// A reference points behind the end of the string table.
    StringIndex(u32),
    /// An ENTITY is no character.
    Entity(u32),
    /// An element is written out with something that is no name.
    Name(String),
    /// A global token that has no meaning where it stands.
    MisplacedToken(u8),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(limit) => write!(f, "the document is longer than {limit} bytes"),
            Self::TooDeep(limit) => write!(f, "more than {limit} elements inside each other"),
            Self::TooManyElements(limit) => write!(f, "more than {limit} elements"),
            Self::TooManyAttributes(limit) => {
                write!(f, "an element has more than {limit} attributes")
            }
            Self::TooManyNamespaces(limit) => {
                write!(f, "more than {limit} namespace declarations at once")
            }
            Self::StringTableTooLong(limit) => {
                write!(f, "the string table is longer than {limit} bytes")
            }
            Self::ExpandsTooFar(limit) => {
                write!(f, "references expand to more than {limit} bytes")
            }
            Self::UnexpectedEnd => f.write_str("the document ends in the middle"),
            Self::TrailingContent => f.write_str("something follows the root element"),
            Self::NotSyncMl(root) => write!(f, "the root element is {root:?}, not SyncML"),
            Self::Missing(name) => write!(f, "there is no {name}"),
            Self::Repeated(name) => write!(f, "there is a second {name}"),
            Self::MixedContent => f.write_str("a Data element mixes text and elements"),
            Self::NotText => f.write_str("a text is not valid in its character encoding"),
            Self::Encoding(name) => {
                write!(
                    f,
                    "the character encoding {name} is not supported, only UTF-8"
                )
            }
            Self::Xml(message) => write!(f, "not well-formed XML: {message}"),
            Self::ControlCharacter(code) => {
                write!(f, "XML forbids the character U+{code:04X}")
            }
            Self::UnknownEntity(name) => write!(f, "the entity &{name}; is not defined"),
            Self::InternalSubset => {
                f.write_str("a document type with an internal subset is refused")
            }
            Self::RepeatedAttribute(name) => write!(f, "the attribute {name} occurs twice"),
            Self::WbxmlVersion(byte) => {
                write!(
                    f,
                    "WBXML version byte 0x{byte:02X} is not one of 1.0 to 1.3"
                )
            }
            Self::PublicId(id) => {
                write!(f, "the WBXML document type {id} is not a SyncML one")
            }
            Self::Charset(number) => {
                write!(f, "the WBXML character set {number} is not supported")
            }
            Self::IntegerTooLong => f.write_str("an integer does not fit 32 bits"),
            Self::StringIndex(index) => {
                write!(
                    f,
                    "string table reference {index} is behind the table's end"
                )
            }
            Self::Entity(code) => write!(f, "the entity {code} is no character"),
            Self::Name(name) => write!(f, "{name:?} is no name of an element"),
            Self::MisplacedToken(token) => {
                write!(f, "the token 0x{token:02X} has no meaning here")
            }
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
        element: String,
        /// The character's code.
        code: u32,
    },
    /// Octets that are no text, in XML; base64 is the way (`Format` `b64`).
    Octets {
        /// The element they are in.
        element: String,
    },
    /// A name that XML does not allow.
    Name(String),
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
            Self::Name(name) => write!(f, "{name:?} is not a name that XML allows"),
            Self::TooDeep => write!(
                f,
                "more than {} elements inside each other",
                Limits::MAX_DEPTH
            ),
        }
    }
}

impl std::error::Error for EncodeError {}
