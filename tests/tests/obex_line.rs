//! OBEX over lines that are slow, break off and lose octets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: sockets and time; a test fails by panicking"
)]

#[path = "obex_line/hang_up.rs"]
mod hang_up;
#[path = "obex_line/noise.rs"]
mod noise;
#[path = "obex_line/rounds.rs"]
mod rounds;

use omadm_bindings::Error;
use omadm_bindings::obex::{ClientParameters, ClientTimeouts, Framing, ObexLine, TARGET_DM};
use std::os::unix::net::UnixStream;

/// A client whose packets have this size in both directions.
fn parameters(mtu: u16) -> ClientParameters {
    ClientParameters {
        framing: Framing::Stream,
        receive: mtu,
        send: mtu,
        object: 4 << 20,
        target: Some(TARGET_DM.into()),
        credential: None,
        challenge: None,
        timeouts: ClientTimeouts::default(),
    }
}

type Line = ObexLine<tokio::net::UnixStream>;

async fn connect(stream: UnixStream, mtu: u16) -> Result<Line, Error> {
    stream.set_nonblocking(true).unwrap();
    let stream = tokio::net::UnixStream::from_std(stream).unwrap();
    ObexLine::connect(stream, parameters(mtu)).await
}
