//! OBEX: the protocol in both roles without IO, and the SyncML binding on top of it
//! (OMA-TS-SyncML_OBEXBinding 1.2).
//!
//! `code`, `header`, `headers`, `packet`, `frame` and `auth` are the vocabulary; [`Server`] and
//! [`Client`] are the two roles as state machines.

mod auth;
mod bearer;
mod binding;
mod capability;
mod capture;
mod carry;
mod client;
mod code;
mod exchange;
#[cfg(test)]
mod fixture;
mod frame;
mod header;
mod headers;
mod line;
mod message;
mod packet;
mod place;
mod server;

pub(crate) use binding::Role;
pub(crate) use exchange::{End, serve};

pub use auth::{Nonce, ObexCredential};
pub(crate) use bearer::open;
pub use bearer::{DialSettings, Transport, dial, dial_at, open_at};
pub use capture::{Capture, CaptureError, Captured, CapturedCode};
pub use client::{
    Client, ClientEvent, ClientFailure, ClientOutput, ClientParameters, ClientTimeouts,
};
pub use code::{Opcode, ResponseCode};
pub use exchange::Host;
pub use frame::{Deframer, FrameError, Framing};
pub use header::{Header, HeaderError, HeaderId, HeaderReader, HeaderValue};
pub use headers::{ConnectionId, Description, HeaderTooLong, Headers, Received};
pub use line::ObexLine;
pub use message::{describe as describe_message, envelope as read_message};
pub use packet::{
    ConnectFields, HEAD, PacketError, Request, Response, SMALLEST_MTU, write, write_connect,
};
pub use place::{Link, Listener, Place, Task};
pub use server::{
    Disturbance, Object, Server, ServerAnswer, ServerEnd, ServerEvent, ServerOutput,
    ServerParameters, ServerTimeouts, Wanted,
};

/// The service that a `CONNECT` for device management names.
pub const TARGET_DM: &[u8] = b"SYNCML-DM";
