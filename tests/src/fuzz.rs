//! Arbitrary courses of an OBEX line, and what has to hold in each: the bodies of the fuzz targets
//! in `fuzz/`, which run as an ordinary test as well.
//!
//! A course is written as octets: settings, then one step after the other. Every octet string is
//! a course.
#![expect(clippy::panic, reason = "a course that goes wrong says where")]

#[path = "fuzz/client.rs"]
mod client;
#[path = "fuzz/server.rs"]
mod server;

pub use client::client;
pub use server::server;

use std::time::Duration;

/// How long a step may last: from nothing to what outlasts every timeout.
const PAUSES: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(499),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_secs(200),
];

/// The largest object that is taken.
const OBJECT: usize = 8 * 1024;

/// What is left of a course.
struct Course<'a>(&'a [u8]);

impl<'a> Course<'a> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// So many octets, or as many as there are.
    fn octets(&mut self, count: usize) -> &'a [u8] {
        let (octets, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        octets
    }

    /// A length in two octets, and as many octets.
    fn piece(&mut self) -> &'a [u8] {
        let high = self.octet().unwrap_or(0);
        let low = self.octet().unwrap_or(0);
        self.octets(usize::from(u16::from_be_bytes([high, low])))
    }
}

/// The largest packet of either end.
fn packet_octets(choice: u8) -> u16 {
    [255, 300, 1024, u16::MAX]
        .into_iter()
        .nth(usize::from(choice & 3))
        .unwrap_or(255)
}

/// How long a step lasts.
fn pause(choice: u8) -> Duration {
    let pause = PAUSES.into_iter().nth(usize::from(choice & 7));
    pause.unwrap_or_default()
}

/// A packet states its own length, and no more than the peer takes.
fn check_packet(packet: &[u8], largest: u16) {
    let [_, high, low, ..] = packet else {
        panic!("{packet:02x?} is no packet");
    };
    let stated = u16::from_be_bytes([*high, *low]);
    assert_eq!(usize::from(stated), packet.len(), "{packet:02x?}");
    assert!(stated <= largest, "{stated} octets, {largest} are taken");
}

/// Whatever an end holds, it is not more than an object and a flood.
fn check_memory(shown: &str) {
    // A debug form has at most four characters an octet.
    let most = 4 * (2 * OBJECT + 4 * 65_536) + 4_096;
    assert!(shown.len() <= most, "{} characters are held", shown.len());
}

/// Writes a course: settings, and each of these in one piece.
pub fn course(settings: [u8; 2], pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = settings.to_vec();
    for piece in pieces {
        out.push(0);
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        out.extend(length.to_be_bytes());
        out.extend(*piece);
    }
    out
}
