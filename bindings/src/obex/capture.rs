//! Reads what was recorded on a line: the packets of one direction, or of both in turn.

use super::code::{Opcode, ResponseCode};
use super::frame::FrameError;
use super::header::{Header, HeaderError, HeaderId, HeaderReader, HeaderValue};
use super::headers::media_type;
use super::packet::{ConnectFields, HEAD};

use bytes::{Buf, Bytes};
use std::fmt;

/// A packet of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Where it begins, in octets from the beginning of the capture.
    pub offset: usize,
    /// Its length, in octets.
    pub length: usize,
    /// What it is.
    pub what: CapturedCode,
    /// The fixed part of a CONNECT or of its answer.
    pub connect: Option<ConnectFields>,
    /// The headers that can be read.
    pub headers: Vec<Header>,
    /// Why no more of them can be.
    pub fault: Option<HeaderError>,
}

/// The first octet of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapturedCode {
    /// Of a request.
    Request(Opcode),
    /// Of a response.
    Response(ResponseCode),
}

impl CapturedCode {
    /// What the octet stands for. Where both readings are possible, it is the one that is used;
    /// and a text must not pass for answers without their final bit.
    fn of(octet: u8) -> Option<Self> {
        match (Opcode::of(octet), ResponseCode::of(octet)) {
            (Some(Opcode::Other(_)) | None, Some(code)) if code.octet() == octet => {
                Some(Self::Response(code))
            }
            (opcode, _) => opcode.map(Self::Request),
        }
    }
}

impl fmt::Display for CapturedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(opcode) => {
                f.write_str(opcode.name())?;
                match opcode {
                    Opcode::Put { last: true } | Opcode::Get { last: true } => {
                        f.write_str(", final")
                    }
                    Opcode::Other(octet) => write!(f, " 0x{octet:02X}"),
                    _ => Ok(()),
                }
            }
            Self::Response(code) => code.fmt(f),
        }
    }
}

/// The octets are no capture of OBEX from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureError {
    /// Where, in octets from the beginning.
    pub offset: usize,
    /// Why; `None` if the packet is cut off.
    pub fault: Option<FrameError>,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Some(fault) => write!(f, "at octet {}: {fault}", self.offset),
            None => write!(f, "at octet {}: the packet is cut off", self.offset),
        }
    }
}

impl std::error::Error for CaptureError {}

/// Reads a capture packet by packet.
///
/// ```
/// use omadm_bindings::obex::Capture;
///
/// let octets = bytes::Bytes::from_static(b"\x83\0\x08\xCB\0\0\0\x01\xD3\0\x03");
/// let all: Result<Vec<_>, _> = Capture::new(octets).collect();
/// let texts: Vec<_> = all?.iter().map(|packet| packet.what.to_string()).collect();
/// assert_eq!(texts, ["GET, final", "0xD3 (Service Unavailable)"]);
/// # Ok::<(), omadm_bindings::obex::CaptureError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Capture {
    rest: Bytes,
    offset: usize,
    /// Whether a response would answer a CONNECT; unknown at the beginning.
    connecting: Option<bool>,
}

impl Capture {
    /// Of these octets.
    pub const fn new(octets: Bytes) -> Self {
        Self {
            rest: octets,
            offset: 0,
            connecting: None,
        }
    }

    fn packet(&mut self) -> Result<Captured, CaptureError> {
        let start = self.offset;
        let error = |fault| CaptureError {
            offset: start,
            fault,
        };
        let code = self.rest.first().copied().unwrap_or_default();
        let what = CapturedCode::of(code).ok_or(error(Some(FrameError::Code(code))))?;
        let [_, high, low, ..] = self.rest.as_ref() else {
            return Err(error(None));
        };
        let stated = u16::from_be_bytes([*high, *low]);
        let length = usize::from(stated);
        if length < HEAD {
            return Err(error(Some(FrameError::Length(stated))));
        }
        if length > self.rest.len() {
            return Err(error(None));
        }
        let mut packet = self.rest.split_to(length);
        packet.advance(HEAD);
        self.offset += length;
        let connect = self.fields(what, &mut packet);
        let (headers, fault) = headers(packet);
        Ok(Captured {
            offset: start,
            length,
            what,
            connect,
            headers,
            fault,
        })
    }

    /// Takes the fixed part off a packet.
    fn fields(&mut self, what: CapturedCode, packet: &mut Bytes) -> Option<ConnectFields> {
        let has = match what {
            CapturedCode::Request(opcode) => {
                if opcode == Opcode::SetPath {
                    packet.advance(packet.len().min(2));
                }
                let connects = opcode == Opcode::Connect;
                self.connecting = Some(connects);
                connects
            }
            // Where only answers were recorded, those with the one known version may be such.
            CapturedCode::Response(_) => self
                .connecting
                .unwrap_or_else(|| packet.len() >= 4 && packet.starts_with(&[0x10])),
        };
        if !has || packet.len() < 4 {
            return None;
        }
        let mut fixed = packet.split_to(4);
        Some(ConnectFields {
            version: fixed.get_u8(),
            flags: fixed.get_u8(),
            mtu: fixed.get_u16(),
        })
    }
}

impl Iterator for Capture {
    type Item = Result<Captured, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = self.packet();
        if packet.is_err() {
            self.rest.clear();
        }
        Some(packet)
    }
}

fn headers(packet: Bytes) -> (Vec<Header>, Option<HeaderError>) {
    let mut read = Vec::new();
    for header in HeaderReader::new(packet) {
        match header {
            Ok(header) => read.push(header),
            Err(error) => return (read, Some(error)),
        }
    }
    (read, None)
}

impl Captured {
    /// The parts of an object that it carries.
    pub fn parts(&self) -> impl Iterator<Item = &Bytes> {
        self.headers
            .iter()
            .filter_map(|header| match (header.id, &header.value) {
                (HeaderId::BODY | HeaderId::END_OF_BODY, HeaderValue::Octets(part)) => Some(part),
                _ => None,
            })
    }

    /// Its Type.
    pub fn kind(&self) -> Option<String> {
        let mut all = self.headers.iter();
        all.find_map(|header| match (header.id, &header.value) {
            (HeaderId::TYPE, HeaderValue::Octets(text)) => Some(media_type(text)),
            _ => None,
        })
    }

    /// Whether an object that goes this way is complete with it.
    pub const fn ends_object(&self) -> bool {
        match self.what {
            CapturedCode::Request(opcode) => matches!(opcode, Opcode::Put { last: true }),
            CapturedCode::Response(code) => code.is_success(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::obex::fixture::bytes;

    fn texts(hex: &str) -> Result<Vec<String>, CaptureError> {
        let all: Result<Vec<_>, _> = Capture::new(bytes(hex)).collect();
        Ok(all?.iter().map(|packet| packet.what.to_string()).collect())
    }

    #[test]
    fn both_directions_in_turn_are_read() {
        let capture = "80 0013 10 00 0400 46 000C 53594E434D4C2D444D \
            A0 0018 10 00 0200 CB 00000001 4A 000C 53594E434D4C2D444D \
            02 0006 48 0003 90 0003 82 0007 48 0004 61 A0 0003 FF 0003 A0 0003 81 0003 A0 0003";
        let all: Vec<_> = Capture::new(bytes(capture)).map(Result::unwrap).collect();
        assert_eq!(all[1].connect.unwrap().mtu, 0x200);
        assert_eq!(all[1].headers.len(), 2);
        assert_eq!(all[5].connect, None);
        assert!(all[4].ends_object() && !all[2].ends_object());
        assert_eq!(all[4].parts().next().unwrap(), "a");
        let told: Vec<_> = all.iter().map(|packet| packet.what.to_string()).collect();
        assert_eq!(told[2..5], ["PUT", "0x90 (Continue)", "PUT, final"]);
    }

    #[test]
    fn answers_alone_are_read() {
        let all: Vec<_> = Capture::new(bytes("A0 000C 10 00 0200 CB 00000001 D3 0003"))
            .map(Result::unwrap)
            .collect();
        assert_eq!(all[0].connect.unwrap().mtu, 0x200);
        assert_eq!(all[1].offset, 12);
    }

    #[test]
    fn what_is_no_capture_says_where() {
        let error = texts("83 0003 41").unwrap_err();
        assert_eq!(error.to_string(), "at octet 3: 0x41 begins no packet");
        assert_eq!(texts("83 00").unwrap_err().fault, None);
        assert_eq!(texts("83 0004").unwrap_err().fault, None);
        let error = texts("83 0002").unwrap_err();
        assert_eq!(error.fault, Some(FrameError::Length(2)));
        // A header that does not fit is told with its packet.
        let all: Vec<_> = Capture::new(bytes("83 0006 42 0009")).collect();
        assert_eq!(all[0].as_ref().unwrap().fault.unwrap().id, HeaderId::TYPE);
    }
}
