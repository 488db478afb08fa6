//! Why a verb failed: one sentence and an exit code.

use std::fmt;
use std::io;
use std::path::Path;

use omadm_syncml::StatusCode;

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
        let wire::Error::Refused {
            status, message, ..
        } = &error
        else {
            return Self::new(code, error);
        };
        match (StatusCode(*status), mend(StatusCode(*status))) {
            // it is not about the node
            (StatusCode::DEVICE_FULL, _) => Self::new(code, message),
            (_, Some(mend)) => Self::new(code, format_args!("{error}: {mend}")),
            (_, None) => Self::new(code, error),
        }
    }
}

/// What a status of the tree leaves the caller to do.
const fn mend(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::NOT_FOUND => Some("what there is: omadm tree"),
        StatusCode::NOT_ALLOWED => {
            Some("the description of the object does not allow it: omadm ddf export NAME")
        }
        StatusCode::UNSUPPORTED_FORMAT => {
            Some("the object's description wants another format or value: omadm ddf export NAME")
        }
        _ => None,
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

    #[test]
    fn a_refusal_of_the_tree_says_where_to_look() {
        let refused = |status| {
            let error = wire::Error::Refused {
                status,
                uri: "./A".to_owned(),
                message: "no".to_owned(),
            };
            Failure::from(error).message
        };
        assert_eq!(refused(404), "./A: 404 no: what there is: omadm tree");
        assert!(refused(405).contains("ddf export"));
        assert_eq!(refused(500), "./A: 500 no");
    }
}
