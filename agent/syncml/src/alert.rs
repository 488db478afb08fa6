//! Alert codes and the Generic Alert that a device queues (OMA-TS-DM-Protocol 8.7).

use crate::{Format, Uri, Value};
use std::fmt;

/// The code in the `Data` of an `Alert`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertCode(pub u16);

impl AlertCode {
    /// Shows a text to the user.
    pub const DISPLAY: Self = Self(1100);
    /// Asks the user to confirm.
    pub const CONFIRM_OR_REJECT: Self = Self(1101);
    /// Asks the user for a text.
    pub const TEXT_INPUT: Self = Self(1102);
    /// Asks the user for one of several choices.
    pub const SINGLE_CHOICE: Self = Self(1103);
    /// Asks the user for any of several choices.
    pub const MULTIPLE_CHOICE: Self = Self(1104);
    /// The server asked for this session by Package 0.
    pub const SERVER_INITIATED: Self = Self(1200);
    /// The device began this session by itself.
    pub const CLIENT_INITIATED: Self = Self(1201);
    /// Asks for the next message of the package.
    pub const NEXT_MESSAGE: Self = Self(1222);
    /// Ends the session at once.
    pub const SESSION_ABORT: Self = Self(1223);
    /// Something happened on the device.
    pub const CLIENT_EVENT: Self = Self(1224);
    /// A large object stopped before its last chunk.
    pub const NO_END_OF_DATA: Self = Self(1225);
    /// A typed event of the device.
    pub const GENERIC: Self = Self(1226);

    /// Reads the text of an `Alert/Data`, surrounding white space ignored.
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self)
    }

    /// Whether the alert wants something of the user: 1100 to 1199.
    pub const fn is_user_interaction(self) -> bool {
        matches!(self.0, 1100..=1199)
    }
}

impl fmt::Display for AlertCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Names one alert in the queue of the device for as long as it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub u64);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The importance of a Generic Alert, from most to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Mark {
    /// `fatal`
    Fatal,
    /// `critical`
    Critical,
    /// `minor`
    Minor,
    /// `warning`
    Warning,
    /// `informational`, which is also meant when no mark is given.
    #[default]
    Informational,
    /// `harmless`
    Harmless,
    /// `indeterminate`
    Indeterminate,
}

impl Mark {
    const ALL: [Self; 7] = [
        Self::Fatal,
        Self::Critical,
        Self::Minor,
        Self::Warning,
        Self::Informational,
        Self::Harmless,
        Self::Indeterminate,
    ];

    /// The word that travels in `Meta/Mark`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Critical => "critical",
            Self::Minor => "minor",
            Self::Warning => "warning",
            Self::Informational => "informational",
            Self::Harmless => "harmless",
            Self::Indeterminate => "indeterminate",
        }
    }

    /// Reads the word of `Meta/Mark`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::ALL.into_iter().find(|mark| mark.as_str() == text)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A Generic Alert (1226): it waits in the queue of the device until a server has answered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenericAlert {
    /// Its name in the queue.
    pub id: AlertId,
    /// `Source/LocURI`: the node that the alert is about.
    pub source: Option<Uri>,
    /// `Meta/Type`: the registered alert type.
    pub alert_type: String,
    /// `Meta/Format` of the data.
    pub format: Format,
    /// `Meta/Mark`.
    pub mark: Mark,
    /// `Correlator` of the `Exec` that the alert answers.
    pub correlator: Option<String>,
    /// The data, not encoded for travel.
    pub data: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_with_white_space() {
        assert_eq!(AlertCode::parse(" 1222\n"), Some(AlertCode::NEXT_MESSAGE));
        for text in ["", "x", "-1", "99999", "12 22"] {
            assert_eq!(AlertCode::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn marks_are_words_in_order_of_importance() {
        for word in [
            "fatal",
            "critical",
            "minor",
            "warning",
            "informational",
            "harmless",
        ] {
            assert_eq!(Mark::parse(word).map(Mark::as_str), Some(word));
        }
        assert_eq!(Mark::parse("Fatal"), None);
        assert!(Mark::Fatal < Mark::Critical);
        assert!(Mark::Warning < Mark::Informational);
        assert_eq!(Mark::default().as_str(), "informational");
    }
}
