//! What happens to the daemon that somebody may search the journal for: each kind has a fixed
//! `MESSAGE_ID`, and the names of all fields stand here.

use std::fmt;

use log::kv::{self, Key, Source, ToValue, VisitSource};
use log::{Level, Record};

/// A kind of event. Its number never changes and is never used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The daemon is ready.
    Ready,
    /// The daemon has stopped.
    Stopped,
    /// A session has begun.
    SessionBegun,
    /// A session has ended well.
    SessionEnded,
    /// A session has failed.
    SessionFailed,
    /// The device has refused a server, or a server the device.
    PeerRefused,
    /// A notification does not prove its server.
    NotificationRefused,
    /// A notification was followed that was made with the nonce to resynchronise with.
    NonceResynchronised,
    /// An account was added.
    AccountAdded,
    /// What an account may, or how it is reached, was changed.
    AccountChanged,
    /// An account was removed.
    AccountRemoved,
    /// The configuration was read again.
    Reloaded,
    /// A new configuration was refused; the old one stays.
    ReloadRefused,
    /// The store cannot be read or written.
    StoreTrouble,
    /// Sessions wait for a clock that cannot be right.
    ClockAwaited,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Ready,
        Self::Stopped,
        Self::SessionBegun,
        Self::SessionEnded,
        Self::SessionFailed,
        Self::PeerRefused,
        Self::NotificationRefused,
        Self::NonceResynchronised,
        Self::AccountAdded,
        Self::AccountChanged,
        Self::AccountRemoved,
        Self::Reloaded,
        Self::ReloadRefused,
        Self::StoreTrouble,
        Self::ClockAwaited,
    ];

    /// `MESSAGE_ID`, as `journalctl` searches for it (`systemd.journal-fields(7)`).
    pub const fn message_id(self) -> &'static str {
        match self {
            Self::Ready => "f976a6850ac249de9ed605191b220542",
            Self::Stopped => "f75ce85053714ef1bad3312925201502",
            Self::SessionBegun => "57bd1f9362934d3cadbe397066e4702c",
            Self::SessionEnded => "7c98e993b4294b1e8f3722163831b4cb",
            Self::SessionFailed => "9359751652e047479b06502846066585",
            Self::PeerRefused => "88fd4671f7df4e74887e84741aa3da4d",
            Self::NotificationRefused => "7c7741de1d304899bf4d8cf3ab889a09",
            Self::NonceResynchronised => "e66d9a1f1481404a84a62e79c35e3d61",
            Self::AccountAdded => "fdf0258a23ec4decbd069bb0ecd18039",
            Self::AccountChanged => "f6eb9a99a03c4e92bf9a0c82f6e4e24f",
            Self::AccountRemoved => "29fceac60da74d149c9ea6b00ff5be65",
            Self::Reloaded => "4d7b09ad58b04759bccfaa76d6072dd5",
            Self::ReloadRefused => "094f96551824412bbc136762234dc598",
            Self::StoreTrouble => "37046e03a2544e73b133bec1b332a51c",
            Self::ClockAwaited => "ebd4a0600e2e4555859db31e4f3eef08",
        }
    }

    /// What it is called in the journal's catalog and in the manual.
    pub const fn subject(self) -> &'static str {
        match self {
            Self::Ready => "The device agent is ready",
            Self::Stopped => "The device agent has stopped",
            Self::SessionBegun => "A management session has begun",
            Self::SessionEnded => "A management session has ended well",
            Self::SessionFailed => "A management session has failed",
            Self::PeerRefused => "One end of a session has refused the other",
            Self::NotificationRefused => "A notification does not prove its server",
            Self::NonceResynchronised => "A server has begun without the stored nonce",
            Self::AccountAdded => "An account was added",
            Self::AccountChanged => "An account was changed",
            Self::AccountRemoved => "An account was removed",
            Self::Reloaded => "The configuration was read again",
            Self::ReloadRefused => "A new configuration was refused",
            Self::StoreTrouble => "The agent's state cannot be read or written",
            Self::ClockAwaited => "Sessions wait for the right time",
        }
    }

    /// What to know and to do about it, for the journal's catalog and the manual.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Ready => "omadmd has read its configuration and its state and answers omadm.",
            Self::Stopped => "A signal has ended omadmd; a session that ran was told so.",
            Self::SessionBegun => {
                "The line to a server is open and the first message goes out to it."
            }
            Self::SessionEnded => {
                "The server had nothing more to ask. What it changed is on the disk."
            }
            Self::SessionFailed => {
                "The message says why. The next attempt follows by itself: `omadm status` shows \
                 when, `omadm session --trace` tries at once and shows every message."
            }
            Self::PeerRefused => {
                "A server id, an address, a credential, a nonce or what the transport proves was \
                 not accepted; the message says which and what to mend. No command of an unproven \
                 server was executed."
            }
            Self::NotificationRefused => {
                "It was ignored, and its sender was told nothing. Either somebody tries to pass \
                 for the server, or both ends have different secrets or nonces: \
                 `omadm account set NAME --server-secret-file FILE`."
            }
            Self::NonceResynchronised => {
                "The notification was made with the nonce that everyone knows, which is followed \
                 once an hour; both ends agree on fresh nonces in the session. If the server has \
                 not lost its nonce, somebody may have repeated an old notification."
            }
            Self::AccountAdded => "`omadm account list` shows it.",
            Self::AccountChanged => {
                "Somebody on this machine has decided anew what it may or how it is reached. \
                 `omadm account list` shows it."
            }
            Self::AccountRemoved => "Its server has left every ACL, its secrets are erased.",
            Self::Reloaded => {
                "Keys that are read at the start only take effect with the next start; they are \
                 named in the log."
            }
            Self::ReloadRefused => {
                "omadmd goes on with the configuration that it had. `omadm check` names file, line \
                 and column of each mistake."
            }
            Self::StoreTrouble => {
                "What could not be stored was not acknowledged to anybody. Look for a full or a \
                 damaged disk below the state directory."
            }
            Self::ClockAwaited => {
                "Certificates cannot be judged before the clock is set. See whether a time service \
                 such as systemd-timesyncd or chrony runs."
            }
        }
    }

    const fn level(self) -> Level {
        match self {
            Self::Ready
            | Self::Stopped
            | Self::SessionBegun
            | Self::SessionEnded
            | Self::AccountAdded
            | Self::AccountChanged
            | Self::AccountRemoved
            | Self::Reloaded => Level::Info,
            Self::SessionFailed
            | Self::PeerRefused
            | Self::NotificationRefused
            | Self::NonceResynchronised
            | Self::ClockAwaited => Level::Warn,
            Self::ReloadRefused | Self::StoreTrouble => Level::Error,
        }
    }
}

/// What an event is about. What is absent or empty has no field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct About<'a> {
    /// `DM_SESSION_ID`: the `SessionID`.
    pub session: Option<&'a str>,
    /// `DM_SERVER_ID`: the `ServerID` of the account.
    pub server: Option<&'a str>,
    /// An address of the server; its scheme is `DM_BEARER`. The rest of it stays out of the fields,
    /// because an address can hold a password.
    pub address: Option<&'a str>,
    /// `DM_NODE_URI`: the node.
    pub node: Option<&'a str>,
    /// `DM_STATUS`: a SyncML status.
    pub status: Option<u16>,
}

impl About<'_> {
    fn fields(&self, kind: Kind) -> Vec<(&'static str, String)> {
        let bearer = self.address.and_then(|address| address.split_once("://"));
        let status = self.status.map(|status| status.to_string());
        let all = [
            ("MESSAGE_ID", Some(kind.message_id())),
            ("DM_SESSION_ID", self.session),
            ("DM_SERVER_ID", self.server),
            ("DM_BEARER", bearer.map(|(scheme, _)| scheme)),
            ("DM_NODE_URI", self.node),
            ("DM_STATUS", status.as_deref()),
        ];
        let there = |(name, value): (_, Option<&str>)| {
            let value = value.filter(|value| !value.is_empty())?;
            Some((name, value.to_owned()))
        };
        all.into_iter().filter_map(there).collect()
    }
}

/// The daemon is ready.
pub fn ready(device: &str) {
    let version = env!("CARGO_PKG_VERSION");
    let text = format_args!("omadmd {version} is ready: device {device}");
    say(Kind::Ready, &About::default(), text);
}

/// The daemon has stopped.
pub fn stopped() {
    let text = format_args!("omadmd has stopped");
    say(Kind::Stopped, &About::default(), text);
}

/// A session has begun; `cause` is why.
pub fn session_begun(about: &About<'_>, cause: impl fmt::Display) {
    let text = format_args!(
        "session {} with {:?} begins ({cause}): {}",
        about.session.unwrap_or_default(),
        about.server.unwrap_or_default(),
        about.address.unwrap_or_default()
    );
    say(Kind::SessionBegun, about, text);
}

/// A session has ended well; `text` says what it did.
pub fn session_ended(about: &About<'_>, text: impl fmt::Display) {
    say(Kind::SessionEnded, about, format_args!("{text}"));
}

/// A session has failed; `text` says why.
pub fn session_failed(about: &About<'_>, text: impl fmt::Display) {
    say(Kind::SessionFailed, about, format_args!("{text}"));
}

/// One end has refused the other; `text` says which server id, address, credential, nonce or proof
/// was refused, and the mend.
pub fn peer_refused(about: &About<'_>, text: impl fmt::Display) {
    say(Kind::PeerRefused, about, format_args!("{text}"));
}

/// A notification does not prove its server; `text` says for which account and what is wrong.
pub fn notification_refused(about: &About<'_>, text: impl fmt::Display) {
    let text = format_args!("a notification is ignored: {text}");
    say(Kind::NotificationRefused, about, text);
}

/// A notification was followed that was made with the nonce to resynchronise with.
pub fn nonce_resynchronised(about: &About<'_>) {
    let text = format_args!(
        "session {} with {:?} begins with the nonce to resynchronise with",
        about.session.unwrap_or_default(),
        about.server.unwrap_or_default(),
    );
    say(Kind::NonceResynchronised, about, text);
}

/// An account was added.
pub fn account_added(name: &str, server: &str) {
    let text = format_args!("account {name:?} for server {server:?} was added");
    about_account(Kind::AccountAdded, name, server, text);
}

/// What an account may, or how it is reached, was changed.
pub fn account_changed(name: &str, server: &str) {
    let text = format_args!("account {name:?} for server {server:?} was changed");
    about_account(Kind::AccountChanged, name, server, text);
}

/// An account was removed, by `by`.
pub fn account_removed(name: &str, by: &str) {
    let text = format_args!("account {name:?} was removed by {by}");
    about_account(Kind::AccountRemoved, name, "", text);
}

fn about_account(kind: Kind, name: &str, server: &str, text: fmt::Arguments<'_>) {
    let node = format!("./DMAcc/{name}");
    let about = About {
        server: Some(server),
        node: Some(&node),
        ..About::default()
    };
    say(kind, &about, text);
}

/// The configuration was read again.
pub fn reloaded() {
    let text = format_args!("the configuration was read again");
    say(Kind::Reloaded, &About::default(), text);
}

/// A new configuration was refused; each mistake has been logged.
pub fn reload_refused() {
    let text = format_args!("the configuration is wrong, the old one stays");
    say(Kind::ReloadRefused, &About::default(), text);
}

/// The store cannot be read or written; `status` is what a server is told then.
pub fn store_trouble(text: impl fmt::Display, status: Option<u16>) {
    let about = About {
        status,
        ..About::default()
    };
    say(Kind::StoreTrouble, &about, format_args!("{text}"));
}

/// Sessions wait for a clock that cannot be right; `text` says what it says.
pub fn clock_awaited(about: &About<'_>, text: impl fmt::Display) {
    say(Kind::ClockAwaited, about, format_args!("{text}"));
}

fn say(kind: Kind, about: &About<'_>, text: fmt::Arguments<'_>) {
    let level = kind.level();
    if level > log::max_level() {
        return;
    }
    let fields = Fields(about.fields(kind));
    log::logger().log(
        &Record::builder()
            .level(level)
            .target(module_path!())
            .module_path_static(Some(module_path!()))
            .key_values(&fields)
            .args(text)
            .build(),
    );
}

/// Names and values of fields.
struct Fields(Vec<(&'static str, String)>);

impl Source for Fields {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        for (name, value) in &self.0 {
            visitor.visit_pair(Key::from_str(name), value.to_value())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_has_a_number_of_its_own() {
        let ids: BTreeSet<_> = Kind::ALL.map(Kind::message_id).into();
        assert_eq!(ids.len(), Kind::ALL.len());
        for id in ids {
            assert_eq!(id.len(), 32, "{id}");
            let hexadecimal = |c: char| matches!(c, '0'..='9' | 'a'..='f');
            assert!(id.chars().all(hexadecimal), "{id}");
        }
    }

    #[test]
    fn what_is_absent_has_no_field_and_an_address_shows_its_scheme_alone() {
        let about = About {
            session: Some(""),
            server: Some("lab.example"),
            address: Some("https://user:secret@lab.example/dm"),
            status: Some(401),
            ..About::default()
        };
        let fields = about.fields(Kind::PeerRefused);
        let expected = [
            ("MESSAGE_ID", Kind::PeerRefused.message_id()),
            ("DM_SERVER_ID", "lab.example"),
            ("DM_BEARER", "https"),
            ("DM_STATUS", "401"),
        ];
        let expected = expected.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(fields, expected);
    }
}
