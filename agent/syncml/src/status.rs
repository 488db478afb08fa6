//! Status codes (OMA-TS-SyncML-RepPro 10, OMA-TS-DM-RepPro 9).

use std::fmt;

/// The code of a `Status` command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(pub u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $phrase:literal;)*) => {
        impl StatusCode {
            $(#[doc = concat!(stringify!($code), ": ", $phrase, ".")]
            pub const $name: Self = Self($code);)*

            /// The phrase of the code, for people.
            pub const fn phrase(self) -> &'static str {
                match self.0 {
                    $($code => $phrase,)*
                    _ => "unknown status",
                }
            }
        }
    };
}

codes! {
    OK = 200, "OK";
    ACCEPTED = 202, "accepted for processing";
    AUTHENTICATED = 212, "authentication accepted";
    CHUNK_ACCEPTED = 213, "chunk accepted and buffered";
    CANCELLED = 214, "operation cancelled";
    NOT_EXECUTED = 215, "not executed";
    ROLLED_BACK = 216, "atomic roll back OK";
    NOT_MODIFIED = 304, "not modified";
    BAD_REQUEST = 400, "bad request";
    INVALID_CREDENTIALS = 401, "invalid credentials";
    FORBIDDEN = 403, "forbidden";
    NOT_FOUND = 404, "not found";
    NOT_ALLOWED = 405, "command not allowed";
    NOT_SUPPORTED = 406, "optional feature not supported";
    CREDENTIALS_REQUIRED = 407, "authentication required";
    TIMEOUT = 408, "request timeout";
    INCOMPLETE_COMMAND = 412, "incomplete command";
    TOO_LARGE = 413, "request entity too large";
    URI_TOO_LONG = 414, "URI too long";
    UNSUPPORTED_FORMAT = 415, "unsupported media type or format";
    RANGE_NOT_SATISFIABLE = 416, "requested range not satisfiable";
    RETRY_LATER = 417, "retry later";
    ALREADY_EXISTS = 418, "already exists";
    DEVICE_FULL = 420, "device full";
    SIZE_MISMATCH = 424, "size mismatch";
    PERMISSION_DENIED = 425, "permission denied";
    COMMAND_FAILED = 500, "command failed";
    NOT_IMPLEMENTED = 501, "command not implemented";
    SERVICE_UNAVAILABLE = 503, "service unavailable";
    DTD_NOT_SUPPORTED = 505, "DTD version not supported";
    PROCESSING_ERROR = 506, "processing error";
    ATOMIC_FAILED = 507, "atomic failed";
    DATA_STORE_FAILURE = 510, "data store failure";
    PROTOCOL_NOT_SUPPORTED = 513, "protocol version not supported";
    ROLL_BACK_FAILED = 516, "atomic roll back failed";
    RESPONSE_TOO_LARGE = 517, "atomic response too large";
}

impl StatusCode {
    /// Reads the text of a `Status/Data`: three digits, surrounding white space ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let code: u16 = text.trim().parse().ok()?;
        (100..1000).contains(&code).then_some(Self(code))
    }

    /// Whether the code is one of the 2xx family that means the command was carried out or taken.
    pub const fn is_success(self) -> bool {
        matches!(self.0, 200..=214)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
