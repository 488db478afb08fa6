//! The types and parameters of the interface `io.omadm.Agent`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::account::{AccountState, NewAccount};
use super::line::{Line, Notifications};

/// No parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Declares the types of the interface: `?type` becomes an `Option` that is left out when empty.
///
/// What is asked is read strictly: a request that misses a field or has one too many is refused.
/// What is answered is read leniently, so that a client stands a daemon of another version.
macro_rules! wire_types {
    (strict $($types:tt)*) => { wire_types!(@ #[serde(deny_unknown_fields)] $($types)*); };
    (lenient $($types:tt)*) => { wire_types!(@ #[serde(default)] $($types)*); };
    (@ #[$reading:meta] $($(#[$doc:meta])* struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[$reading]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        })*
    };
}

wire_types! { lenient
    /// The daemon as a whole.
    struct Status {
        /// The version of the program.
        version: String,
        /// Its process.
        pid: i64,
        /// The device's identity, `./DevInfo/DevId`.
        device_id: String,
        /// When it started.
        #[serde(skip_serializing_if = "Option::is_none")]
        started: Option<String>,
        /// How long it has run.
        uptime_seconds: f64,
        /// Where it keeps its state.
        state_directory: String,
        /// Each account.
        accounts: Vec<AccountState>,
        /// The session that runs.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<SessionState>,
        /// The session that ended last.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_session: Option<SessionState>,
        /// The lines that the device waits on.
        lines: Vec<Line>,
        /// What has come of notifications since the start.
        notifications: Notifications,
        /// Generic Alerts that wait for a session.
        pending_alerts: i64,
        /// How many KPIs the program knows.
        kpis: i64,
    }

    /// A session that runs or has ended.
    struct SessionState {
        /// The account's name.
        account: String,
        /// `ServerID`.
        server_id: String,
        /// `SessionID`.
        session_id: String,
        /// Why the session started: the most urgent cause.
        cause: String,
        /// Every cause that it stands for, the most urgent first.
        causes: Vec<String>,
        /// When it started.
        #[serde(skip_serializing_if = "Option::is_none")]
        started: Option<String>,
        /// How long it ran.
        seconds: f64,
        /// Messages to the server.
        messages_sent: i64,
        /// Messages from the server.
        messages_received: i64,
        /// Octets of the messages to the server.
        bytes_sent: i64,
        /// Octets of the messages from the server.
        bytes_received: i64,
        /// Commands of the server that were handled.
        commands: i64,
        /// How it ended; absent while it runs.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<String>,
        /// What to know about the result.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// Who refused what of whom, also what both ends got over.
        refusals: Vec<Refusal>,
    }

    /// A refusal in a session.
    struct Refusal {
        /// Who refused: `device` or `server`.
        by: String,
        /// What was refused: `server-id`, `url`, `credential`, `nonce` or `proof`.
        what: String,
        /// What happened.
        text: String,
        /// What mends it.
        mend: String,
        /// Whether both ends got over it in the session.
        overcome: bool,
    }

    /// A node with the properties it has.
    struct Node {
        /// `./A/B`.
        uri: String,
        /// `Format`.
        format: String,
        /// `Type`.
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        type_: Option<String>,
        /// `ACL`.
        #[serde(skip_serializing_if = "Option::is_none")]
        acl: Option<String>,
        /// `Title`.
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// `TStamp`.
        #[serde(skip_serializing_if = "Option::is_none")]
        tstamp: Option<String>,
        /// `VerNo`.
        #[serde(skip_serializing_if = "Option::is_none")]
        verno: Option<i64>,
        /// `Size`.
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<i64>,
        /// The value is read from the machine when it is asked for.
        live: bool,
        /// The access types of the DDF.
        access: Vec<String>,
        /// A value that is text.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// A value that is not text.
        #[serde(skip_serializing_if = "Option::is_none")]
        value_base64: Option<String>,
        /// Why there is no value.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<i64>,
        /// The names of an interior node's children.
        #[serde(skip_serializing_if = "Option::is_none")]
        children: Option<Vec<String>>,
    }

    /// One message of a session with its secrets masked.
    struct TraceEntry {
        /// Which way it went.
        direction: Direction,
        /// When.
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<String>,
        /// The number of the package it belongs to.
        package: i64,
        /// How it was encoded.
        media_type: String,
        /// Its octets.
        bytes: i64,
        /// It as XML.
        xml: String,
    }

    /// One KPI as it was read, or why it was not.
    struct KpiSample {
        /// The KPI.
        id: String,
        /// Which link, file system or processor, where there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
        /// The group.
        group: String,
        /// The unit.
        unit: String,
        /// Gauge, counter …
        kind: String,
        /// The privacy class.
        privacy: String,
        /// A number.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
        /// A text.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Why there is no value, or only an old one.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// How old the value is, when its source does not answer any more.
        #[serde(skip_serializing_if = "Option::is_none")]
        age_seconds: Option<f64>,
    }

    /// Something the agent can do, and what it takes.
    struct Feature {
        /// What it is.
        name: String,
        /// Whether it can be done here.
        state: FeatureState,
        /// What was found.
        detail: String,
        /// What to do about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        mend: Option<String>,
    }

    /// Reply of `CheckRights`.
    struct CheckRightsReply {
        /// In the order of the listing.
        features: Vec<Feature>,
    }

    /// Reply of `GetStatus`.
    struct GetStatusReply {
        /// The daemon as a whole.
        status: Status,
    }

    /// Reply of `RunSession`: one of the two.
    struct RunSessionReply {
        /// A message, in a reply that continues.
        #[serde(skip_serializing_if = "Option::is_none")]
        entry: Option<TraceEntry>,
        /// The session, in the last reply.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<SessionState>,
    }

    /// Reply of `ListTree`.
    struct ListTreeReply {
        /// Parents before children.
        nodes: Vec<Node>,
    }

    /// Reply of `GetNode`.
    struct GetNodeReply {
        /// The node.
        node: Node,
    }

    /// Reply of `ReadKpis`.
    struct ReadKpisReply {
        /// What was read and what was not.
        samples: Vec<KpiSample>,
    }

    /// Reply of `ListAccounts`.
    struct ListAccountsReply {
        /// Each account.
        accounts: Vec<AccountState>,
    }
}

wire_types! { strict
    /// Parameters of `RunSession`.
    struct RunSession {
        /// The account; may be left out when there is one only.
        #[serde(skip_serializing_if = "Option::is_none")]
        account: Option<String>,
        /// Stream every message; takes a call with `more`.
        #[serde(skip_serializing_if = "Option::is_none")]
        trace: Option<bool>,
    }

    /// Parameters of `ListTree`.
    struct ListTree {
        /// The root of the subtree, `.` when it is left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        uri: Option<String>,
    }

    /// Parameters of `GetNode`.
    struct GetNode {
        /// The node.
        uri: String,
    }

    /// Parameters of `SetNode`.
    struct SetNode {
        /// The node.
        uri: String,
        /// Its value as text.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// Its value when it is not text.
        #[serde(skip_serializing_if = "Option::is_none")]
        value_base64: Option<String>,
        /// `Format`; the DDF's when it is left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        format: Option<String>,
        /// `Type`; the DDF's when it is left out.
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        type_: Option<String>,
    }

    /// Parameters of `DeleteNode`.
    struct DeleteNode {
        /// The root of the subtree.
        uri: String,
    }

    /// Parameters of `ReadKpis`.
    struct ReadKpis {
        /// Ids, or their beginnings followed by `*`; empty means all.
        patterns: Vec<String>,
    }

    /// Parameters of `RemoveAccount`.
    struct RemoveAccount {
        /// The account.
        name: String,
    }

    /// Parameters of `GetStatus`.
    struct GetStatus {}

    /// Parameters of `ListAccounts`.
    struct ListAccounts {}

    /// Parameters of `CheckRights`.
    struct CheckRights {}

    /// Parameters of `Reload`.
    struct Reload {}

    /// Parameters of `AddAccount`.
    struct AddAccount {
        /// What the account is made from.
        account: NewAccount,
    }
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the server.
    #[default]
    Sent,
    /// From the server.
    Received,
}

/// Whether something can be done here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureState {
    /// Yes.
    Ok,
    /// A right, a file or a device is missing that should be there.
    Missing,
    /// This machine has no such thing.
    Absent,
    /// This version has no use for it.
    Unused,
    /// It could not be looked at from here.
    #[default]
    Unseen,
}

impl FeatureState {
    /// The word of the interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Absent => "absent",
            Self::Unused => "unused",
            Self::Unseen => "unseen",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            by,
            what,
            text,
            mend,
            ..
        } = self;
        write!(f, "{by} refuses {what}: {text}; to mend it: {mend}")
    }
}
