//! Why descriptions do not fit together.

use std::fmt;

/// Why descriptions do not fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaError {
    /// Two documents describe one node.
    Conflict {
        /// The node.
        node: String,
        /// The document that came first.
        first: String,
        /// The document that was refused.
        second: String,
    },
    /// A description stands below one of a leaf.
    BelowLeaf {
        /// The leaf.
        node: String,
        /// The document that was refused.
        document: String,
    },
    /// A management object calls a node live that its description does not have.
    UnknownLive {
        /// The node.
        node: String,
        /// The management object's document.
        document: String,
    },
    /// A live node takes commands that only stored nodes can.
    LiveAccess {
        /// The node.
        node: String,
        /// The management object's document.
        document: String,
    },
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict {
                node,
                first,
                second,
            } => {
                write!(f, "{second}: node {node} is described by {first} already")
            }
            Self::BelowLeaf { node, document } => {
                write!(
                    f,
                    "{document}: node {node} is a leaf and can have nothing below it"
                )
            }
            Self::UnknownLive { node, document } => {
                write!(
                    f,
                    "{document}: node {node} is called live but not described"
                )
            }
            Self::LiveAccess { node, document } => write!(
                f,
                "{document}: node {node} is live, so its AccessType can have neither Add, Delete nor Replace"
            ),
        }
    }
}

impl std::error::Error for SchemaError {}
