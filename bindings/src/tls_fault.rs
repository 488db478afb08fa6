//! What can be wrong with a TLS connection, in words that name the mend.

use crate::pin::SpkiPin;

use std::fmt;
use std::time::SystemTime;

/// Why there is no trusted TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// The certificate begins in the future: usually the clock of the device is wrong.
    NotYetValid {
        /// What the clock of the device says, if the verifier told.
        clock: Option<SystemTime>,
        /// When the certificate begins to be valid.
        from: Option<SystemTime>,
    },
    /// The certificate has expired.
    Expired {
        /// What the clock of the device says, if the verifier told.
        clock: Option<SystemTime>,
        /// When the certificate ceased to be valid.
        until: Option<SystemTime>,
    },
    /// The certificate belongs to another name.
    WrongName {
        /// The names that it is for.
        presented: Vec<String>,
    },
    /// Nobody who is trusted has signed the certificate.
    UnknownIssuer,
    /// The certificate was revoked.
    Revoked,
    /// The certificate's key is none of those that the account pins.
    PinMismatch {
        /// The pin of the key that the server has.
        seen: Option<SpkiPin>,
    },
    /// The server wants a certificate of the device, and the account names none.
    ClientCertificateMissing,
    /// The server does not accept the certificate of the device.
    ClientCertificateRefused(String),
    /// Something else is wrong with the certificate.
    Certificate(String),
    /// The peer does not speak TLS.
    NotTls,
    /// The peer speaks only versions or cipher suites that are no longer safe.
    TooOld(String),
    /// The peer ended the handshake.
    Refused(String),
    /// The handshake failed otherwise.
    Handshake(String),
}

impl TlsFault {
    /// Whether a clock that is set late explains it.
    pub fn wrong_clock(&self) -> bool {
        matches!(self, Self::NotYetValid { .. })
    }

    /// Whether time may mend it: a clock that is set late, a handshake that was disturbed.
    pub(crate) fn may_pass(&self) -> bool {
        self.wrong_clock() || matches!(self, Self::Handshake(_))
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYetValid { clock, from } => {
                f.write_str("certificate not yet valid")?;
                write_times(f, *clock, "it begins", *from)
            }
            Self::Expired { clock, until } => {
                f.write_str("certificate expired")?;
                write_times(f, *clock, "it ended", *until)
            }
            Self::WrongName { presented } if presented.is_empty() => {
                f.write_str("the certificate is for no name at all")
            }
            Self::WrongName { presented } => {
                write!(f, "the certificate is for {}", presented.join(", "))
            }
            Self::UnknownIssuer => f.write_str(
                "the certificate's issuer is not trusted: name the file of its authority (--ca-file)",
            ),
            Self::Revoked => f.write_str("the certificate was revoked"),
            Self::PinMismatch { seen } => {
                f.write_str("the server's key is not pinned for this account")?;
                match seen {
                    Some(pin) => write!(f, "; if it is the right one, its pin is {pin}"),
                    None => Ok(()),
                }
            }
            Self::ClientCertificateMissing => f.write_str(
                "the server asks for a certificate of the device and the account names none",
            ),
            Self::ClientCertificateRefused(reason) => {
                write!(f, "the server refuses the device's certificate: {reason}")
            }
            Self::Certificate(reason) => write!(f, "the certificate is no good: {reason}"),
            Self::NotTls => f.write_str("the server does not speak TLS on this port"),
            Self::TooOld(reason) => write!(f, "the server offers nothing safe: {reason}"),
            Self::Refused(reason) => write!(f, "the server refused: {reason}"),
            Self::Handshake(reason) => f.write_str(reason),
        }
    }
}

fn write_times(
    f: &mut fmt::Formatter<'_>,
    clock: Option<SystemTime>,
    what: &str,
    limit: Option<SystemTime>,
) -> fmt::Result {
    if let Some(clock) = clock {
        write!(f, ": the clock says {}", Utc(clock))?;
    }
    match limit {
        Some(limit) => write!(f, ", {what} {}", Utc(limit)),
        None => Ok(()),
    }
}

/// A time as `2026-11-21 23:41:04 UTC`.
struct Utc(SystemTime);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self
            .0
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"
        )
    }
}

/// The Gregorian date of a day counted from 1970-01-01, by eras of 400 years that begin on
/// 1 March, so that the leap day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    #[test]
    fn times_are_shown_in_utc() {
        for (seconds, shown) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (68_169_600, "1972-02-29 00:00:00 UTC"),
            (951_868_799, "2000-02-29 23:59:59 UTC"),
            (1_000_000_000, "2001-09-09 01:46:40 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Utc(time).to_string(), shown);
        }
    }

    #[test]
    fn a_wrong_clock_is_named() {
        let fault = TlsFault::NotYetValid {
            clock: Some(SystemTime::UNIX_EPOCH),
            from: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)),
        };
        assert_eq!(
            fault.to_string(),
            "certificate not yet valid: the clock says 1970-01-01 00:00:00 UTC, \
             it begins 2001-09-09 01:46:40 UTC"
        );
    }
}
