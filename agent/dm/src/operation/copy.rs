//! Copy (OMA-TS-DM_RepPro 6.6.5).

use super::{Authority, Content, Edit, add, find, permit, replace};
use crate::acl::Right;
use crate::ddf::AccessType;
use crate::view::NodeRef;
use omadm_syncml::{Address, Now, StatusCode};

/// Copies the value of a leaf to another leaf, which is added if it does not exist.
pub fn copy(
    edit: &mut Edit<'_>,
    by: Authority<'_>,
    source: &Address,
    target: &Address,
    now: Now,
) -> Result<(), StatusCode> {
    if source.query.is_some() || target.query.is_some() {
        return Err(StatusCode::NOT_ALLOWED);
    }
    let view = edit.view();
    // No right of its own guards Copy: it reads the one and writes the other.
    let from = find(&view, &source.uri, AccessType::GET)?;
    permit(&view, by, Right::Get, &source.uri)?;
    let existing = view.node(&target.uri);
    if from.is_interior() || existing.as_ref().is_some_and(NodeRef::is_interior) {
        return Err(StatusCode::FORBIDDEN);
    }
    let content = Content {
        format: Some(from.format()),
        type_: Some(from.type_().clone()),
        value: Some(from.value()?),
    };
    let done = match existing {
        Some(_) => replace(edit, by, target, &content, now),
        None => add(edit, by, target, &content, now),
    };
    done.map_err(|status| match status {
        // Copy does not list these: what cannot be copied there is forbidden.
        StatusCode::UNSUPPORTED_FORMAT | StatusCode::TOO_LARGE => StatusCode::FORBIDDEN,
        other => other,
    })
}
