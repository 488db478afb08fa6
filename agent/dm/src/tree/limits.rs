//! How large a tree may get, and what it keeps without showing it.

use crate::node::Node;
use omadm_syncml::UriLimits;
use std::fmt;

/// How large the tree may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLimits {
    /// The longest addresses (414).
    pub uri: UriLimits,
    /// The largest value of a leaf in octets (413).
    pub value: u64,
    /// The most nodes (420).
    pub nodes: u64,
    /// The most octets that values, names and properties take together (420).
    pub bytes: u64,
    /// The most nodes that one transaction may touch, one that touches them again and again and
    /// what is undone included (420): a short command can rename or delete a whole tree.
    pub changes: u64,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self {
            uri: UriLimits::default(),
            value: 1 << 20,
            nodes: 20_000,
            bytes: 16 << 20,
            changes: 100_000,
        }
    }
}

/// A stored node that no description admits: it is kept, but nobody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The node.
    pub node: Node,
    /// Why.
    pub reason: QuarantineReason,
}

/// Why a stored node is not visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantineReason {
    /// No description has a node there.
    NotDescribed,
    /// The description has another format, or one that does not admit the value.
    Format,
    /// The parent is not there.
    Orphan,
}

impl fmt::Display for QuarantineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDescribed => "no description has such a node",
            Self::Format => "its value does not have the format of its description",
            Self::Orphan => "its parent is not there",
        })
    }
}
