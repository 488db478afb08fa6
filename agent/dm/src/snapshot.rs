//! The live nodes as they were when they were collected.

use omadm_syncml::{StatusCode, Uri, Value};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// A live node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveNode {
    /// An interior node.
    Interior,
    /// A leaf, with what reading it gave.
    Leaf(Result<Value, StatusCode>),
}

/// The live nodes that one message needs, collected at one time.
///
/// An interior node is there as soon as anything below it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    nodes: BTreeMap<Uri, LiveNode>,
}

impl Snapshot {
    /// No live node.
    pub fn empty() -> &'static Self {
        static EMPTY: Snapshot = Snapshot {
            nodes: BTreeMap::new(),
        };
        &EMPTY
    }

    /// Enters the value of a leaf.
    pub fn leaf(&mut self, uri: Uri, value: impl Into<Value>) {
        self.nodes.insert(uri, LiveNode::Leaf(Ok(value.into())));
    }

    /// Enters a leaf that could not be read.
    pub fn failed(&mut self, uri: Uri, status: StatusCode) {
        self.nodes.insert(uri, LiveNode::Leaf(Err(status)));
    }

    /// Enters an interior node; needed only for one without children.
    pub fn interior(&mut self, uri: Uri) {
        self.nodes.entry(uri).or_insert(LiveNode::Interior);
    }

    /// Takes over what `other` has.
    pub fn extend(&mut self, other: Self) {
        self.nodes.extend(other.nodes);
    }

    /// The node, if it was entered itself.
    pub fn get(&self, uri: &Uri) -> Option<&LiveNode> {
        self.nodes.get(uri)
    }

    /// The names of the children; 404 if `uri` is no interior node.
    pub fn children(&self, uri: &Uri) -> Result<Vec<Arc<str>>, StatusCode> {
        let depth = uri.depth();
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut exists = false;
        let from = (Bound::Included(uri.key()), Bound::Unbounded);
        for (node, found) in self.nodes.range::<str, _>(from) {
            if !node.starts_with(uri) {
                break;
            }
            exists |= node != uri || *found == LiveNode::Interior;
            if let Some(name) = node.segments().nth(depth)
                && names.last().is_none_or(|last| **last != *name)
            {
                names.push(Arc::from(name));
            }
        }
        if exists {
            Ok(names)
        } else {
            Err(StatusCode::NOT_FOUND)
        }
    }

    /// Every entered node in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Uri, &LiveNode)> {
        self.nodes.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn interior_nodes_follow_from_what_is_below_them() {
        let mut live = Snapshot::default();
        live.leaf(uri("A/B/C"), "1");
        live.leaf(uri("A/B-/C"), "1");
        live.failed(uri("A/B/D"), StatusCode::COMMAND_FAILED);
        live.interior(uri("A/E"));
        let names = |text| live.children(&uri(text));
        assert_eq!(names("A"), Ok(vec!["B".into(), "B-".into(), "E".into()]));
        assert_eq!(names("A/B"), Ok(vec!["C".into(), "D".into()]));
        assert_eq!(names("A/E"), Ok(vec![]));
        assert_eq!(names("."), Ok(vec!["A".into()]));
        assert_eq!(names("B"), Err(StatusCode::NOT_FOUND));
        assert_eq!(
            Snapshot::empty().children(&Uri::root()),
            Err(StatusCode::NOT_FOUND)
        );
    }
}
