//! Whole packets, both ways (OBEX 1.5, 3.1 to 3.3).

use super::code::{Opcode, ResponseCode};
use super::header::HeaderError;
use super::headers::{Headers, Received};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::fmt;

/// The first octet and the length.
pub const HEAD: usize = 3;

/// The smallest packet that everybody must take, and the largest that may be sent before CONNECT
/// has agreed on another (OBEX 1.5, 3.4.1.4).
pub const SMALLEST_MTU: u16 = 255;

/// OBEX 1.0, which every version of the specification sends.
const VERSION: u8 = 0x10;

/// The fixed part of CONNECT and of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectFields {
    /// Version, major and minor in four bits each.
    pub version: u8,
    /// Flags.
    pub flags: u8,
    /// The largest packet that the sender can take, in octets.
    pub mtu: u16,
}

impl ConnectFields {
    /// Those of this version.
    pub const fn new(mtu: u16) -> Self {
        Self {
            version: VERSION,
            flags: 0,
            mtu,
        }
    }

    fn read(rest: &mut Bytes) -> Result<Self, PacketError> {
        let fault = |_| PacketError::Short;
        Ok(Self {
            version: rest.try_get_u8().map_err(fault)?,
            flags: rest.try_get_u8().map_err(fault)?,
            mtu: rest.try_get_u16().map_err(fault)?,
        })
    }
}

/// Why a packet whose length is right cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketError {
    /// Its first octet means nothing here.
    Code(u8),
    /// It is shorter than its fixed part.
    Short,
    /// A header does not fit into it.
    Header(HeaderError),
}

impl From<HeaderError> for PacketError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "no packet begins with 0x{code:02X}"),
            Self::Short => f.write_str("a packet is shorter than its fixed part"),
            Self::Header(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PacketError {}

/// A request as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub opcode: Opcode,
    /// The fixed part of a CONNECT.
    pub connect: Option<ConnectFields>,
    /// Its headers.
    pub headers: Received,
}

impl Request {
    /// Reads a packet of exactly the length that it states.
    pub fn parse(packet: &Bytes) -> Result<Self, PacketError> {
        let (code, mut rest) = split(packet)?;
        let opcode = Opcode::of(code).ok_or(PacketError::Code(code))?;
        let connect = match opcode {
            Opcode::Connect => Some(ConnectFields::read(&mut rest)?),
            Opcode::SetPath => {
                rest.try_get_u16().map_err(|_| PacketError::Short)?;
                None
            }
            _ => None,
        };
        let headers = match opcode {
            // What a user defined request holds is not known.
            Opcode::Other(_) => Received::default(),
            _ => Received::parse(rest)?,
        };
        Ok(Self {
            opcode,
            connect,
            headers,
        })
    }
}

/// A response as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The answer.
    pub code: ResponseCode,
    /// The fixed part of the answer to CONNECT, which is there whatever the answer is.
    pub connect: Option<ConnectFields>,
    /// Its headers.
    pub headers: Received,
}

impl Response {
    /// Reads a packet of exactly the length that it states; `connecting` if it answers CONNECT.
    pub fn parse(packet: &Bytes, connecting: bool) -> Result<Self, PacketError> {
        let (code, mut rest) = split(packet)?;
        let code = ResponseCode::of(code).ok_or(PacketError::Code(code))?;
        let connect = if connecting {
            Some(ConnectFields::read(&mut rest)?)
        } else {
            None
        };
        Ok(Self {
            code,
            connect,
            headers: Received::parse(rest)?,
        })
    }
}

fn split(packet: &Bytes) -> Result<(u8, Bytes), PacketError> {
    let code = *packet.first().ok_or(PacketError::Short)?;
    let mut rest = packet.clone();
    if rest.len() < HEAD {
        return Err(PacketError::Short);
    }
    rest.advance(HEAD);
    Ok((code, rest))
}

/// Writes a packet of `code`, its fixed part and its headers. One that no length can state comes
/// out empty; whoever cuts objects into packets never makes one.
pub fn write(code: u8, fixed: &[u8], headers: &Headers) -> Bytes {
    let length = HEAD + fixed.len() + headers.encoded_len();
    let Ok(stated) = u16::try_from(length) else {
        return Bytes::new();
    };
    let mut out = BytesMut::with_capacity(length);
    out.put_u8(code);
    out.put_u16(stated);
    out.put_slice(fixed);
    headers.encode(&mut out);
    out.freeze()
}

/// Writes a CONNECT, or the answer to one.
pub fn write_connect(code: u8, fields: ConnectFields, headers: &Headers) -> Bytes {
    let [high, low] = fields.mtu.to_be_bytes();
    write(code, &[fields.version, fields.flags, high, low], headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::obex::headers::{ConnectionId, Description};

    fn bytes(hex: &str) -> Bytes {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.chunks(2).map(|pair| octet(pair).unwrap()).collect()
    }

    #[test]
    fn a_connect_is_read_and_written() {
        let packet = bytes("80 0013 10 00 0400 46 000C 53594E434D4C2D444D");
        let request = Request::parse(&packet).unwrap();
        assert_eq!(request.connect, Some(ConnectFields::new(0x400)));
        assert_eq!(request.headers.target.as_deref(), Some(&b"SYNCML-DM"[..]));
        let headers = Headers::for_target(Bytes::from_static(b"SYNCML-DM"));
        assert_eq!(
            write_connect(0x80, ConnectFields::new(0x400), &headers),
            packet
        );
    }

    #[test]
    fn the_answer_to_connect_has_its_fields_whatever_it_is() {
        let packet = bytes("C1 001C 10 00 1000 4D 0015 00 10 00000000000000000000000000000000");
        let response = Response::parse(&packet, true).unwrap();
        assert_eq!(response.code, ResponseCode::UNAUTHORIZED);
        assert!(response.headers.challenge.is_some());
        let error = Response::parse(&bytes("C1 0003"), true).unwrap_err();
        assert_eq!(error, PacketError::Short);
        let plain = Response::parse(&bytes("D3 0003"), false).unwrap();
        assert_eq!(plain.code, ResponseCode::UNAVAILABLE);
    }

    #[test]
    fn the_captured_answer_to_connect_is_written() {
        let headers = Headers::of(ConnectionId::new(1))
            .with(Description::Who(Bytes::from_static(b"SYNCML-DM")));
        let packet = write_connect(0xA0, ConnectFields::new(0x200), &headers);
        let captured = "A0 0018 10 00 0200 CB 00000001 4A 000C 53594E434D4C2D444D";
        assert_eq!(packet, bytes(captured));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (hex, expected) in [
            ("", PacketError::Short),
            ("80 00", PacketError::Short),
            ("80 0003", PacketError::Short),
            ("80 0006 10 00 04", PacketError::Short),
            ("85 0004 02", PacketError::Short),
            ("41 0003", PacketError::Code(0x41)),
        ] {
            assert_eq!(Request::parse(&bytes(hex)).unwrap_err(), expected, "{hex}");
        }
        let error = Request::parse(&bytes("82 0006 48 0004")).unwrap_err();
        assert!(matches!(error, PacketError::Header(_)), "{error:?}");
    }

    #[test]
    fn a_packet_that_no_length_can_state_is_not_written() {
        let body = Bytes::from(vec![0; 65_530]);
        let headers = |part: &Bytes| Headers::new().with_body(part.clone(), true);
        assert!(write(0x82, &[], &headers(&body)).is_empty());
        assert_eq!(write(0x82, &[], &headers(&body.slice(1..))).len(), 65_535);
    }
}
