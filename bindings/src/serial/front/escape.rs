//! Finds `+++` between two silences (ITU-T V.250 6.2.9's escape, Hayes's guard times).

use std::time::Duration;

const MARK: u8 = b'+';

/// What time has made of the octets that were held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// Nothing yet.
    Waiting,
    /// They were so many `+` of the data.
    Data(usize),
    /// They were the escape.
    Escape,
}

/// Holds back what may become the escape, and nothing else.
#[derive(Debug)]
pub(super) struct Escape {
    guard: Duration,
    /// When the last octet came, or data began.
    last: Duration,
    /// How many `+` are held back; at most three.
    held: usize,
}

impl Escape {
    pub(super) fn new(guard: Duration, now: Duration) -> Self {
        Self {
            guard,
            last: now,
            held: 0,
        }
    }

    /// When to call [`Escape::expire`].
    pub(super) fn deadline(&self) -> Option<Duration> {
        (self.held > 0).then(|| self.last.saturating_add(self.guard))
    }

    /// The data in a piece of input, which may be less or more than the piece.
    pub(super) fn pass(&mut self, input: &[u8], now: Duration) -> Vec<u8> {
        let mut data = Vec::with_capacity(input.len() + 3);
        for &octet in input {
            let quiet = now.saturating_sub(self.last) >= self.guard;
            self.last = now;
            if octet == MARK && (quiet || self.held > 0) && self.held < 3 {
                self.held += 1;
                continue;
            }
            data.extend(self.release());
            data.push(octet);
        }
        data
    }

    /// What is held back, as data.
    pub(super) fn release(&mut self) -> impl Iterator<Item = u8> + use<> {
        std::iter::repeat_n(MARK, std::mem::take(&mut self.held))
    }

    /// Judges what is held back. One or two `+` that nothing follows are data.
    pub(super) fn expire(&mut self, now: Duration) -> Expired {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Expired::Waiting;
        }
        match std::mem::take(&mut self.held) {
            3 => Expired::Escape,
            held => Expired::Data(held),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: Duration = Duration::from_secs(1);

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn escape() -> Escape {
        Escape::new(GUARD, Duration::ZERO)
    }

    #[test]
    fn three_marks_between_silences_escape() {
        let mut escape = escape();
        assert_eq!(escape.pass(b"+++", ms(1000)), b"");
        assert_eq!(escape.deadline(), Some(ms(2000)));
        assert_eq!(escape.expire(ms(1999)), Expired::Waiting);
        assert_eq!(escape.expire(ms(2000)), Expired::Escape);
        assert_eq!(escape.deadline(), None);
    }

    #[test]
    fn marks_may_come_one_by_one() {
        let mut escape = escape();
        for at in [1500, 1900, 2300] {
            assert_eq!(escape.pass(b"+", ms(at)), b"");
        }
        assert_eq!(escape.expire(ms(3300)), Expired::Escape);
    }

    #[test]
    fn no_silence_before_means_data() {
        let mut escape = escape();
        assert_eq!(escape.pass(b"+++", ms(999)), b"+++");
        assert_eq!(escape.pass(b"a", ms(5000)), b"a");
        assert_eq!(escape.pass(b"+++", ms(5999)), b"+++");
        assert_eq!(escape.pass(b"a+++", ms(9000)), b"a+++");
        assert_eq!(escape.deadline(), None);
    }

    #[test]
    fn no_silence_after_means_data() {
        let mut escape = escape();
        assert_eq!(escape.pass(b"+++", ms(1000)), b"");
        assert_eq!(escape.pass(b"x", ms(1999)), b"+++x");
        assert_eq!(escape.pass(b"++++", ms(9000)), b"++++");
        assert_eq!(escape.pass(b"+++++++", ms(19_000)), b"+++++++");
    }

    #[test]
    fn fewer_marks_are_data() {
        for held in 1..3 {
            let mut escape = escape();
            assert_eq!(escape.pass(&b"++"[..held], ms(1000)), b"");
            assert_eq!(escape.expire(ms(2000)), Expired::Data(held));
        }
    }

    #[test]
    fn endless_marks_are_data_and_take_no_room() {
        let mut escape = escape();
        let mut passed = 0;
        for at in 0..10_000 {
            passed += escape.pass(b"+++++", ms(2000 + at)).len();
        }
        assert_eq!(passed + escape.held, 50_000);
        assert!(escape.held <= 3);
    }
}
