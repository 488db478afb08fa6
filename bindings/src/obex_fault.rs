//! What ends a session on a local line.

use crate::error::Retry;
use crate::obex::{ClientFailure, Disturbance, ResponseCode, ServerEnd};

use std::fmt;

/// Why an OBEX line carries no more messages of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObexFault {
    /// The peer refuses a request.
    Refused {
        /// What was asked: `CONNECT`, `PUT`, `GET`.
        request: &'static str,
        /// Its answer.
        code: ResponseCode,
    },
    /// The line has failed under a request of this end.
    Failed(ClientFailure),
    /// The peer has connected anew: it has been restarted.
    Restarted,
    /// The peer has ended the OBEX connection.
    Disconnected,
    /// The peer has given up a message.
    Aborted,
    /// The line is disturbed.
    Disturbed(Disturbance),
    /// The line has been given up.
    Ended(ServerEnd),
    /// The transport has ended: the cable is out, the other end is gone.
    HungUp,
    /// The other end cannot be made to enter OBEX.
    Entry(String),
    /// The message cannot be described to the peer.
    Message(String),
}

impl ObexFault {
    /// Whether trying again makes sense.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Refused { code, .. } if *code == ResponseCode::UNAUTHORIZED => Retry::Permanent,
            Self::Failed(ClientFailure::Unproven | ClientFailure::Header) | Self::Message(_) => {
                Retry::Permanent
            }
            _ => Retry::Later(None),
        }
    }
}

impl fmt::Display for ObexFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { request, code } => {
                write!(f, "the peer answers {request} with {code}")?;
                f.write_str(match (*request, *code) {
                    (_, ResponseCode::UNAUTHORIZED) => {
                        ": it wants another OBEX name and secret than this end has: give it the right ones \
                         (--obex-name, --obex-secret-file)"
                    }
                    ("CONNECT", ResponseCode::NOT_FOUND | ResponseCode::FORBIDDEN) => {
                        ": it has no service for device management (SYNCML-DM)"
                    }
                    ("CONNECT", ResponseCode::UNAVAILABLE) => ": it is busy with another session",
                    _ => "",
                })
            }
            Self::Failed(failure) => failure.fmt(f),
            Self::Restarted => f.write_str("the peer has connected anew: it was restarted"),
            Self::Disconnected => f.write_str("the peer has ended the OBEX connection"),
            Self::Aborted => f.write_str("the peer has given up a message (ABORT)"),
            Self::Disturbed(what) => write!(f, "the line is disturbed: {what}"),
            Self::Ended(end) => end.fmt(f),
            Self::HungUp => f.write_str("the line was hung up"),
            Self::Entry(what) => write!(f, "the other end does not enter OBEX: {what}"),
            Self::Message(what) => f.write_str(what),
        }
    }
}
