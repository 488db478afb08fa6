//! The tree as one reader sees it: committed nodes, a session's changes and live nodes together.

use crate::acl::{Acl, Right};
use crate::ddf::AccessType;
use crate::mo::ManagementObject;
use crate::node::Node;
use crate::operation::Authority;
use crate::overlay::Overlay;
use crate::property;
use crate::schema::Described;
use crate::snapshot::Snapshot;
use crate::tree::Tree;
use omadm_syncml::{Format, Property, StatusCode, Uri, Value, Wall, uri};
use std::cmp::Ordering;
use std::sync::Arc;

/// A tree with changes and live nodes on top.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    tree: &'a Tree,
    overlay: Option<&'a Overlay>,
    live: &'a Snapshot,
}

/// A node as it is seen.
#[derive(Clone)]
pub struct NodeRef<'a> {
    view: View<'a>,
    uri: Uri,
    described: &'a Described,
    /// The node, or what is known of a live one beyond its description.
    stored: Option<&'a Node>,
}

impl<'a> View<'a> {
    /// Puts the three together.
    pub fn new(tree: &'a Tree, overlay: Option<&'a Overlay>, live: &'a Snapshot) -> Self {
        Self {
            tree,
            overlay,
            live,
        }
    }

    /// The tree below.
    pub fn tree(&self) -> &'a Tree {
        self.tree
    }

    /// The node, if it exists.
    pub fn node(&self, uri: &Uri) -> Option<NodeRef<'a>> {
        let stored = self.stored(uri.key());
        let seen_as = |described| NodeRef {
            view: *self,
            uri: uri.clone(),
            described,
            stored,
        };
        let mut candidates = self.tree.schema().candidates(uri).map(seen_as);
        candidates.find(NodeRef::exists)
    }

    /// Every node at and below `uri`, parents before children.
    pub fn subtree(&self, uri: &Uri) -> Vec<NodeRef<'a>> {
        let mut found = Vec::new();
        let mut open: Vec<NodeRef<'a>> = self.node(uri).into_iter().collect();
        while let Some(node) = open.pop() {
            if !node.described.live_below {
                found.extend(self.stored_subtree(&node.uri));
                continue;
            }
            let names = node.children().unwrap_or_default();
            let below = names
                .iter()
                .rev()
                .filter_map(|name| node.uri.join(name).ok());
            open.extend(below.filter_map(|below| self.node(&below)));
            found.push(node);
        }
        found
    }

    /// The ACL that holds for a node: its own, or that of the nearest ancestor that has one.
    pub fn effective_acl(&self, uri: &Uri) -> Acl {
        let mut key = Some(uri.key());
        while let Some(at) = key {
            if let Some(acl) = self.own_acl(at) {
                return acl.clone();
            }
            key = uri::parent_key(at);
        }
        Acl::factory_root()
    }

    /// Whether `by` has `right` on a node.
    pub fn permits(&self, by: Authority<'_>, right: Right, uri: &Uri) -> bool {
        match by {
            Authority::Local => true,
            Authority::Server(server) => self.effective_acl(uri).grants(right, server),
        }
    }

    fn own_acl(&self, key: &str) -> Option<&'a Acl> {
        match self.overlay.and_then(|overlay| overlay.entry(key)) {
            Some(entry) => entry
                .node()
                .map(|node| &node.acl)
                .filter(|acl| !acl.is_inherited()),
            None => self.tree.own_acl(key),
        }
    }

    pub(crate) fn stored(&self, key: &str) -> Option<&'a Node> {
        match self.overlay.and_then(|overlay| overlay.entry(key)) {
            Some(entry) => entry.node(),
            None => self.tree.stored(key),
        }
    }

    /// What is stored at and below `uri`, live nodes' properties included, parents before children.
    pub(crate) fn stored_subtree(&self, uri: &Uri) -> Vec<NodeRef<'a>> {
        let mut base = self.tree.stored_below(uri).peekable();
        let overlay = self.overlay.into_iter();
        let mut entries = overlay.flat_map(|overlay| overlay.below(uri)).peekable();
        let mut found = Vec::new();
        loop {
            let order = match (base.peek(), entries.peek()) {
                (None, None) => return found,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((stored, _)), Some((entered, _))) => stored.cmp(entered),
            };
            let stored = if order.is_le() { base.next() } else { None };
            let entered = if order.is_ge() { entries.next() } else { None };
            let there = match entered {
                Some((uri, entry)) => entry.node().map(|node| (uri, node)),
                None => stored,
            };
            found.extend(there.and_then(|(uri, node)| self.stored_ref(uri, node)));
        }
    }

    fn stored_ref(&self, uri: &Uri, node: &'a Node) -> Option<NodeRef<'a>> {
        Some(NodeRef {
            view: *self,
            uri: uri.clone(),
            described: self.tree.schema().find(uri, Some(node.format))?,
            stored: Some(node),
        })
    }

    /// The names of the stored children.
    fn stored_children(&self, uri: &Uri) -> Vec<Arc<str>> {
        let depth = uri.depth();
        let own_name = |node: &Uri| node.segments().nth(depth).map(Arc::from);
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut from = uri.key().to_owned();
        // What is below a child is skipped: no name has a character as low as this one.
        while let Some((node, _)) = self.tree.stored_from(&from).find(|(node, _)| *node != uri) {
            if !node.starts_with(uri) {
                break;
            }
            from.clear();
            from.push_str(node.key());
            from.push('\u{1}');
            names.extend(own_name(node));
        }
        let Some(overlay) = self.overlay else {
            return names;
        };
        let changed = overlay.below(uri).filter(|(node, _)| node.is_child_of(uri));
        let changed: Vec<_> = changed
            .filter_map(|(node, entry)| Some((own_name(node)?, entry.node().is_some())))
            .collect();
        if !changed.is_empty() {
            // Both are in the order of the names.
            let is_changed =
                |name: &Arc<str>| changed.binary_search_by(|(other, _)| other.cmp(name));
            names.retain(|name| is_changed(name).is_err());
            names.extend(
                changed
                    .into_iter()
                    .filter(|(_, there)| *there)
                    .map(|(name, _)| name),
            );
            names.sort();
        }
        names
    }
}

impl<'a> NodeRef<'a> {
    /// The node's address.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether it is an interior node.
    pub fn is_interior(&self) -> bool {
        self.described.is_interior()
    }

    /// Whether a management object provides it.
    pub fn is_live(&self) -> bool {
        self.described.live
    }

    /// Whether it is built in.
    pub fn is_permanent(&self) -> bool {
        self.described.permanent
    }

    /// The commands that its description allows.
    pub fn access(&self) -> AccessType {
        self.described.access
    }

    /// `Format`
    pub fn format(&self) -> Format {
        self.described.format
    }

    /// `Type`: a media type, or the management object identifier of an interior node.
    pub fn type_(&self) -> &'a Arc<str> {
        let own = self.stored.and_then(|node| node.type_.as_ref());
        own.unwrap_or(&self.described.default_type)
    }

    /// `Title`
    pub fn title(&self) -> &'a str {
        let own = self.stored.and_then(|node| node.title.as_deref());
        own.or(self.described.title.as_deref()).unwrap_or_default()
    }

    /// `ACL`: the node's own.
    pub fn acl(&self) -> Acl {
        self.stored.map(|node| node.acl.clone()).unwrap_or_default()
    }

    /// `TStamp`; stored nodes alone have one.
    pub fn tstamp(&self) -> Option<Wall> {
        self.kept().and_then(|node| node.tstamp)
    }

    /// `VerNo`; stored nodes alone have one.
    pub fn verno(&self) -> Option<u16> {
        self.kept().map(|node| node.verno)
    }

    /// The value of a leaf; an interior node has none (405).
    pub fn value(&self) -> Result<Value, StatusCode> {
        if self.is_interior() {
            return Err(StatusCode::NOT_ALLOWED);
        }
        match self.object().filter(|_| self.is_live()) {
            Some(object) => object.read(&self.uri, self.view.live),
            None => Ok(self
                .stored
                .map(|node| node.value.clone())
                .unwrap_or_default()),
        }
    }

    /// The names of the children, in order; a leaf has none (405).
    pub fn children(&self) -> Result<Vec<Arc<str>>, StatusCode> {
        if !self.is_interior() {
            return Err(StatusCode::NOT_ALLOWED);
        }
        let mut names = self.view.stored_children(&self.uri);
        if self.described.live_below {
            // What is stored of a live leaf does not make it exist.
            names.retain(|name| self.child(name).is_some());
        }
        if self.described.live_below {
            names.extend(self.live_children());
            names.sort();
            names.dedup();
        }
        Ok(names)
    }

    /// The text of a property: 406 if the node does not have it.
    pub fn property(&self, property: Property) -> Result<String, StatusCode> {
        property::text(self, property)
    }

    pub(crate) fn described(&self) -> &'a Described {
        self.described
    }

    /// How many children have this description.
    pub(crate) fn count_children(&self, described: &Described) -> usize {
        let names = self.children().unwrap_or_default();
        let children = names.iter().filter_map(|name| self.child(name));
        children
            .filter(|child| std::ptr::eq(child.described, described))
            .count()
    }

    pub(crate) fn object(&self) -> Option<&'a dyn ManagementObject> {
        self.view.tree.object(self.described)
    }

    /// The stored node as it is, or a fresh one to keep a live node's properties in.
    pub(crate) fn to_node(&self) -> Node {
        match self.stored {
            Some(node) => node.clone(),
            None => Node::leaf(self.described.format, Value::EMPTY),
        }
    }

    fn kept(&self) -> Option<&'a Node> {
        self.stored.filter(|_| !self.is_live())
    }

    fn exists(&self) -> bool {
        let stored = self
            .stored
            .is_some_and(|node| node.format == self.described.format);
        if !self.described.live || (self.is_interior() && self.described.is_built_in()) {
            return stored;
        }
        let reading = |object: &dyn ManagementObject| {
            if self.is_interior() {
                object.list(&self.uri, self.view.live).err()
            } else {
                object.read(&self.uri, self.view.live).err()
            }
        };
        let absent = self.object().map(reading);
        absent.is_some_and(|absent| absent != Some(StatusCode::NOT_FOUND)) && self.is_attached()
    }

    /// Whether the stored node above the live ones is there.
    fn is_attached(&self) -> bool {
        let mut key = Some(self.uri.key());
        for _ in 0..=self.described.live_above {
            key = key.and_then(uri::parent_key);
        }
        key.is_none_or(|key| self.view.stored(key).is_some())
    }

    fn child(&self, name: &str) -> Option<NodeRef<'a>> {
        self.view.node(&self.uri.join(name).ok()?)
    }

    /// The names that the management objects of the live children list.
    fn live_children(&self) -> Vec<Arc<str>> {
        let live = self
            .view
            .tree
            .schema()
            .children(self.described)
            .filter(|child| child.live);
        let mut objects: Vec<usize> = live.filter_map(|child| child.object).collect();
        objects.sort_unstable();
        objects.dedup();
        let listed = objects.into_iter().filter_map(|index| {
            let names = self
                .view
                .tree
                .object_at(index)?
                .list(&self.uri, self.view.live)
                .ok()?;
            let mine = names.into_iter().filter(move |name| {
                self.child(name)
                    .is_some_and(|child| child.described.object == Some(index))
            });
            Some(mine)
        });
        listed.flatten().collect()
    }
}

impl std::fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeRef")
            .field("uri", &self.uri)
            .field("format", &self.format())
            .finish_non_exhaustive()
    }
}
