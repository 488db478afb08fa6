//! All descriptions put together: what node may stand where.

use crate::acl::Acl;
use crate::ddf::{AccessType, Ddf, DdfNode, DdfPath, NodeType, Occurrence, Scope};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use omadm_syncml::{Format, Uri, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What the descriptions say about one place in the tree.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    /// `None` where the name is given at run time.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) access: AccessType,
    pub(crate) format: Format,
    /// The media types of a leaf, or the management object identifier; empty if any will do.
    pub(crate) types: Vec<Arc<str>>,
    /// `Type` of a node that does not say otherwise.
    pub(crate) default_type: Arc<str>,
    pub(crate) title: Option<Arc<str>>,
    pub(crate) occurrence: Occurrence,
    pub(crate) permanent: bool,
    /// What a new leaf holds when the command gives no value.
    pub(crate) default: Option<Value>,
    /// What a built-in leaf holds at first.
    pub(crate) initial: Option<Value>,
    pub(crate) acl: Acl,
    /// The index of the management object that described it.
    pub(crate) object: Option<usize>,
    /// Whether the management object provides it.
    pub(crate) live: bool,
    /// Whether it or anything below it is live.
    pub(crate) live_below: bool,
    document: Option<Arc<str>>,
    named: BTreeMap<Arc<str>, usize>,
    /// Descriptions for names given at run time, told apart by their formats.
    nameless: Vec<usize>,
}

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

#[derive(Debug, Clone)]
pub(crate) struct Schema {
    /// The root is the first.
    places: Vec<Described>,
}

const ROOT: usize = 0;

impl Schema {
    pub(crate) fn new() -> Self {
        let access = AccessType::GET
            .with(AccessType::ADD)
            .with(AccessType::REPLACE);
        let mut root = Described::undescribed(None);
        root.access = access;
        root.acl = Acl::factory_root();
        Self { places: vec![root] }
    }

    /// The schema with one more description; `object` provides what lies at or below `live`.
    pub(crate) fn with(
        &self,
        ddf: &Ddf,
        object: Option<usize>,
        live: &[DdfPath],
    ) -> Result<Self, SchemaError> {
        let mut next = self.clone();
        let document: Arc<str> = Arc::from(ddf.document.as_str());
        for node in &ddf.nodes {
            let mut at = node.path.clone().unwrap_or_default();
            let parent = next.interior_at(&at, &document)?;
            let mut branch = Branch {
                schema: &mut next,
                document: &document,
                object,
                at: &mut at,
            };
            branch.add(parent, node)?;
        }
        for path in live {
            next.mark_live(path, object, &document)?;
        }
        Ok(next)
    }

    /// What describes the node at `uri`. Where only the format tells nameless descriptions
    /// apart, `format` chooses; see [`pick`](Self::pick).
    pub(crate) fn find(&self, uri: &Uri, format: Option<Format>) -> Option<&Described> {
        let mut names = uri.segments().peekable();
        let mut found = self.root()?;
        while let Some(name) = names.next() {
            let wanted = if names.peek().is_some() {
                Some(Format::Node)
            } else {
                format
            };
            found = match found.named.get(name) {
                Some(place) => self.places.get(*place)?,
                None => self.pick(&found.nameless, wanted)?,
            };
        }
        Some(found)
    }

    /// All that may describe the node at `uri`: several only if they differ in format.
    pub(crate) fn candidates<'a>(&'a self, uri: &Uri) -> impl Iterator<Item = &'a Described> {
        let places: &[usize] = match (uri.parent_key(), uri.name()) {
            (Some(_), Some(name)) => match self.parent_of(uri) {
                Some(parent) => match parent.named.get(name) {
                    Some(place) => std::slice::from_ref(place),
                    None => &parent.nameless,
                },
                None => &[],
            },
            _ => &[ROOT],
        };
        places.iter().filter_map(|place| self.places.get(*place))
    }

    pub(crate) fn root(&self) -> Option<&Described> {
        self.places.first()
    }

    /// Everything described directly below `parent`.
    pub(crate) fn children<'a>(
        &'a self,
        parent: &'a Described,
    ) -> impl Iterator<Item = &'a Described> {
        let places = parent.named.values().chain(parent.nameless.iter());
        places.filter_map(|place| self.places.get(*place))
    }

    /// Whether the object described `uri` or a live node directly below it.
    pub(crate) fn concerns(&self, uri: &Uri, object: usize) -> bool {
        self.find(uri, Some(Format::Node)).is_some_and(|found| {
            let mut below = self.children(found);
            found.object == Some(object)
                || below.any(|child| child.live && child.object == Some(object))
        })
    }

    /// What describes the parent of the node at `uri`.
    fn parent_of(&self, uri: &Uri) -> Option<&Described> {
        let mut names = uri.segments();
        names.next_back()?;
        names.try_fold(self.root()?, |parent, name| match parent.named.get(name) {
            Some(place) => self.places.get(*place),
            None => self.pick(&parent.nameless, Some(Format::Node)),
        })
    }

    /// The description of exactly this format, or the one that takes it: octets travel as
    /// `b64`, and no format means `chr`.
    fn pick(&self, places: &[usize], format: Option<Format>) -> Option<&Described> {
        let find = |format: Format| {
            let mut found = places.iter().filter_map(|place| self.places.get(*place));
            found.find(|found| found.format == format)
        };
        let exact = match format {
            Some(Format::B64) => find(Format::B64).or_else(|| find(Format::Bin)),
            Some(format) => find(format),
            None => find(Format::Chr),
        };
        exact.or_else(|| self.places.get(*places.first()?))
    }

    /// The description of exactly this name, with no nameless one standing in for it.
    fn exactly(&self, parent: usize, name: Option<&str>, format: Format) -> Option<usize> {
        let parent = self.places.get(parent)?;
        let same = |place: &&usize| {
            self.places
                .get(**place)
                .is_some_and(|found| found.format == format)
        };
        match name {
            Some(name) => parent.named.get(name).copied(),
            None => parent.nameless.iter().find(same).copied(),
        }
    }

    /// The interior node at a path, made as a bare permanent one where nobody describes it.
    fn interior_at(&mut self, path: &DdfPath, document: &Arc<str>) -> Result<usize, SchemaError> {
        let mut at = DdfPath::default();
        let mut place = ROOT;
        for name in path.segments() {
            at.push(name);
            place = match self.exactly(place, name, Format::Node) {
                Some(found) => found,
                None => self.insert(place, Described::undescribed(name)),
            };
            let leaf = self
                .places
                .get(place)
                .is_some_and(|found| found.format != Format::Node);
            if leaf {
                return Err(SchemaError::BelowLeaf {
                    node: at.to_string(),
                    document: document.to_string(),
                });
            }
        }
        Ok(place)
    }

    fn insert(&mut self, parent: usize, described: Described) -> usize {
        let place = self.places.len();
        if let Some(parent) = self.places.get_mut(parent) {
            match &described.name {
                Some(name) => {
                    parent.named.insert(name.clone(), place);
                }
                None => parent.nameless.push(place),
            }
        }
        self.places.push(described);
        place
    }

    fn mark_live(
        &mut self,
        path: &DdfPath,
        object: Option<usize>,
        document: &Arc<str>,
    ) -> Result<(), SchemaError> {
        let unknown = || SchemaError::UnknownLive {
            node: path.to_string(),
            document: document.to_string(),
        };
        let mut places = vec![ROOT];
        for name in path.segments() {
            let at = *places.first().ok_or_else(unknown)?;
            let parent = self.places.get_mut(at).ok_or_else(unknown)?;
            parent.live_below = true;
            places = match name {
                Some(name) => parent.named.get(name).copied().into_iter().collect(),
                None => parent.nameless.clone(),
            };
            // Only an interior node has anything below it.
            places.sort_by_key(|place| {
                self.places
                    .get(*place)
                    .is_none_or(|found| !found.is_interior())
            });
        }
        let mine = |found: &Described| found.object == object && found.document.is_some();
        places.retain(|place| self.places.get(*place).is_some_and(mine));
        if places.is_empty() {
            return Err(unknown());
        }
        let changes = [AccessType::ADD, AccessType::DELETE, AccessType::REPLACE];
        while let Some(place) = places.pop() {
            let Some(found) = self.places.get_mut(place) else {
                continue;
            };
            if changes
                .into_iter()
                .any(|change| found.access.allows(change))
            {
                return Err(SchemaError::LiveAccess {
                    node: path.to_string(),
                    document: document.to_string(),
                });
            }
            found.live = true;
            found.live_below = true;
            places.extend(found.named.values().chain(&found.nameless));
        }
        Ok(())
    }
}

/// Puts one description with its children into a schema.
struct Branch<'a> {
    schema: &'a mut Schema,
    document: &'a Arc<str>,
    object: Option<usize>,
    at: &'a mut DdfPath,
}

impl Branch<'_> {
    /// The depth of a description is bounded by its reader.
    fn add(&mut self, parent: usize, node: &DdfNode) -> Result<(), SchemaError> {
        self.at.push(node.name.as_deref());
        let mut described = Described::new(node, self.document, self.object);
        let existing = self
            .schema
            .exactly(parent, node.name.as_deref(), node.format);
        let found = existing.and_then(|place| Some((place, self.schema.places.get_mut(place)?)));
        let place = match found {
            None => self.schema.insert(parent, described),
            // A node that was only part of another description's Path gets its own description now.
            Some((place, found)) if found.document.is_none() && node.is_interior() => {
                described.named = std::mem::take(&mut found.named);
                described.nameless = std::mem::take(&mut found.nameless);
                described.live_below = found.live_below;
                *found = described;
                place
            }
            Some((_, found)) => return Err(Self::refusal(self.at, self.document, found)),
        };
        for child in &node.children {
            self.add(place, child)?;
        }
        self.at.pop();
        Ok(())
    }

    fn refusal(at: &DdfPath, document: &Arc<str>, found: &Described) -> SchemaError {
        let node = at.to_string();
        let document = document.to_string();
        match &found.document {
            Some(first) => SchemaError::Conflict {
                node,
                first: first.to_string(),
                second: document,
            },
            None => SchemaError::BelowLeaf { node, document },
        }
    }
}

impl Described {
    fn new(node: &DdfNode, document: &Arc<str>, object: Option<usize>) -> Self {
        let types: Vec<Arc<str>> = match &node.types {
            NodeType::Mime(mimes) => mimes.iter().map(|mime| Arc::from(mime.as_str())).collect(),
            NodeType::DdfName(name) if name.is_empty() => Vec::new(),
            NodeType::DdfName(name) => vec![Arc::from(name.as_str())],
        };
        let value = |text: &String| match node.format {
            // Checked when the description was read.
            Format::Bin => BASE64.decode(text).map(Value::from).unwrap_or_default(),
            _ => Value::from(text.as_str()),
        };
        let default = node.default.as_ref().map(value);
        Self {
            name: node.name.as_deref().map(Arc::from),
            access: node.access,
            format: node.format,
            default_type: types
                .first()
                .cloned()
                .unwrap_or_else(|| default_type(node.format)),
            types,
            title: node.title.as_deref().map(Arc::from),
            occurrence: node.occurrence,
            permanent: node.scope == Scope::Permanent,
            initial: node.value.as_ref().map(value).or_else(|| default.clone()),
            default,
            acl: node
                .run_time
                .as_ref()
                .map(|properties| properties.acl.clone())
                .unwrap_or_default(),
            object,
            live: false,
            live_below: false,
            document: Some(document.clone()),
            named: BTreeMap::new(),
            nameless: Vec::new(),
        }
    }

    /// An interior node of which only the place is known.
    fn undescribed(name: Option<&str>) -> Self {
        Self {
            name: name.map(Arc::from),
            access: AccessType::GET,
            format: Format::Node,
            types: Vec::new(),
            default_type: default_type(Format::Node),
            title: None,
            occurrence: if name.is_some() {
                Occurrence::One
            } else {
                Occurrence::ZeroOrMore
            },
            permanent: name.is_some(),
            default: None,
            initial: None,
            acl: Acl::INHERITED,
            object: None,
            live: false,
            live_below: false,
            document: None,
            named: BTreeMap::new(),
            nameless: Vec::new(),
        }
    }

    pub(crate) fn is_interior(&self) -> bool {
        self.format == Format::Node
    }

    /// Whether the node is there without anyone having added it.
    pub(crate) fn is_built_in(&self) -> bool {
        self.permanent && self.name.is_some() && self.occurrence.is_mandatory()
    }
}

fn default_type(format: Format) -> Arc<str> {
    Arc::from(if format == Format::Node {
        ""
    } else {
        "text/plain"
    })
}
