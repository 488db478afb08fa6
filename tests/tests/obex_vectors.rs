//! Conversations that foreign programs had, and damaged ones, with both engines of OBEX: cut at
//! every octet as a stream may deliver them, and as datagrams.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "obex_vectors/client.rs"]
mod client;
#[path = "obex_vectors/server.rs"]
mod server;

use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Where the step with this number is cut when the whole stream is cut at `cut`.
fn cut_within(lengths: &[usize], step: usize, cut: usize) -> Option<usize> {
    let before: usize = lengths[..step].iter().sum();
    cut.checked_sub(before)
        .filter(|at| (1..lengths[step]).contains(at))
}

/// A step in the pieces that it is delivered in.
fn pieces(octets: &[u8], cut: Option<usize>) -> Vec<&[u8]> {
    match cut {
        Some(at) => vec![&octets[..at], &octets[at..]],
        None => vec![octets],
    }
}
