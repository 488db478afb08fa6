//! What the service manager is told (`sd_notify(3)`); nothing when there is none.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: sends to the service manager"
)]

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;

/// How long a manager that does not read may hold up a turn in the life of the daemon. What is
/// only good to know is dropped at once: the event loop does not wait for a reader.
const PATIENCE: Duration = Duration::from_secs(2);

/// The start is done.
pub(super) fn ready(status: &str) {
    tell(
        &[NotifyState::Ready, NotifyState::Status(status)],
        Some(PATIENCE),
    );
}

/// The configuration is read again; [`ready`] ends it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now], Some(PATIENCE)),
        Err(error) => log::warn!("the monotonic clock: {error}"),
    }
}

/// The end begins.
pub(super) fn stopping() {
    tell(
        &[NotifyState::Stopping, NotifyState::Status("stopping")],
        Some(PATIENCE),
    );
}

/// One line for `systemctl status`.
pub(super) fn status(text: &str) {
    tell(&[NotifyState::Status(text)], None);
}

/// The event loop is alive. One that finds no room is not missed: those before it wait unread.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog], None);
}

/// How often [`alive`] is due: twice as often as the manager asks, so that one late wake-up
/// does no harm (`sd_watchdog_enabled(3)`). `None` when it does not ask.
pub(super) fn watchdog() -> Option<Duration> {
    let asked = sd_notify::watchdog_enabled()?;
    (!asked.is_zero()).then(|| asked / 2)
}

fn tell(states: &[NotifyState<'_>], patience: Option<Duration>) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let lines: Vec<_> = states.iter().map(ToString::to_string).collect();
    if let Err(error) = send(&socket, lines.join("\n").as_bytes(), patience) {
        log::debug!("the service manager cannot be told: {error}");
    }
}

fn send(to: &OsStr, text: &[u8], patience: Option<Duration>) -> io::Result<()> {
    let address = match to.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(to)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(patience.is_none())?;
    socket.set_write_timeout(patience)?;
    socket.send_to_addr(text, &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_that_does_not_read_holds_nothing_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut sent = 0;
        while send(path.as_os_str(), b"STATUS=idle", None).is_ok() {
            sent += 1;
            assert!(sent < 100_000, "endless room");
        }
        let short = Some(Duration::from_millis(20));
        assert!(send(path.as_os_str(), b"READY=1", short).is_err());
        manager.recv(&mut [0; 64]).unwrap();
        send(path.as_os_str(), b"READY=1", short).unwrap();
    }

    #[test]
    fn a_name_without_a_file_is_known_by_its_first_character() {
        let name = format!("omadm-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        send(OsStr::new(&format!("@{name}")), b"READY=1", None).unwrap();
        let mut heard = [0; 64];
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(heard.get(..length), Some(&b"READY=1"[..]));
    }
}
