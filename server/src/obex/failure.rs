//! Why a device on a line was not met.

use crate::error::Error;
use omadm_bindings::ObexFault;
use omadm_bindings::obex::ResponseCode;
use std::fmt;
use std::time::Duration;

/// Why there was no session on a line, or why it broke.
#[derive(Debug)]
pub enum Failure {
    /// The line could not be opened, or carries no more.
    Line(omadm_bindings::Error),
    /// The device has taken the notification, and has nothing to say.
    Ignored {
        /// Whether the notification was made with the nonce to resynchronise with.
        resync: bool,
    },
    /// The device has said nothing for so long.
    Silent(Duration),
    /// A message of the device cannot be read.
    Message(String),
    /// Another device is on the line.
    OtherDevice {
        /// Who was notified.
        expected: String,
        /// Who has answered.
        found: String,
    },
    /// The server cannot do its part.
    Own(Error),
}

impl Failure {
    /// Whether the device still listens, and should be told that this is the end.
    pub(super) fn leaves_line(&self) -> bool {
        match self {
            Self::Line(omadm_bindings::Error::Obex(ObexFault::Refused { .. }))
            | Self::Ignored { .. }
            | Self::Message(_)
            | Self::OtherDevice { .. }
            | Self::Own(_) => true,
            Self::Line(_) | Self::Silent(_) => false,
        }
    }
}

/// Whether the device says that it has no message (0xD3).
pub(super) fn is_nothing(error: &omadm_bindings::Error) -> bool {
    matches!(
        error,
        omadm_bindings::Error::Obex(ObexFault::Refused {
            code: ResponseCode::UNAVAILABLE,
            ..
        })
    )
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => error.fmt(f),
            Self::Ignored { resync: false } => f.write_str(
                "the device takes the notification and begins no session (0xD3): it is busy, or \
                 it doubts the server, or has no account for its --server-id, or it is another \
                 device than this line is for, or the two do not agree on a nonce, which mends \
                 itself once an hour; `omadm status` on the device says which",
            ),
            Self::Ignored { resync: true } => f.write_str(
                "the device begins no session (0xD3), not even with the nonce to resynchronise \
                 with: it is busy, or another device is on this line, or it has no account for \
                 this --server-id, or another secret of it, or none; `omadm status` on the device \
                 says which",
            ),
            Self::Silent(limit) => write!(f, "the device has not answered within {limit:?}"),
            Self::Message(why) => write!(f, "a message of the device cannot be read: {why}"),
            Self::OtherDevice { expected, found } => write!(
                f,
                "it is {found} that answers, not {expected}: name the device that is there with \
                 ?device= on the line"
            ),
            Self::Own(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}
