//! The two clocks of the machine, and the texts of times.
#![expect(clippy::disallowed_methods, reason = "driver: reads the clocks")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use omadm_syncml::{Now, Wall};

/// A wall clock that stands before this time (2026-01-01 UTC) has never been set: the program
/// is younger.
const PLAUSIBLE: Duration = Duration::from_hours(490_896);

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
}
