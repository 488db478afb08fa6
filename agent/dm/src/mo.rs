//! The seam of a management object: a description and a little behaviour.

use crate::ddf::Ddf;
use crate::node::Node;
use crate::operation::{Authority, Content};
use crate::snapshot::{LiveNode, Snapshot};
use crate::view::View;
use bytes::Bytes;
use omadm_syncml::{Now, StatusCode, Uri, Value};
use std::sync::Arc;

/// A management object that is mounted on the tree.
///
/// The tree has checked syntax, existence, access type, ACL, format and size before any
/// method is called; an object repeats none of it. No method but [`collect`](Self::collect)
/// may do input or output.
pub trait ManagementObject: Send {
    /// What nodes the object has.
    fn ddf(&self) -> &Ddf;

    /// The parts of the description that [`collect`](Self::collect) provides, with `<X>` for
    /// names given at run time; everything below them is live too, everything else is stored.
    /// Asked once, when the object is mounted.
    fn live(&self) -> Vec<String> {
        Vec::new()
    }

    /// Reads the world: enters the live nodes at or below `wanted` into `out`.
    ///
    /// Called by the driver alone, between two steps of a session. A node that is absent is
    /// left out, one that cannot be read is entered as failed.
    fn collect(&mut self, wanted: &[Uri], out: &mut Snapshot) {
        let _ = (wanted, out);
    }

    /// The value of a live leaf, 404 if there is none such.
    fn read(&self, uri: &Uri, live: &Snapshot) -> Result<Value, StatusCode> {
        match live.get(uri) {
            Some(LiveNode::Leaf(value)) => value.clone(),
            Some(LiveNode::Interior) | None => Err(StatusCode::NOT_FOUND),
        }
    }

    /// The names of the children of a live interior node, 404 if there is none such.
    fn list(&self, uri: &Uri, live: &Snapshot) -> Result<Vec<Arc<str>>, StatusCode> {
        live.children(uri)
    }

    /// Whether a change that the tree allows makes sense; nothing is changed yet.
    fn validate(&self, change: &Change<'_>, tree: &View<'_>) -> Result<(), StatusCode> {
        let _ = (change, tree);
        Ok(())
    }

    /// What an Exec does.
    fn exec(&self, call: &ExecCall<'_>, tree: &View<'_>) -> Result<Exec, StatusCode> {
        let _ = (call, tree);
        Err(StatusCode::NOT_SUPPORTED)
    }

    /// What the world lacks to agree with the tree; asked at start-up and after each commit.
    /// Idempotent: with nothing to do it returns nothing. Live nodes are not at hand.
    fn reconcile(&mut self, tree: &View<'_>, now: Now) -> Vec<Effect> {
        let _ = (tree, now);
        Vec::new()
    }
}

/// A change that is about to enter the overlay.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// A node is added.
    Add {
        /// Where.
        uri: &'a Uri,
        /// What.
        node: &'a Node,
    },
    /// A leaf gets another value.
    Replace {
        /// Where.
        uri: &'a Uri,
        /// What it will be.
        node: &'a Node,
    },
    /// A node goes with all below it.
    Delete {
        /// Where.
        uri: &'a Uri,
    },
    /// A node gets another name.
    Rename {
        /// Its address so far.
        from: &'a Uri,
        /// Its address from now on.
        to: &'a Uri,
    },
}

impl Change<'_> {
    /// The node that changes, by the address it has so far.
    pub fn uri(&self) -> &Uri {
        match self {
            Self::Add { uri, .. } | Self::Replace { uri, .. } | Self::Delete { uri } => uri,
            Self::Rename { from, .. } => from,
        }
    }
}

/// An Exec command on one node.
#[derive(Debug, Clone, Copy)]
pub struct ExecCall<'a> {
    /// The node.
    pub uri: &'a Uri,
    /// `Data` with its `Format` and `Type`.
    pub content: &'a Content,
    /// `Correlator`.
    pub correlator: Option<&'a str>,
    /// Who asks.
    pub by: Authority<'a>,
}

/// What became of an Exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exec {
    /// It is done: Status 200, with a value if there is one.
    Done(Option<Value>),
    /// It begins after the commit: Status 202 now, a Generic Alert when it has ended.
    Start(Effect),
}

/// Something to do in the world after the commit.
///
/// Plain data, so that a driver can record it and start it again after a power cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The driver's name for the action.
    pub action: String,
    /// The node it is about.
    pub uri: Uri,
    /// The argument, in whatever form the action takes it.
    pub argument: Bytes,
}
