//! A line between two ends as local bearers have them: with a rate, a pause when the direction
//! changes, octets that get lost or damaged, and a plug that comes out at an exact octet.
//!
//! [`Wire`] is the model of one direction, in octets and time alone; [`Relay`] runs two of them in
//! a thread between two descriptors; [`Cable`] is a relay between two terminals, which can be
//! unplugged and plugged in again behind the same paths.

mod cable;
mod end;
mod relay;
mod wire;

pub use cable::Cable;
pub use end::{End, socket_pair, sockets, terminal};
pub use relay::{Counts, Relay};
pub use wire::Wire;

use std::time::Duration;

/// What a line is like. The default one is perfect.
#[derive(Debug, Clone, Default)]
pub struct LineSettings {
    /// Its rate in baud, ten bits an octet; 0 for no bound.
    pub rate: u32,
    /// The pause before the first octet after a change of direction, for each direction: that of
    /// a UART's or an adapter's timer.
    pub turnaround: [Duration; 2],
    /// What happens to octets, for each direction.
    pub noise: [Noise; 2],
    /// After how many octets of the conversation, both directions together, the plug comes out.
    pub hang_up_at: Option<u64>,
    /// What chance is made of.
    pub seed: u64,
}

impl LineSettings {
    /// A line of this rate whose answers, which go from the second end to the first, are held
    /// back once a round trip.
    pub fn answering(rate: u32, turnaround: Duration) -> Self {
        Self {
            rate,
            turnaround: [Duration::ZERO, turnaround],
            ..Self::default()
        }
    }

    /// Octets that last 100 ms, which is how large packets should be, within what is sensible.
    pub fn packet_octets(rate: u32) -> u16 {
        u16::try_from(rate / 100)
            .unwrap_or(u16::MAX)
            .clamp(255, 16_384)
    }
}

/// What happens to the octets of one direction.
#[derive(Debug, Clone, Default)]
pub struct Noise {
    /// How many of a million octets get lost.
    pub lost: u32,
    /// How many of a million octets get a wrong bit.
    pub flipped: u32,
    /// What happens to certain octets, by their place in this direction.
    pub exactly: Vec<(u64, Fault)>,
}

/// What happens to an octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It gets lost.
    Lost,
    /// These bits of it are turned over.
    Flipped(u8),
}
