//! Keeps one fault that comes again and again from filling the log. Pure: the time is handed in.

use std::collections::VecDeque;
use std::time::Duration;

/// How often a text is said in a [`WINDOW`].
const BURST: u32 = 5;

/// How long a text is counted.
const WINDOW: Duration = Duration::from_mins(1);

/// How many texts are counted at a time. When there are more, the oldest is counted anew.
const KNOWN: usize = 64;

/// The texts that were said of late.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Oldest first.
    counted: VecDeque<Counted>,
}

#[derive(Debug)]
struct Counted {
    text: String,
    since: Duration,
    times: u32,
}

impl Counted {
    fn summary(self) -> Option<String> {
        let held = self.times.checked_sub(BURST).filter(|held| *held > 0)?;
        Some(format!("{held} times more of late: {}", self.text))
    }
}

impl Repeats {
    /// Whether this text may be said at this time.
    pub(super) fn admit(&mut self, text: &str, now: Duration) -> bool {
        let known = self
            .counted
            .iter_mut()
            .find(|counted| counted.text == text && now < counted.since + WINDOW);
        if let Some(counted) = known {
            counted.times = counted.times.saturating_add(1);
            return counted.times <= BURST;
        }
        self.counted.push_back(Counted {
            text: text.to_owned(),
            since: now,
            times: 1,
        });
        true
    }

    /// What is to be said of the texts that were held back and are counted no longer.
    pub(super) fn summaries(&mut self, now: Duration) -> Vec<String> {
        let mut over = 0;
        for counted in &self.counted {
            let surplus = self.counted.len() - over > KNOWN;
            if !surplus && now < counted.since + WINDOW {
                break;
            }
            over += 1;
        }
        let gone = self.counted.drain(..over);
        gone.filter_map(Counted::summary).collect()
    }

    /// What is to be said of all texts that were held back.
    pub(super) fn rest(&mut self) -> Vec<String> {
        let gone = self.counted.drain(..);
        gone.filter_map(Counted::summary).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_text_is_held_back_after_a_burst_and_counted() {
        let mut repeats = Repeats::default();
        let said = (0..100).filter(|_| repeats.admit("out of files", at(10)));
        assert_eq!(said.count(), 5);
        assert!(repeats.admit("another", at(10)));
        assert_eq!(repeats.summaries(at(69)), Vec::<String>::new());
        let summaries = repeats.summaries(at(70));
        assert_eq!(summaries, ["95 times more of late: out of files"]);
        assert!(repeats.admit("out of files", at(70)));
        assert_eq!(repeats.rest(), Vec::<String>::new());
    }

    #[test]
    fn what_is_said_seldom_is_always_said() {
        let mut repeats = Repeats::default();
        for minute in 0..1000 {
            assert!(repeats.admit("no answer", at(60 * minute)));
            assert!(repeats.summaries(at(60 * minute)).is_empty());
        }
    }

    #[test]
    fn the_end_says_what_was_held_back() {
        let mut repeats = Repeats::default();
        for _ in 0..7 {
            repeats.admit("x", at(1));
        }
        assert_eq!(repeats.rest(), ["2 times more of late: x"]);
    }

    #[test]
    fn ever_new_texts_take_bounded_room() {
        let mut repeats = Repeats::default();
        for number in 0..10_000 {
            assert!(repeats.admit(&number.to_string(), at(1)));
            assert!(repeats.summaries(at(1)).is_empty());
            assert!(repeats.counted.len() <= KNOWN);
        }
    }
}
