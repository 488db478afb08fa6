//! How far a session has come.

use serde::{Deserialize, Serialize};

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The device has not proven itself yet.
    Authenticating,
    /// Commands are on their way.
    Open,
    /// The server had nothing more to ask. The device may still send what it has.
    Ended,
    /// One side broke off.
    Aborted,
    /// The device could not prove itself, or speaks another version.
    Refused,
    /// The device has begun another session.
    Superseded,
    /// Nothing came for too long.
    Expired,
    /// It had ended, and the device has not come back with more.
    Completed,
}

impl Phase {
    /// Whether the session takes another message.
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Authenticating | Self::Open | Self::Ended)
    }

    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authenticating => "authenticating",
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Completed => "completed",
        }
    }
}
