//! The wall clock and randomness, and times as people and scripts read them.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: the clock and the random numbers of the operating system"
)]

use crate::error::Error;
use omadm_syncml::Wall;
use std::time::{Duration, SystemTime};

/// The wall clock.
pub fn now() -> Wall {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Wall(since.unwrap_or(Duration::ZERO))
}

/// Octets that nobody can foresee.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|e| Error::Io {
        what: "no random numbers".into(),
        source: std::io::Error::other(e.to_string()),
    })?;
    Ok(octets)
}

/// Milliseconds since 1970, as the database keeps times.
pub(crate) fn milliseconds(wall: Wall) -> i64 {
    i64::try_from(wall.0.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(milliseconds: i64) -> String {
    match jiff::Timestamp::from_millisecond(milliseconds) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }
}
