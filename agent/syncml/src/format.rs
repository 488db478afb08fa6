//! The formats of leaf values and what text each of them admits (OMA-TS-DM_TND 7.7.3).

use std::fmt;

/// The `Format` property of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The value is base64 text.
    B64,
    /// Octets; they travel as base64 in XML.
    Bin,
    /// `true` or `false`.
    Bool,
    /// Text; what a missing `Format` means.
    Chr,
    /// A signed decimal number of 32 bits.
    Int,
    /// An interior node, which has no value.
    Node,
    /// No value.
    Null,
    /// XML text.
    Xml,
    /// An ISO 8601 date with century.
    Date,
    /// An ISO 8601 time of day.
    Time,
    /// A single-precision number as XML Schema writes it.
    Float,
}

impl Format {
    /// Every format, in the order of the DDF's DTD.
    pub const ALL: [Self; 11] = [
        Self::B64,
        Self::Bin,
        Self::Bool,
        Self::Chr,
        Self::Int,
        Self::Node,
        Self::Null,
        Self::Xml,
        Self::Date,
        Self::Time,
        Self::Float,
    ];

    /// The name that `Meta` and DDF use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::B64 => "b64",
            Self::Bin => "bin",
            Self::Bool => "bool",
            Self::Chr => "chr",
            Self::Int => "int",
            Self::Node => "node",
            Self::Null => "null",
            Self::Xml => "xml",
            Self::Date => "date",
            Self::Time => "time",
            Self::Float => "float",
        }
    }

    /// Reads a name as `Meta` and DDF write it, surrounding white space ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }

    /// Whether `value` is one that a node of this format may hold.
    pub fn admits(self, value: &[u8]) -> bool {
        match (self, std::str::from_utf8(value)) {
            (Self::Bin, _) | (Self::Chr | Self::Xml, Ok(_)) => true,
            (Self::Node | Self::Null, _) => value.is_empty(),
            (_, Err(_)) => false,
            (Self::B64, Ok(text)) => is_base64(text),
            (Self::Bool, Ok(text)) => matches!(text, "true" | "false"),
            (Self::Int, Ok(text)) => text.parse::<i32>().is_ok(),
            (Self::Date, Ok(text)) => is_date(text),
            (Self::Time, Ok(text)) => is_time(text),
            (Self::Float, Ok(text)) => is_float(text),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RFC 2045 text: white space is of no account, `=` only pads the end.
fn is_base64(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let padding = digits.iter().rev().take_while(|b| **b == b'=').count();
    digits.len().is_multiple_of(4)
        && padding <= 2
        && digits
            .iter()
            .rev()
            .skip(padding)
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

/// The number that a text of exactly `digits` digits writes.
fn number(text: &str, digits: usize) -> Option<u32> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// `YYYYMMDD` or `YYYY-MM-DD`, and a day that the calendar has.
fn is_date(text: &str) -> bool {
    let plain = match (text.len(), text.split('-').count()) {
        (8, 1) | (10, 3) => text.replace('-', ""),
        _ => return false,
    };
    let well_separated =
        text.len() == 8 || (text.get(4..5), text.get(7..8)) == (Some("-"), Some("-"));
    let field = |range: std::ops::Range<usize>| {
        let digits = range.len();
        plain.get(range).and_then(|part| number(part, digits))
    };
    let (Some(year), Some(month), Some(day)) = (field(0..4), field(4..6), field(6..8)) else {
        return false;
    };
    well_separated && (1..=days_in_month(year, month)).contains(&day)
}

fn days_in_month(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

/// `hhmm[ss[.f]]` or `hh:mm[:ss[.f]]`, with an optional zone.
fn is_time(text: &str) -> bool {
    let (clock, zone) = match text.find(['Z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    is_clock(clock) && is_zone(zone)
}

fn is_clock(text: &str) -> bool {
    let (whole, fraction) = match text.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let Some(fields) = clock_fields(whole) else {
        return false;
    };
    let in_range = match fields.as_slice() {
        // 24:00:00 is the end of a day; 60 is a leap second.
        [24, rest @ ..] => rest.iter().all(|field| *field == 0),
        [hour, minute] => *hour < 24 && *minute < 60,
        [hour, minute, second] => *hour < 24 && *minute < 60 && *second <= 60,
        _ => false,
    };
    let has_seconds = fields.len() == 3;
    let fraction_ok = fraction.is_none_or(|digits| {
        has_seconds && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    });
    in_range && fraction_ok
}

/// Two or three fields of two digits, separated by colons everywhere or nowhere.
fn clock_fields(text: &str) -> Option<Vec<u32>> {
    if text.contains(':') {
        return text.split(':').map(|field| number(field, 2)).collect();
    }
    let field = |at: usize| text.get(at..at + 2).and_then(|part| number(part, 2));
    match text.len() {
        4 => Some(vec![field(0)?, field(2)?]),
        6 => Some(vec![field(0)?, field(2)?, field(4)?]),
        _ => None,
    }
}

fn is_zone(text: &str) -> bool {
    if matches!(text, "" | "Z") {
        return true;
    }
    let Some(offset) = text.strip_prefix(['+', '-']) else {
        return false;
    };
    let minute_ok = |text: &str| number(text, 2).is_some_and(|minute| minute < 60);
    let (Some(hour), Some(rest)) = (offset.get(..2), offset.get(2..)) else {
        return false;
    };
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    number(hour, 2).is_some_and(|hour| hour < 24) && (offset.len() == 2 || minute_ok(rest))
}

/// XML Schema's float: Rust's own words for infinity and NaN are other words.
fn is_float(text: &str) -> bool {
    if matches!(text, "INF" | "-INF" | "NaN") {
        return true;
    }
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    plain && text.parse::<f32>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for format in Format::ALL {
            assert_eq!(Format::parse(format.as_str()), Some(format));
        }
        assert_eq!(Format::parse(" int\n"), Some(Format::Int));
        assert_eq!(Format::parse("Int"), None);
        assert_eq!(Format::parse(""), None);
    }

    type Case = (Format, &'static [&'static str], &'static [&'static str]);

    const CASES: &[Case] = &[
        (
            Format::Bool,
            &["true", "false"],
            &["", "TRUE", "1", " true"],
        ),
        (
            Format::Int,
            &["0", "-2147483648", "2147483647", "007"],
            &["", "2147483648", "-2147483649", "1.0", "0x1", "1 "],
        ),
        (
            Format::Date,
            &["20010711", "2001-07-11", "20000229", "2024-02-29"],
            &[
                "",
                "010711",
                "2001-0711",
                "200107-11",
                "20010229",
                "19000229",
                "20011301",
                "20010700",
                "2001/07/11",
                "2001-7-110",
                "é0010711",
            ],
        ),
        (
            Format::Time,
            &[
                "163817",
                "16:38:17",
                "1638",
                "16:38",
                "163817Z",
                "16:38:17+01:00",
                "163817-0130",
                "16:38:17.25",
                "24:00:00",
                "23:59:60",
                "1638+01",
            ],
            &[
                "",
                "16",
                "25:00",
                "24:00:01",
                "1660",
                "16:3817",
                "163817.",
                "1638.5",
                "16:38:17+24:00",
                "16:38:17+",
                "16:38:17ZZ",
                "1é8",
            ],
        ),
        (
            Format::Float,
            &["0", "-1.5", "1e10", "1E-3", ".5", "INF", "-INF", "NaN"],
            &["", "inf", "nan", "infinity", "1,5", "0x1p3", "1f", "e"],
        ),
        (
            Format::B64,
            &["", "QQ==", "QUI=", "QUJD", "QU\r\nJD"],
            &["QQ", "Q===", "QUI", "Q=Q=", "QU*D", "===="],
        ),
        (Format::Chr, &["", "anything é"], &[]),
        (Format::Null, &[""], &["x"]),
        (Format::Node, &[""], &["x"]),
    ];

    #[test]
    fn each_format_admits_what_the_specification_says() {
        for (format, good, bad) in CASES {
            for text in *good {
                assert!(format.admits(text.as_bytes()), "{format} {text:?}");
            }
            for text in *bad {
                assert!(!format.admits(text.as_bytes()), "{format} {text:?}");
            }
        }
    }

    #[test]
    fn only_bin_admits_octets_that_are_not_text() {
        for format in Format::ALL {
            assert_eq!(
                format.admits(&[0xff, 0x00]),
                format == Format::Bin,
                "{format}"
            );
        }
    }
}
