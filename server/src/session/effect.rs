//! What a message changes outside its session.

use super::Refusal;
use omadm_syncml::StatusCode;
use serde::{Deserialize, Serialize};

/// A value that a device has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceivedValue {
    /// Character data.
    Text(String),
    /// Octets.
    Octets(Vec<u8>),
}

/// An alert that a device has sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceivedAlert {
    /// The alert code: 1224 or 1226.
    pub code: u16,
    /// `Meta/Type`.
    pub type_: Option<String>,
    /// `Meta/Format`.
    pub format: Option<String>,
    /// `Meta/Mark`.
    pub mark: Option<String>,
    /// The `Correlator` of the `Exec` it answers.
    pub correlator: Option<String>,
    /// The node it concerns.
    pub source: Option<String>,
    /// Its data.
    pub value: Option<ReceivedValue>,
}

/// Where a command stands in its job: `2` is the third command, `2.0` its first member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandPath(pub String);

/// What a message changes outside its session; applied in order, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The device has proven itself: older sessions of it are over.
    Authenticated,
    /// The device has not proven itself.
    AuthenticationFailed {
        /// What was wrong.
        refusal: Refusal,
        /// Whether it cannot just be that it lacked a fresh nonce.
        counts: bool,
    },
    /// The nonce that the device must use next.
    ClientNonce(Vec<u8>),
    /// The nonce that the server must use next.
    ServerNonce(Vec<u8>),
    /// A leaf of the device's DevInfo.
    DevInfo {
        /// Its name below `./DevInfo/`.
        name: String,
        /// Its value.
        value: String,
    },
    /// An alert of the device.
    Alert(ReceivedAlert),
    /// Commands of a job have been sent.
    Sent {
        /// The job.
        job: i64,
        /// How many of its commands have been sent by now.
        commands: u32,
    },
    /// A job returns to the queue.
    Returned {
        /// The job.
        job: i64,
        /// How many of its commands may have been carried out.
        sent: u32,
        /// Whether the session broke; a job that breaks every session is given up.
        broken: bool,
        /// Why.
        reason: String,
    },
    /// A command was answered, or ended without an answer.
    Answered {
        /// The job.
        job: i64,
        /// The command.
        path: CommandPath,
        /// Its name.
        name: String,
        /// The node, or the item, that the Status is about.
        uri: String,
        /// The code; `None` when no Status came.
        status: Option<StatusCode>,
        /// What there is to say about it.
        note: Option<String>,
    },
    /// A value that was asked for.
    Result {
        /// The job.
        job: i64,
        /// The command.
        path: CommandPath,
        /// The node.
        uri: String,
        /// `Format`, if it was given.
        format: Option<String>,
        /// `Type`, if it was given.
        type_: Option<String>,
        /// The value.
        value: ReceivedValue,
    },
    /// Commands of a job are over.
    Concluded {
        /// The job.
        job: i64,
        /// How many of them by now.
        commands: u32,
        /// What failed, if something did.
        failure: Option<String>,
    },
    /// A job is over.
    Finished {
        /// The job.
        job: i64,
        /// Whether all of it was carried out.
        done: bool,
        /// What failed, if it did.
        detail: Option<String>,
    },
    /// Something for the audit.
    Note(String),
}

impl Effect {
    /// The job that it is about.
    pub(super) const fn job(&self) -> Option<i64> {
        match self {
            Self::Sent { job, .. }
            | Self::Returned { job, .. }
            | Self::Answered { job, .. }
            | Self::Result { job, .. }
            | Self::Concluded { job, .. }
            | Self::Finished { job, .. } => Some(*job),
            _ => None,
        }
    }
}
