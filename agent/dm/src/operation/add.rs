//! Add (OMA-TS-DM_RepPro 6.6.1).

use super::{
    Authority, Content, Edit, is_text_plain, kept_type, leaf_value, permit, type_admitted,
};
use crate::acl::{Acl, Right};
use crate::ddf::AccessType;
use crate::mo::Change;
use crate::node::Node;
use crate::schema::Described;
use crate::tree::Tree;
use crate::view::{NodeRef, View};
use omadm_syncml::{Address, Format, Now, StatusCode, Uri, Value};

/// Adds a node, and the interior nodes above it that are missing.
///
/// The children that its description gives a default value are added with it.
pub fn add(
    edit: &mut Edit<'_>,
    by: Authority<'_>,
    address: &Address,
    content: &Content,
    now: Now,
) -> Result<(), StatusCode> {
    if address.query.is_some() {
        // Properties cannot be created (OMA-TS-DM_TND 7.3).
        return Err(StatusCode::NOT_ALLOWED);
    }
    let plan = Plan::new(edit.tree, &edit.view(), by, &address.uri, content.format)?;
    let node = plan.node(edit, content, now)?;
    let savepoint = edit.overlay.savepoint();
    let done = plan.carry_out(edit, node, now);
    if done.is_err() {
        edit.overlay.rollback_to(savepoint);
    }
    done
}

/// What has to be added, from the top down.
struct Plan<'a> {
    described: &'a Described,
    uri: &'a Uri,
    /// The missing interior nodes above.
    above: Vec<Uri>,
    /// The ACL of the first new interior node.
    creator: Acl,
}

impl<'a> Plan<'a> {
    fn new(
        tree: &'a Tree,
        view: &View<'_>,
        by: Authority<'_>,
        uri: &'a Uri,
        format: Option<Format>,
    ) -> Result<Self, StatusCode> {
        if view.node(uri).is_some() {
            return Err(StatusCode::ALREADY_EXISTS);
        }
        let (parent, above) = nearest(view, uri)?;
        let described = addable(tree, uri, format)?;
        let mut first = described;
        for missing in above.iter().rev() {
            first = addable(tree, missing, Some(Format::Node))?;
            if !first.is_interior() {
                return Err(StatusCode::NOT_ALLOWED);
            }
        }
        there_is_room(&parent, first)?;
        permit(view, by, Right::Add, parent.uri())?;
        let creator = match by {
            Authority::Server(server) if !view.permits(by, Right::Replace, parent.uri()) => {
                Acl::for_creator(server)
            }
            _ => Acl::INHERITED,
        };
        Ok(Self {
            described,
            uri,
            above,
            creator,
        })
    }

    /// The node itself, once its content is checked.
    fn node(&self, edit: &Edit<'_>, content: &Content, now: Now) -> Result<Node, StatusCode> {
        let described = self.described;
        let mut node = if described.is_interior() {
            check_interior(described, content)?;
            Node::interior()
        } else {
            // Without Data a leaf gets its default or stays empty, whatever its format.
            let value = leaf_value(edit.tree, described, content)?;
            let value = value.or_else(|| described.initial.clone());
            Node::leaf(described.format, value.unwrap_or_default())
        };
        node.type_ = kept_type(described, content);
        node.tstamp = now.wall;
        Ok(node)
    }

    fn carry_out(&self, edit: &mut Edit<'_>, mut node: Node, now: Now) -> Result<(), StatusCode> {
        let mut creator = self.creator.clone();
        for uri in &self.above {
            let mut missing = Node::interior();
            missing.tstamp = now.wall;
            missing.acl = std::mem::take(&mut creator);
            put(edit, uri, missing, now)?;
        }
        if node.is_interior() {
            node.acl = creator;
        }
        put(edit, self.uri, node, now)
    }
}

/// The nearest ancestor that exists, which must be interior, and those below it that do not,
/// from the top down.
fn nearest<'a>(view: &View<'a>, uri: &Uri) -> Result<(NodeRef<'a>, Vec<Uri>), StatusCode> {
    let mut missing = Vec::new();
    let mut ancestor = uri.parent();
    while let Some(at) = ancestor {
        match view.node(&at) {
            Some(parent) if parent.is_interior() => {
                missing.reverse();
                return Ok((parent, missing));
            }
            Some(_) => return Err(StatusCode::NOT_ALLOWED),
            None => ancestor = at.parent(),
        }
        missing.push(at);
    }
    Err(StatusCode::NOT_FOUND)
}

/// An interior node has no data; its type is an identifier of a management object, but
/// servers send `text/plain` as well.
fn check_interior(described: &Described, content: &Content) -> Result<(), StatusCode> {
    let node_format = matches!(content.format, None | Some(Format::Node));
    let empty = content.value.as_ref().is_none_or(Value::is_empty);
    let plain = content.type_.as_deref().is_some_and(is_text_plain);
    if node_format && empty && (plain || type_admitted(described, content)) {
        Ok(())
    } else {
        Err(StatusCode::UNSUPPORTED_FORMAT)
    }
}

/// Enters one node with the children that come with it.
fn put(edit: &mut Edit<'_>, uri: &Uri, node: Node, now: Now) -> Result<(), StatusCode> {
    let checked = node.clone();
    edit.put(
        uri,
        node,
        Some(Change::Add {
            uri,
            node: &checked,
        }),
    )?;
    let tree = edit.tree;
    if let Some(described) = tree.schema().find(uri, Some(checked.format)) {
        for (below, child) in with_it(edit, uri, described) {
            // An interior node that was missing above may be this very child.
            if edit.view().node(&below).is_none() {
                let mut node = Node::leaf(child.format, child.initial.clone().unwrap_or_default());
                node.acl = child.acl.clone();
                node.tstamp = now.wall;
                edit.put(&below, node, None)?;
            }
        }
    }
    Ok(())
}

/// The nodes that are added together with the one at `uri`: built-in ones, and mandatory ones
/// that have a default value or contain such a one.
fn with_it<'a>(edit: &Edit<'a>, uri: &Uri, described: &'a Described) -> Vec<(Uri, &'a Described)> {
    let schema = edit.tree.schema();
    let mut found = Vec::new();
    for child in schema.children(described) {
        let Some(below) = child.name.as_deref().and_then(|name| uri.join(name).ok()) else {
            continue;
        };
        if child.live || !child.occurrence.is_mandatory() {
            continue;
        }
        let deeper = with_it(edit, &below, child);
        if child.permanent || child.initial.is_some() || !deeper.is_empty() {
            found.push((below, child));
            found.extend(deeper);
        }
    }
    found
}

fn addable<'a>(
    tree: &'a Tree,
    uri: &Uri,
    format: Option<Format>,
) -> Result<&'a Described, StatusCode> {
    let described = tree
        .schema()
        .find(uri, format)
        .ok_or(StatusCode::NOT_ALLOWED)?;
    if described.permanent || described.live || !described.access.allows(AccessType::ADD) {
        return Err(StatusCode::NOT_ALLOWED);
    }
    Ok(described)
}

/// Whether `described` admits one more node below `parent`.
fn there_is_room(parent: &NodeRef<'_>, described: &Described) -> Result<(), StatusCode> {
    let (Some(most), None) = (described.occurrence.most(), &described.name) else {
        // A name is there once at most by itself.
        return Ok(());
    };
    let count = parent.count_children(described);
    if u32::try_from(count).is_ok_and(|count| count < most) {
        Ok(())
    } else {
        Err(StatusCode::NOT_ALLOWED)
    }
}
