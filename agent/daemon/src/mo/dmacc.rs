//! The accounts: `./DMAcc/<X>`, one for each server (OMA-TS-DM_StdObj 5.3.1).
//!
//! A server may read, replace and delete its own account and nobody else's; what decides whom
//! the device trusts ([`AccountPolicy`]) is local and never in the tree.

mod change;
mod make;
mod obex;
mod policy;
mod read;
mod texts;

use std::fmt;

use omadm_bindings::HttpAuthScheme;
use omadm_dm::ddf::DdfError;
use omadm_dm::{Change, Ddf, ManagementObject, Node, View};
use omadm_syncml::{AuthScheme, StatusCode, Uri, UriError};

pub use change::set;
pub use make::{add, concerns, deleted, remove};
pub use policy::{AccountPolicy, AccountProxy, CertificateFiles, Encoding, Rule};
pub use read::{Configured, accounts};

/// `AppID` of an account for device management.
const APP_ID: &str = "w7";

/// The levels of `AAuthLevel`: who proves itself to whom.
const CLIENT: &str = "CLCRED";
const SERVER: &str = "SRVCRED";
const HTTP: &str = "HTTP";
const OBEX: &str = "OBEX";

/// `AAuthType` of a credential that the transport itself asks for (OMA-TS-DM_StdObj 5.3.1).
const TRANSPORT: &str = "TRANSPORT";

/// `AAuthType` of a credential that HTTP asks for (OMA-TS-DM_StdObj 5.3.1).
const fn aauth_type(scheme: HttpAuthScheme) -> &'static str {
    match scheme {
        HttpAuthScheme::Basic => "HTTP-BASIC",
        HttpAuthScheme::Digest => "HTTP-DIGEST",
    }
}

fn http_scheme(aauth_type_: &str) -> Option<HttpAuthScheme> {
    [HttpAuthScheme::Basic, HttpAuthScheme::Digest]
        .into_iter()
        .find(|scheme| aauth_type(*scheme).eq_ignore_ascii_case(aauth_type_.trim()))
}

/// The root of all accounts.
fn root() -> Result<Uri, UriError> {
    Uri::root().join("DMAcc")
}

/// What is wrong with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountError {
    /// There is none of this name.
    NotFound(String),
    /// There is one of this name or for this server.
    Exists(String),
    /// It cannot be used as it is.
    Invalid {
        /// The name of the account.
        name: String,
        /// What is wrong and what mends it.
        reason: String,
    },
}

impl AccountError {
    fn invalid(name: &str, reason: impl fmt::Display) -> Self {
        Self::Invalid {
            name: name.to_owned(),
            reason: reason.to_string(),
        }
    }
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(name) => write!(f, "there is no account {name:?}"),
            Self::Exists(what) => f.write_str(what),
            Self::Invalid { name, reason } => write!(f, "account {name:?}: {reason}"),
        }
    }
}

impl std::error::Error for AccountError {}

/// The management object. Its nodes are all stored; it only says no to values without sense.
pub(super) struct DmAcc(Ddf);

impl DmAcc {
    pub(super) fn new() -> Result<Self, DdfError> {
        super::ddf("dmacc").map(Self)
    }
}

impl ManagementObject for DmAcc {
    fn ddf(&self) -> &Ddf {
        &self.0
    }

    fn validate(&self, change: &Change<'_>, tree: &View<'_>) -> Result<(), StatusCode> {
        match change {
            Change::Delete { uri } if is_last_address(uri, tree) => Err(StatusCode::NOT_ALLOWED),
            // the local policy belongs to the account by its name
            Change::Rename { from, .. } if from.depth() == 2 => Err(StatusCode::NOT_ALLOWED),
            Change::Add { uri, node } | Change::Replace { uri, node } => valid(uri, node),
            Change::Rename { .. } | Change::Delete { .. } => Ok(()),
        }
    }
}

/// Whether the account would have no address left: nobody but its owner, at the device, could
/// mend that.
fn is_last_address(uri: &Uri, tree: &View<'_>) -> bool {
    let names: Vec<&str> = uri.segments().skip(2).collect();
    let siblings = || tree.node(&uri.parent()?)?.children().ok();
    matches!(names.as_slice(), ["AppAddr", _]) && siblings().is_some_and(|names| names.len() < 2)
}

fn valid(uri: &Uri, node: &Node) -> Result<(), StatusCode> {
    let names: Vec<&str> = uri.segments().skip(2).collect();
    let text = node.value.as_text().unwrap_or_default();
    let good = match names.as_slice() {
        ["AppAuth", _, "AAuthType"] | ["AAuthPref"] => {
            text.is_empty()
                || AuthScheme::from_aauth_type(text).is_some()
                || http_scheme(text).is_some()
                || text == TRANSPORT
        }
        ["AppAuth", _, "AAuthLevel"] => matches!(text, CLIENT | SERVER | HTTP | OBEX),
        ["AppAuth", _, "AAuthSecret"] | ["AppAddr", _, "Addr"] => !node.value.is_empty(),
        ["AppAddr", _, "AddrType"] => matches!(text, "" | "URI" | "IPv4" | "IPv6"),
        ["AppAddr", _, "Port", _, "PortNbr"] => text.parse::<u16>().is_ok_and(|port| port != 0),
        _ => true,
    };
    if good {
        Ok(())
    } else {
        Err(StatusCode::UNSUPPORTED_FORMAT)
    }
}

#[cfg(test)]
mod tests;
