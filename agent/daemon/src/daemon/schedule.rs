//! When a session is due: by interval, by calendar, and again after a failure. Pure: the time
//! and the dice are handed in.

use std::time::Duration;

use omadm_dm::session::SessionCause;
use omadm_syncml::Wall;

use super::elapsed::Moment;
use crate::config::{Retry, Schedule};
use crate::store::Anchor;

/// A session that is due at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// `CLOCK_BOOTTIME`.
    pub at: Duration,
    /// Why it starts.
    pub cause: SessionCause,
    /// The time of day that the calendar names.
    pub occurrence: Option<Wall>,
}

impl Due {
    pub(super) const fn new(at: Duration, cause: SessionCause) -> Self {
        Self {
            at,
            cause,
            occurrence: None,
        }
    }
}

/// What a failure says about another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prospect {
    /// It may work soon, but not before this much time has passed.
    Later(Duration),
    /// It may work once the clock has been set, and soon otherwise.
    Clock,
    /// It will not work before somebody changes something; it is tried at the longest interval
    /// all the same, because that somebody may be at the server.
    Unlikely,
}

impl Prospect {
    /// What two failures say together: the server may be there as soon as either may work.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Later(one), Self::Later(two)) => Self::Later(one.min(two)),
            (Self::Clock, _) | (_, Self::Clock) => Self::Clock,
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

/// The regular session: an interval after the last success, or after the account was first
/// seen. Restarts and nights without power neither starve the schedule nor crowd it.
pub(super) fn regular(schedule: &Schedule, anchor: Anchor, now: Moment, dice: Dice) -> Option<Due> {
    let rest = schedule.interval?.saturating_sub(anchor.elapsed(now));
    let at = now.boot + rest + random_up_to(schedule.jitter, dice);
    Some(Due::new(at, SessionCause::Schedule))
}

/// A clock that is set back by less does not repeat what the calendar has started already; one
/// that is set back by more has been wrong, and counts from where it stands (like cron(8)).
const SET_BACK: Duration = Duration::from_hours(3);

/// The session that the calendar names: one that was missed since `since` at once, else the
/// next one, each with its jitter. Without a clock that can be trusted there is none.
pub(super) fn calendar(
    schedule: &Schedule,
    since: Option<Wall>,
    taken: Option<Wall>,
    now: Moment,
    dice: Dice,
) -> Option<Due> {
    let wall = now.wall?;
    let taken = taken.filter(|taken| taken.0 <= wall.0 + SET_BACK);
    let since = since.max(taken);
    let jitter = random_up_to(schedule.jitter, dice);
    let missed = since
        .filter(|since| since.0 < wall.0)
        .and_then(|since| Some((since, schedule.last_occurrence(wall)?)))
        .filter(|(since, last)| since.0 < last.0)
        .map(|(_, last)| (last, Duration::ZERO));
    let (occurrence, wait) = missed.or_else(|| {
        let after = taken.map_or(wall, |taken| Wall(taken.0.max(wall.0)));
        let next = schedule.next_occurrence(after)?;
        Some((next, next.0.saturating_sub(wall.0)))
    })?;
    Some(Due {
        at: now.boot + wait + jitter,
        cause: SessionCause::Calendar,
        occurrence: Some(occurrence),
    })
}

/// A session for an event that many devices see at once: a boot when power returns, a network
/// that comes back. It is spread like the regular ones.
pub(super) fn after_event(
    schedule: &Schedule,
    cause: SessionCause,
    now: Moment,
    dice: Dice,
) -> Due {
    Due::new(now.boot + random_up_to(schedule.jitter, dice), cause)
}

/// The next attempt after `failures` failures in a row: exponential backoff with full jitter,
/// for ever. How long the server wants to be left alone is not part of it.
pub(super) fn again(
    retry: &Retry,
    failures: u32,
    prospect: Prospect,
    now: Moment,
    dice: Dice,
) -> Due {
    let wait = match prospect {
        Prospect::Later(_) | Prospect::Clock => {
            let doublings = failures.saturating_sub(1).min(31);
            let bound = retry.initial.saturating_mul(1 << doublings).min(retry.max);
            random_up_to(bound, dice)
        }
        Prospect::Unlikely => retry.max / 2 + random_up_to(retry.max / 2, dice),
    };
    Due::new(now.boot + wait, SessionCause::Retry)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Dice = 1 << 63;
    const DAY: u64 = 86_400;
    const HOUR: u64 = 3600;

    fn at(boot: u64, wall: Option<u64>) -> Moment {
        Moment {
            boot: Duration::from_secs(boot),
            wall: wall.map(|seconds| Wall(Duration::from_secs(seconds))),
            before: Duration::ZERO,
        }
    }

    fn wall(seconds: u64) -> Wall {
        Wall(Duration::from_secs(seconds))
    }

    fn hours(count: u64) -> Duration {
        Duration::from_hours(count)
    }

    fn schedule() -> Schedule {
        Schedule {
            interval: Some(hours(24)),
            jitter: hours(2),
            calendar: vec!["30 3 * * *".parse().unwrap()],
            timezone: "UTC".parse().unwrap(),
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
    fn a_regular_session_is_an_interval_after_the_last_with_its_jitter() {
        let anchor = Anchor::new(at(100, None));
        let due = regular(&schedule(), anchor, at(100 + HOUR, None), HALF).unwrap();
        assert_eq!(due.at.as_secs(), 100 + DAY + HOUR);
        assert_eq!(due.cause, SessionCause::Schedule);
        let late = regular(&schedule(), anchor, at(9 * DAY, None), 0).unwrap();
        assert_eq!(late.at.as_secs(), 9 * DAY);
        let off = Schedule {
            interval: None,
            ..schedule()
        };
        assert_eq!(regular(&off, anchor, at(0, None), 0), None);
    }

    const HALF_PAST_THREE: u64 = 3 * HOUR + HOUR / 2;

    /// What, since when, taken last, now; the time of the calendar, and the wait.
    type Times = (&'static str, Option<u64>, Option<u64>, u64, u64, u64);

    const TIMES: [Times; 8] = [
        (
            "the next day",
            Some(10 * DAY + 4 * HOUR),
            None,
            10 * DAY + 5 * HOUR,
            11 * DAY + HALF_PAST_THREE,
            22 * HOUR + HOUR / 2,
        ),
        (
            "the same day",
            Some(10 * DAY),
            None,
            10 * DAY + HOUR,
            10 * DAY + HALF_PAST_THREE,
            2 * HOUR + HOUR / 2,
        ),
        (
            "missed while off",
            Some(9 * DAY + 4 * HOUR),
            None,
            10 * DAY + 8 * HOUR,
            10 * DAY + HALF_PAST_THREE,
            0,
        ),
        (
            "missed for days: once",
            Some(3 * DAY),
            None,
            10 * DAY + 8 * HOUR,
            10 * DAY + HALF_PAST_THREE,
            0,
        ),
        (
            "nothing known: nothing missed",
            None,
            None,
            10 * DAY + 8 * HOUR,
            11 * DAY + HALF_PAST_THREE,
            19 * HOUR + HOUR / 2,
        ),
        (
            "taken a little early",
            Some(9 * DAY),
            Some(10 * DAY + HALF_PAST_THREE),
            10 * DAY + HALF_PAST_THREE - 1,
            11 * DAY + HALF_PAST_THREE,
            DAY + 1,
        ),
        (
            "set back by an hour",
            Some(9 * DAY),
            Some(10 * DAY + HALF_PAST_THREE),
            10 * DAY + 3 * HOUR,
            11 * DAY + HALF_PAST_THREE,
            DAY + HOUR / 2,
        ),
        (
            "set back by days",
            Some(10 * DAY),
            Some(10 * DAY + HALF_PAST_THREE),
            5 * DAY,
            5 * DAY + HALF_PAST_THREE,
            HALF_PAST_THREE,
        ),
    ];

    #[test]
    fn the_calendar_makes_up_for_what_was_missed_once() {
        for (what, since, taken, now, occurrence, wait) in TIMES {
            let taken = taken.map(wall);
            let due = calendar(&schedule(), since.map(wall), taken, at(50, Some(now)), 0);
            let due = due.unwrap();
            assert_eq!(due.occurrence, Some(wall(occurrence)), "{what}");
            assert_eq!(due.at.as_secs() - 50, wait, "{what}");
        }
        let unset = calendar(&schedule(), Some(wall(0)), None, at(50, None), 0);
        assert_eq!(unset, None, "without a clock there is no time of day");
        let jitter = calendar(&schedule(), Some(wall(0)), None, at(50, Some(DAY)), HALF).unwrap();
        assert_eq!(
            jitter.at.as_secs() - 50,
            HOUR,
            "what was missed is spread too"
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
    fn the_best_of_two_prospects_counts() {
        let later = |seconds| Prospect::Later(Duration::from_secs(seconds));
        for (one, two, both) in [
            (Prospect::Unlikely, later(3), later(3)),
            (later(3), later(2), later(2)),
            (Prospect::Clock, later(2), Prospect::Clock),
            (Prospect::Unlikely, Prospect::Clock, Prospect::Clock),
            (Prospect::Unlikely, Prospect::Unlikely, Prospect::Unlikely),
        ] {
            assert_eq!(one.or(two), both);
            assert_eq!(two.or(one), both);
        }
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
