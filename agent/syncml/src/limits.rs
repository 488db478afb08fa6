//! What a document may cost.

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
    /// Octets of memory that commands, items and other elements may take, their texts left out.
    /// An element of one octet becomes one of hundreds in memory.
    pub memory: usize,
}

impl Limits {
    /// The depth that no setting exceeds, so that recursion fits a small stack.
    pub const MAX_DEPTH: usize = 128;

    /// Bounds for a program that has memory to spare, such as a server: a message of this length
    /// may be as dense as one that lists a large subtree.
    pub fn spacious(message_bytes: usize) -> Self {
        Self {
            message_bytes,
            elements: message_bytes / 8,
            memory: message_bytes.saturating_mul(32),
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            depth: 64,
            elements: 1 << 14,
            attributes: 32,
            string_table: 1 << 16,
            expansion: 1 << 20,
            memory: 1 << 22,
        }
    }
}
