//! All descriptions put together: what node may stand where.

use crate::acl::Acl;
use crate::ddf::{AccessType, Occurrence};
use omadm_syncml::{Format, Uri, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

mod build;
mod error;

pub use error::SchemaError;

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
    /// What a leaf holds at first: `Value`, else `DefaultValue`.
    pub(crate) initial: Option<Value>,
    pub(crate) acl: Acl,
    /// The index of the management object that described it.
    pub(crate) object: Option<usize>,
    /// Whether the management object provides it.
    pub(crate) live: bool,
    /// How many live nodes are above it.
    pub(crate) live_above: usize,
    /// Whether it or anything below it is live.
    pub(crate) live_below: bool,
    document: Option<Arc<str>>,
    named: BTreeMap<Arc<str>, usize>,
    /// Descriptions for names given at run time, told apart by their formats.
    nameless: Vec<usize>,
}

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
}

impl Described {
    pub(crate) fn is_interior(&self) -> bool {
        self.format == Format::Node
    }

    /// Whether the node is there without anyone having added it.
    pub(crate) fn is_built_in(&self) -> bool {
        self.permanent && self.name.is_some() && self.occurrence.is_mandatory()
    }
}
