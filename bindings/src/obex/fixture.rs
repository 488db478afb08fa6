//! What the tests of the engines share.

use super::server::{
    Server, ServerAnswer, ServerEvent, ServerOutput, ServerParameters, ServerTimeouts,
};
use super::{Framing, TARGET_DM};

use bytes::Bytes;
use std::time::Duration;

pub(super) const CONNECT: &str = "80 0013 10 00 0400 46 000C 53594E434D4C2D444D";

pub(super) fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
    digits.chunks(2).map(|pair| octet(pair).unwrap()).collect()
}

pub(super) fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn parameters() -> ServerParameters {
    ServerParameters {
        framing: Framing::Stream,
        receive: 0x200,
        send: 0x4000,
        object: 4096,
        targets: &[TARGET_DM],
        admit: |_| Ok(()),
        noisy: false,
        credentials: Vec::new(),
        seed: [7; 32],
        timeouts: ServerTimeouts::default(),
    }
}

/// What a server puts out: its packets together, and the names of its events.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub packets: Bytes,
    pub events: Vec<String>,
}

pub(super) fn said(server: &mut Server) -> Said {
    let mut said = Said::default();
    let mut packets = Vec::new();
    while let Some(output) = server.poll_output() {
        match output {
            ServerOutput::Transmit(packet) => packets.extend_from_slice(&packet),
            ServerOutput::Event(event) => {
                let text = format!("{event:?}");
                let name = text.split([' ', '(', '{']).next().unwrap_or_default();
                said.events.push(name.to_owned());
                if let ServerEvent::Put(_) = event {
                    server.answer(ServerAnswer::Code(super::ResponseCode::SUCCESS));
                }
            }
            ServerOutput::Close(end) => said.events.push(format!("Close: {end}")),
        }
    }
    said.packets = packets.into();
    said
}

pub(super) fn ask(server: &mut Server, hex: &str, now: Duration) -> Said {
    server.handle_input(&bytes(hex), now);
    said(server)
}

/// A server with a connection.
pub(super) fn connected(parameters: ServerParameters) -> Server {
    let mut server = Server::new(parameters, at(0));
    let said = ask(&mut server, CONNECT, at(0));
    assert_eq!(said.events, ["Connected"]);
    server
}
