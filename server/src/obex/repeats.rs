//! Folds a failure that comes again and again.

/// What was said last, and how often.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    last: Option<String>,
    times: u64,
}

impl Repeats {
    /// The line to log for a failure, if it is worth one: the first time, the tenth, the hundredth.
    pub(super) fn say(&mut self, text: String) -> Option<String> {
        if self.last.as_ref() != Some(&text) {
            self.times = 1;
            self.last = Some(text.clone());
            return Some(text);
        }
        self.times = self.times.saturating_add(1);
        let round = 10_u64.checked_pow(self.times.ilog10()) == Some(self.times);
        round.then(|| format!("{text} ({} times in a row)", self.times))
    }

    /// How often the last failure was repeated, now that there is an end to it.
    pub(super) fn end(&mut self) -> Option<String> {
        let times = std::mem::take(&mut self.times);
        self.last.take()?;
        (times > 1).then(|| format!("after {times} failures of the same kind"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_said_once_and_then_seldom() {
        let mut repeats = Repeats::default();
        let said: Vec<_> = (0..100).filter_map(|_| repeats.say("no".into())).collect();
        assert_eq!(
            said,
            ["no", "no (10 times in a row)", "no (100 times in a row)"]
        );
        assert_eq!(repeats.say("other".into()).as_deref(), Some("other"));
        assert_eq!(repeats.say("no".into()).as_deref(), Some("no"));
        assert_eq!(repeats.end(), None);
        repeats.say("no".into());
        repeats.say("no".into());
        assert!(repeats.end().unwrap().contains("2 failures"));
        assert_eq!(repeats.end(), None);
    }
}
