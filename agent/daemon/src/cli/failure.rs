//! Why a verb failed: one sentence and an exit code.

use std::fmt;
use std::io;
use std::path::Path;

use crate::control::wire;
use crate::exit;

/// The end of a verb that did not go well.
#[derive(Debug)]
pub(super) struct Failure {
    /// The exit code.
    pub(super) code: u8,
    /// One sentence; empty when the reader of the output went away, which is not an error.
    pub(super) message: String,
}

impl Failure {
    /// A failure with this exit code.
    pub(super) fn new(code: u8, message: impl fmt::Display) -> Self {
        let message = message.to_string();
        Self { code, message }
    }

    /// An input file that could not be read.
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::PermissionDenied => exit::NO_PERMISSION,
            _ => exit::NO_INPUT,
        };
        Self::new(code, format_args!("{}: {error}", super::input::name(path)))
    }
}

impl From<io::Error> for Failure {
    /// Writing the output failed.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(exit::OK, "");
        }
        Self::new(exit::IO, format_args!("cannot write the output: {error}"))
    }
}

impl From<serde_json::Error> for Failure {
    /// Writing JSON failed.
    fn from(error: serde_json::Error) -> Self {
        match error.io_error_kind() {
            Some(kind) => io::Error::from(kind).into(),
            None => Self::new(exit::SOFTWARE, format_args!("cannot write JSON: {error}")),
        }
    }
}

impl From<wire::Error> for Failure {
    /// The daemon refused.
    fn from(error: wire::Error) -> Self {
        let code = match error {
            wire::Error::PermissionDenied(_) => exit::NO_PERMISSION,
            wire::Error::InvalidRequest(_) => exit::USAGE,
            wire::Error::Busy(_) => exit::TRY_AGAIN,
            _ => exit::FAILED,
        };
        Self::new(code, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.code, failure.message.as_str()), (exit::OK, ""));
        let failure = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(failure.code, exit::IO);
    }

    #[test]
    fn refusals_have_the_codes_that_scripts_expect() {
        let code = |error: wire::Error| Failure::from(error).code;
        assert_eq!(code(wire::Error::PermissionDenied(String::new())), 77);
        assert_eq!(code(wire::Error::Busy(String::new())), 75);
        assert_eq!(code(wire::Error::NotFound(String::new())), 1);
    }
}
