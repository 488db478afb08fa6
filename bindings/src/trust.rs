//! Why nobody, or not the right ones, can be trusted.

use std::fmt;
use std::path::PathBuf;

/// Why trusted certificates cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustError {
    /// A file cannot be used.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither the machine nor the account names a certificate authority.
    Nobody,
    /// The TLS library cannot be set up.
    Unusable(String),
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Nobody => f.write_str(
                "no certificate authority is trusted: install ca-certificates, or name a ca-file",
            ),
            Self::Unusable(reason) => write!(f, "TLS cannot be set up: {reason}"),
        }
    }
}

impl std::error::Error for TrustError {}
