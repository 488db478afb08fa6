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
            elements: 1 << 14,
            attributes: 32,
            string_table: 1 << 16,
            expansion: 1 << 20,
        }
    }
}
