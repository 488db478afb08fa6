//! Delete (OMA-TS-DM_RepPro 6.6.6).

use super::{Authority, Edit, find, permit};
use crate::acl::Right;
use crate::ddf::AccessType;
use crate::mo::Change;
use omadm_syncml::{Address, StatusCode};

/// Deletes a node with all below it. Rights and access types count for the node itself alone.
pub fn delete(edit: &mut Edit<'_>, by: Authority<'_>, address: &Address) -> Result<(), StatusCode> {
    let uri = &address.uri;
    let view = edit.view();
    let found = find(&view, uri, AccessType::DELETE)?;
    if address.query.is_some() || found.is_permanent() || found.is_live() {
        return Err(StatusCode::NOT_ALLOWED);
    }
    permit(&view, by, Right::Delete, uri)?;
    edit.may_change()?;
    edit.validate(&Change::Delete { uri })?;
    edit.overlay.remove_subtree(edit.tree, uri);
    Ok(())
}
