//! Small texts of the machine, and where each came from.

use std::fmt;

use omadm_probes::FsRoot;

/// The longest text that is believed.
const MAX_TEXT: usize = 255;

/// What board makers leave in fields that they should have filled.
const FILLER: &[&str] = &[
    "",
    "0",
    "0123456789",
    "00000000",
    "default string",
    "empty",
    "n/a",
    "na",
    "none",
    "not applicable",
    "not available",
    "not specified",
    "null",
    "o.e.m.",
    "oem",
    "system manufacturer",
    "system product name",
    "system version",
    "to be filled by o.e.m.",
    "type1productconfigid",
    "unknown",
    "undefined",
    "x.x",
];

/// A value with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The value.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

/// Where a [`Fact`] came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The configuration says so.
    Configuration,
    /// A file says so.
    File(&'static str),
    /// Nothing says anything; the value is a stopgap.
    Nowhere,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration => f.write_str("the configuration"),
            Self::File(path) => f.write_str(path),
            Self::Nowhere => f.write_str("nowhere: the machine does not say"),
        }
    }
}

/// Finds a fact: the first place that says something is believed.
pub(super) struct Search<'a> {
    fs: &'a FsRoot,
    found: Option<Fact>,
}

impl<'a> Search<'a> {
    /// Begins with what the configuration says.
    pub(super) fn new(fs: &'a FsRoot, configured: Option<&String>) -> Self {
        let found = configured.map(|value| Fact {
            value: value.clone(),
            source: Source::Configuration,
        });
        Self { fs, found }
    }

    /// Looks into a file that holds the value alone.
    pub(super) fn file(self, path: &'static str) -> Self {
        self.made(path, |text| text.lines().next().map(str::to_owned))
    }

    /// Looks into a file that holds the value among other things.
    pub(super) fn made(
        mut self,
        path: &'static str,
        make: impl FnOnce(&str) -> Option<String>,
    ) -> Self {
        if self.found.is_none() {
            let value = text(self.fs, path).and_then(|text| make(&text));
            self.found = value.filter(|value| !is_filler(value)).map(|value| Fact {
                value,
                source: Source::File(path),
            });
        }
        self
    }

    /// Ends with a stopgap.
    pub(super) fn or(self, stopgap: &str) -> Fact {
        self.found.unwrap_or_else(|| Fact {
            value: stopgap.to_owned(),
            source: Source::Nowhere,
        })
    }
}

/// The text of a small file: the terminating NUL of a device tree and white space around it
/// are cut off, control characters are left out.
pub(super) fn text(fs: &FsRoot, path: &str) -> Option<String> {
    let mut buffer = Vec::new();
    let whole = fs.read(path, &mut buffer).ok()?;
    let kept = whole
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\0'));
    let kept: String = kept.collect();
    Some(
        kept.trim_matches(|c: char| c.is_whitespace() || c == '\0')
            .to_owned(),
    )
}

fn is_filler(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    value.len() > MAX_TEXT || FILLER.contains(&value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_filled_in_is_not_believed() {
        for filler in [
            "To Be Filled By O.E.M.",
            " ",
            "Default string",
            "x".repeat(256).as_str(),
        ] {
            assert!(is_filler(filler), "{filler}");
        }
        for value in ["QEMU", "Raspberry Pi Foundation", "1.0"] {
            assert!(!is_filler(value), "{value}");
        }
    }
}
