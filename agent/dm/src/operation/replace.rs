//! Replace: values, ACL, title and name (OMA-TS-DM_RepPro 6.6.10, OMA-TS-DM_TND 7.7).

use super::{Authority, Content, Edit, find, kept_type, leaf_value, permit, touch};
use crate::acl::{Acl, Right};
use crate::ddf::AccessType;
use crate::mo::Change;
use crate::property::{MAX_ACL, MAX_TITLE};
use crate::schema::Described;
use crate::tree::Tree;
use crate::view::{NodeRef, View};
use omadm_syncml::{Address, Format, Now, Property, Query, StatusCode, Uri, Value};
use std::sync::Arc;

/// Replaces the value of a leaf, or one of the properties `ACL`, `Title` and `Name`.
pub fn replace(
    edit: &mut Edit<'_>,
    by: Authority<'_>,
    address: &Address,
    content: &Content,
    now: Now,
) -> Result<(), StatusCode> {
    let uri = &address.uri;
    match &address.query {
        None => value(edit, by, uri, content, now),
        Some(Query::Prop(Property::Acl)) => acl(edit, by, uri, content, now),
        Some(Query::Prop(Property::Title)) => title(edit, by, uri, content, now),
        Some(Query::Prop(Property::Name)) => rename(edit, by, uri, content, now),
        Some(query) => Err(refusal(&edit.view(), uri, query)),
    }
}

/// 404, then 406 for what the node does not have and 405 for what cannot be replaced.
fn refusal(view: &View<'_>, uri: &Uri, query: &Query) -> StatusCode {
    match (view.node(uri), query) {
        (None, _) => StatusCode::NOT_FOUND,
        (Some(_), Query::UnknownProp(_) | Query::Other(_)) => StatusCode::NOT_SUPPORTED,
        (Some(node), Query::Prop(property))
            if node.property(*property) == Err(StatusCode::NOT_SUPPORTED) =>
        {
            StatusCode::NOT_SUPPORTED
        }
        (Some(_), Query::Prop(_) | Query::List(_)) => StatusCode::NOT_ALLOWED,
    }
}

fn value(
    edit: &mut Edit<'_>,
    by: Authority<'_>,
    uri: &Uri,
    content: &Content,
    now: Now,
) -> Result<(), StatusCode> {
    let view = edit.view();
    let found = find(&view, uri, AccessType::REPLACE)?;
    if found.is_interior() || found.is_live() {
        return Err(StatusCode::NOT_ALLOWED);
    }
    permit(&view, by, Right::Replace, uri)?;
    let mut node = found.to_node();
    node.value = new_value(edit.tree, found.described(), content)?;
    if content.type_.is_some() {
        node.type_ = kept_type(found.described(), content);
    }
    touch(&mut node, found.is_live(), now);
    let checked = node.clone();
    edit.put(
        uri,
        node,
        Some(Change::Replace {
            uri,
            node: &checked,
        }),
    )
}

/// No Data is an empty value, if the format has such a one.
fn new_value(tree: &Tree, described: &Described, content: &Content) -> Result<Value, StatusCode> {
    let value = leaf_value(tree, described, content)?;
    if value.is_none() && !described.format.admits(b"") {
        return Err(StatusCode::UNSUPPORTED_FORMAT);
    }
    Ok(value.unwrap_or_default())
}

fn acl(
    edit: &mut Edit<'_>,
    by: Authority<'_>,
    uri: &Uri,
    content: &Content,
    now: Now,
) -> Result<(), StatusCode> {
    let view = edit.view();
    let found = view.node(uri).ok_or(StatusCode::NOT_FOUND)?;
    if !may_replace_acl(&view, by, &found) {
        return Err(StatusCode::PERMISSION_DENIED);
    }
    let text = property_text(content)?;
    if text.len() > MAX_ACL {
        return Err(StatusCode::TOO_LARGE);
    }
    let list = Acl::parse(text)?;
    // The root always has a list (OMA-TS-DM_TND 7.7.1.1).
    if uri.is_root() && list.is_inherited() {
        return Err(StatusCode::NOT_ALLOWED);
    }
    let mut node = found.to_node();
    node.acl = list;
    touch(&mut node, found.is_live(), now);
    edit.put(uri, node, None)
}

/// A leaf's own ACL does not govern its `ACL` property, an interior node's does
/// (OMA-TS-DM_TND 7.7.1.3).
fn may_replace_acl(view: &View<'_>, by: Authority<'_>, node: &NodeRef<'_>) -> bool {
    let on_parent = node
        .uri()
        .parent()
        .is_some_and(|parent| view.permits(by, Right::Replace, &parent));
    on_parent || (node.is_interior() && view.permits(by, Right::Replace, node.uri()))
}

fn title(
    edit: &mut Edit<'_>,
    by: Authority<'_>,
    uri: &Uri,
    content: &Content,
    now: Now,
) -> Result<(), StatusCode> {
    let view = edit.view();
    let found = view.node(uri).ok_or(StatusCode::NOT_FOUND)?;
    permit(&view, by, Right::Replace, uri)?;
    let text = property_text(content)?;
    if text.len() > MAX_TITLE {
        return Err(StatusCode::TOO_LARGE);
    }
    let mut node = found.to_node();
    node.title = (!text.is_empty()).then(|| Arc::from(text));
    touch(&mut node, found.is_live(), now);
    edit.put(uri, node, None)
}

fn rename(
    edit: &mut Edit<'_>,
    by: Authority<'_>,
    uri: &Uri,
    content: &Content,
    now: Now,
) -> Result<(), StatusCode> {
    let view = edit.view();
    let found = view.node(uri).ok_or(StatusCode::NOT_FOUND)?;
    let (false, false, Some(parent)) = (found.is_permanent(), found.is_live(), uri.parent()) else {
        return Err(StatusCode::NOT_ALLOWED);
    };
    permit(&view, by, Right::Replace, uri)?;
    let name = property_text(content)?;
    let to = parent
        .join(name)
        .map_err(|_| StatusCode::UNSUPPORTED_FORMAT)?;
    edit.may_change()?;
    let subtree = view.stored_subtree(uri);
    let count = subtree.len();
    let moved = moved(&view, subtree, uri, &to);
    edit.overlay.strain(count);
    let moved = moved?;
    if to == *uri {
        return Ok(());
    }
    if edit.view().node(&to).is_some() {
        return Err(StatusCode::ALREADY_EXISTS);
    }
    edit.validate(&Change::Rename { from: uri, to: &to })?;
    let savepoint = edit.overlay.savepoint();
    edit.overlay.remove_subtree(edit.tree, uri);
    for (at, mut node) in moved {
        if at == to {
            touch(&mut node, false, now);
        }
        edit.overlay.put(edit.tree, at, node);
    }
    // A longer name makes every address below it longer.
    edit.fit_or_undo(savepoint)
}

/// The subtree as it will be below its new name.
fn moved(
    view: &View<'_>,
    subtree: Vec<NodeRef<'_>>,
    from: &Uri,
    to: &Uri,
) -> Result<Vec<(Uri, crate::node::Node)>, StatusCode> {
    let schema = view.tree().schema();
    let same = |node: &NodeRef<'_>, at: &Uri| {
        let described = schema.find(at, Some(node.format()));
        described.is_some_and(|described| std::ptr::eq(described, node.described()))
    };
    let mut nodes = Vec::new();
    for node in subtree {
        let at = node
            .uri()
            .rebase(from, to)
            .ok_or(StatusCode::COMMAND_FAILED)?;
        at.check(&view.tree().limits().uri)?;
        if !same(&node, &at) {
            // The name belongs to another description.
            return Err(StatusCode::NOT_ALLOWED);
        }
        nodes.push((at, node.to_node()));
    }
    Ok(nodes)
}

/// A property's value is text, whatever its `Meta` leaves out.
fn property_text(content: &Content) -> Result<&str, StatusCode> {
    match (content.format, &content.value) {
        (None | Some(Format::Chr), Some(value)) => {
            value.as_text().ok_or(StatusCode::UNSUPPORTED_FORMAT)
        }
        (None | Some(Format::Chr), None) => Ok(""),
        (Some(_), _) => Err(StatusCode::UNSUPPORTED_FORMAT),
    }
}
