//! How much time has passed: over boots, over hours without power, and with clocks that cannot
//! be trusted. Pure.

use std::time::Duration;

use omadm_syncml::{Now, Wall};
use serde::{Deserialize, Serialize};

use crate::store::Anchor;

/// The clocks at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// `CLOCK_BOOTTIME`.
    pub boot: Duration,
    /// The wall clock, if it can be trusted.
    pub wall: Option<Wall>,
    /// How long the machine has been powered on in all earlier boots, as far as it is known:
    /// at most what it really was.
    pub before: Duration,
}

impl Moment {
    /// The power-on time over all boots.
    fn power_on(&self) -> Duration {
        self.before + self.boot
    }
}

impl Anchor {
    /// This moment.
    pub(super) fn new(at: Moment) -> Self {
        Self {
            wall: at.wall,
            power_on: at.power_on(),
        }
    }

    /// A moment that only the wall clock is known of.
    pub(super) fn of_wall(then: Wall, now: Moment) -> Self {
        let since = now.wall.and_then(|now| now.0.checked_sub(then.0));
        Self {
            wall: since.map(|_| then).or(now.wall),
            power_on: now.power_on().saturating_sub(since.unwrap_or_default()),
        }
    }

    /// How much time has passed since.
    ///
    /// Within one boot `CLOCK_BOOTTIME` knows, whatever the wall clock does. Over boots the wall
    /// clock knows; where it is not to be trusted, at least the power-on time has passed.
    pub(super) fn elapsed(self, now: Moment) -> Duration {
        let on = now.power_on().saturating_sub(self.power_on);
        if self.power_on > now.before {
            return on;
        }
        let by_wall = match (now.wall, self.wall) {
            (Some(now), Some(then)) => now.0.saturating_sub(then.0),
            _ => Duration::ZERO,
        };
        on.max(by_wall)
    }

    /// The same moment with the wall clock as it is known now: it was not known then, or has
    /// been set since, or was ahead.
    pub(super) fn mended(self, now: Moment) -> Self {
        let Some(Wall(wall)) = now.wall else {
            return self;
        };
        let this_boot = self.power_on > now.before;
        if !this_boot && self.wall.is_some_and(|then| then.0 <= wall) {
            return self;
        }
        let on = now.power_on().saturating_sub(self.power_on);
        Self {
            wall: Some(Wall(wall.saturating_sub(on))),
            ..self
        }
    }
}

/// A clock that is behind the last known time by less has lost nothing that matters: real-time
/// clocks drift, and keep local time on some machines only until the zone is known.
const DRIFT: Duration = Duration::from_hours(1);

/// A clock that nobody sets is believed after so long all the same: what was known of the time
/// may have been wrong.
const BELIEVED: Duration = Duration::from_hours(24);

/// What is known of the time is kept so long after the start, and then so often. Each time
/// writes one small row, about 16 KiB with the journal of the database: below 1 MiB a day.
const FIRST_KEPT: Duration = Duration::from_mins(10);
const KEPT: Duration = Duration::from_hours(1);

/// A clock that is set again, and by less than this in sum, is no news: some machines set theirs
/// every second, and each news is written down.
const STEP: Duration = Duration::from_mins(1);

/// Why the wall clock is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It stands before the program was built.
    Unset,
    /// It stands before a time that has been.
    Behind,
}

/// What is known of the time, over restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// The power-on time of all earlier boots.
    before: Duration,
    /// The last time that was known.
    last: Option<Wall>,
    /// Somebody has set the clock in this boot.
    set: bool,
    /// How far the wall clock was ahead of `CLOCK_BOOTTIME` when it was last news.
    ahead: Option<Duration>,
    /// When this is to be kept again, on `CLOCK_BOOTTIME`.
    keep_at: Duration,
}

/// How it is kept, in seconds.
#[derive(Serialize, Deserialize)]
struct Kept {
    before: u64,
    power_on: u64,
    wall: Option<u64>,
}

impl Known {
    /// What an earlier process has kept; nothing readable means that nothing is known. The
    /// machine was on at least until `seen`, the latest power-on time in the store.
    pub(super) fn load(kept: Option<&str>, seen: Duration, same_boot: bool, now: Now) -> Self {
        let kept: Option<Kept> = kept.and_then(|text| serde_json::from_str(text).ok());
        let before = match &kept {
            Some(kept) if same_boot => kept.before,
            Some(kept) => kept.power_on.max(seen.as_secs() + 1),
            None => seen.as_secs(),
        };
        // A century, so that no damaged value can make a sum overflow.
        let bounded = |seconds: u64| Duration::from_secs(seconds.min(100 * 366 * 86_400));
        Self {
            before: bounded(before),
            last: kept
                .and_then(|kept| kept.wall)
                .map(|seconds| Wall(bounded(seconds))),
            set: false,
            ahead: ahead(now),
            keep_at: now.boot + FIRST_KEPT,
        }
    }

    /// When it is to be kept next, on `CLOCK_BOOTTIME`.
    pub(super) const fn keep_at(&self) -> Duration {
        self.keep_at
    }

    /// What is to be kept now.
    pub(super) fn keep(&mut self, now: Now) -> String {
        self.keep_at = now.boot + KEPT;
        self.note(now)
    }

    /// The same, besides the regular times.
    pub(super) fn note(&mut self, now: Now) -> String {
        if self.doubt(now).is_none() {
            self.last = now.wall.or(self.last);
        }
        let kept = Kept {
            before: self.before.as_secs(),
            power_on: (self.before + now.boot).as_secs(),
            wall: self.last.map(|wall| wall.0.as_secs()),
        };
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// The clock has been set. Says whether that is news.
    pub(super) fn clock_set(&mut self, now: Now) -> bool {
        let (set, ahead) = (now.wall.is_some(), ahead(now));
        let stepped = match (self.ahead, ahead) {
            (Some(before), Some(after)) => before.abs_diff(after) >= STEP,
            (before, after) => before != after,
        };
        if !stepped && set == self.set {
            return false;
        }
        (self.set, self.ahead) = (set, ahead);
        true
    }

    /// Why the wall clock is not trusted, if it is not.
    pub(super) fn doubt(&self, now: Now) -> Option<Doubt> {
        let Some(wall) = now.wall else {
            return Some(Doubt::Unset);
        };
        let behind = self.last.is_some_and(|last| wall.0 + DRIFT < last.0);
        (behind && !self.set && now.boot < BELIEVED).then_some(Doubt::Behind)
    }

    /// The last time that was known.
    pub(super) const fn last(&self) -> Option<Wall> {
        self.last
    }

    /// The clocks as far as they can be trusted.
    pub(super) fn moment(&self, now: Now) -> Moment {
        Moment {
            boot: now.boot,
            wall: now.wall.filter(|_| self.doubt(now).is_none()),
            before: self.before,
        }
    }
}

fn ahead(now: Now) -> Option<Duration> {
    Some(now.wall?.0.saturating_sub(now.boot))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;

    fn now(boot: u64, wall: Option<u64>) -> Now {
        Now {
            boot: Duration::from_secs(boot),
            wall: wall.map(|seconds| Wall(Duration::from_secs(seconds))),
        }
    }

    fn moment(before: u64, boot: u64, wall: Option<u64>) -> Moment {
        Moment {
            boot: Duration::from_secs(boot),
            wall: now(0, wall).wall,
            before: Duration::from_secs(before),
        }
    }

    const YEAR: u64 = 366 * DAY;

    /// The power-on time before this boot, the time since the boot, the wall clock.
    type Clocks = (u64, u64, Option<u64>);

    const ELAPSED: [(&str, Clocks, Clocks, u64); 9] = [
        (
            "one boot",
            (0, 100, Some(DAY)),
            (0, 400, Some(DAY + 300)),
            300,
        ),
        (
            "one boot, a clock that jumps ahead",
            (0, 100, Some(DAY)),
            (0, 400, Some(9 * YEAR)),
            300,
        ),
        (
            "one boot, a clock set back",
            (0, 100, Some(9 * DAY)),
            (0, 400, Some(DAY)),
            300,
        ),
        (
            "one boot, a clock set late",
            (0, 100, None),
            (0, 400, Some(DAY)),
            300,
        ),
        (
            "a night without power",
            (0, 8 * HOUR, Some(DAY)),
            (8 * HOUR, 60, Some(DAY + 16 * HOUR)),
            16 * HOUR,
        ),
        (
            "the same without a clock",
            (0, 8 * HOUR, None),
            (8 * HOUR, 60, None),
            60,
        ),
        (
            "the clock unset at boot",
            (0, HOUR, Some(DAY)),
            (8 * HOUR, 60, None),
            7 * HOUR + 60,
        ),
        (
            "a clock ahead then",
            (0, HOUR, Some(9 * YEAR)),
            (8 * HOUR, 60, Some(DAY)),
            7 * HOUR + 60,
        ),
        (
            "a clock that fell behind in the night",
            (0, HOUR, Some(DAY)),
            (8 * HOUR, 60, Some(DAY + 60)),
            7 * HOUR + 60,
        ),
    ];

    #[test]
    fn elapsed_time_is_never_less_than_what_has_been_seen() {
        for (what, then, now, elapsed) in ELAPSED {
            let at = |(before, boot, wall)| moment(before, boot, wall);
            let anchor = Anchor::new(at(then));
            assert_eq!(anchor.elapsed(at(now)).as_secs(), elapsed, "{what}");
        }
    }

    #[test]
    fn an_anchor_learns_the_time_when_it_is_known() {
        let wall = |anchor: Anchor| anchor.wall.map(|wall| wall.0.as_secs());
        let unset = Anchor::new(moment(0, 100, None));
        assert_eq!(wall(unset.mended(moment(0, 400, None))), None);
        assert_eq!(
            wall(unset.mended(moment(0, 400, Some(DAY)))),
            Some(DAY - 300)
        );
        let ahead = Anchor::new(moment(0, 100, Some(9 * DAY)));
        assert_eq!(
            wall(ahead.mended(moment(500, 100, Some(DAY)))),
            Some(DAY - 500)
        );
        let right = Anchor::new(moment(0, 100, Some(DAY)));
        assert_eq!(right.mended(moment(500, 100, Some(2 * DAY))), right);
        // What an earlier version has kept.
        let known = Anchor::of_wall(
            Wall(Duration::from_secs(DAY)),
            moment(0, 10 * DAY, Some(DAY + 60)),
        );
        assert_eq!(
            known.elapsed(moment(0, 10 * DAY, Some(DAY + 60))).as_secs(),
            60
        );
        let ahead = Anchor::of_wall(
            Wall(Duration::from_secs(9 * DAY)),
            moment(0, 100, Some(DAY)),
        );
        assert_eq!(ahead.elapsed(moment(0, 100, Some(DAY))).as_secs(), 0);
    }

    #[test]
    fn power_on_time_adds_up_over_boots() {
        let mut known = Known::load(None, Duration::ZERO, false, now(50, None));
        assert_eq!(known.keep_at(), Duration::from_secs(650));
        let kept = known.keep(now(8 * HOUR, None));
        assert_eq!(known.keep_at(), Duration::from_hours(9));
        // A restart of the daemon alone counts nothing twice.
        let same = Known::load(Some(&kept), Duration::ZERO, true, now(8 * HOUR, None));
        assert_eq!(
            same.moment(now(9 * HOUR, None)).power_on(),
            Duration::from_hours(9)
        );
        let mut next = Known::load(Some(&kept), Duration::ZERO, false, now(60, None));
        assert_eq!(
            next.moment(now(HOUR, None)).power_on(),
            Duration::from_hours(9)
        );
        let kept = next.keep(now(HOUR, None));
        let third = Known::load(Some(&kept), Duration::ZERO, false, now(0, None));
        assert_eq!(
            third.moment(now(0, None)).power_on(),
            Duration::from_hours(9)
        );
        let damaged = r#"{"before":18446744073709551615,"power_on":18446744073709551615,"wall":18446744073709551615}"#;
        let _ = Known::load(Some(damaged), Duration::ZERO, false, now(HOUR, None))
            .moment(now(HOUR, None))
            .power_on();
    }

    #[test]
    fn a_clock_behind_the_last_known_time_is_in_doubt_until_it_is_set() {
        let day = |count: u64| Some(count * DAY);
        let mut first = Known::load(None, Duration::ZERO, false, now(0, day(10)));
        assert_eq!(first.doubt(now(0, day(10))), None);
        let kept = first.keep(now(60, day(10)));
        let mut known = Known::load(Some(&kept), Duration::ZERO, false, now(10, day(3)));
        assert_eq!(known.doubt(now(10, None)), Some(Doubt::Unset));
        assert_eq!(known.doubt(now(10, day(3))), Some(Doubt::Behind));
        assert_eq!(known.moment(now(10, day(3))).wall, None);
        assert_eq!(known.doubt(now(10, Some(10 * DAY - 60))), None, "drift");
        assert_eq!(
            known.doubt(now(2 * DAY, day(3))),
            None,
            "believed in the end"
        );
        // The doubtful time is not kept, the power-on time is.
        let again = known.keep(now(HOUR, day(3)));
        assert_eq!(
            Known::load(Some(&again), Duration::ZERO, true, now(0, None)).last(),
            now(0, day(10)).wall
        );
        known.clock_set(now(20, day(4)));
        assert_eq!(known.doubt(now(20, day(4))), None);
        assert_eq!(known.moment(now(20, day(4))).wall, now(0, day(4)).wall);
        let kept = known.keep(now(HOUR, day(4)));
        assert_eq!(
            Known::load(Some(&kept), Duration::ZERO, true, now(0, None)).last(),
            now(0, day(4)).wall
        );
        known.clock_set(now(30, None));
        assert_eq!(known.doubt(now(30, None)), Some(Doubt::Unset));
    }

    #[test]
    fn a_clock_that_is_set_all_the_time_is_news_now_and_then() {
        let mut known = Known::load(None, Duration::ZERO, false, now(100, Some(9 * YEAR)));
        assert!(known.clock_set(now(101, Some(9 * YEAR + 2))), "the first");
        let mut news = 0;
        for second in 0..3600 {
            // It drifts, is set back a little each second, and the machine sleeps in between.
            let wall = 9 * YEAR + 100 + 3 * second + second % 2;
            news += u32::from(known.clock_set(now(200 + 3 * second, Some(wall))));
        }
        assert!(news <= 1, "{news}");
        let mut small = 0;
        for second in 0..600 {
            let wall = 20 * YEAR + 2 * second;
            small += u32::from(known.clock_set(now(20_000 + second, Some(wall))));
        }
        assert_eq!(small, 10, "small steps add up");
        assert!(known.clock_set(now(30_000, None)), "it is wrong now");
        assert!(!known.clock_set(now(30_001, None)));
        assert!(known.clock_set(now(30_002, Some(9 * YEAR))));
    }
}
