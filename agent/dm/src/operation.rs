//! What commands do to nodes: the one place where every check is made, in the order syntax,
//! address, existence, access type, ACL, format and value, size and storage.

use crate::acl::Right;
use crate::ddf::AccessType;
use crate::mo::Change;
use crate::node::Node;
use crate::overlay::{Overlay, Savepoint};
use crate::property::MAX_TYPE;
use crate::schema::Described;
use crate::snapshot::Snapshot;
use crate::tree::Tree;
use crate::view::{NodeRef, View};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use omadm_syncml::{Format, Now, StatusCode, Uri, Value};
use std::sync::Arc;

mod add;
mod copy;
mod delete;
mod exec;
mod get;
mod replace;

pub use add::add;
pub use copy::copy;
pub use delete::delete;
pub use exec::exec;
pub use get::{GetItem, Payload, get, get_within};
pub use replace::replace;

/// Who gives a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority<'a> {
    /// A server, by the `ServerID` of its account.
    Server(&'a str),
    /// The device's owner: no ACL binds, every description does.
    Local,
}

/// `Data` of a command with its `Meta`, as they travelled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// `Format`; without one, the node's own is meant.
    ///
    /// `b64` for a node whose format is `bin` is decoded here. Whoever reads XML decodes data
    /// that calls itself `bin` there.
    pub format: Option<Format>,
    /// `Type`; without one, the description's default.
    pub type_: Option<Arc<str>>,
    /// `Data`; a missing one is not an empty one.
    pub value: Option<Value>,
}

impl Content {
    /// A value alone.
    pub fn text(text: &str) -> Self {
        Self {
            value: Some(Value::from(text)),
            ..Self::default()
        }
    }

    /// What an interior node is added with.
    pub fn interior() -> Self {
        Self {
            format: Some(Format::Node),
            ..Self::default()
        }
    }
}

/// Where commands enter their changes.
#[derive(Debug)]
pub struct Edit<'a> {
    /// What is committed.
    pub tree: &'a Tree,
    /// What is not yet.
    pub overlay: &'a mut Overlay,
    /// The live nodes.
    pub live: &'a Snapshot,
}

impl<'a> Edit<'a> {
    /// Puts the three together.
    pub fn new(tree: &'a Tree, overlay: &'a mut Overlay, live: &'a Snapshot) -> Self {
        Self {
            tree,
            overlay,
            live,
        }
    }

    /// The tree as the changes so far have made it.
    pub fn view(&self) -> View<'_> {
        View::new(self.tree, Some(self.overlay), self.live)
    }

    /// Enters a node, unless its management object or the storage objects.
    fn put(&mut self, uri: &Uri, node: Node, change: Option<Change<'_>>) -> Result<(), StatusCode> {
        if let Some(change) = change {
            self.validate(&change)?;
        }
        self.may_change()?;
        let savepoint = self.overlay.savepoint();
        self.overlay.put(self.tree, uri.clone(), node);
        self.fit_or_undo(savepoint)
    }

    /// Whether the transaction takes more changes.
    fn may_change(&self) -> Result<(), StatusCode> {
        if self.overlay.effort() < self.tree.limits().changes {
            Ok(())
        } else {
            Err(StatusCode::DEVICE_FULL)
        }
    }

    /// Undoes what was entered since `savepoint` if the storage cannot hold it.
    fn fit_or_undo(&mut self, savepoint: Savepoint) -> Result<(), StatusCode> {
        let (nodes, bytes) = self.tree.room(self.overlay);
        if nodes < 0 || bytes < 0 {
            self.overlay.rollback_to(savepoint);
            return Err(StatusCode::DEVICE_FULL);
        }
        Ok(())
    }

    fn validate(&self, change: &Change<'_>) -> Result<(), StatusCode> {
        let format = match change {
            Change::Add { node, .. } | Change::Replace { node, .. } => Some(node.format),
            Change::Delete { uri } | Change::Rename { from: uri, .. } => {
                self.view().node(uri).map(|node| node.format())
            }
        };
        let described = self.tree.schema().find(change.uri(), format);
        match described.and_then(|described| self.tree.object(described)) {
            Some(object) => object.validate(change, &self.view()),
            None => Ok(()),
        }
    }
}

/// The node, if it exists and its description allows the command.
fn find<'a>(view: &View<'a>, uri: &Uri, access: AccessType) -> Result<NodeRef<'a>, StatusCode> {
    let node = view.node(uri).ok_or(StatusCode::NOT_FOUND)?;
    if node.access().allows(access) {
        Ok(node)
    } else {
        Err(StatusCode::NOT_ALLOWED)
    }
}

fn permit(view: &View<'_>, by: Authority<'_>, right: Right, uri: &Uri) -> Result<(), StatusCode> {
    if view.permits(by, right, uri) {
        Ok(())
    } else {
        Err(StatusCode::PERMISSION_DENIED)
    }
}

/// The value of a leaf as it will be kept, if the command gives one: 415 if it is not of the
/// described format and type, 413 if it is larger than the tree takes.
fn leaf_value(
    tree: &Tree,
    described: &Described,
    content: &Content,
) -> Result<Option<Value>, StatusCode> {
    let as_base64 = content.format == Some(Format::B64) && described.format == Format::Bin;
    let same_format = content
        .format
        .is_none_or(|format| format == described.format);
    if !(as_base64 || same_format) || !type_admitted(described, content) {
        return Err(StatusCode::UNSUPPORTED_FORMAT);
    }
    let Some(value) = &content.value else {
        return Ok(None);
    };
    let value = if as_base64 {
        decode(value)?
    } else {
        value.clone()
    };
    if !value
        .as_bytes()
        .is_none_or(|bytes| described.format.admits(bytes))
    {
        return Err(StatusCode::UNSUPPORTED_FORMAT);
    }
    if value.len() > tree.limits().value {
        return Err(StatusCode::TOO_LARGE);
    }
    Ok(Some(value))
}

/// A description that lists media types admits no other one; parameters are of no account.
fn type_admitted(described: &Described, content: &Content) -> bool {
    let given = content.type_.as_deref().unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    let mut known = described.types.iter();
    let is_known = essence.is_empty()
        || described.types.is_empty()
        || known.any(|known| known.eq_ignore_ascii_case(essence));
    is_known && given.len() <= MAX_TYPE
}

/// Keeps a type only where it is not the description's default, or says nothing.
fn kept_type(described: &Described, content: &Content) -> Option<Arc<str>> {
    let own = content.type_.as_ref().filter(|type_| {
        let says_nothing = type_.is_empty() || (described.is_interior() && is_text_plain(type_));
        !says_nothing && !type_.eq_ignore_ascii_case(&described.default_type)
    });
    own.cloned()
}

fn is_text_plain(type_: &str) -> bool {
    type_.eq_ignore_ascii_case("text/plain")
}

fn decode(value: &Value) -> Result<Value, StatusCode> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, config);
    match value {
        // Whoever spools a large object decodes it on the way.
        Value::Blob { .. } => Ok(value.clone()),
        Value::Inline(text) => {
            let digits: Vec<u8> = text
                .iter()
                .copied()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            engine
                .decode(digits)
                .map(Value::from)
                .map_err(|_| StatusCode::UNSUPPORTED_FORMAT)
        }
    }
}

/// Marks a node as changed in its value or a property (OMA-TS-DM_TND 7.5): `TStamp` only when
/// the time is known. Nobody counts the changes of a live node.
fn touch(node: &mut Node, live: bool, now: Now) {
    if !live {
        node.verno = node.verno.wrapping_add(1);
        node.tstamp = now.wall;
    }
}

#[cfg(test)]
mod tests;
