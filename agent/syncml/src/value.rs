//! The value of a leaf: small ones in memory, large ones by reference.

use bytes::Bytes;
use std::fmt;

/// Names an object that is kept outside memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub u64);

/// How the octets of a blob are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobEncoding {
    /// As the node holds them.
    Raw,
    /// As base64 text.
    Base64,
}

/// The value of a leaf, in the form the node holds: octets for `bin`, text for the rest.
///
/// `Debug` tells the length alone: some leaves hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// The octets themselves.
    Inline(Bytes),
    /// A reference to an object that a driver keeps.
    Blob {
        /// Which object.
        id: BlobId,
        /// Its length in octets as the node holds it.
        len: u64,
        /// How the driver keeps it.
        encoding: BlobEncoding,
    },
}

impl Value {
    /// The empty value.
    pub const EMPTY: Self = Self::Inline(Bytes::new());

    /// The length in octets as the node holds the value: what the `Size` property says.
    pub fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Blob { len, .. } => *len,
        }
    }

    /// Whether the value has no octets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The octets, unless they are kept elsewhere.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Inline(bytes) => Some(bytes),
            Self::Blob { .. } => None,
        }
    }

    /// The text, unless the octets are no UTF-8 or are kept elsewhere.
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(bytes) => write!(f, "Inline({} octets)", bytes.len()),
            Self::Blob { id, len, .. } => write!(f, "Blob({id:?}, {len} octets)"),
        }
    }
}

impl Default for Value {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Inline(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Inline(text.into())
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self::Inline(bytes)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Inline(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_a_length_but_no_octets_at_hand() {
        let blob = Value::Blob {
            id: BlobId(7),
            len: 1 << 40,
            encoding: BlobEncoding::Raw,
        };
        assert_eq!(blob.len(), 1 << 40);
        assert_eq!(blob.as_bytes(), None);
        assert!(!blob.is_empty());
        assert_eq!(Value::from("é").len(), 2);
        assert_eq!(Value::from(vec![0xff]).as_text(), None);
        assert!(Value::EMPTY.is_empty());
    }

    #[test]
    fn debug_shows_no_octets() {
        assert_eq!(format!("{:?}", Value::from("secret")), "Inline(6 octets)");
    }
}
