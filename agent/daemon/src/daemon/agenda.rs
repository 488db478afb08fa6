//! What an account has before it: the sessions that are due, and what they wait for. Pure: the
//! time and the dice are handed in.

use std::time::Duration;

use omadm_dm::session::SessionCause;
use omadm_syncml::Wall;

use super::elapsed::Moment;
use super::opening::NO_LINK;
use super::queue::urgency;
use super::schedule::{self, Dice, Due, Prospect, random_up_to};
use crate::config::{Config, Retry, Schedule};
use crate::store::AccountRecord;

/// After so many sessions in a row that the daemon did not survive, it holds none that nobody
/// asks for before a whole interval has passed.
pub(super) const CRASHES: u32 = 3;

/// No server keeps a device away for longer: `Retry-After` may be wrong as well.
const LONGEST_HOLD: Duration = Duration::from_hours(7 * 24);

/// What comes back for many devices at once lets them try again within this time.
const SPREAD: Duration = Duration::from_secs(30);

/// A network that comes again brings no session forward for so long after it has done so: a link
/// that flaps would wear out server and flash.
const FLAPPING: Duration = Duration::from_mins(5);

/// What the configuration says about an account.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// When its sessions start by themselves.
    pub schedule: Schedule,
    /// What follows a failure.
    pub retry: Retry,
}

impl Rules {
    pub(super) fn of(config: &Config, account: &str) -> Self {
        Self {
            schedule: config.schedule_of(account),
            retry: config.retry.clone(),
        }
    }

    /// Whether any session starts by itself.
    pub(super) fn is_any(&self) -> bool {
        let schedule = &self.schedule;
        schedule.interval.is_some()
            || !schedule.calendar.is_empty()
            || schedule.at_boot
            || schedule.at_network_up
    }

    /// How long an account is left alone whose sessions end the daemon.
    fn after_crashes(&self) -> Duration {
        self.schedule
            .interval
            .unwrap_or_default()
            .max(self.retry.max)
    }
}

/// Why an account is left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The server has asked for it.
    Asked,
    /// The daemon did not survive its sessions.
    Crashes,
}

/// An account is left alone, but for what somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold {
    /// Until then, on `CLOCK_BOOTTIME`.
    pub until: Duration,
    /// Why.
    pub why: Why,
}

/// The next session of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    /// `CLOCK_BOOTTIME`.
    pub at: Duration,
    /// Why it starts, the most urgent cause first.
    pub causes: Vec<SessionCause>,
}

/// The sessions that are due for an account, at most one for each cause.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    dues: Vec<Due>,
    hold: Option<Hold>,
    /// What the last failure says, while there is a retry.
    prospect: Option<Prospect>,
    /// The last time of day that the calendar has started a session for.
    taken: Option<Wall>,
    /// When a network that came has brought a session forward last.
    by_network: Option<Duration>,
    /// Whether its sessions need a right clock.
    pub tls: bool,
    /// Whether none of its sessions can begin by itself: its server has to come.
    waits: bool,
}

impl Agenda {
    /// Nothing is due.
    pub(super) fn is_empty(&self) -> bool {
        self.dues.is_empty()
    }

    /// Whether its server has to come; then nothing is ever due.
    pub(super) fn wait_for_server(&mut self, waits: bool) {
        self.waits = waits;
        if waits {
            self.dues.clear();
        }
    }

    /// Plans the regular sessions, or the next attempt of an account that has failed.
    pub(super) fn plan(
        &mut self,
        rules: &Rules,
        record: &AccountRecord,
        now: Moment,
        dice: &mut dyn FnMut() -> Dice,
    ) {
        let regular = [
            SessionCause::Schedule,
            SessionCause::Calendar,
            SessionCause::Retry,
        ];
        self.dues.retain(|due| !regular.contains(&due.cause));
        self.hold = self.hold.or_else(|| held(rules, record, now));
        if self.waits {
            return;
        }
        if record.failures > 0 && rules.is_any() {
            let later = Prospect::Later(Duration::ZERO);
            let prospect = *self.prospect.get_or_insert(later);
            self.dues.push(schedule::again(
                &rules.retry,
                record.failures,
                prospect,
                now,
                dice(),
            ));
        } else if let Some(anchor) = record.anchor {
            self.dues
                .extend(schedule::regular(&rules.schedule, anchor, now, dice()));
        }
        self.plan_calendar(rules, since(record), now, dice());
    }

    fn plan_calendar(&mut self, rules: &Rules, since: Option<Wall>, now: Moment, dice: Dice) {
        if self.waits {
            return;
        }
        let due = schedule::calendar(&rules.schedule, since, self.taken, now, dice);
        self.dues.extend(due);
    }

    /// After a session that succeeded, whatever waited has had its session.
    pub(super) fn succeeded(
        &mut self,
        rules: &Rules,
        record: &AccountRecord,
        now: Moment,
        dice: &mut dyn FnMut() -> Dice,
    ) {
        self.dues.clear();
        self.hold = None;
        self.prospect = None;
        self.plan(rules, record, now, dice);
    }

    /// After a session that failed, one retry stands for all that waited; the calendar goes on.
    pub(super) fn failed(
        &mut self,
        rules: &Rules,
        failures: u32,
        prospect: Prospect,
        now: Moment,
        dice: &mut dyn FnMut() -> Dice,
    ) {
        self.dues
            .retain(|due| due.cause == SessionCause::Calendar && due.at > now.boot);
        self.prospect = Some(prospect);
        let asked = match prospect {
            Prospect::Later(asked) => asked.min(LONGEST_HOLD),
            Prospect::Clock | Prospect::Unlikely => Duration::ZERO,
        };
        self.hold = (!asked.is_zero()).then(|| Hold {
            until: now.boot + asked,
            why: Why::Asked,
        });
        let mut retry = schedule::again(&rules.retry, failures, prospect, now, dice());
        // The devices that were sent away together do not come back together.
        retry.at += asked;
        self.hasten(retry);
        let calendar = |due: &Due| due.cause == SessionCause::Calendar;
        if !self.dues.iter().any(calendar) {
            // What was missed is what the retry stands for.
            self.plan_calendar(rules, None, now, dice());
        }
    }

    /// Brings a session forward, never back. Says whether it has.
    pub(super) fn hasten(&mut self, due: Due) -> bool {
        if self.waits {
            return false;
        }
        let same = |other: &&mut Due| other.cause == due.cause;
        match self.dues.iter_mut().find(same) {
            Some(planned) if planned.at <= due.at => return false,
            Some(planned) => *planned = due,
            None => self.dues.push(due),
        }
        true
    }

    /// The clock has been set: what counts by it is planned anew, and what waits for it is
    /// brought forward.
    pub(super) fn clock_set(
        &mut self,
        rules: &Rules,
        record: &AccountRecord,
        now: Moment,
        dice: &mut dyn FnMut() -> Dice,
    ) {
        let has = |dues: &[Due], cause| dues.iter().any(|due| due.cause == cause);
        if has(&self.dues, SessionCause::Schedule)
            && let Some(anchor) = record.anchor
            && let Some(due) = schedule::regular(&rules.schedule, anchor, now, dice())
        {
            self.hasten(due);
        }
        if self.prospect == Some(Prospect::Clock) && has(&self.dues, SessionCause::Retry) {
            let at = now.boot + random_up_to(SPREAD.min(rules.retry.initial), dice());
            self.hasten(Due::new(at, SessionCause::Retry));
        }
        // One whose time has come and that only waits for its jitter is not put off.
        let passed = |due: &Due| {
            let pair = due.occurrence.zip(now.wall);
            pair.is_some_and(|(occurrence, wall)| occurrence.0 <= wall.0)
        };
        self.dues
            .retain(|due| due.cause != SessionCause::Calendar || passed(due));
        let due = schedule::calendar(&rules.schedule, since(record), self.taken, now, dice());
        if let Some(due) = due {
            self.hasten(due);
        }
    }

    /// A network has come, `first` if the link had none before: what may have failed for want
    /// of one is tried again, and it is a cause of its own where that is wanted.
    pub(super) fn network_up(
        &mut self,
        rules: &Rules,
        record: &AccountRecord,
        first: bool,
        now: Moment,
        dice: &mut dyn FnMut() -> Dice,
    ) {
        let retry = |due: &Due| due.cause == SessionCause::Retry;
        // The server's own words, once it has been reached, have nothing to do with the network.
        let by_network = matches!(
            record.result.as_deref(),
            Some("bearer-failed" | "no-answer" | "too-long" | NO_LINK)
        );
        let mut dues = Vec::new();
        if by_network && self.dues.iter().any(retry) {
            let at = now.boot + random_up_to(SPREAD.min(rules.retry.initial), dice());
            dues.push(Due::new(at, SessionCause::Retry));
        }
        if first && rules.schedule.at_network_up {
            let cause = SessionCause::NetworkUp;
            dues.push(schedule::after_event(&rules.schedule, cause, now, dice()));
        }
        self.link_up(dues);
    }

    /// Brings sessions forward because of a link that has come, but not again and again. Says
    /// whether it has.
    pub(super) fn link_up(&mut self, dues: Vec<Due>) -> bool {
        let earliest = self.by_network.map(|last| last + FLAPPING);
        let mut first = None;
        for mut due in dues {
            due.at = due.at.max(earliest.unwrap_or_default());
            if self.hasten(due) {
                first = first.map_or(Some(due.at), |at: Duration| Some(at.min(due.at)));
            }
        }
        self.by_network = first.or(self.by_network);
        first.is_some()
    }

    /// Leaves the account alone: its sessions have ended the daemon too often.
    pub(super) fn hold_back(&mut self, rules: &Rules, now: Moment) {
        self.hold = Some(Hold {
            until: now.boot + rules.after_crashes(),
            why: Why::Crashes,
        });
    }

    /// Why the account is left alone.
    pub(super) fn hold(&self, now: Moment) -> Option<Hold> {
        self.hold.filter(|hold| hold.until > now.boot)
    }

    /// What the last failure says, if there is a retry.
    pub(super) fn prospect(&self) -> Option<Prospect> {
        let retry = |due: &Due| due.cause == SessionCause::Retry;
        self.prospect.filter(|_| self.dues.iter().any(retry))
    }

    /// The next session; over TLS none before `clock`.
    pub(super) fn next(&self, clock: Option<Duration>) -> Option<Next> {
        let not_before = self.not_before(clock);
        let at = self.dues.iter().map(|due| due.at.max(not_before)).min()?;
        let together = self.dues.iter().filter(|due| due.at <= at);
        let mut causes: Vec<_> = together.map(|due| due.cause).collect();
        causes.sort_by_key(|cause| urgency(*cause));
        Some(Next { at, causes })
    }

    /// Takes out the causes whose time has come, the most urgent first.
    pub(super) fn take(&mut self, now: Moment, clock: Option<Duration>) -> Vec<SessionCause> {
        if self.not_before(clock) > now.boot {
            return Vec::new();
        }
        let taken = self.dues.extract_if(.., |due| due.at <= now.boot);
        let taken: Vec<_> = taken.collect();
        let occurrence = taken.iter().find_map(|due| due.occurrence);
        self.taken = occurrence.or(self.taken);
        let mut causes: Vec<_> = taken.iter().map(|due| due.cause).collect();
        causes.sort_by_key(|cause| urgency(*cause));
        causes
    }

    fn not_before(&self, clock: Option<Duration>) -> Duration {
        let hold = self.hold.map_or(Duration::ZERO, |hold| hold.until);
        let clock = clock.filter(|_| self.tls).unwrap_or_default();
        hold.max(clock)
    }
}

/// Since when the calendar's times count as missed. While an account fails, its retry stands
/// for them.
fn since(record: &AccountRecord) -> Option<Wall> {
    let anchor = record.anchor.filter(|_| record.failures == 0);
    anchor.and_then(|anchor| anchor.wall)
}

/// The hold that an earlier process has left.
fn held(rules: &Rules, record: &AccountRecord, now: Moment) -> Option<Hold> {
    let crashed = record.crashes >= CRASHES;
    let longest = if crashed {
        rules.after_crashes()
    } else {
        LONGEST_HOLD
    };
    let rest = match (record.not_before, now.wall) {
        // What lies too far ahead was written with another clock.
        (Some(until), Some(wall)) => {
            let rest = until.0.saturating_sub(wall.0);
            if rest > longest { Duration::ZERO } else { rest }
        }
        (_, None) if crashed => longest,
        _ => Duration::ZERO,
    };
    (!rest.is_zero()).then(|| Hold {
        until: now.boot + rest,
        why: if crashed { Why::Crashes } else { Why::Asked },
    })
}

#[cfg(test)]
mod tests;
