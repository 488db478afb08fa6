//! The properties of a node as text (OMA-TS-DM_TND 7.7).

use crate::view::NodeRef;
use omadm_syncml::{Property, StatusCode, Wall};

/// `Title` is at most this long (OMA-TS-DM_TND 7.7.5).
pub(crate) const MAX_TITLE: usize = 255;
/// A longer `Type` names no media type and no management object.
pub(crate) const MAX_TYPE: usize = 255;
/// A longer `ACL` names more servers than a device has.
pub(crate) const MAX_ACL: usize = 16_384;

pub(crate) fn text(node: &NodeRef<'_>, property: Property) -> Result<String, StatusCode> {
    match property {
        Property::Acl => Ok(node.acl().to_string()),
        Property::Format => Ok(node.format().to_string()),
        Property::Name => Ok(node.uri().name().unwrap_or(".").to_owned()),
        Property::Title => Ok(node.title().to_owned()),
        Property::Type => Ok(node.type_().to_string()),
        Property::Size if node.is_interior() => Err(StatusCode::NOT_SUPPORTED),
        Property::Size => node.value().map(|value| value.len().to_string()),
        // The value of a live leaf changes without anyone counting.
        Property::TStamp | Property::VerNo if node.is_live() => Err(StatusCode::NOT_SUPPORTED),
        Property::TStamp => Ok(node.tstamp().map(iso_8601).unwrap_or_default()),
        Property::VerNo => Ok(node.verno().unwrap_or_default().to_string()),
    }
}

/// The ISO 8601 basic form in UTC, such as `20010711T163817Z`.
pub fn iso_8601(wall: Wall) -> String {
    let seconds = wall.0.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The proleptic Gregorian date of a day counted from 1970-01-01.
///
/// Counts in eras of 400 years that begin on a 1st of March, so that the leap day ends a year.
fn civil(day: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let day = day + 719_468;
    let (era, of_era) = (day / ERA, day % ERA);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_written_in_the_basic_form() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (994_869_497, "20010711T163817Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_799, "20000229T235959Z"),
            (951_868_800, "20000301T000000Z"),
            (1_709_164_800, "20240229T000000Z"),
            (4_107_542_400, "21000301T000000Z"),
            (4_107_542_399, "21000228T235959Z"),
            (253_402_300_799, "99991231T235959Z"),
        ] {
            assert_eq!(iso_8601(Wall(Duration::from_secs(seconds))), text);
        }
    }
}
