//! The fields of a notification that share the second octet of its trigger.

use std::fmt;

/// The bit of the initiator.
const BY_SERVER: u8 = 0x08;

/// What the server recommends that the user sees of the session (6.2.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UiMode {
    /// The server does not mind.
    NotSpecified,
    /// Nothing.
    Background,
    /// That it happens.
    Informative,
    /// A question first, whether it may happen.
    UserInteraction,
}

impl UiMode {
    pub(super) fn of(octet: u8) -> Self {
        match (octet >> 4) & 3 {
            0 => Self::NotSpecified,
            1 => Self::Background,
            2 => Self::Informative,
            _ => Self::UserInteraction,
        }
    }

    pub(super) const fn bits(self) -> u8 {
        let value = match self {
            Self::NotSpecified => 0,
            Self::Background => 1,
            Self::Informative => 2,
            Self::UserInteraction => 3,
        };
        value << 4
    }
}

impl fmt::Display for UiMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSpecified => "not specified",
            Self::Background => "background",
            Self::Informative => "informative",
            Self::UserInteraction => "user interaction",
        })
    }
}

/// Who wanted the session, as the server sees it (6.2.2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Initiator {
    /// The user of the device.
    Client,
    /// The server.
    Server,
}

impl Initiator {
    pub(super) fn of(octet: u8) -> Self {
        if octet & BY_SERVER == 0 {
            Self::Client
        } else {
            Self::Server
        }
    }

    pub(super) const fn bits(self) -> u8 {
        match self {
            Self::Client => 0,
            Self::Server => BY_SERVER,
        }
    }
}

impl fmt::Display for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}
