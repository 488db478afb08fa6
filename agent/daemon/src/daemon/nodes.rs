//! Nodes as the interface has them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omadm_dm::ddf::AccessType;
use omadm_dm::{NodeRef, View};
use omadm_syncml::{Format, StatusCode, Uri, Value};

use super::clock::rfc3339;
use crate::control::wire::{Error, Node};

/// The most nodes that one reply carries; what is larger is asked for in parts.
const MOST: usize = 20_000;

/// The address of a request.
pub(super) fn parse(uri: &str) -> Result<Uri, Error> {
    uri.parse()
        .map_err(|error| Error::InvalidRequest(format!("\"{uri}\": {error}")))
}

/// A status about a node.
pub(super) fn refused(uri: &Uri, status: StatusCode) -> Error {
    Error::Refused {
        status: status.0,
        uri: uri.to_string(),
        message: status.phrase().to_owned(),
    }
}

/// One node.
pub(super) fn get(view: &View<'_>, uri: &Uri) -> Result<Node, Error> {
    match view.node(uri) {
        Some(node) => Ok(wire(&node)),
        None => Err(refused(uri, StatusCode::NOT_FOUND)),
    }
}

/// A subtree, parents before children.
pub(super) fn list(view: &View<'_>, uri: &Uri) -> Result<Vec<Node>, Error> {
    let nodes = view.subtree(uri);
    match nodes.len() {
        0 => Err(refused(uri, StatusCode::NOT_FOUND)),
        count if count > MOST => Err(Error::InvalidRequest(format!(
            "{uri} has {count} nodes, more than {MOST}: ask for a part of it"
        ))),
        _ => Ok(nodes.iter().map(wire).collect()),
    }
}

fn wire(node: &NodeRef<'_>) -> Node {
    let acl = node.acl();
    let mut wire = Node {
        uri: node.uri().to_string(),
        format: node.format().to_string(),
        type_: some(node.type_()),
        acl: (!acl.is_inherited()).then(|| acl.to_string()),
        title: some(node.title()),
        tstamp: node.tstamp().and_then(rfc3339),
        verno: node.verno().map(i64::from),
        live: node.is_live(),
        access: node.access().names().map(str::to_owned).collect(),
        ..Node::default()
    };
    if node.is_interior() {
        let names = node.children().unwrap_or_default();
        wire.children = Some(names.iter().map(ToString::to_string).collect());
    } else {
        set_value(&mut wire, node);
    }
    wire
}

fn set_value(wire: &mut Node, node: &NodeRef<'_>) {
    // Secrets are the leaves that nobody may Get; the owner is no exception.
    let value = if node.access().allows(AccessType::GET) {
        node.value()
    } else {
        Err(StatusCode::NOT_ALLOWED)
    };
    match value {
        Ok(value) => {
            wire.size = i64::try_from(value.len()).ok();
            match text(&value, node.format()) {
                Some(text) => wire.value = Some(text.to_owned()),
                None => wire.value_base64 = value.as_bytes().map(|bytes| STANDARD.encode(bytes)),
            }
        }
        Err(status) => wire.status = Some(i64::from(status.0)),
    }
}

fn text(value: &Value, format: Format) -> Option<&str> {
    value.as_text().filter(|_| format != Format::Bin)
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
