//! Who refused whom in a session, which part of it was refused, and what mends it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// The device.
    Device,
    /// The server.
    Server,
}

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// An address in a header.
    Url,
    /// A name, a secret or the kind of a credential.
    Credential,
    /// A nonce.
    Nonce,
    /// A digest over a message.
    Proof,
}

/// A refusal in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Who refused.
    pub by: Party,
    /// What was refused.
    pub what: Subject,
    /// What happened.
    pub text: String,
    /// What to do about it.
    pub mend: String,
    /// Whether both ends got over it in the session.
    pub overcome: bool,
}

impl Refusal {
    /// The server refuses something of the device.
    pub(super) fn of_device(what: Subject, text: impl Into<String>, mend: &str) -> Self {
        Self {
            by: Party::Server,
            what,
            text: text.into(),
            mend: mend.to_owned(),
            overcome: false,
        }
    }

    /// The device refuses something of the server.
    pub(super) fn of_server(what: Subject, text: impl Into<String>, mend: &str) -> Self {
        Self {
            by: Party::Device,
            ..Self::of_device(what, text, mend)
        }
    }

    /// A nonce that was stale and has been renewed.
    pub(super) fn stale_nonce(by: Party) -> Self {
        let text = match by {
            Party::Server => "the device's nonce was stale and was renewed",
            Party::Device => "the server's nonce was stale and was renewed",
        };
        let mend = "nothing, unless it happens in every session: then a second device uses this \
            name, or the device forgets its nonces";
        Self {
            by,
            overcome: true,
            ..Self::of_device(Subject::Nonce, text, mend)
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.by {
            Party::Device => "device",
            Party::Server => "server",
        };
        let what = match self.what {
            Subject::Url => "url",
            Subject::Credential => "credential",
            Subject::Nonce => "nonce",
            Subject::Proof => "proof",
        };
        let Self { text, mend, .. } = self;
        write!(f, "{by} refuses {what}: {text}; to mend it: {mend}")
    }
}
