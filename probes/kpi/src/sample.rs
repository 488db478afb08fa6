//! One reading of one KPI.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc, time::Duration};

use crate::KpiId;

/// Which of several things of a kind was read: an interface, a mount point, a processor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(Arc<str>);

impl Instance {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Instance {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl Deref for Instance {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Instance {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A count or an amount.
    Integer(u64),
    /// A measurement with a fraction; always finite.
    Real(f64),
    /// A truth value.
    Flag(bool),
    /// A word, an address, a name.
    Text(Box<str>),
}

impl Value {
    /// The value as a number, where it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "for plots and ratios; Integer keeps the exact count"
            )]
            Self::Integer(n) => Some(*n as f64),
            Self::Real(x) => Some(*x),
            Self::Flag(_) | Self::Text(_) => None,
        }
    }

    /// The value as an exact count, where it is one.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(n) => Some(*n),
            Self::Real(_) | Self::Flag(_) | Self::Text(_) => None,
        }
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Integer(n)
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Integer(n.into())
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Self::Real(x)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => n.fmt(f),
            Self::Real(x) => x.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Why this machine has no such value: nothing is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The file or the kernel facility does not exist here.
    NoSource(Arc<str>),
    /// The source exists, but this kernel does not give the field.
    NoField(Arc<str>),
    /// There is nothing to measure, or nothing that may be asked; the text says what.
    NoSubject(Arc<str>),
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSource(source) => write!(f, "{source} does not exist here"),
            Self::NoField(source) => write!(f, "{source} has no such field on this kernel"),
            Self::NoSubject(what) => f.write_str(what),
        }
    }
}

/// What went wrong while a value was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The file or kernel facility that was asked.
    pub source: Arc<str>,
    /// The line in it, counted from one.
    pub line: Option<u32>,
    /// What is wrong, and the mend where one is known.
    pub reason: Arc<str>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Failure {}

/// The outcome of asking for one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// It was read.
    Value(Value),
    /// This machine has none.
    Absent(Absence),
    /// It should be there and could not be read.
    Failed(Failure),
}

impl Reading {
    /// The value, if it was read.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent(_) | Self::Failed(_) => None,
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Absent(absence) => write!(f, "absent: {absence}"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
        }
    }
}

/// How old a reading is, when its source does not answer any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overdue {
    /// How long ago the reading was taken.
    pub age: Duration,
    /// How long the source has been asked in vain.
    pub waiting: Duration,
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (age, waiting) = (self.age.as_secs_f64(), self.waiting.as_secs_f64());
        write!(
            f,
            "read {age:.1} s ago; the source is overdue for {waiting:.1} s"
        )
    }
}

/// One reading of one KPI of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Which KPI.
    pub id: KpiId,
    /// Of what; `None` for the machine, and where the whole KPI is absent or failed.
    pub instance: Option<Instance>,
    /// The outcome.
    pub reading: Reading,
    /// `None` for what this collection has read; the last reading of a source that does not
    /// answer says how old it is.
    pub overdue: Option<Overdue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_file_line_and_reason() {
        let failure = Failure {
            source: "/proc/meminfo".into(),
            line: Some(3),
            reason: "expected a number, found \"x\"".into(),
        };
        assert_eq!(
            Reading::Failed(failure).to_string(),
            "failed: /proc/meminfo, line 3: expected a number, found \"x\""
        );
    }

    #[test]
    fn numbers_keep_their_exact_form() {
        assert_eq!(Value::from(u64::MAX).to_string(), "18446744073709551615");
        assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
        assert_eq!(Value::from(0.05).to_string(), "0.05");
        assert_eq!(Value::from("up").as_f64(), None);
    }
}
