//! The configuration: its keys and their defaults. Reading files is left to [`load`].

mod check;
mod duration;
mod load;
mod obex;
mod schedule;
mod size;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::connectivity::Tables;
use crate::identity::DevId;
use crate::rights;

pub use check::check;
pub(crate) use check::{descriptions, read_description};
pub use load::{Finding, Place, Severity, load};
pub(crate) use obex::is_same_line;
pub use obex::{ListenAddress, Obex};
pub use schedule::{Account, AccountSchedule, Clock, Expression, Retry, Schedule, Zone};

/// Where the configuration is when nobody says otherwise.
pub const DEFAULT_FILE: &str = "/etc/omadm/agent.toml";

/// The default configuration with a comment on every key, as it is shipped.
pub const DEFAULT_TEXT: &str = include_str!("../../agent.toml");

/// Everything `agent.toml` can say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Where the state is kept.
    pub state_dir: PathBuf,
    /// How much is logged.
    pub log_level: LogLevel,
    /// The control socket.
    pub control: Control,
    /// What the device says about itself.
    pub device: Device,
    /// The links that accounts refer to.
    pub connectivity: Tables,
    /// Limits of a session.
    pub session: Session,
    /// The lines on which servers begin sessions.
    pub obex: Obex,
    /// When sessions start by themselves.
    pub schedule: Schedule,
    /// What follows a session that failed.
    pub retry: Retry,
    /// How a wrong clock is dealt with.
    pub clock: Clock,
    /// What is special about an account, by its name.
    pub account: BTreeMap<String, Account>,
    /// Where further management objects come from.
    pub ddf: Ddf,
    /// What is remembered of the past.
    pub history: History,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: "/var/lib/omadm".into(),
            log_level: LogLevel::default(),
            control: Control::default(),
            device: Device::default(),
            connectivity: Tables::default(),
            session: Session::default(),
            obex: Obex::default(),
            schedule: Schedule::default(),
            retry: Retry::default(),
            clock: Clock::default(),
            account: BTreeMap::new(),
            ddf: Ddf::default(),
            history: History::default(),
        }
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Failures only.
    Error,
    /// What somebody should look at as well.
    Warn,
    /// The course of events as well.
    #[default]
    Info,
    /// What helps to find a fault as well.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for log::LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
            LogLevel::Trace => Self::Trace,
        }
    }
}

/// `[control]`: the socket that `omadm` talks to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Control {
    /// The path of the socket.
    pub socket: PathBuf,
    /// The group whose members may read.
    pub group: String,
    /// How many clients may be connected at once.
    pub max_connections: usize,
    /// Where the sockets of `omadm-helper` are.
    pub rights_dir: PathBuf,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            socket: "/run/omadm/io.omadm.Agent".into(),
            group: "omadm".into(),
            max_connections: 16,
            rights_dir: rights::DIRECTORY.into(),
        }
    }
}

/// `[device]`: how `DevId` is chosen, and values that are better known here than by the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Device {
    /// What `DevId` is made from.
    pub id_kind: IdKind,
    /// The IMEI, 14 or 15 digits; needed for `id-kind = "imei"`.
    pub imei: Option<String>,
    /// `./DevInfo/Man`
    pub manufacturer: Option<String>,
    /// `./DevInfo/Mod`
    pub model: Option<String>,
    /// `./DevInfo/Lang`
    pub language: Option<String>,
    /// `./DevDetail/OEM`
    pub oem: Option<String>,
    /// `./DevDetail/DevTyp`
    pub device_type: Option<String>,
    /// `./DevDetail/FwV`
    pub firmware_version: Option<String>,
    /// `./DevDetail/SwV`
    pub software_version: Option<String>,
    /// `./DevDetail/HwV`
    pub hardware_version: Option<String>,
}

/// What `DevId` is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdKind {
    /// A UUID of this installation.
    #[default]
    Uuid,
    /// The IMEI of the modem.
    Imei,
}

/// `[session]`: limits of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Session {
    /// The longest message that is sent or accepted, in octets (`MaxMsgSize`).
    #[serde(with = "size")]
    pub max_message_size: usize,
    /// How long connecting may take, TLS included.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// How long the server may take to answer a message.
    #[serde(with = "duration")]
    pub response_timeout: Duration,
    /// How long a session may last.
    #[serde(with = "duration")]
    pub total_timeout: Duration,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            max_message_size: 65_536,
            connect_timeout: Duration::from_secs(30),
            response_timeout: Duration::from_mins(1),
            total_timeout: Duration::from_mins(30),
        }
    }
}

/// `[ddf]`: where further management objects come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ddf {
    /// Directories whose `*.xml` are read in sorted order; a missing one is passed over.
    pub directories: Vec<PathBuf>,
}

impl Default for Ddf {
    fn default() -> Self {
        Self {
            directories: vec!["/usr/share/omadm/ddf".into(), "/etc/omadm/ddf".into()],
        }
    }
}

/// `[history]`: what is remembered of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct History {
    /// How many entries of the audit are kept.
    pub audit_entries: u32,
}

impl Default for History {
    fn default() -> Self {
        Self {
            audit_entries: 1000,
        }
    }
}

impl Config {
    /// What is wrong with the values taken together, with the key that is to blame.
    fn contradictions(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let mut must = |holds: bool, key, message: &str| {
            if !holds {
                found.push((key, message.to_owned()));
            }
        };
        let imei = self.device.imei.as_deref();
        must(
            imei.is_none_or(|imei| DevId::from_imei(imei).is_ok()),
            "imei",
            "an IMEI has 14 digits, or 15 of which the last is the right check digit",
        );
        must(
            self.device.id_kind != IdKind::Imei || imei.is_some(),
            "id-kind",
            "\"imei\" needs device.imei as well: write the modem's IMEI there",
        );
        must(
            self.session.max_message_size >= 2048,
            "max-message-size",
            "below 2048 octets a message cannot carry its header and one command",
        );
        must(
            self.session.max_message_size <= 16 * 1024 * 1024,
            "max-message-size",
            "above 16 MiB; a message is held in memory",
        );
        must(
            (1..=1024).contains(&self.control.max_connections),
            "max-connections",
            "must lie between 1 and 1024",
        );
        must(
            self.control.group.is_empty() || !self.control.socket.starts_with(&self.state_dir),
            "socket",
            "lies in state-dir, which is private: the group could not reach it; put it elsewhere, \
             or set control.group to \"\"",
        );
        for (key, timeout) in [
            ("connect-timeout", self.session.connect_timeout),
            ("response-timeout", self.session.response_timeout),
            ("total-timeout", self.session.total_timeout),
        ] {
            let least = Duration::from_millis(10);
            must(timeout >= least, key, "must be at least \"10ms\"");
        }
        found.extend(self.schedule_contradictions());
        found.extend(self.obex.contradictions());
        let tables = self.connectivity.iter();
        found.extend(tables.filter_map(|(name, table)| table.contradiction(name)));
        found
    }
}

#[cfg(test)]
mod tests;
