//! Where a parser puts what it found; what it did not find is absent.

use std::sync::Arc;

use crate::{Absence, Failure, Instance, KpiId, KpiSet, ReadError, Samples, Value};

/// The samples of one source, bounded to what is wanted of it.
pub(crate) struct Report<'a> {
    source: &'a str,
    wanted: KpiSet,
    missing: KpiSet,
    out: &'a mut Samples,
}

impl<'a> Report<'a> {
    /// A report on the file or kernel facility of this name.
    pub(crate) fn new(source: &'a str, wanted: KpiSet, out: &'a mut Samples) -> Self {
        Self {
            source,
            wanted,
            missing: wanted,
            out,
        }
    }

    /// Goes on with another source; what is still missing can come from there.
    pub(crate) fn turn_to(&mut self, source: &'a str) {
        self.source = source;
    }

    /// Whether a KPI is wanted.
    pub(crate) fn wants(&self, id: KpiId) -> bool {
        self.wanted.contains(id)
    }

    /// Whether a wanted KPI of the machine has not been seen yet.
    pub(crate) fn lacks(&self, id: KpiId) -> bool {
        self.missing.contains(id)
    }

    /// Notes a value of the machine; the first one stands.
    pub(crate) fn value(&mut self, id: KpiId, value: impl Into<Value>) {
        if self.lacks(id) {
            self.missing.remove(id);
            self.out.value(id, None, value);
        }
    }

    /// Notes a value of one thing of several.
    pub(crate) fn value_of(&mut self, id: KpiId, instance: &Instance, value: impl Into<Value>) {
        if self.wants(id) {
            self.missing.remove(id);
            self.out.value(id, Some(instance), value);
        }
    }

    /// Notes that a value of the machine could not be read.
    pub(crate) fn failed(&mut self, id: KpiId, line: usize, reason: &str) {
        if self.lacks(id) {
            self.missing.remove(id);
            let failure = self.failure(Some(line), reason);
            self.out.failed(id, None, failure);
        }
    }

    /// Notes that a value of one thing could not be read.
    pub(crate) fn failed_of(
        &mut self,
        id: KpiId,
        instance: &Instance,
        line: Option<usize>,
        reason: &str,
    ) {
        if self.wants(id) {
            self.missing.remove(id);
            let failure = self.failure(line, reason);
            self.out.failed(id, Some(instance), failure);
        }
    }

    /// Notes that a value of one thing could not be made of what stands in a file of its own.
    pub(crate) fn failed_in(
        &mut self,
        file: &str,
        id: KpiId,
        instance: &Instance,
        line: usize,
        reason: &str,
    ) {
        if self.wants(id) {
            self.missing.remove(id);
            let mut failure = self.failure(Some(line), reason);
            failure.source = file.into();
            self.out.failed(id, Some(instance), failure);
        }
    }

    /// Notes that one thing has no such value.
    pub(crate) fn absent_of(&mut self, id: KpiId, instance: &Instance, absence: Absence) {
        if self.wants(id) {
            self.missing.remove(id);
            self.out.absent(id, Some(instance), absence);
        }
    }

    /// Notes a whole number of the machine as it stands in a file.
    pub(crate) fn number(&mut self, id: KpiId, line: usize, text: Option<&str>) {
        self.scaled(id, line, text, 1);
    }

    /// Notes a whole number of the machine, multiplied into the KPI's unit.
    pub(crate) fn scaled(&mut self, id: KpiId, line: usize, text: Option<&str>, factor: u64) {
        match whole(text, factor) {
            Ok(value) => self.value(id, value),
            Err(reason) => self.failed(id, line, &reason),
        }
    }

    /// Notes a decimal fraction of the machine.
    pub(crate) fn real(&mut self, id: KpiId, line: usize, text: Option<&str>) {
        match fraction(text) {
            Ok(value) => self.value(id, value),
            Err(reason) => self.failed(id, line, &reason),
        }
    }

    /// Notes that the machine has no such value.
    pub(crate) fn absent(&mut self, id: KpiId, absence: Absence) {
        if self.lacks(id) {
            self.missing.remove(id);
            self.out.absent(id, None, absence);
        }
    }

    /// Notes that a value of the machine could not be read from where it is.
    pub(crate) fn refused(&mut self, id: KpiId, error: &ReadError) {
        if self.lacks(id) {
            self.missing.remove(id);
            note(self.out, id, None, error);
        }
    }

    /// Notes that a value of one thing could not be read from its file.
    pub(crate) fn unreadable_of(&mut self, id: KpiId, instance: &Instance, error: &ReadError) {
        if self.wants(id) {
            self.missing.remove(id);
            note(self.out, id, Some(instance), error);
        }
    }

    /// Notes that nothing of this source could be read.
    pub(crate) fn unreadable(self, error: &ReadError) {
        for id in self.missing.iter() {
            note(self.out, id, None, error);
        }
    }

    /// Ends the report of a machine that has nothing to measure.
    pub(crate) fn without(self, what: &str) {
        let what: Arc<str> = what.into();
        for id in self.missing.iter() {
            self.out
                .absent(id, None, Absence::NoSubject(Arc::clone(&what)));
        }
    }

    /// Ends the report: what is still missing is absent.
    pub(crate) fn finish(self) {
        if self.missing.is_empty() {
            return;
        }
        let source: Arc<str> = self.source.into();
        for id in self.missing.iter() {
            self.out
                .absent(id, None, Absence::NoField(Arc::clone(&source)));
        }
    }

    fn failure(&self, line: Option<usize>, reason: &str) -> Failure {
        Failure {
            source: self.source.into(),
            line: line.and_then(|line| u32::try_from(line).ok()),
            reason: reason.into(),
        }
    }
}

fn note(out: &mut Samples, id: KpiId, instance: Option<&Instance>, error: &ReadError) {
    match error {
        ReadError::Absent(absence) => out.absent(id, instance, absence.clone()),
        ReadError::Failed(failure) => out.failed(id, instance, failure.clone()),
    }
}

/// A whole number times a factor.
pub(crate) fn whole(text: Option<&str>, factor: u64) -> Result<u64, String> {
    let text = text.ok_or("expected a number, found nothing")?;
    let number: u64 = text
        .parse()
        .map_err(|_| format!("expected a number, found {}", excerpt(text)))?;
    number
        .checked_mul(factor)
        .ok_or_else(|| format!("{number} times {factor} is too large"))
}

/// A number of the kernel's ticks in milliseconds.
pub(crate) fn ticks(text: Option<&str>, per_second: u64) -> Result<u64, String> {
    let count = whole(text, 1)?;
    let time = u128::from(count) * 1000 / u128::from(per_second.max(1));
    u64::try_from(time).map_err(|_| format!("{count} ticks are too many"))
}

/// A whole number of either sign, divided by a power of ten into the KPI's unit.
pub(crate) fn decimal(text: Option<&str>, divisor: f64) -> Result<f64, String> {
    let text = text.ok_or("expected a number, found nothing")?;
    let number: i64 = text
        .parse()
        .map_err(|_| format!("expected a number, found {}", excerpt(text)))?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sensor has fewer than the 53 bits that stay exact"
    )]
    Ok(number as f64 / divisor)
}

/// A finite decimal fraction that is not negative.
pub(crate) fn fraction(text: Option<&str>) -> Result<f64, String> {
    let text = text.ok_or("expected a number, found nothing")?;
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite() && *value >= 0.0)
        .ok_or_else(|| format!("expected a decimal number, found {}", excerpt(text)))
}

/// A piece of a file as it may stand in a message: quoted, short, without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().nth(MOST).is_none() {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(MOST).collect();
    format!("{start:?}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_say_what_was_found() {
        assert_eq!(whole(Some("12"), 1024), Ok(12288));
        assert_eq!(
            whole(None, 1).unwrap_err(),
            "expected a number, found nothing"
        );
        assert_eq!(
            whole(Some("-1"), 1).unwrap_err(),
            "expected a number, found \"-1\""
        );
        assert!(
            whole(Some("18446744073709551615"), 1024)
                .unwrap_err()
                .contains("too large")
        );
        assert_eq!(
            ticks(Some("18446744073709551615"), 1024),
            Ok(18_014_398_509_481_983_999)
        );
        assert!(ticks(Some("18446744073709551615"), 100).is_err());
        assert_eq!(decimal(Some("-40500"), 1e3), Ok(-40.5));
        assert_eq!(decimal(Some("12345678"), 1e6), Ok(12.345_678));
        for bad in ["", "1.5", "0x10", "99999999999999999999"] {
            assert!(decimal(Some(bad), 1.0).is_err(), "{bad}");
        }
        assert_eq!(fraction(Some("0.25")), Ok(0.25));
        for bad in ["nan", "inf", "-0.5", "", "1,5"] {
            assert!(fraction(Some(bad)).is_err(), "{bad}");
        }
        assert!(excerpt(&"x".repeat(100)).chars().count() < 50);
    }
}
