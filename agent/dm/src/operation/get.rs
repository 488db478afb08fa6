//! Get: values, names of children, properties, listings (OMA-TS-DM_RepPro 6.6.7, OMA-TS-DM_TND 7.7, 8).

use super::{Authority, find, permit};
use crate::acl::Right;
use crate::ddf::AccessType;
use crate::view::{NodeRef, View};
use omadm_syncml::{Address, Format, List, Query, StatusCode, Uri, Value, uri};
use std::borrow::Cow;
use std::sync::Arc;

/// One item of an answer to Get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetItem {
    /// The node.
    pub uri: Uri,
    /// `Format`: `bin` for octets, however they will travel.
    pub format: Format,
    /// `Type`; empty where the answer needs none.
    pub type_: Arc<str>,
    /// `Data`.
    pub data: Payload,
}

/// The data of a [`GetItem`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// None: a listing of the structure alone, or an interior node in a listing.
    Absent,
    /// The value of a leaf.
    Value(Value),
    /// The names of the children of an interior node, unescaped.
    Children(Vec<Arc<str>>),
    /// The text of a property.
    Property(String),
}

impl Payload {
    /// The data as text, if it is text: names are escaped and joined by `/`.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Absent => None,
            Self::Value(value) => value.as_text().map(Cow::Borrowed),
            Self::Property(text) => Some(Cow::Borrowed(text)),
            Self::Children(names) => {
                let names: Vec<_> = names.iter().map(|name| uri::escape(name)).collect();
                Some(Cow::Owned(names.join("/")))
            }
        }
    }

    /// The data as it goes into `Data`; `None` is no `Data` at all.
    pub fn into_value(self) -> Option<Value> {
        match self {
            Self::Absent => None,
            Self::Value(value) => Some(value),
            other => other.as_text().map(|text| Value::from(text.into_owned())),
        }
    }
}

/// Carries out a Get.
pub fn get(
    view: &View<'_>,
    by: Authority<'_>,
    address: &Address,
) -> Result<Vec<GetItem>, StatusCode> {
    let mut nodes = u64::MAX;
    get_within(view, by, address, &mut nodes)
}

/// Carries out a Get that may cost so much: `nodes` is how many nodes listings may still look
/// at. One that needs more is refused (413), and so is every later one.
///
/// A listing costs what it looks at, which an ACL may make more than what it finds.
pub fn get_within(
    view: &View<'_>,
    by: Authority<'_>,
    address: &Address,
    nodes: &mut u64,
) -> Result<Vec<GetItem>, StatusCode> {
    let node = find(view, &address.uri, AccessType::GET)?;
    permit(view, by, Right::Get, &address.uri)?;
    match &address.query {
        None => plain(&node).map(|item| vec![item]),
        Some(Query::Prop(property)) => Ok(vec![GetItem {
            uri: address.uri.clone(),
            format: Format::Chr,
            type_: Arc::from(""),
            data: Payload::Property(node.property(*property)?),
        }]),
        Some(Query::List(List::Struct)) => {
            let all = subtree(view, &address.uri, nodes)?;
            Ok(listing(view, by, all, false))
        }
        Some(Query::List(List::StructData)) => {
            let all = subtree(view, &address.uri, nodes)?;
            Ok(listing(view, by, all, true))
        }
        Some(Query::List(_) | Query::UnknownProp(_) | Query::Other(_)) => {
            Err(StatusCode::NOT_SUPPORTED)
        }
    }
}

fn plain(node: &NodeRef<'_>) -> Result<GetItem, StatusCode> {
    let data = if node.is_interior() {
        Payload::Children(node.children()?)
    } else {
        Payload::Value(node.value()?)
    };
    Ok(item(node, data))
}

/// The nodes of a subtree, if there are no more than `most`, which they are taken from.
fn subtree<'a>(view: &View<'a>, top: &Uri, most: &mut u64) -> Result<Vec<NodeRef<'a>>, StatusCode> {
    if *most == 0 {
        return Err(StatusCode::TOO_LARGE);
    }
    let all = view.subtree(top);
    let left = most.checked_sub(all.len() as u64);
    *most = left.unwrap_or(0);
    left.map(|_| all).ok_or(StatusCode::TOO_LARGE)
}

/// The nodes of a subtree that `by` may read. A live leaf that cannot be read is left out of
/// the data, not of the structure, so that one bad source does not cost the rest.
fn listing(
    view: &View<'_>,
    by: Authority<'_>,
    all: Vec<NodeRef<'_>>,
    with_data: bool,
) -> Vec<GetItem> {
    let readable = |node: &NodeRef<'_>| {
        node.access().allows(AccessType::GET) && view.permits(by, Right::Get, node.uri())
    };
    let entry = |node: NodeRef<'_>| {
        let data = match (with_data && !node.is_interior()).then(|| node.value()) {
            Some(Ok(value)) => Payload::Value(value),
            Some(Err(_)) => return None,
            None => Payload::Absent,
        };
        Some(item(&node, data))
    };
    all.into_iter().filter(readable).filter_map(entry).collect()
}

fn item(node: &NodeRef<'_>, data: Payload) -> GetItem {
    GetItem {
        uri: node.uri().clone(),
        format: node.format(),
        type_: node.type_().clone(),
        data,
    }
}
