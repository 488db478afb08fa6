//! Durations as people write them: `"30s"`, `"15min"`, `"1h"`, `"1d"`.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

const UNITS: [(&str, u64); 5] = [
    ("d", 86_400),
    ("h", 3_600),
    ("min", 60),
    ("s", 1),
    ("ms", 0),
];

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).ok_or_else(|| D::Error::custom(complaint(&text, "")))
}

pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format(*value))
}

/// The same, with `"off"` for none.
pub(super) mod or_off {
    use super::{Deserialize, Deserializer, Duration, Serializer, complaint, format, parse};
    use serde::de::Error as _;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(from)?;
        if text == "off" {
            return Ok(None);
        }
        let value =
            parse(&text).ok_or_else(|| D::Error::custom(complaint(&text, " or \"off\"")))?;
        Ok(Some(value))
    }

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(in super::super) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&value.map_or_else(|| "off".to_owned(), format))
    }
}

/// The same, where a key that is left out says nothing.
pub(super) mod given {
    use super::{Deserializer, Duration, Serializer, format};

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        super::deserialize(from).map(Some)
    }

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(in super::super) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_some(&value.map(format))
    }
}

/// The same, where a key that is left out says nothing and `"off"` means none.
pub(super) mod given_or_off {
    use super::{Deserializer, Duration, Serializer, or_off};

    #[expect(clippy::option_option, reason = "left out, off, or a duration")]
    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<Duration>>, D::Error> {
        or_off::deserialize(from).map(Some)
    }

    #[expect(
        clippy::ref_option,
        clippy::option_option,
        reason = "serde passes a reference"
    )]
    pub(in super::super) fn serialize<S: Serializer>(
        value: &Option<Option<Duration>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        or_off::serialize(&value.flatten(), to)
    }
}

fn complaint(text: &str, or: &str) -> String {
    format!(
        "\"{text}\" is no duration; write a whole number and ms, s, min, h or d, like \"90s\"{or}"
    )
}

fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    let total = match *seconds {
        0 => Duration::from_millis(number),
        seconds => Duration::from_secs(number.checked_mul(seconds)?),
    };
    // A year bounds every wait of the agent, so that sums of durations cannot overflow.
    (total <= Duration::from_hours(366 * 24)).then_some(total)
}

fn format(value: Duration) -> String {
    if value.subsec_millis() != 0 {
        return format!("{}ms", value.as_millis());
    }
    let seconds = value.as_secs();
    let fits = |unit: &&(&str, u64)| unit.1 != 0 && seconds.is_multiple_of(unit.1);
    match UNITS.iter().find(fits) {
        Some((name, unit)) if seconds != 0 => format!("{}{name}", seconds / unit),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, value) in [
            ("250ms", Duration::from_millis(250)),
            ("90s", Duration::from_secs(90)),
            ("15min", Duration::from_mins(15)),
            ("6h", Duration::from_hours(6)),
            ("1d", Duration::from_hours(24)),
            ("0s", Duration::ZERO),
        ] {
            assert_eq!(parse(text), Some(value), "{text}");
            assert_eq!(format(value), text);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1.5h",
            "1 week",
            "99999999999999999999s",
            "400d",
            "99999999999999999ms",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
