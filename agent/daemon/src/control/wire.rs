//! The types of the Varlink interface `io.omadm.Agent` and of the Varlink envelope.
//!
//! `varlink/io.omadm.Agent.varlink` is the contract; this module is its serde form and holds
//! no behaviour beyond telling the errors apart.

#[macro_use]
mod types;
mod account;
mod line;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use self::account::{AccountSettings, AccountState, Connection, NewAccount, SetAccount};
pub use self::line::{Count, Line, Notifications, Notify, NotifyReply};
pub use self::types::*;

/// The interface file, as it is shipped and as `GetInterfaceDescription` answers it.
pub const DESCRIPTION: &str = include_str!("../../varlink/io.omadm.Agent.varlink");

/// The name of the interface.
pub const INTERFACE: &str = "io.omadm.Agent";

/// The longest message either side accepts, in octets without the terminating NUL.
///
/// A whole tree in one reply fits with room to spare; a request is held to [`MAX_REQUEST`].
pub const MAX_REPLY: usize = 16 * 1024 * 1024;

/// The longest request the daemon accepts, in octets without the terminating NUL.
pub const MAX_REQUEST: usize = 256 * 1024;

/// A method of the interface: the parameters, and the type of what is answered.
pub trait Method: Serialize + DeserializeOwned {
    /// The qualified name.
    const NAME: &'static str;
    /// The parameters of the reply.
    type Reply: Serialize + DeserializeOwned;
}

macro_rules! methods {
    ($($name:literal: $parameters:ty => $reply:ty;)*) => {
        $(impl Method for $parameters {
            const NAME: &'static str = concat!("io.omadm.Agent.", $name);
            type Reply = $reply;
        })*

        /// The names of all methods of the interface, unqualified.
        pub const METHODS: &[&str] = &[$($name),*];
    };
}

methods! {
    "GetStatus": GetStatus => GetStatusReply;
    "RunSession": RunSession => RunSessionReply;
    "Notify": Notify => NotifyReply;
    "ListTree": ListTree => ListTreeReply;
    "GetNode": GetNode => GetNodeReply;
    "SetNode": SetNode => Empty;
    "DeleteNode": DeleteNode => Empty;
    "ReadKpis": ReadKpis => ReadKpisReply;
    "AddAccount": AddAccount => Empty;
    "SetAccount": SetAccount => Empty;
    "ListAccounts": ListAccounts => ListAccountsReply;
    "RemoveAccount": RemoveAccount => Empty;
    "CheckRights": CheckRights => CheckRightsReply;
    "Reload": Reload => Empty;
}

/// A call as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call<P = Json> {
    /// The qualified name of the method.
    pub method: String,
    /// The parameters; absent for a method that takes none.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub parameters: Option<P>,
    /// The caller wants no reply.
    #[serde(default, skip_serializing_if = "is_false")]
    pub oneway: bool,
    /// The caller takes any number of replies.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
    /// The caller wants to leave Varlink; never granted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub upgrade: bool,
}

/// A reply as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply<P = Json> {
    /// The parameters of the reply or of the error.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub parameters: Option<P>,
    /// More replies to the same call follow.
    #[serde(default, skip_serializing_if = "is_false")]
    pub continues: bool,
    /// The qualified name of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The errors a call can end with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The caller may not do this.
    PermissionDenied(String),
    /// There is no such account or node.
    NotFound(String),
    /// The request makes no sense.
    InvalidRequest(String),
    /// Try again later.
    Busy(String),
    /// A SyncML status with the node it concerns.
    Refused {
        /// The status code.
        status: u16,
        /// The node.
        uri: String,
        /// What to know.
        message: String,
    },
    /// The machine or the peer failed.
    Failed(String),
    /// An error of `org.varlink.service`, or one that this version does not know.
    Varlink {
        /// The qualified name.
        name: String,
        /// Its parameters.
        parameters: Json,
    },
}

impl Error {
    /// The qualified name and the parameters.
    pub fn to_wire(&self) -> (String, Json) {
        let message = |name: &str, message: &str| {
            let parameters = serde_json::json!({ "message": message });
            (format!("{INTERFACE}.{name}"), parameters)
        };
        match self {
            Self::PermissionDenied(text) => message("PermissionDenied", text),
            Self::NotFound(text) => message("NotFound", text),
            Self::InvalidRequest(text) => message("InvalidRequest", text),
            Self::Busy(text) => message("Busy", text),
            Self::Failed(text) => message("Failed", text),
            Self::Refused {
                status,
                uri,
                message,
            } => (
                format!("{INTERFACE}.Refused"),
                serde_json::json!({ "status": status, "uri": uri, "message": message }),
            ),
            Self::Varlink { name, parameters } => (name.clone(), parameters.clone()),
        }
    }

    /// Reads the error of a reply.
    pub fn from_wire(name: &str, parameters: Option<Json>) -> Self {
        let parameters = parameters.unwrap_or_default();
        let text = |key: &str| {
            let value = parameters.get(key).and_then(Json::as_str);
            value.unwrap_or_default().to_owned()
        };
        let status = parameters.get("status").and_then(Json::as_u64);
        let short = name
            .strip_prefix(INTERFACE)
            .and_then(|rest| rest.strip_prefix('.'));
        match short {
            Some("PermissionDenied") => Self::PermissionDenied(text("message")),
            Some("NotFound") => Self::NotFound(text("message")),
            Some("InvalidRequest") => Self::InvalidRequest(text("message")),
            Some("Busy") => Self::Busy(text("message")),
            Some("Failed") => Self::Failed(text("message")),
            Some("Refused") => Self::Refused {
                status: status.and_then(|code| code.try_into().ok()).unwrap_or(0),
                uri: text("uri"),
                message: text("message"),
            },
            _ => Self::Varlink {
                name: name.to_owned(),
                parameters,
            },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PermissionDenied(text)
            | Self::NotFound(text)
            | Self::InvalidRequest(text)
            | Self::Busy(text)
            | Self::Failed(text) => f.write_str(text),
            Self::Refused {
                status,
                uri,
                message,
            } => write!(f, "{uri}: {status} {message}"),
            Self::Varlink { name, parameters } => write!(f, "{name} {parameters}"),
        }
    }
}

impl std::error::Error for Error {}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests;
