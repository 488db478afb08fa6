//! Cuts what a transport delivers into packets. OBEX has no checksum: on a plain serial line, all
//! that tells noise from a packet is its first octet, its length and the silence after it.

use super::packet::HEAD;

use bytes::{Bytes, BytesMut};
use std::fmt;

/// How a transport delivers packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// As octets in any pieces.
    #[default]
    Stream,
    /// Each in a datagram of its own (L2CAP).
    Packet,
}

/// What arrived is no packet, and where the next one begins is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// It begins with an octet that no packet begins with.
    Code(u8),
    /// It states a length below that of its head, or above what was agreed on.
    Length(u16),
    /// A datagram is not one packet: it has more octets than the packet states, or fewer.
    Datagram,
    /// More arrived than anybody may send without waiting for an answer.
    Flood,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "0x{code:02X} begins no packet"),
            Self::Length(length) => write!(f, "a packet states an impossible length of {length}"),
            Self::Datagram => f.write_str("a datagram is not exactly one packet"),
            Self::Flood => f.write_str("the peer does not wait for answers"),
        }
    }
}

impl std::error::Error for FrameError {}

/// How many octets may wait beyond one packet. A peer that keeps to the protocol sends nothing
/// before it has its answer.
const SURPLUS: usize = 2 * 65_536;

/// Puts packets together.
#[derive(Debug)]
pub struct Deframer {
    framing: Framing,
    largest: usize,
    begins: fn(u8) -> bool,
    buffer: BytesMut,
}

impl Deframer {
    /// For packets of at most `largest` octets whose first one `begins` a packet.
    pub fn new(framing: Framing, largest: u16, begins: fn(u8) -> bool) -> Self {
        Self {
            framing,
            largest: usize::from(largest),
            begins,
            buffer: BytesMut::new(),
        }
    }

    /// Changes the largest packet that is taken.
    pub fn limit(&mut self, largest: u16) {
        self.largest = usize::from(largest);
    }

    /// Takes what has arrived; with [`Framing::Packet`], one datagram.
    pub fn push(&mut self, octets: &[u8]) -> Result<(), FrameError> {
        if self.buffer.len() + octets.len() > self.largest + SURPLUS {
            return Err(FrameError::Flood);
        }
        if self.framing == Framing::Packet {
            let [_, high, low, ..] = octets else {
                return Err(FrameError::Datagram);
            };
            if usize::from(u16::from_be_bytes([*high, *low])) != octets.len() {
                return Err(FrameError::Datagram);
            }
        }
        self.buffer.extend_from_slice(octets);
        Ok(())
    }

    /// The next whole packet.
    pub fn next_packet(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(code) = self.buffer.first() else {
            return Ok(None);
        };
        if !(self.begins)(*code) {
            return Err(FrameError::Code(*code));
        }
        let [_, high, low, ..] = self.buffer.as_ref() else {
            return Ok(None);
        };
        let stated = u16::from_be_bytes([*high, *low]);
        let length = usize::from(stated);
        if length < HEAD || length > self.largest {
            return Err(FrameError::Length(stated));
        }
        let whole = self.buffer.len() >= length;
        Ok(whole.then(|| self.buffer.split_to(length).freeze()))
    }

    /// Whether a part of a packet waits for the rest.
    pub fn is_partial(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::obex::code::Opcode;

    fn deframer(framing: Framing) -> Deframer {
        Deframer::new(framing, 512, |code| Opcode::of(code).is_some())
    }

    fn drain(deframer: &mut Deframer) -> Vec<Bytes> {
        std::iter::from_fn(|| deframer.next_packet().unwrap()).collect()
    }

    #[test]
    fn packets_are_found_wherever_the_stream_is_cut() {
        let stream = b"\x82\0\x06\x49\0\x03\xFF\0\x03\x83\0\x05\x97\x01";
        for cut in 0..=stream.len() {
            let mut deframer = deframer(Framing::Stream);
            let (one, other) = stream.split_at(cut);
            deframer.push(one).unwrap();
            let mut all = drain(&mut deframer);
            deframer.push(other).unwrap();
            all.extend(drain(&mut deframer));
            assert_eq!(all.len(), 3, "cut at {cut}");
            assert_eq!(all.concat(), stream);
            assert!(!deframer.is_partial());
        }
    }

    #[test]
    fn noise_is_told_at_its_first_octet_and_a_wrong_length_at_its_third() {
        for (octets, expected) in [
            (&b"\x41"[..], FrameError::Code(0x41)),
            (b"\x82\0\x02", FrameError::Length(2)),
            (b"\x82\x02\x01", FrameError::Length(513)),
        ] {
            let mut deframer = deframer(Framing::Stream);
            deframer.push(octets).unwrap();
            assert_eq!(deframer.next_packet().unwrap_err(), expected);
        }
        let mut deframer = deframer(Framing::Stream);
        deframer.push(b"\x82\x02\0").unwrap();
        assert_eq!(deframer.next_packet(), Ok(None));
        assert!(deframer.is_partial());
    }

    #[test]
    fn a_datagram_is_one_packet() {
        let mut deframer = deframer(Framing::Packet);
        for wrong in [&b""[..], b"\x81\0", b"\x81\0\x04", b"\x81\0\x03\x81"] {
            assert_eq!(deframer.push(wrong), Err(FrameError::Datagram), "{wrong:?}");
        }
        deframer.push(b"\x81\0\x03").unwrap();
        assert_eq!(drain(&mut deframer), [&b"\x81\0\x03"[..]]);
    }

    #[test]
    fn a_flood_is_not_kept() {
        let mut deframer = deframer(Framing::Stream);
        let kilobyte = [0x81; 1024];
        let taken = (0..1000).take_while(|_| deframer.push(&kilobyte).is_ok());
        assert_eq!(taken.count(), 128);
    }
}
