//! One header of a packet: its identifier says how its value is written (OBEX 1.5, 2.1).

use bytes::{Buf, Bytes};
use std::fmt;

/// The identifier of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeaderId(pub u8);

impl HeaderId {
    /// Name, text.
    pub const NAME: Self = Self(0x01);
    /// Type: a media type in ASCII, with a NUL.
    pub const TYPE: Self = Self(0x42);
    /// Length of the object, in octets.
    pub const LENGTH: Self = Self(0xC3);
    /// Target: the service that a connection is for.
    pub const TARGET: Self = Self(0x46);
    /// HTTP header fields.
    pub const HTTP: Self = Self(0x47);
    /// A part of the object.
    pub const BODY: Self = Self(0x48);
    /// Its last part.
    pub const END_OF_BODY: Self = Self(0x49);
    /// Who: the service that answers.
    pub const WHO: Self = Self(0x4A);
    /// Connection identifier.
    pub const CONNECTION: Self = Self(0xCB);
    /// Authentication challenge.
    pub const CHALLENGE: Self = Self(0x4D);
    /// Authentication response.
    pub const RESPONSE: Self = Self(0x4E);

    /// Its name in the specification; `None` for the reserved and the user defined ones.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x01 => "Name",
            0x05 => "Description",
            0x15 => "DestName",
            0x42 => "Type",
            0x44 => "Time",
            0x46 => "Target",
            0x47 => "HTTP",
            0x48 => "Body",
            0x49 => "End-of-Body",
            0x4A => "Who",
            0x4C => "Application-Parameters",
            0x4D => "Authentication-Challenge",
            0x4E => "Authentication-Response",
            0x50 => "WAN-UUID",
            0x51 => "Object-Class",
            0x52 => "Session-Parameters",
            0x93 => "Session-Sequence-Number",
            0x94 => "Action-Id",
            0x97 => "Single-Response-Mode",
            0x98 => "SRM-Parameters",
            0xC0 => "Count",
            0xC3 => "Length",
            0xC4 => "Time-4",
            0xCB => "ConnectionID",
            0xCF => "Creator-Id",
            0xD6 => "Permissions",
            _ => return None,
        })
    }
}

/// A header's value; the two top bits of its identifier say which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// `00`: text in UTF-16, big endian, with a NUL. What is no Unicode becomes U+FFFD.
    Text(String),
    /// `01`: octets.
    Octets(Bytes),
    /// `10`: one octet.
    Octet(u8),
    /// `11`: four octets, big endian.
    Word(u32),
}

/// A header as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its identifier.
    pub id: HeaderId,
    /// Its value.
    pub value: HeaderValue,
}

/// The headers of a packet do not fill it exactly, so nothing after the fault can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderError {
    /// The header that runs past the packet or is shorter than its own head.
    pub id: HeaderId,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "header 0x{:02X} does not fit into its packet", self.id.0)
    }
}

impl std::error::Error for HeaderError {}

/// The headers of a packet, in their order.
#[derive(Debug, Clone)]
pub struct HeaderReader {
    rest: Bytes,
}

impl HeaderReader {
    /// Reads what follows the fixed part of a packet.
    pub fn new(rest: Bytes) -> Self {
        Self { rest }
    }

    fn read(&mut self) -> Result<Header, HeaderError> {
        let mut rest = std::mem::take(&mut self.rest);
        let id = HeaderId(rest.try_get_u8().unwrap_or_default());
        let fault = |_| HeaderError { id };
        let value = match id.0 >> 6 {
            0b10 => HeaderValue::Octet(rest.try_get_u8().map_err(fault)?),
            0b11 => HeaderValue::Word(rest.try_get_u32().map_err(fault)?),
            kind => {
                let length = usize::from(rest.try_get_u16().map_err(fault)?);
                let length = length.checked_sub(3).filter(|length| *length <= rest.len());
                let octets = rest.split_to(length.ok_or(HeaderError { id })?);
                match kind {
                    0b00 => HeaderValue::Text(text(&octets)),
                    _ => HeaderValue::Octets(octets),
                }
            }
        };
        self.rest = rest;
        Ok(Header { id, value })
    }
}

impl Iterator for HeaderReader {
    type Item = Result<Header, HeaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.rest.is_empty()).then(|| self.read())
    }
}

/// UTF-16 up to its NUL. An odd octet at the end belongs to nothing.
fn text(octets: &[u8]) -> String {
    let (units, _) = octets.as_chunks::<2>();
    let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
    let units = units.take_while(|unit| *unit != 0);
    char::decode_utf16(units)
        .map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &'static [u8]) -> Vec<Result<Header, HeaderError>> {
        HeaderReader::new(Bytes::from_static(octets)).collect()
    }

    #[test]
    fn each_kind_of_value_is_read() {
        let all = read(b"\x01\x00\x09\x00h\x00i\x00\x00\x48\x00\x05ab\x97\x01\xC3\x00\x00\x01\x00");
        let all: Vec<_> = all
            .into_iter()
            .map(|header| header.unwrap().value)
            .collect();
        assert_eq!(
            all,
            [
                HeaderValue::Text("hi".to_owned()),
                HeaderValue::Octets(Bytes::from_static(b"ab")),
                HeaderValue::Octet(1),
                HeaderValue::Word(256),
            ]
        );
    }

    #[test]
    fn odd_texts_are_texts() {
        for (octets, expected) in [
            (&b"\x01\x00\x03"[..], ""),
            (b"\x01\x00\x05\x00a", "a"),
            (b"\x01\x00\x06\x00a\x00", "a"),
            (b"\x01\x00\x07\xD8\x00\x00b", "\u{fffd}b"),
        ] {
            let mut all = HeaderReader::new(Bytes::from_static(octets));
            let header = all.next().unwrap().unwrap();
            assert_eq!(header.value, HeaderValue::Text(expected.to_owned()));
            assert!(all.next().is_none());
        }
    }

    #[test]
    fn what_runs_past_the_packet_ends_it() {
        for octets in [
            &b"\x48"[..],
            b"\x48\x00",
            b"\x48\x00\x02",
            b"\x48\x00\x04",
            b"\xCB\x00\x00\x01",
            b"\x97",
            b"\x01\xFF\xFF\x00",
        ] {
            let all: Vec<_> = HeaderReader::new(Bytes::from_static(octets)).collect();
            let [Err(HeaderError { id })] = all.as_slice() else {
                panic!("{octets:02x?}: {all:?}");
            };
            assert_eq!(id.0, octets[0]);
        }
    }
}
