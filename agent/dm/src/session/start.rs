//! What a session is started with: its cause, its limits and what the device remembers.

use crate::Account;
use omadm_syncml::{GenericAlert, Limits, PeerProof};
use std::fmt;
use std::time::Duration;

/// Why a session starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionCause {
    /// Package 0 asked for it and named the session: Alert 1200.
    Notification {
        /// The session id of Package 0, which the session takes over.
        session_id: u16,
    },
    /// A server that is connected asks for the first message without a notification: Alert 1200,
    /// and the device names the session.
    Poll,
    /// The interval since the last session has passed: Alert 1201.
    Schedule,
    /// The time of day has come that the calendar names: Alert 1201.
    Calendar,
    /// The machine has been booted: Alert 1201.
    Boot,
    /// The machine has got a network: Alert 1201.
    NetworkUp,
    /// A local user asked for it: Alert 1201.
    User,
    /// Generic Alerts wait for the server: Alert 1201.
    Alerts,
    /// The device has been bootstrapped: Alert 1201.
    Bootstrap,
    /// An earlier session broke off: Alert 1201.
    Retry,
}

impl SessionCause {
    /// Whether a server asks for the session: it begins with Alert 1200 instead of 1201
    /// (OMA-TS-DM_Protocol 8.2).
    pub const fn is_of_server(self) -> bool {
        matches!(self, Self::Notification { .. } | Self::Poll)
    }
}

impl fmt::Display for SessionCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notification { session_id } => write!(f, "notification {session_id:X}"),
            Self::Poll => f.write_str("poll"),
            Self::Schedule => f.write_str("schedule"),
            Self::Calendar => f.write_str("calendar"),
            Self::Boot => f.write_str("boot"),
            Self::NetworkUp => f.write_str("network up"),
            Self::User => f.write_str("user"),
            Self::Alerts => f.write_str("waiting alerts"),
            Self::Bootstrap => f.write_str("bootstrap"),
            Self::Retry => f.write_str("retry"),
        }
    }
}

/// An `Exec` that the device has taken: the same server and correlator never run twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExecKey {
    /// `ServerID` of the account.
    pub server: String,
    /// `Correlator` of the `Exec`.
    pub correlator: String,
}

/// The bounds that a session keeps.
#[derive(Debug, Clone)]
pub struct SessionParameters {
    /// `MaxMsgSize` that the device announces: the largest message it accepts.
    pub max_msg_size: u64,
    /// `MaxObjSize` that the device announces: the largest object it accepts.
    pub max_obj_size: u64,
    /// The largest message that the device sends before the server has announced its own limit.
    pub message_bytes: usize,
    /// How many octets of answers may wait for the server to ask for them.
    pub queue_bytes: usize,
    /// How many nodes the listings of one message may look at, whether they find them or not.
    pub listed_nodes: u64,
    /// How many messages of the server a session takes.
    pub messages: u32,
    /// How deep `Atomic` and `Sequence` may be nested.
    pub nesting: usize,
    /// How long the server may take to answer a message.
    pub response_timeout: Duration,
    /// How long a session may last.
    pub session_timeout: Duration,
    /// The bounds of the decoder.
    pub codec: Limits,
}

impl Default for SessionParameters {
    fn default() -> Self {
        Self {
            max_msg_size: 65_536,
            // An object has to fit in one message: chunks are refused.
            max_obj_size: 65_536,
            message_bytes: 65_536,
            queue_bytes: 4_194_304,
            // Some times over a full tree.
            listed_nodes: 100_000,
            messages: 4_096,
            nesting: 8,
            response_timeout: Duration::from_mins(2),
            session_timeout: Duration::from_hours(1),
            codec: Limits::default(),
        }
    }
}

/// All that a session starts with, apart from the tree and the time.
#[derive(Debug, Clone)]
pub struct SessionStart {
    /// The server, its address and the credentials.
    pub account: Account,
    /// Why the session starts.
    pub cause: SessionCause,
    /// What the transport has proven about the server.
    pub proof: PeerProof,
    /// The alerts that wait, oldest first.
    pub alerts: Vec<GenericAlert>,
    /// The last `Exec`s that the device has taken, in any order.
    pub execs: Vec<ExecKey>,
    /// The bounds of the session.
    pub parameters: SessionParameters,
    /// Fresh randomness: the `SessionID` and the nonces are made from it.
    pub seed: [u8; 32],
}

impl SessionStart {
    /// A start without waiting alerts or remembered `Exec`s, with the default bounds.
    pub fn new(account: Account, cause: SessionCause, proof: PeerProof, seed: [u8; 32]) -> Self {
        Self {
            account,
            cause,
            proof,
            alerts: Vec::new(),
            execs: Vec::new(),
            parameters: SessionParameters::default(),
            seed,
        }
    }
}
