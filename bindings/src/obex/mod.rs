//! OBEX: the protocol in both roles without IO, and the SyncML binding on top of it
//! (OMA-TS-SyncML_OBEXBinding 1.2).
//!
//! `code`, `header`, `headers`, `packet`, `frame` and `auth` are the vocabulary; [`Server`] and
//! [`Client`] are the two roles as state machines.

mod auth;
mod code;
mod frame;
mod header;
mod headers;
mod packet;
mod server;

pub use auth::{Nonce, ObexCredential};
pub use code::{Opcode, ResponseCode};
pub use frame::{Deframer, FrameError, Framing};
pub use header::{Header, HeaderError, HeaderId, HeaderReader, HeaderValue};
pub use headers::{ConnectionId, Description, HeaderTooLong, Headers, Received};
pub use packet::{
    ConnectFields, HEAD, PacketError, Request, Response, SMALLEST_MTU, write, write_connect,
};
pub use server::{
    Disturbance, Object, Server, ServerAnswer, ServerEnd, ServerEvent, ServerOutput,
    ServerParameters, ServerTimeouts, Wanted,
};

/// The service that a `CONNECT` for device management names.
pub const TARGET_DM: &[u8] = b"SYNCML-DM";
