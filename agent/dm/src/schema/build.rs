//! Puts descriptions into a schema.

use super::{Described, ROOT, Schema, SchemaError};
use crate::acl::Acl;
use crate::ddf::{AccessType, Ddf, DdfNode, DdfPath, NodeType, Occurrence, Scope};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use omadm_syncml::{Format, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Schema {
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
        let mine = |found: &Described| found.object == object && found.document.is_some();
        let mut open = self.reach(path);
        open.retain(|place| self.places.get(*place).is_some_and(mine));
        if open.is_empty() {
            return Err(SchemaError::UnknownLive {
                node: path.to_string(),
                document: document.to_string(),
            });
        }
        let mut open: Vec<_> = open
            .into_iter()
            .map(|place| (place, path.clone(), 0))
            .collect();
        while let Some((place, at, above)) = open.pop() {
            let Some(found) = self.places.get_mut(place).filter(|found| mine(found)) else {
                continue;
            };
            let changes = [AccessType::ADD, AccessType::DELETE, AccessType::REPLACE];
            if changes.iter().any(|change| found.access.allows(*change)) {
                return Err(SchemaError::LiveAccess {
                    node: at.to_string(),
                    document: document.to_string(),
                });
            }
            found.live = true;
            found.live_below = true;
            found.live_above = found.live_above.max(above);
            let named = found
                .named
                .iter()
                .map(|(name, place)| (Some(&**name), *place));
            let nameless = found.nameless.iter().map(|place| (None, *place));
            let below = named.chain(nameless);
            open.extend(below.map(|(name, place)| (place, at.join(name), above + 1)));
        }
        Ok(())
    }

    /// The places at a path, several only where formats tell them apart; those above are
    /// marked as having live nodes below.
    fn reach(&mut self, path: &DdfPath) -> Vec<usize> {
        let mut reached = vec![ROOT];
        for name in path.segments() {
            let interior =
                |place: &&usize| self.places.get(**place).is_some_and(Described::is_interior);
            let Some(above) = reached.iter().find(interior).copied() else {
                return Vec::new();
            };
            let Some(above) = self.places.get_mut(above) else {
                return Vec::new();
            };
            above.live_below = true;
            reached = match name {
                Some(name) => above.named.get(name).copied().into_iter().collect(),
                None => above.nameless.clone(),
            };
        }
        reached
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
            Format::Bin => octets(text),
            _ => Value::from(text.as_str()),
        };
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
            initial: node.value.as_ref().or(node.default.as_ref()).map(value),
            acl: node
                .run_time
                .as_ref()
                .map(|properties| properties.acl.clone())
                .unwrap_or_default(),
            object,
            live: false,
            live_above: 0,
            live_below: false,
            document: Some(document.clone()),
            named: BTreeMap::new(),
            nameless: Vec::new(),
        }
    }

    /// An interior node of which only the place is known.
    pub(super) fn undescribed(name: Option<&str>) -> Self {
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
            initial: None,
            acl: Acl::INHERITED,
            object: None,
            live: false,
            live_above: 0,
            live_below: false,
            document: None,
            named: BTreeMap::new(),
            nameless: Vec::new(),
        }
    }
}

/// The text was checked when the description was read.
fn octets(base64: &str) -> Value {
    let digits = base64.split_ascii_whitespace().collect::<String>();
    BASE64.decode(digits).map(Value::from).unwrap_or_default()
}

fn default_type(format: Format) -> Arc<str> {
    Arc::from(if format == Format::Node {
        ""
    } else {
        "text/plain"
    })
}
