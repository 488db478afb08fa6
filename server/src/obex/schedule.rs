//! When a device is dialled.

use std::time::Duration;

/// The longest pause after a failure.
const LONGEST: Duration = Duration::from_mins(1);

/// Decides when a line is dialled; times are those of a clock that never goes back.
#[derive(Debug)]
pub(super) struct Schedule {
    every: Option<Duration>,
    /// Whether there is something to dial for. At the start there is: nobody knows what the
    /// device has to say.
    due: bool,
    /// Failures in a row.
    failures: u32,
    not_before: Duration,
    last: Duration,
}

impl Schedule {
    pub(super) fn new(every: Option<Duration>, now: Duration) -> Self {
        Self {
            every,
            due: true,
            failures: 0,
            not_before: now,
            last: now,
        }
    }

    /// Something waits for the device.
    pub(super) fn work(&mut self) {
        self.due = true;
    }

    /// The device may be there now: earlier failures say nothing any more.
    pub(super) fn arrived(&mut self, now: Duration) {
        self.due = true;
        self.failures = 0;
        self.not_before = now;
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        let turn = self.every.is_some_and(|every| now >= self.last + every);
        (self.due || turn) && now >= self.not_before
    }

    /// A session has been held.
    pub(super) fn met(&mut self, now: Duration) {
        self.due = false;
        self.failures = 0;
        self.last = now;
    }

    /// There was none, or it broke; gives the pause until the next try: 1, 2, 4 … 60 s.
    pub(super) fn failed(&mut self, now: Duration) -> Duration {
        let pause = Duration::from_secs(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.due = true;
        self.not_before = now + pause;
        pause
    }

    /// A session ended in order and served no purpose: the next one waits for something to dial
    /// for, and for a pause.
    pub(super) fn in_vain(&mut self, now: Duration) -> Duration {
        let pause = self.failed(now);
        self.due = false;
        self.last = now;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_line_is_dialled_at_the_start_and_when_there_is_work() {
        let mut schedule = Schedule::new(None, s(5));
        assert!(schedule.is_due(s(5)));
        schedule.met(s(6));
        assert!(!schedule.is_due(s(1000)));
        schedule.work();
        assert!(schedule.is_due(s(1000)));
    }

    #[test]
    fn it_is_dialled_again_after_the_interval() {
        let mut schedule = Schedule::new(Some(s(60)), s(0));
        schedule.met(s(10));
        assert!(!schedule.is_due(s(69)));
        assert!(schedule.is_due(s(70)));
    }

    #[test]
    fn pauses_grow_to_a_minute_and_end_with_a_session() {
        let mut schedule = Schedule::new(None, s(0));
        let pauses: Vec<u64> = (0..9).map(|_| schedule.failed(s(0)).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(!schedule.is_due(s(59)) && schedule.is_due(s(60)));
        schedule.met(s(60));
        assert_eq!(schedule.failed(s(60)), s(1));
    }

    #[test]
    fn a_session_in_vain_is_repeated_for_work_alone_and_not_at_once() {
        let mut schedule = Schedule::new(None, s(0));
        schedule.in_vain(s(0));
        assert!(!schedule.is_due(s(100)));
        schedule.work();
        assert!(!schedule.is_due(s(0)) && schedule.is_due(s(1)));
    }

    #[test]
    fn a_device_that_arrives_is_dialled_at_once() {
        let mut schedule = Schedule::new(None, s(0));
        for _ in 0..9 {
            schedule.failed(s(0));
        }
        schedule.arrived(s(5));
        assert!(schedule.is_due(s(5)));
        assert_eq!(schedule.failed(s(5)), s(1));
        schedule.met(s(6));
        assert!(!schedule.is_due(s(7)));
        schedule.arrived(s(7));
        assert!(schedule.is_due(s(7)));
    }
}
