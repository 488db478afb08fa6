//! The clocks of the machine: what they say, when a time has come, and when one is set.
#![expect(clippy::disallowed_methods, reason = "driver: reads the clocks")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::timerfd::{self, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};
use omadm_syncml::{Now, Wall};
use tokio::io::{Interest, unix::AsyncFd};

/// A wall clock that stands before this time (2026-01-01 UTC, or when the package was built) has
/// never been set: the program is younger.
const PLAUSIBLE: Duration = match option_env!("SOURCE_DATE_EPOCH") {
    Some(text) => Duration::from_secs(number(text.as_bytes(), 490_896 * 3600)),
    None => Duration::from_hours(490_896),
};

/// A number in decimal digits, if it is one and not less than `least`.
const fn number(digits: &[u8], least: u64) -> u64 {
    let mut rest = digits;
    let mut value: u64 = 0;
    while let [digit, more @ ..] = rest {
        if !digit.is_ascii_digit() || value > 1 << 40 {
            return least;
        }
        value = value * 10 + (*digit - b'0') as u64;
        rest = more;
    }
    if value > least { value } else { least }
}

/// Both clocks.
pub(crate) fn now() -> Now {
    // CLOCK_BOOTTIME exists on every kernel that can run this program.
    let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    Now {
        boot,
        wall: wall.filter(|wall| *wall >= PLAUSIBLE).map(Wall),
    }
}

/// What the wall clock says, plausible or not.
pub(super) fn said() -> String {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    let text = rfc3339(Wall(wall.unwrap_or_default()));
    text.unwrap_or_else(|| "nothing".to_owned())
}

/// A time that is so far ahead of the wall clock.
pub(super) fn after(wall: Option<Wall>, rest: Option<Duration>) -> Option<Wall> {
    Some(Wall(wall?.0 + rest?))
}

/// Wakes whoever waits when a time has come. It runs on `CLOCK_BOOTTIME`: what the machine has
/// slept through is due when it wakes.
pub(super) struct Alarm {
    timer: AsyncFd<Timer>,
    armed: Option<Duration>,
}

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        let timer = timer(timerfd::ClockId::CLOCK_BOOTTIME)?;
        Ok(Self { timer, armed: None })
    }

    /// Waits for a time on `CLOCK_BOOTTIME`, for ever if there is none. Cancel-safe.
    pub(super) async fn wait(&mut self, at: Option<Duration>) -> io::Result<()> {
        if at != self.armed {
            let Timer(timer) = self.timer.get_ref();
            match at {
                // Zero would disarm it.
                Some(at) => timer.set(
                    Expiration::OneShot(at.max(Duration::from_nanos(1)).into()),
                    TimerSetTimeFlags::TFD_TIMER_ABSTIME,
                )?,
                None => timer.unset()?,
            }
            self.armed = at;
        }
        expired(&self.timer).await?;
        self.armed = None;
        Ok(())
    }
}

/// Tells when somebody sets the wall clock (`TFD_TIMER_CANCEL_ON_SET`, `timerfd_create(2)`).
pub(super) struct ClockWatch(AsyncFd<Timer>);

impl ClockWatch {
    pub(super) fn new() -> io::Result<Self> {
        let watch = Self(timer(timerfd::ClockId::CLOCK_REALTIME)?);
        watch.arm()?;
        Ok(watch)
    }

    /// Waits until the clock is set. Cancel-safe.
    pub(super) async fn set(&self) -> io::Result<()> {
        // ECANCELED counts as the end of the wait (`TimerFd::wait`), and the time never comes.
        expired(&self.0).await?;
        self.arm()
    }

    fn arm(&self) -> io::Result<()> {
        // In the year 2242, within what the kernel's times can hold.
        let never = Duration::from_secs(1 << 33);
        let flags =
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        Ok(self
            .0
            .get_ref()
            .0
            .set(Expiration::OneShot(never.into()), flags)?)
    }
}

/// A timer of the kernel, as the runtime waits for it.
struct Timer(TimerFd);

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

#[expect(
    deprecated,
    reason = "the successor is unsafe, and what it has to be promised holds: a timer keeps its descriptor"
)]
fn timer(clock: timerfd::ClockId) -> io::Result<AsyncFd<Timer>> {
    let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
    AsyncFd::with_interest(Timer(TimerFd::new(clock, flags)?), Interest::READABLE)
}

async fn expired(timer: &AsyncFd<Timer>) -> io::Result<()> {
    loop {
        let mut ready = timer.readable().await?;
        let read = ready.try_io(|timer| Ok(timer.get_ref().0.wait()?));
        if let Ok(result) = read {
            return result;
        }
    }
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(wall: Wall) -> Option<String> {
    let millis = i64::try_from(wall.0.as_millis()).ok()?;
    let time = jiff::Timestamp::from_millisecond(millis).ok()?;
    Some(format!("{time:.3}"))
}

/// What the kernel calls this boot of the machine.
pub(crate) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let wall = Wall(Duration::from_millis(1_767_225_600_250));
        assert_eq!(rfc3339(wall).as_deref(), Some("2026-01-01T00:00:00.250Z"));
    }

    #[test]
    fn the_boot_clock_runs() {
        let first = now().boot;
        assert!(first > Duration::ZERO);
        assert!(now().boot >= first);
    }

    #[test]
    fn only_a_later_build_moves_the_bound() {
        for (text, expected) in [
            ("1800000000", 1_800_000_000),
            ("1000", 1_767_225_600),
            ("", 1_767_225_600),
            ("soon", 1_767_225_600),
            ("99999999999999999999999", 1_767_225_600),
        ] {
            assert_eq!(number(text.as_bytes(), 1_767_225_600), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn an_alarm_rings_when_its_time_has_come_and_not_before() {
        let mut alarm = Alarm::new().unwrap();
        let soon = now().boot + Duration::from_millis(20);
        alarm.wait(Some(soon)).await.unwrap();
        assert!(now().boot >= soon);
        // A time that is past, the same again, and an alarm that is put off.
        alarm.wait(Some(Duration::ZERO)).await.unwrap();
        alarm.wait(Some(Duration::ZERO)).await.unwrap();
        let late = now().boot + Duration::from_hours(1);
        tokio::select! {
            biased;
            ended = alarm.wait(Some(late)) => panic!("{ended:?}"),
            () = tokio::task::yield_now() => {}
        }
        alarm.wait(Some(now().boot)).await.unwrap();
    }
}
