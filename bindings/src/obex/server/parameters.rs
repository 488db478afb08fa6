//! What a server is told at its beginning.

use crate::obex::auth::ObexCredential;
use crate::obex::code::ResponseCode;
use crate::obex::frame::Framing;
use crate::obex::headers::Received;

use std::time::Duration;

/// What a server is and how patient it is.
#[derive(Debug, Clone)]
pub struct ServerParameters {
    /// How the transport delivers packets.
    pub framing: Framing,
    /// The largest packet that is taken, in octets, from 255 on.
    pub receive: u16,
    /// The largest packet that is sent, whatever the peer takes.
    pub send: u16,
    /// The largest object that is taken, in octets.
    pub object: usize,
    /// The services that a `CONNECT` may name.
    pub targets: &'static [&'static [u8]],
    /// Judges the first packet of a PUT by its headers: an object that is not wanted is refused
    /// before the line has carried it.
    pub admit: fn(&Received) -> Result<(), ResponseCode>,
    /// Whether octets may be lost or added on the way, as on a plain serial line: what is no
    /// packet is then waited out instead of ending the transport.
    pub noisy: bool,
    /// Whom peers have to prove to be; nobody in particular when there is none.
    pub credentials: Vec<ObexCredential>,
    /// What the nonces are made of.
    pub seed: [u8; 32],
    /// When what is waited for no longer.
    pub timeouts: ServerTimeouts,
}

/// Every timeout of the server role.
#[derive(Debug, Clone, Copy)]
pub struct ServerTimeouts {
    /// When a connection on which nothing happens is closed.
    pub idle: Duration,
    /// When a transport on which nobody connects is closed, whatever else arrives there: it was
    /// noise that opened it, or somebody who only keeps it from others.
    pub unconnected: Duration,
    /// The longest pause within a packet.
    pub gap: Duration,
    /// How long a noisy line has to be silent before the next octet begins a packet.
    pub quiet: Duration,
    /// When a peer that waits for an object is told to go on waiting.
    pub thinking: Duration,
}

impl Default for ServerTimeouts {
    fn default() -> Self {
        Self {
            idle: Duration::from_mins(3),
            unconnected: Duration::from_secs(30),
            gap: Duration::from_secs(2),
            quiet: Duration::from_millis(500),
            // Peers give up after 10 s and more.
            thinking: Duration::from_secs(5),
        }
    }
}
