//! The management tree: descriptions, stored nodes and mounted management objects.

use crate::acl::Acl;
use crate::ddf::{Ddf, DdfPath};
use crate::mo::{Effect, ManagementObject};
use crate::node::{Node, NodeWrite};
use crate::overlay::Overlay;
use crate::schema::{Described, Schema, SchemaError};
use crate::snapshot::Snapshot;
use crate::view::View;
use omadm_syncml::{Format, Now, Uri, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

mod limits;
mod live;

pub use limits::{QuarantineReason, Quarantined, TreeLimits};

/// The management tree.
///
/// ```
/// use omadm_dm::{Authority, Content, Ddf, Edit, Overlay, Snapshot, Tree, operation};
/// use omadm_syncml::{Now, StatusCode, Uri};
///
/// let ddf = Ddf::parse("lamp.xml", r#"<MgmtTree><VerDTD>1.2</VerDTD>
///   <Node><NodeName>Lamp</NodeName><DFProperties>
///     <AccessType><Get/><Replace/></AccessType><DefaultValue>false</DefaultValue>
///     <DFFormat><bool/></DFFormat><Scope><Permanent/></Scope>
///     <DFType><MIME>text/plain</MIME></DFType></DFProperties></Node></MgmtTree>"#)?;
/// let mut tree = Tree::default();
/// tree.describe(&ddf)?;
///
/// let lamp = "./Lamp".parse::<Uri>()?.into();
/// let now = Now { boot: std::time::Duration::ZERO, wall: None };
/// let mut overlay = Overlay::new();
/// let mut edit = Edit::new(&tree, &mut overlay, Snapshot::empty());
/// // The root grants Add and Get to everyone, Replace to nobody.
/// let denied = operation::replace(&mut edit, Authority::Server("S"), &lamp, &Content::text("true"), now);
/// assert_eq!(denied, Err(StatusCode::PERMISSION_DENIED));
/// operation::replace(&mut edit, Authority::Local, &lamp, &Content::text("true"), now).unwrap();
///
/// let writes = overlay.into_writes(); // to be stored before anyone is told
/// tree.apply(&writes);
/// let items = operation::get(&tree.view(Snapshot::empty()), Authority::Server("S"), &lamp).unwrap();
/// assert_eq!(items[0].data.as_text().as_deref(), Some("true"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tree {
    schema: Schema,
    nodes: BTreeMap<Uri, Node>,
    /// The lists of the nodes that have one of their own: few, so that finding the one that
    /// holds for a node is cheap.
    acls: BTreeMap<Uri, Acl>,
    quarantine: BTreeMap<Uri, Quarantined>,
    objects: Vec<Box<dyn ManagementObject>>,
    limits: TreeLimits,
    bytes: u64,
}

impl Tree {
    /// A tree that has nothing but its root.
    pub fn new(limits: TreeLimits) -> Self {
        let mut tree = Self {
            schema: Schema::new(),
            nodes: BTreeMap::new(),
            acls: BTreeMap::new(),
            quarantine: BTreeMap::new(),
            objects: Vec::new(),
            limits,
            bytes: 0,
        };
        tree.build_in();
        tree
    }

    /// Adds a description of nodes that are all stored.
    pub fn describe(&mut self, ddf: &Ddf) -> Result<(), SchemaError> {
        self.schema = self.schema.with(ddf, None, &[])?;
        self.build_in();
        Ok(())
    }

    /// Mounts a management object.
    pub fn mount(&mut self, object: Box<dyn ManagementObject>) -> Result<(), SchemaError> {
        let live = object.live().into_iter().map(|path| {
            path.parse::<DdfPath>()
                .map_err(|_| SchemaError::UnknownLive {
                    node: path,
                    document: object.ddf().document.clone(),
                })
        });
        let live = live.collect::<Result<Vec<_>, _>>()?;
        self.schema = self
            .schema
            .with(object.ddf(), Some(self.objects.len()), &live)?;
        self.objects.push(object);
        self.build_in();
        Ok(())
    }

    /// Takes over the nodes that the store has, once everything is described and mounted.
    ///
    /// What the descriptions do not admit goes to [`quarantine`](Self::quarantine).
    pub fn load(&mut self, nodes: impl IntoIterator<Item = (Uri, Node)>) {
        // Parents sort before their children.
        let nodes: BTreeMap<Uri, Node> = nodes.into_iter().collect();
        for (uri, node) in nodes {
            self.admit(uri, node);
        }
    }

    /// Carries out changes that the store has synced.
    pub fn apply(&mut self, writes: &[NodeWrite]) {
        for write in writes {
            match write {
                NodeWrite::Put { uri, node } => self.admit(uri.clone(), node.clone()),
                NodeWrite::Delete { uri } => self.remove(uri),
            }
        }
    }

    /// The stored nodes that nobody sees.
    pub fn quarantine(&self) -> &BTreeMap<Uri, Quarantined> {
        &self.quarantine
    }

    /// The limits.
    pub fn limits(&self) -> &TreeLimits {
        &self.limits
    }

    /// The tree as it is committed, with live nodes.
    pub fn view<'a>(&'a self, live: &'a Snapshot) -> View<'a> {
        View::new(self, None, live)
    }

    /// Lets the mounted objects read the world; for the driver.
    pub fn collect(&mut self, wanted: &[Uri]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (index, object) in self.objects.iter_mut().enumerate() {
            let mine = |uri: &&Uri| self.schema.concerns(uri, index);
            let mine: Vec<Uri> = wanted.iter().filter(mine).cloned().collect();
            if !mine.is_empty() {
                object.collect(&mine, &mut snapshot);
            }
        }
        snapshot
    }

    /// Asks every mounted object what the world lacks to agree with the tree.
    pub fn reconcile(&mut self, now: Now) -> Vec<Effect> {
        let mut objects = std::mem::take(&mut self.objects);
        let view = self.view(Snapshot::empty());
        let effects = objects
            .iter_mut()
            .flat_map(|object| object.reconcile(&view, now))
            .collect();
        self.objects = objects;
        effects
    }

    /// The changes that take a server, whose account is gone, out of every ACL.
    pub fn without_server(&self, server: &str) -> Vec<NodeWrite> {
        let named = self.nodes.iter().filter(|(_, node)| node.acl.names(server));
        let write = |(uri, node): (&Uri, &Node)| {
            let mut node = node.clone();
            node.acl = if uri.is_root() {
                node.acl.root_without(server)
            } else {
                node.acl.without(server)
            };
            NodeWrite::Put {
                uri: uri.clone(),
                node,
            }
        };
        named.map(write).collect()
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn object(&self, described: &Described) -> Option<&dyn ManagementObject> {
        self.objects.get(described.object?).map(AsRef::as_ref)
    }

    pub(crate) fn object_at(&self, index: usize) -> Option<&dyn ManagementObject> {
        self.objects.get(index).map(AsRef::as_ref)
    }

    pub(crate) fn stored(&self, key: &str) -> Option<&Node> {
        self.nodes.get(key)
    }

    /// The ACL of a stored node that has one of its own.
    pub(crate) fn own_acl(&self, key: &str) -> Option<&Acl> {
        self.acls.get(key)
    }

    /// The stored nodes at and below a node, in order.
    pub(crate) fn stored_below<'a>(
        &'a self,
        uri: &Uri,
    ) -> impl Iterator<Item = (&'a Uri, &'a Node)> {
        self.stored_from(uri.key())
            .take_while(move |(node, _)| node.starts_with(uri))
    }

    /// The stored nodes whose key is not below `key`, in order.
    pub(crate) fn stored_from<'a>(
        &'a self,
        key: &str,
    ) -> impl Iterator<Item = (&'a Uri, &'a Node)> + use<'a> {
        self.nodes
            .range::<str, _>((Bound::Included(key), Bound::Unbounded))
    }

    /// How many nodes and octets more the limits allow on top of `overlay`.
    pub(crate) fn room(&self, overlay: &Overlay) -> (i64, i64) {
        let growth = overlay.growth();
        let left = |limit: u64, used: u64, more: i64| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let used = i64::try_from(used).unwrap_or(i64::MAX);
            limit.saturating_sub(used).saturating_sub(more)
        };
        (
            left(self.limits.nodes, self.nodes.len() as u64, growth.nodes),
            left(self.limits.bytes, self.bytes, growth.bytes),
        )
    }

    /// Enters a node where a description admits it, else keeps it aside.
    fn admit(&mut self, uri: Uri, node: Node) {
        match self.objection(&uri, &node) {
            None => {
                self.quarantine.remove(&uri);
                self.insert(uri, node);
            }
            Some(reason) => {
                self.keep_rights(&uri, &node);
                self.quarantine.insert(uri, Quarantined { node, reason });
            }
        }
    }

    /// A value may go out of sight, but what is there in its place stays as well guarded.
    fn keep_rights(&mut self, uri: &Uri, node: &Node) {
        let there = self.nodes.get(uri).cloned();
        let described = self
            .schema
            .find(uri, None)
            .filter(|found| found.live && !found.is_interior());
        let fresh = described.map(|found| Node::leaf(found.format, Value::EMPTY));
        if let Some(mut there) = there.or(fresh) {
            there.acl = node.acl.clone();
            self.insert(uri.clone(), there);
        }
    }

    fn insert(&mut self, uri: Uri, node: Node) {
        self.bytes = self.bytes.saturating_add(node.cost(&uri));
        if let Some(displaced) = self.nodes.get(&uri) {
            self.bytes = self.bytes.saturating_sub(displaced.cost(&uri));
        }
        if node.acl.is_inherited() {
            self.acls.remove(&uri);
        } else {
            self.acls.insert(uri.clone(), node.acl.clone());
        }
        self.nodes.insert(uri, node);
    }

    fn remove(&mut self, uri: &Uri) {
        let gone: Vec<Uri> = self
            .stored_below(uri)
            .map(|(node, _)| node.clone())
            .collect();
        for node in gone {
            if let Some(displaced) = self.nodes.remove(&node) {
                self.bytes = self.bytes.saturating_sub(displaced.cost(&node));
                self.acls.remove(&node);
            }
        }
        self.quarantine.retain(|node, _| !node.starts_with(uri));
    }

    /// Puts the nodes that are always there where they are not yet.
    fn build_in(&mut self) {
        let mut missing = Vec::new();
        let mut open: Vec<(Uri, &Described)> = self
            .schema
            .root()
            .map(|root| (Uri::root(), root))
            .into_iter()
            .collect();
        while let Some((uri, described)) = open.pop() {
            for child in self
                .schema
                .children(described)
                .filter(|child| child.is_built_in())
            {
                if let Some(Ok(below)) = child.name.as_deref().map(|name| uri.join(name)) {
                    open.push((below, child));
                }
            }
            // A live leaf is there when its object says so.
            if !self.nodes.contains_key(&uri) && (described.is_interior() || !described.live) {
                missing.push((uri, described.built_in_node()));
            }
        }
        for (uri, node) in missing {
            self.insert(uri, node);
        }
    }

    fn objection(&self, uri: &Uri, node: &Node) -> Option<QuarantineReason> {
        let Some(described) = self.schema.find(uri, Some(node.format)) else {
            return Some(QuarantineReason::NotDescribed);
        };
        // A leaf may be empty whatever its format, as built-in ones without a default are.
        let admitted = node.value.is_empty()
            || node
                .value
                .as_bytes()
                .is_none_or(|bytes| node.format.admits(bytes));
        if node.format != described.format || !admitted {
            return Some(QuarantineReason::Format);
        }
        let parent = uri.parent()?;
        let parent_live = self
            .schema
            .find(&parent, Some(Format::Node))
            .is_some_and(|parent| parent.live);
        let parent_there = self.nodes.get(&parent).is_some_and(Node::is_interior);
        (!parent_there && !parent_live).then_some(QuarantineReason::Orphan)
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new(TreeLimits::default())
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("nodes", &self.nodes.len())
            .field("quarantine", &self.quarantine.len())
            .finish_non_exhaustive()
    }
}

impl Described {
    /// The node as it is before anyone changes it.
    fn built_in_node(&self) -> Node {
        let value = if self.live {
            Value::EMPTY
        } else {
            self.initial.clone().unwrap_or_default()
        };
        let mut node = Node::leaf(self.format, value);
        node.acl = self.acl.clone();
        node
    }
}

#[cfg(test)]
mod tests;
