//! A node as the store keeps it, and a change to the store.

use crate::acl::Acl;
use omadm_syncml::{Format, Uri, Value, Wall};
use std::sync::Arc;

/// A stored node.
///
/// For a live node only the ACL and the title count: its value comes from its management object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `Format`; [`Format::Node`] is an interior node.
    pub format: Format,
    /// `Type`, if it differs from what the DDF says.
    pub type_: Option<Arc<str>>,
    /// `Title`, if it was set.
    pub title: Option<Arc<str>>,
    /// The node's own `ACL`.
    pub acl: Acl,
    /// `TStamp`: the last change; `None` if the wall clock was not known then.
    pub tstamp: Option<Wall>,
    /// `VerNo`: counts changes, modulo 2^16.
    pub verno: u16,
    /// The value; empty for an interior node.
    pub value: Value,
}

impl Node {
    /// A new interior node.
    pub const fn interior() -> Self {
        Self::leaf(Format::Node, Value::EMPTY)
    }

    /// A new leaf.
    pub const fn leaf(format: Format, value: Value) -> Self {
        Self {
            format,
            type_: None,
            title: None,
            acl: Acl::INHERITED,
            tstamp: None,
            verno: 0,
            value,
        }
    }

    /// Whether this is an interior node.
    pub fn is_interior(&self) -> bool {
        self.format == Format::Node
    }

    /// What the node takes of the storage that [`crate::TreeLimits::bytes`] grants.
    pub(crate) fn cost(&self, uri: &Uri) -> u64 {
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        let properties = uri.key().len() + text(&self.type_) + text(&self.title) + self.acl.cost();
        self.value.len().saturating_add(properties as u64)
    }
}

/// A change to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeWrite {
    /// The node is there, with exactly these properties.
    Put {
        /// Where.
        uri: Uri,
        /// What.
        node: Node,
    },
    /// The node and all below it are gone.
    Delete {
        /// The root of the subtree.
        uri: Uri,
    },
}
