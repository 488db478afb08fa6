//! The listening socket that the service manager has passed (`sd_listen_fds(3)`).
#![expect(
    clippy::disallowed_types,
    reason = "driver: takes over a listening socket"
)]

use std::io::{self, ErrorKind};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;

use nix::sys::socket::{SockType, UnixAddr, getsockname, getsockopt, sockopt};

/// The one socket that was passed; `None` when there is none, or more than one.
pub(super) fn passed() -> io::Result<Option<UnixListener>> {
    let mut fds = sd_notify::listen_fds()?;
    let (Some(fd), None) = (fds.next(), fds.next()) else {
        return Ok(None);
    };
    let fd = duplicate(fd)?;
    check(&fd)?;
    Ok(Some(UnixListener::from(fd)))
}

/// A copy of our own: whoever else knows the number of the passed one cannot close ours.
fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: `listen_fds` has just set FD_CLOEXEC on this number, which fails on one that is not
    // open, and nothing in this process closes it; the borrow ends with this function.
    #[expect(unsafe_code, reason = "descriptors are passed by number")]
    let passed = unsafe { BorrowedFd::borrow_raw(fd) };
    passed.try_clone_to_owned()
}

/// Anything but a listening Unix stream socket is a mistake in a unit file.
fn check(fd: &OwnedFd) -> io::Result<()> {
    let wrong = || io::Error::new(ErrorKind::InvalidInput, "no listening Unix stream socket");
    let listens = getsockopt(fd, sockopt::AcceptConn).map_err(|_| wrong())?;
    let stream = getsockopt(fd, sockopt::SockType)? == SockType::Stream;
    let unix = getsockname::<UnixAddr>(std::os::fd::AsRawFd::as_raw_fd(fd)).is_ok();
    if listens && stream && unix {
        Ok(())
    } else {
        Err(wrong())
    }
}
