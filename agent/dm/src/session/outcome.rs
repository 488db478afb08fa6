//! How a session ended, in words that name what has to be mended.

use super::refusal::Refusal;
use omadm_syncml::{AlertId, StatusCode};
use std::fmt;

/// How a session ended and what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The name of the account.
    pub account: String,
    /// `ServerID` of the account.
    pub server_id: String,
    /// `SessionID`.
    pub session_id: String,
    /// Why it ended.
    pub end: SessionEnd,
    /// Who refused what of whom, in order, with what ended the session; also what both ends got
    /// over.
    pub refusals: Vec<Refusal>,
    /// What is worth knowing besides.
    pub notes: Vec<Note>,
    /// What it did.
    pub counts: Counts,
}

impl Outcome {
    /// Whether a server that has authenticated itself ended the session in the regular way.
    pub fn is_success(&self) -> bool {
        self.end == SessionEnd::Completed && self.refusals.iter().all(Refusal::is_overcome)
    }

    /// The refusals that the end does not tell of.
    pub fn further_refusals(&self) -> impl Iterator<Item = &Refusal> {
        let ending = match &self.end {
            SessionEnd::Refused(refusal) => Some(refusal),
            _ => None,
        };
        self.refusals
            .iter()
            .filter(move |refusal| Some(*refusal) != ending)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "session {} with server \"{}\" (account \"{}\"): {}; {}",
            self.session_id, self.server_id, self.account, self.end, self.counts
        )?;
        self.further_refusals()
            .try_for_each(|refusal| write!(f, "; {refusal}"))?;
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

/// What a session did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Messages handed to the bearer.
    pub messages_sent: u32,
    /// Messages taken from the bearer.
    pub messages_received: u32,
    /// Commands of the server, members of `Atomic` and `Sequence` among them.
    pub commands: u32,
    /// Commands of the server that were answered with an error.
    pub failed: u32,
    /// Alerts that the server has answered.
    pub alerts_acknowledged: u32,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages sent, {} received, {} commands of which {} failed, {} alerts delivered",
            self.messages_sent,
            self.messages_received,
            self.commands,
            self.failed,
            self.alerts_acknowledged
        )
    }
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEnd {
    /// The server had nothing more to ask.
    Completed,
    /// The server sent Alert 1223.
    AbortedByServer,
    /// The device sent Alert 1223.
    Cancelled(Cancel),
    /// One end did not accept the other.
    Refused(Refusal),
    /// The server refused the header of the device's message.
    HeaderRefused(StatusCode),
    /// The server's message could not be read; what was wrong and where.
    Malformed(String),
    /// The server broke a rule without which the session cannot go on.
    Violation(String),
    /// The bearer failed.
    BearerFailed(BearerFailure),
    /// The server did not answer in time.
    NoAnswer,
    /// The session lasted longer than it may.
    TooLong,
    /// The device's own `./DevInfo` is incomplete.
    DevInfoMissing(String),
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::AbortedByServer => f.write_str("aborted by the server (Alert 1223)"),
            Self::Cancelled(cancel) => write!(f, "aborted by the device: {cancel}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::HeaderRefused(code) => write_header_refused(f, *code),
            Self::Malformed(reason) => write!(f, "the server's message is malformed: {reason}"),
            Self::Violation(reason) => write!(f, "the server broke the protocol: {reason}"),
            Self::BearerFailed(failure) => failure.fmt(f),
            Self::NoAnswer => f.write_str("the server did not answer in time"),
            Self::TooLong => f.write_str("the session lasted longer than it may"),
            Self::DevInfoMissing(reason) => write!(f, "./DevInfo cannot be sent: {reason}"),
        }
    }
}

fn write_header_refused(f: &mut fmt::Formatter<'_>, code: StatusCode) -> fmt::Result {
    write!(
        f,
        "the server refused the message with {code} ({})",
        code.phrase()
    )?;
    match code {
        StatusCode::PROTOCOL_NOT_SUPPORTED | StatusCode::DTD_NOT_SUPPORTED => {
            f.write_str(": it does not speak DM/1.2")
        }
        _ => Ok(()),
    }
}

/// Something worth knowing about a session that did not end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The server's digest was made with its `ServerID` instead of its `AAuthName`.
    ServerIdAsName,
    /// A result of a message was not stored.
    NotStored(String),
    /// An alert does not fit in a message that the server accepts; it stays in the queue.
    AlertTooLarge(AlertId),
    /// The server refused an alert for good; it left the queue.
    AlertRefused(AlertId, StatusCode),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerIdAsName => {
                f.write_str("the server signs with its ServerID instead of its AAuthName")
            }
            Self::NotStored(reason) => write!(f, "a message's changes were not stored: {reason}"),
            Self::AlertTooLarge(id) => {
                write!(f, "alert {id} does not fit in the server's MaxMsgSize")
            }
            Self::AlertRefused(id, code) => {
                write!(
                    f,
                    "the server refused alert {id} with {code} ({})",
                    code.phrase()
                )
            }
        }
    }
}

/// Why a transaction was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// No room: the server is told 420.
    Full,
    /// Anything else: the server is told 510.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room is left on the disk that holds the state"),
            Self::Failed(reason) => write!(f, "the store failed: {reason}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// Why the bearer can carry no more of the session, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BearerFailure(pub String);

impl fmt::Display for BearerFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why the device itself ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// The daemon stops.
    Shutdown,
    /// A local user wants it.
    User,
}

impl fmt::Display for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shutdown => "the agent stops",
            Self::User => "a local user ended it",
        })
    }
}
