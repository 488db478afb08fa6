//! One daemon for each state directory.
#![expect(
    clippy::disallowed_types,
    reason = "driver: makes the state directory and locks it"
)]

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::directory;

/// Why the state directory cannot be had.
#[derive(Debug)]
pub(super) enum InstanceError {
    /// Another daemon has it.
    Taken {
        /// The directory.
        directory: PathBuf,
        /// The other daemon's process, if it has said so.
        pid: Option<u32>,
    },
    /// The system refused.
    Io(PathBuf, io::Error),
}

impl fmt::Display for InstanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { directory, pid } => {
                write!(f, "another omadmd")?;
                if let Some(pid) = pid {
                    write!(f, " (pid {pid})")?;
                }
                write!(
                    f,
                    " uses {}: stop it, or give this one another state-dir",
                    directory.display()
                )
            }
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for InstanceError {}

/// Holds the state directory until it is dropped. The kernel lets go of it however the process
/// ends, so a stale lock file does no harm.
#[derive(Debug)]
pub(super) struct Instance {
    _lock: Flock<File>,
}

impl Instance {
    /// Makes `directory` when it is missing and takes it.
    pub(super) fn take(directory: &Path) -> Result<Self, InstanceError> {
        let made = directory::make(directory, 0o700);
        made.map_err(|error| InstanceError::Io(directory.to_owned(), error))?;
        let path = directory.join("lock");
        let io = |error| InstanceError::Io(path.clone(), error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.mode(0o600).open(&path).map_err(io)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                if let Err(error) = write_pid(&mut lock) {
                    // A full disk; only the words to a second daemon suffer.
                    log::debug!("{}: {error}", path.display());
                }
                Ok(Self { _lock: lock })
            }
            Err((mut file, Errno::EWOULDBLOCK)) => Err(InstanceError::Taken {
                directory: directory.to_owned(),
                pid: read_pid(&mut file),
            }),
            Err((_, errno)) => Err(io(errno.into())),
        }
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_second_is_told_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("var/lib/omadm");
        let first = Instance::take(&state).unwrap();
        let error = Instance::take(&state).unwrap_err().to_string();
        let expected = format!(
            "another omadmd (pid {}) uses {}",
            std::process::id(),
            state.display()
        );
        assert!(error.starts_with(&expected), "{error}");
        drop(first);
        Instance::take(&state).unwrap();
    }

    #[test]
    fn the_directory_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("omadm");
        let _instance = Instance::take(&state).unwrap();
        let mode = state.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700);
    }
}
