//! Which live nodes commands need.

use super::Tree;
use crate::schema::Described;
use omadm_syncml::{Address, Format, List, Query, Uri};
use std::collections::BTreeSet;

impl Tree {
    /// Which live subtrees have to be collected so that commands on `wanted` can be answered.
    pub fn live_roots(&self, wanted: &[Address]) -> Vec<Uri> {
        // A server may name one node as often as its message can hold.
        let mut seen = BTreeSet::new();
        let mut roots: Vec<Uri> = wanted
            .iter()
            .filter(|address| seen.insert((&address.uri, reach(address))))
            .flat_map(|address| self.live_for(address))
            .collect();
        roots.sort();
        roots.dedup_by(|later, earlier| later.starts_with(earlier));
        roots
    }

    fn live_for(&self, address: &Address) -> Vec<Uri> {
        let uri = &address.uri;
        let Some(described) = self.schema.find(uri, Some(Format::Node)) else {
            return Vec::new();
        };
        if described.live {
            return vec![uri.clone()];
        }
        match &address.query {
            _ if !described.live_below => Vec::new(),
            None => self.live_children(uri, described),
            Some(Query::List(List::Struct | List::StructData | List::Tnds(_))) => self
                .stored_below(uri)
                .filter_map(|(node, _)| Some((node, self.schema.find(node, Some(Format::Node))?)))
                .filter(|(_, described)| described.live_below && !described.live)
                .flat_map(|(node, described)| self.live_children(node, described))
                .collect(),
            Some(_) => Vec::new(),
        }
    }

    /// The live nodes directly below a stored one; the node itself if their names are not known.
    fn live_children(&self, uri: &Uri, described: &Described) -> Vec<Uri> {
        self.schema
            .children(described)
            .filter(|child| child.live)
            .filter_map(|child| match child.name.as_deref() {
                Some(name) => uri.join(name).ok(),
                None => Some(uri.clone()),
            })
            .collect()
    }
}

/// How much of a subtree an address is about.
fn reach(address: &Address) -> u8 {
    match &address.query {
        Some(Query::List(_)) => 2,
        None => 1,
        Some(_) => 0,
    }
}
