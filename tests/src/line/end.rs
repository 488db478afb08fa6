//! What a line can be put between.
#![expect(
    clippy::disallowed_types,
    reason = "driver: opens terminals and sockets for tests"
)]

use super::{LineSettings, Relay};

use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use std::io;
use std::os::fd::OwnedFd;
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
    let pair = openpty(None, None)?;
    let mut raw = tcgetattr(&pair.slave)?;
    cfmakeraw(&mut raw);
    tcsetattr(&pair.slave, SetArg::TCSANOW, &raw)?;
    let path = nix::unistd::ttyname(&pair.slave)?;
    let end = End {
        fd: pair.master,
        _terminal: Some(pair.slave),
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
