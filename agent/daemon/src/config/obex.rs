//! `[obex]`: the lines on which the device waits for servers, as an OBEX server
//! (OMA-TS-SyncML_OBEXBinding 1.2).

use std::fmt;
use std::time::Duration;

use omadm_bindings::Address;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::duration;

/// How many lines are waited on at most.
const LINES: usize = 16;

/// `[obex]`: the lines on which servers begin sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Obex {
    /// The lines.
    pub listen: Vec<ListenAddress>,
    /// The account that a peer stands for which asks for the first message without a
    /// notification; without one it is refused.
    pub poll: Option<String>,
    /// When a connection on which nothing happens is closed.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// When a peer that waits for a message is told to go on waiting.
    #[serde(with = "duration")]
    pub keep_alive: Duration,
    /// Whether peers have to prove in OBEX that they know the credential of an account.
    pub authenticate: bool,
}

impl Default for Obex {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            poll: None,
            idle_timeout: Duration::from_mins(3),
            keep_alive: Duration::from_secs(5),
            authenticate: false,
        }
    }
}

impl Obex {
    /// What is wrong with the values taken together, with the key that is to blame.
    pub(super) fn contradictions(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let mut must = |holds: bool, key, message: String| {
            if !holds {
                found.push((key, message));
            }
        };
        must(
            self.listen.len() <= LINES,
            "listen",
            format!("more than {LINES} lines"),
        );
        let twice = self.twice();
        must(
            twice.is_none(),
            "listen",
            twice.map_or_else(String::new, |line| format!("{line} stands there twice")),
        );
        must(
            self.poll.as_deref() != Some(""),
            "poll",
            "name an account, or leave the key out".to_owned(),
        );
        found.extend(self.impatience());
        found
    }

    /// What is wrong with the times.
    fn impatience(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if self.idle_timeout < Duration::from_secs(10) {
            let text = "must be at least \"10s\": a server thinks between two messages";
            found.push(("idle-timeout", text.to_owned()));
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(9)).contains(&self.keep_alive) {
            let text = "must lie between \"1s\" and \"9s\": OBEX clients give up after 10 s";
            found.push(("keep-alive", text.to_owned()));
        }
        found
    }

    /// A line that is named more than once.
    fn twice(&self) -> Option<&ListenAddress> {
        let mut lines = self.listen.iter().enumerate();
        let before = |at: usize| self.listen.iter().take(at);
        let same = |one: &ListenAddress, other: &ListenAddress| {
            is_same_line(one.address().as_str(), other.address().as_str())
        };
        let twice = lines.find(|(at, line)| before(*at).any(|other| same(other, line)));
        twice.map(|(_, line)| line)
    }
}

/// Whether two addresses are the same line: the parameters that follow one say how it is used, not
/// which it is.
pub(crate) fn is_same_line(one: &str, other: &str) -> bool {
    let place = |text: &str| text.split('?').next().map(str::to_owned);
    place(one) == place(other)
}

/// An address that is waited at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress(Address);

impl ListenAddress {
    /// As the bindings want it.
    pub const fn address(&self) -> &Address {
        &self.0
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for ListenAddress {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let refuse =
            |error: &dyn fmt::Display| serde::de::Error::custom(format!("{text:?}: {error}"));
        let address: Address = text.parse().map_err(|error| refuse(&error))?;
        let waited = address.check_waiting();
        waited.map_err(|error| refuse(&error))?;
        Ok(Self(address))
    }
}
