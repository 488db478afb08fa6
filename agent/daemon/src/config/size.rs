//! Sizes in octets: a number, or a text such as `"64KiB"`.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(super) fn serialize<S: Serializer>(value: &usize, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(*value as u64)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    from.deserialize_any(Size)
}

struct Size;

impl Visitor<'_> for Size {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of octets, or a text like \"64KiB\" or \"1MiB\"")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<usize, E> {
        usize::try_from(value).map_err(|_| E::custom(format!("{value} is no size")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        parse(text)
            .ok_or_else(|| E::custom(format!("\"{text}\" is no size; write a number, KiB or MiB")))
    }
}

fn parse(text: &str) -> Option<usize> {
    let (number, unit) = match text.strip_suffix("KiB") {
        Some(number) => (number, 1024),
        None => (text.strip_suffix("MiB")?, 1024 * 1024),
    };
    number.trim_end().parse::<usize>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_with_units_are_read() {
        assert_eq!(parse("64KiB"), Some(65_536));
        assert_eq!(parse("1 MiB"), Some(1_048_576));
        for text in ["64", "KiB", "-1KiB", "1GB", "99999999999999999MiB"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
