//! When the next session of an account is due: regular ones, and further attempts after a
//! failure. Pure: the time and the dice are handed in.

use std::time::Duration;

use omadm_dm::session::SessionCause;
use omadm_syncml::{Now, Wall};

use crate::config::{Retry, Schedule};

/// A session that is due at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// `CLOCK_BOOTTIME`.
    pub at: Duration,
    /// Why it starts.
    pub cause: SessionCause,
}

/// What a failure says about another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prospect {
    /// It may work soon, but not before this much time has passed.
    Later(Duration),
    /// It will not work before somebody changes something; it is tried at the longest interval
    /// all the same, because that somebody may be at the server.
    Unlikely,
}

impl Prospect {
    /// What two failures say together: the server may be there as soon as either may work.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Later(one), Self::Later(two)) => Self::Later(one.min(two)),
            (Self::Later(after), Self::Unlikely) | (Self::Unlikely, Self::Later(after)) => {
                Self::Later(after)
            }
            (Self::Unlikely, Self::Unlikely) => Self::Unlikely,
        }
    }
}

/// A random number, evenly spread over all of `u64`.
pub(super) type Dice = u64;

/// A random time from zero to `bound`.
pub(super) fn random_up_to(bound: Duration, dice: Dice) -> Duration {
    let nanos = bound.as_nanos().saturating_mul(u128::from(dice)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The first session after the start of the daemon or after a change of the schedule.
///
/// The interval counts from the last success, if both times are known: restarts neither
/// starve the schedule nor crowd it.
pub(super) fn first(
    schedule: &Schedule,
    retry: &Retry,
    failures: u32,
    succeeded: Option<Wall>,
    now: Now,
    dice: Dice,
) -> Option<Due> {
    let interval = schedule.interval?;
    if failures > 0 {
        return Some(again(
            retry,
            failures,
            Prospect::Later(Duration::ZERO),
            now,
            dice,
        ));
    }
    let since = match (now.wall, succeeded) {
        (Some(Wall(now)), Some(Wall(then))) => now.checked_sub(then),
        _ => None,
    };
    let rest = since.map_or(interval, |since| interval.saturating_sub(since));
    Some(Due {
        at: now.boot + rest + random_up_to(schedule.jitter, dice),
        cause: SessionCause::Schedule,
    })
}

/// The session that a boot of the machine starts. Many devices boot together when power
/// returns, so it is spread like the regular ones.
pub(super) fn after_boot(schedule: &Schedule, now: Now, dice: Dice) -> Option<Due> {
    schedule.at_boot.then(|| Due {
        at: now.boot + random_up_to(schedule.jitter, dice),
        cause: SessionCause::Schedule,
    })
}

/// The regular session after one that succeeded.
pub(super) fn next(schedule: &Schedule, now: Now, dice: Dice) -> Option<Due> {
    Some(Due {
        at: now.boot + schedule.interval? + random_up_to(schedule.jitter, dice),
        cause: SessionCause::Schedule,
    })
}

/// The next attempt after `failures` failures in a row: exponential backoff with full jitter,
/// for ever.
pub(super) fn again(retry: &Retry, failures: u32, prospect: Prospect, now: Now, dice: Dice) -> Due {
    let wait = match prospect {
        Prospect::Later(at_least) => {
            let doublings = failures.saturating_sub(1).min(31);
            let bound = retry.initial.saturating_mul(1 << doublings).min(retry.max);
            at_least + random_up_to(bound, dice)
        }
        Prospect::Unlikely => retry.max / 2 + random_up_to(retry.max / 2, dice),
    };
    Due {
        at: now.boot + wait,
        cause: SessionCause::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Dice = 1 << 63;

    fn at(boot: u64, wall: Option<u64>) -> Now {
        Now {
            boot: Duration::from_secs(boot),
            wall: wall.map(|seconds| Wall(Duration::from_secs(seconds))),
        }
    }

    fn hours(count: u64) -> Duration {
        Duration::from_hours(count)
    }

    fn schedule() -> Schedule {
        Schedule {
            interval: Some(hours(24)),
            jitter: hours(2),
            ..Schedule::default()
        }
    }

    #[test]
    fn dice_spread_over_the_whole_bound() {
        let bound = hours(1);
        assert_eq!(random_up_to(bound, 0), Duration::ZERO);
        assert_eq!(random_up_to(bound, HALF), bound / 2);
        let last = random_up_to(bound, u64::MAX);
        assert!(last <= bound && bound.abs_diff(last) < Duration::from_millis(1));
        assert!(random_up_to(Duration::MAX, u64::MAX) > hours(1));
    }

    #[test]
    fn regular_sessions_keep_their_interval_over_a_restart() {
        let day = 86_400;
        let first = |succeeded: Option<u64>, wall| {
            let succeeded = succeeded.map(|seconds| Wall(Duration::from_secs(seconds)));
            let due = first(
                &schedule(),
                &Retry::default(),
                0,
                succeeded,
                at(100, wall),
                0,
            );
            due.unwrap().at.as_secs() - 100
        };
        assert_eq!(first(None, Some(day)), day);
        assert_eq!(first(Some(day), Some(day + 3600)), day - 3600);
        assert_eq!(first(Some(day), Some(4 * day)), 0);
        // Without a clock, or with one that went backwards, a whole interval.
        assert_eq!(first(Some(day), None), day);
        assert_eq!(first(Some(9 * day), Some(day)), day);
    }

    #[test]
    fn without_an_interval_nothing_starts_by_itself() {
        let off = Schedule {
            interval: None,
            ..schedule()
        };
        let now = at(100, None);
        assert_eq!(first(&off, &Retry::default(), 3, None, now, 0), None);
        assert_eq!(next(&off, now, 0), None);
        assert_eq!(after_boot(&off, now, 0), None);
        let at_boot = Schedule {
            at_boot: true,
            ..off
        };
        assert_eq!(
            after_boot(&at_boot, now, HALF).unwrap().at,
            now.boot + hours(1)
        );
    }

    #[test]
    fn waits_double_up_to_the_bound_and_never_end() {
        let retry = Retry {
            initial: Duration::from_secs(30),
            max: Duration::from_mins(10),
        };
        let wait = |failures, dice| {
            let prospect = Prospect::Later(Duration::ZERO);
            again(&retry, failures, prospect, at(0, None), dice).at
        };
        let seconds: Vec<_> = [1, 2, 3, 4, 5, 6, 100, u32::MAX]
            .map(|failures| wait(failures, HALF).as_secs())
            .into();
        assert_eq!(seconds, [15, 30, 60, 120, 240, 300, 300, 300]);
        assert_eq!(wait(5, 0), Duration::ZERO, "full jitter begins at nothing");
    }

    #[test]
    fn the_server_may_ask_for_more_time() {
        let asked = Prospect::Later(hours(1));
        let due = again(&Retry::default(), 1, asked, at(0, None), 0);
        assert_eq!(due.at, hours(1));
    }

    #[test]
    fn the_best_of_two_prospects_counts() {
        let later = |seconds| Prospect::Later(Duration::from_secs(seconds));
        assert_eq!(Prospect::Unlikely.or(later(3)), later(3));
        assert_eq!(later(3).or(Prospect::Unlikely), later(3));
        assert_eq!(later(3).or(later(2)), later(2));
        assert_eq!(
            Prospect::Unlikely.or(Prospect::Unlikely),
            Prospect::Unlikely
        );
    }

    #[test]
    fn what_will_hardly_work_is_tried_seldom() {
        let retry = Retry::default();
        for dice in [0, HALF, u64::MAX] {
            let due = again(&retry, 1, Prospect::Unlikely, at(0, None), dice);
            assert!(due.at >= retry.max / 2 && due.at <= retry.max);
        }
    }
}
