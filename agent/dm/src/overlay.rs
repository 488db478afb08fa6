//! The changes of a session that are not committed yet.

use crate::node::{Node, NodeWrite};
use crate::tree::Tree;
use omadm_syncml::Uri;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Changes on top of a [`Tree`]; dropping it undoes them all.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    entries: BTreeMap<Uri, Entry>,
    /// What each change displaced, oldest first.
    journal: Vec<(Uri, Option<Entry>)>,
    growth: Growth,
    /// How many nodes were touched so far, for changes that were undone as well.
    effort: u64,
}

/// What the overlay says about one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Put(Node),
    /// The tree's node is gone.
    Gone,
}

/// How much more the tree would hold with the changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) nodes: i64,
    pub(crate) bytes: i64,
}

/// A state of an [`Overlay`] to which it can go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Savepoint {
    changes: usize,
    growth: Growth,
}

impl Overlay {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Remembers the present state.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint {
            changes: self.journal.len(),
            growth: self.growth,
        }
    }

    /// Undoes every change made since `savepoint`.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        while self.journal.len() > savepoint.changes {
            match self.journal.pop() {
                Some((uri, Some(displaced))) => {
                    self.entries.insert(uri, displaced);
                }
                Some((uri, None)) => {
                    self.entries.remove(&uri);
                }
                None => break,
            }
        }
        self.growth = savepoint.growth;
    }

    /// What has to be written so that the store holds the changes, in an order that may be
    /// applied as it is: what goes, then what comes, parents before children.
    pub fn into_writes(self) -> Vec<NodeWrite> {
        let mut writes = Vec::new();
        let mut puts = Vec::new();
        let mut gone: Option<Uri> = None;
        for (uri, entry) in self.entries {
            match entry {
                Entry::Put(node) => puts.push(NodeWrite::Put { uri, node }),
                // Deleting a node deletes what is below it.
                Entry::Gone if gone.as_ref().is_some_and(|top| uri.starts_with(top)) => {}
                Entry::Gone => {
                    gone = Some(uri.clone());
                    writes.push(NodeWrite::Delete { uri });
                }
            }
        }
        writes.append(&mut puts);
        writes
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// What it says about the nodes at and below a node, in order.
    pub(crate) fn below<'a>(&'a self, uri: &Uri) -> impl Iterator<Item = (&'a Uri, &'a Entry)> {
        let from = (Bound::Included(uri.key()), Bound::Unbounded);
        self.entries
            .range::<str, _>(from)
            .take_while(move |(node, _)| node.starts_with(uri))
    }

    pub(crate) fn effort(&self) -> u64 {
        self.effort
    }

    /// Counts work on nodes that enters nothing.
    pub(crate) fn strain(&mut self, nodes: usize) {
        self.effort = self.effort.saturating_add(nodes as u64);
    }

    pub(crate) fn growth(&self) -> Growth {
        self.growth
    }

    /// Puts a node; the caller has checked everything.
    pub(crate) fn put(&mut self, tree: &Tree, uri: Uri, node: Node) {
        self.set(tree, uri, Entry::Put(node));
    }

    /// Takes a node and everything below it away.
    pub(crate) fn remove_subtree(&mut self, tree: &Tree, uri: &Uri) {
        let stored = tree.stored_below(uri).map(|(node, _)| node.clone());
        let entered = self.below(uri).map(|(node, _)| node.clone());
        let mut gone: Vec<Uri> = stored.chain(entered).collect();
        gone.sort();
        gone.dedup();
        for node in gone {
            self.set(tree, node, Entry::Gone);
        }
    }

    fn set(&mut self, tree: &Tree, uri: Uri, entry: Entry) {
        self.strain(1);
        let base = tree.stored(uri.key());
        let before = self.entries.get(&uri).map_or(base, Entry::node);
        self.growth.count(&uri, before, -1);
        self.growth.count(&uri, entry.node(), 1);
        let displaced = if entry == Entry::Gone && base.is_none() {
            self.entries.remove(&uri)
        } else {
            self.entries.insert(uri.clone(), entry)
        };
        self.journal.push((uri, displaced));
    }
}

impl Entry {
    pub(crate) fn node(&self) -> Option<&Node> {
        match self {
            Self::Put(node) => Some(node),
            Self::Gone => None,
        }
    }
}

impl Growth {
    fn count(&mut self, uri: &Uri, node: Option<&Node>, sign: i64) {
        if let Some(node) = node {
            let cost = i64::try_from(node.cost(uri)).unwrap_or(i64::MAX);
            self.nodes = self.nodes.saturating_add(sign);
            self.bytes = self.bytes.saturating_add(cost.saturating_mul(sign));
        }
    }
}
