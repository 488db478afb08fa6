//! The first octet of a packet: what is asked, and what is answered (OBEX 1.5, 3.3 and 3.2.1).

use std::fmt;

/// The top bit of the first octet: the request is complete.
const FINAL: u8 = 0x80;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// Opens an OBEX connection; one packet.
    Connect,
    /// Ends it; one packet.
    Disconnect,
    /// Carries an object to the server.
    Put {
        /// Whether this is its last packet.
        last: bool,
    },
    /// Asks for an object of the server.
    Get {
        /// Whether the request is complete.
        last: bool,
    },
    /// Changes the folder.
    SetPath,
    /// Copies, moves or protects an object (OBEX 1.4).
    Action,
    /// Opens, closes, suspends or resumes a reliable session (OBEX 1.3).
    Session,
    /// Gives up the operation that is under way.
    Abort,
    /// One that the specification reserves or leaves to its users, as it was received.
    Other(u8),
}

impl Opcode {
    /// The opcode that an octet stands for; `None` if no request begins with it.
    pub const fn of(octet: u8) -> Option<Self> {
        let last = octet & FINAL != 0;
        Some(match octet {
            0x80 => Self::Connect,
            0x81 => Self::Disconnect,
            0x02 | 0x82 => Self::Put { last },
            0x03 | 0x83 => Self::Get { last },
            0x85 => Self::SetPath,
            0x06 | 0x86 => Self::Action,
            0x87 => Self::Session,
            0xFF => Self::Abort,
            0x04 | 0x84 | 0x08..=0x1F | 0x88..=0x9F => Self::Other(octet),
            _ => return None,
        })
    }

    /// The octet on the wire.
    pub const fn octet(self) -> u8 {
        match self {
            Self::Connect => 0x80,
            Self::Disconnect => 0x81,
            Self::Put { last: false } => 0x02,
            Self::Put { last: true } => 0x82,
            Self::Get { last: false } => 0x03,
            Self::Get { last: true } => 0x83,
            Self::SetPath => 0x85,
            Self::Action => 0x86,
            Self::Session => 0x87,
            Self::Abort => 0xFF,
            Self::Other(octet) => octet,
        }
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Disconnect => "DISCONNECT",
            Self::Put { .. } => "PUT",
            Self::Get { .. } => "GET",
            Self::SetPath => "SETPATH",
            Self::Action => "ACTION",
            Self::Session => "SESSION",
            Self::Abort => "ABORT",
            Self::Other(_) => "reserved",
        }
    }
}

/// How a request is answered, with the final bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResponseCode(u8);

impl ResponseCode {
    /// Go on.
    pub const CONTINUE: Self = Self(0x90);
    /// OK, Success.
    pub const SUCCESS: Self = Self(0xA0);
    /// Bad Request: a header is wrong or missing, or the object cannot be read.
    pub const BAD_REQUEST: Self = Self(0xC0);
    /// Unauthorized: authenticate first.
    pub const UNAUTHORIZED: Self = Self(0xC1);
    /// Forbidden.
    pub const FORBIDDEN: Self = Self(0xC3);
    /// Not Found.
    pub const NOT_FOUND: Self = Self(0xC4);
    /// Precondition Failed: a message without a session.
    pub const PRECONDITION_FAILED: Self = Self(0xCC);
    /// Requested entity too large.
    pub const TOO_LARGE: Self = Self(0xCD);
    /// Unsupported media type.
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self(0xCF);
    /// Internal Server Error.
    pub const INTERNAL_ERROR: Self = Self(0xD0);
    /// Not Implemented.
    pub const NOT_IMPLEMENTED: Self = Self(0xD1);
    /// Service Unavailable: busy, nothing due, no such connection.
    pub const UNAVAILABLE: Self = Self(0xD3);

    /// The code that an octet stands for; `None` if no response begins with it. Some phones leave
    /// the final bit out, which is tolerated.
    pub const fn of(octet: u8) -> Option<Self> {
        match octet | FINAL {
            code @ (0x90
            | 0x91
            | 0xA0..=0xA6
            | 0xB0..=0xB5
            | 0xC0..=0xCF
            | 0xD0..=0xD5
            | 0xE0
            | 0xE1) => Some(Self(code)),
            _ => None,
        }
    }

    /// The octet on the wire.
    pub const fn octet(self) -> u8 {
        self.0
    }

    /// Whether the request has been carried out.
    pub const fn is_success(self) -> bool {
        matches!(self.0, 0xA0..=0xA6)
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x90 => "Continue",
            0x91 => "Switching Protocols",
            0xA0 => "OK",
            0xA1 => "Created",
            0xA2 => "Accepted",
            0xA3 => "Non-Authoritative Information",
            0xA4 => "No Content",
            0xA5 => "Reset Content",
            0xA6 => "Partial Content",
            0xB0..=0xB5 => "Redirection",
            0xC0 => "Bad Request",
            0xC1 => "Unauthorized",
            0xC2 => "Payment Required",
            0xC3 => "Forbidden",
            0xC4 => "Not Found",
            0xC5 => "Method Not Allowed",
            0xC6 => "Not Acceptable",
            0xC7 => "Proxy Authentication Required",
            0xC8 => "Request Timeout",
            0xC9 => "Conflict",
            0xCA => "Gone",
            0xCB => "Length Required",
            0xCC => "Precondition Failed",
            0xCD => "Requested Entity Too Large",
            0xCE => "Requested URL Too Large",
            0xCF => "Unsupported Media Type",
            0xD0 => "Internal Server Error",
            0xD1 => "Not Implemented",
            0xD2 => "Bad Gateway",
            0xD3 => "Service Unavailable",
            0xD4 => "Gateway Timeout",
            0xD5 => "HTTP Version Not Supported",
            0xE0 => "Database Full",
            _ => "Database Locked",
        }
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X} ({})", self.0, self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_are_written_as_they_are_read() {
        let known = (0..=u8::MAX).filter_map(|octet| Some((octet, Opcode::of(octet)?)));
        for (octet, opcode) in known {
            // ACTION is written with its final bit, and read without it too.
            let written = if octet == 0x06 { 0x86 } else { octet };
            assert_eq!(opcode.octet(), written, "{octet:02x}");
        }
        for noise in [0x00, 0x01, 0x05, 0x07, 0x20, 0x41, 0x7F, 0xA0, 0xC1, 0xFE] {
            assert_eq!(Opcode::of(noise), None, "{noise:02x}");
        }
    }

    #[test]
    fn a_response_needs_no_final_bit() {
        assert_eq!(ResponseCode::of(0x20), Some(ResponseCode::SUCCESS));
        assert_eq!(ResponseCode::of(0xD3), Some(ResponseCode::UNAVAILABLE));
        for noise in [0x00, 0x80, 0x82, 0x92, 0xA7, 0xFF, b'z', b'\r'] {
            assert_eq!(ResponseCode::of(noise), None, "{noise:02x}");
        }
        assert_eq!(
            ResponseCode::UNAVAILABLE.to_string(),
            "0xD3 (Service Unavailable)"
        );
    }
}
