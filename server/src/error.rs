//! What can go wrong on this machine, and the exit code it comes to.

use std::fmt;
use std::path::PathBuf;

/// The command line was wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;

/// An error of a kind that `sysexits.h` numbers, in words for the person at the terminal.
#[derive(Debug)]
pub enum Error {
    /// The command line, or what it names, is wrong.
    Usage(String),
    /// A file that was given does not say what it should.
    Data(String),
    /// A file is missing or unreadable.
    NoInput {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A device, job or session that is named does not exist.
    NotFound(String),
    /// The address cannot be listened on.
    Unavailable(String),
    /// The database cannot be used.
    Database {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The database file holds something else, or a later version of it.
    ForeignDatabase {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// Another input or output error.
    Io {
        /// What was done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Waiting took too long.
    TimedOut(String),
    /// What was waited for did not come out well.
    Failed(String),
}

impl Error {
    /// The exit code, as `sysexits.h` numbers them.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => USAGE,
            Self::Data(_) | Self::NotFound(_) => 65,
            Self::NoInput { .. } => 66,
            Self::Unavailable(_) => 69,
            Self::Database { .. } | Self::Io { .. } => 74,
            Self::TimedOut(_) => 75,
            Self::ForeignDatabase { .. } => 78,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text)
            | Self::Data(text)
            | Self::NotFound(text)
            | Self::Unavailable(text)
            | Self::TimedOut(text)
            | Self::Failed(text) => f.write_str(text),
            Self::NoInput { path, source } => {
                write!(f, "cannot read {}: {source}", path.display())
            }
            Self::Database { path, source } => {
                write!(f, "the database {}: {source}", path.display())
            }
            Self::ForeignDatabase { path, what } => write!(
                f,
                "{} is {what}; name another file with --db",
                path.display()
            ),
            Self::Io { what, source } => write!(f, "{what}: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoInput { source, .. } | Self::Io { source, .. } => Some(source),
            Self::Database { source, .. } => Some(source),
            _ => None,
        }
    }
}
