//! Exec (OMA-TS-DM_RepPro 6.6.8).

use super::{Authority, Content, find, permit};
use crate::acl::Right;
use crate::ddf::AccessType;
use crate::mo::{Exec, ExecCall};
use crate::view::View;
use omadm_syncml::{Address, StatusCode};

/// Lets the management object of a node do what Exec means there.
pub fn exec(
    view: &View<'_>,
    by: Authority<'_>,
    address: &Address,
    content: &Content,
    correlator: Option<&str>,
) -> Result<Exec, StatusCode> {
    let uri = &address.uri;
    let found = find(view, uri, AccessType::EXEC)?;
    if address.query.is_some() {
        return Err(StatusCode::NOT_ALLOWED);
    }
    permit(view, by, Right::Exec, uri)?;
    let object = found.object().ok_or(StatusCode::NOT_SUPPORTED)?;
    let call = ExecCall {
        uri,
        content,
        correlator,
        by,
    };
    object.exec(&call, view)
}
