//! What the service manager is told (`sd_notify(3)`); nothing when there is none.

use std::time::Duration;

use sd_notify::NotifyState;

/// The start is done.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] ends it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => log::warn!("the monotonic clock: {error}"),
    }
}

/// The end begins.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// One line for `systemctl status`.
pub(super) fn status(text: &str) {
    tell(&[NotifyState::Status(text)]);
}

/// The event loop is alive.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often [`alive`] is due: twice as often as the manager asks, so that one late wake-up
/// does no harm (`sd_watchdog_enabled(3)`). `None` when it does not ask.
pub(super) fn watchdog() -> Option<Duration> {
    let asked = sd_notify::watchdog_enabled()?;
    (!asked.is_zero()).then(|| asked / 2)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("the service manager cannot be told: {error}");
    }
}
