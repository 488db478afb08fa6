//! What a line can be put between.
#![expect(
    clippy::disallowed_types,
    reason = "driver: opens terminals and sockets for tests"
)]

use super::{LineSettings, Relay};

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// One end of a relay.
#[derive(Debug)]
pub struct End {
    pub(super) fd: OwnedFd,
    /// The terminal's own side, held open: a program that opens and closes it does not hang up,
    /// as on a cable without modem lines.
    _terminal: Option<OwnedFd>,
}

impl From<UnixStream> for End {
    fn from(stream: UnixStream) -> Self {
        Self {
            fd: stream.into(),
            _terminal: None,
        }
    }
}

impl End {
    /// A connection to whoever listens at a Unix socket.
    pub fn connect(path: &Path) -> io::Result<Self> {
        UnixStream::connect(path).map(Self::from)
    }
}

/// A terminal in raw mode: the relay's end of it, and the path that a program opens.
pub fn terminal() -> io::Result<(End, PathBuf)> {
    // A program that another test starts must not inherit it: nobody could hang up any more.
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let path = PathBuf::from(ptsname_r(&master)?);
    let mut options = File::options();
    options.read(true).write(true);
    let slave = options.custom_flags(OFlag::O_NOCTTY.bits()).open(&path)?;
    let mut raw = tcgetattr(&slave)?;
    cfmakeraw(&mut raw);
    tcsetattr(&slave, SetArg::TCSANOW, &raw)?;
    let end = End {
        fd: OwnedFd::from(master),
        _terminal: Some(slave.into()),
    };
    Ok((end, path))
}

/// A socket and the relay's end of it.
pub fn socket_pair() -> io::Result<(UnixStream, End)> {
    let (own, other) = UnixStream::pair()?;
    Ok((own, other.into()))
}

/// Two sockets with a line between them.
pub fn sockets(settings: &LineSettings) -> io::Result<(UnixStream, UnixStream, Relay)> {
    let (first, near) = socket_pair()?;
    let (second, far) = socket_pair()?;
    Ok((first, second, Relay::start(near, far, settings)?))
}
