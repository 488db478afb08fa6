//! What the store keeps, as the event loop sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use omadm_dm::session::ExecKey;
use omadm_dm::{Node, NodeWrite};
use omadm_syncml::{AlertId, GenericAlert, Uri, Wall};

/// Everything that was stored when the agent started.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Single facts by their key.
    pub meta: BTreeMap<String, String>,
    /// The stored nodes in the order of their addresses.
    pub nodes: Vec<(Uri, Node)>,
    /// Each account's local policy, as JSON, by the account's name.
    pub policies: BTreeMap<String, String>,
    /// How each account's sessions have gone, by the account's name.
    pub records: BTreeMap<String, AccountRecord>,
    /// The alerts that wait, oldest first.
    pub alerts: Vec<GenericAlert>,
    /// The last `Exec`s of each server.
    pub execs: Vec<ExecKey>,
    /// The last notifications that were followed, oldest first, with the account's name.
    pub notified: Vec<(String, Notified)>,
}

/// How the sessions of an account have gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountRecord {
    /// Failures since the last success.
    pub failures: u32,
    /// How the last session ended, in words.
    pub result: Option<String>,
    /// When the last session ended.
    pub ended: Option<Wall>,
    /// When the last successful session ended.
    pub succeeded: Option<Wall>,
    /// What there was to know about the result.
    pub detail: Option<String>,
    /// What the interval counts from: the last success, or when the account was first seen.
    pub anchor: Option<Anchor>,
    /// Before this time the server, or prudence, wants no session that nobody asks for.
    pub not_before: Option<Wall>,
    /// Sessions in a row that the daemon did not survive.
    pub crashes: u32,
    /// When a notification was followed last that was made with the nonce to resynchronise with.
    pub resync: Option<Anchor>,
}

/// A moment in the life of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// By the wall clock, if it could be trusted.
    pub wall: Option<Wall>,
    /// By the power-on time over all boots.
    pub power_on: Duration,
}

/// A notification that was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notified {
    /// Its digest.
    pub digest: [u8; 16],
    /// The session that it asked for.
    pub session_id: u16,
}

/// An `Exec` that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRow {
    /// Who asked, and the correlator.
    pub key: ExecKey,
    /// The node that was executed.
    pub uri: Uri,
    /// When.
    pub taken: Option<Wall>,
}

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub time: Option<Wall>,
    /// A server or `local`.
    pub who: String,
    /// What, without any secret.
    pub what: String,
}

/// One change to what is stored. Changes are committed together or not at all.
#[derive(Debug, Clone)]
pub enum Change {
    /// A node is written or a subtree removed.
    Node(NodeWrite),
    /// A single fact.
    Meta {
        /// Its key.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// An account's local policy.
    Policy {
        /// The account.
        account: String,
        /// The policy as JSON.
        policy: String,
    },
    /// An account is gone, with its policy, its record and the notifications of its server, which
    /// may begin to count anew. What is stored of its secrets is
    /// overwritten, in the journal too.
    Forget {
        /// The account.
        account: String,
    },
    /// How an account's sessions have gone.
    Record {
        /// The account.
        account: String,
        /// The record.
        record: AccountRecord,
    },
    /// A notification is followed.
    Notified {
        /// The account.
        account: String,
        /// What it is known by.
        notified: Notified,
    },
    /// An alert waits.
    Alert(GenericAlert),
    /// An alert was answered.
    Acknowledged(AlertId),
    /// An `Exec` was taken.
    Exec(ExecRow),
    /// Something for the audit, of which only the last `keep` entries stay.
    Audit {
        /// The entry.
        entry: AuditEntry,
        /// How many are kept.
        keep: u32,
    },
}
