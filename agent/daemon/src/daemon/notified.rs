//! Judges notifications (Package 0): whether one is followed, and why not. Pure.
//!
//! One that is not followed is ignored in silence (OMA-TS-DM_Notification 1.2.1, 6.2): its sender
//! learns nothing; it is counted here.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use omadm_dm::Account;
use omadm_syncml::{NonceUsed, Notification, Package0};

use super::elapsed::Moment;
use crate::control::wire;
use crate::store::{Anchor, NOTIFIED_PER_ACCOUNT, Notified};

/// So often at most a notification is followed that was made with the nonce to resynchronise
/// with: anyone may repeat one that was overheard.
const RESYNC: Duration = Duration::from_hours(1);

/// The last notifications of an account that were followed.
#[derive(Debug, Default)]
pub(super) struct Seen(VecDeque<Notified>);

impl Seen {
    /// Remembers one more, and forgets the oldest when there are too many.
    pub(super) fn add(&mut self, notified: Notified) {
        self.0.push_back(notified);
        let surplus = self.0.len().saturating_sub(NOTIFIED_PER_ACCOUNT);
        self.0.drain(..surplus);
    }

    /// Whether it, or another one for the same session, has been followed.
    fn has(&self, new: Notified) -> bool {
        let same = |old: &Notified| old.digest == new.digest || old.session_id == new.session_id;
        self.0.iter().any(same)
    }
}

/// An account as a notification finds it.
pub(super) struct Addressee<'a> {
    /// Its server, with the credential that the notification has to prove.
    pub account: &'a Account,
    /// What was followed.
    pub seen: Option<&'a Seen>,
    /// When the nonce to resynchronise with was taken last.
    pub resync: Option<Anchor>,
}

/// A notification that is followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The account.
    pub account: String,
    /// What it says.
    pub notification: Notification,
    /// What it is known by.
    pub notified: Notified,
    /// The nonce to resynchronise with, in the form that was used.
    pub resync: Option<&'static [u8]>,
}

/// Judges the octets of a notification for the account of the server that it names.
pub(super) fn judge<'a>(
    octets: &[u8],
    find: impl FnOnce(&str) -> Option<Addressee<'a>>,
    now: Moment,
) -> Result<Accepted, Refused> {
    let package = Package0::parse(octets)
        .map_err(|error| Refused::new(Reason::Unreadable, None, &error.to_string()))?;
    let notification = package.notification();
    let addressee = find(&notification.server_id).ok_or_else(|| {
        let text = format!("no account has the server {:?}", notification.server_id);
        Refused::new(Reason::UnknownServer, None, &text)
    })?;
    let name = &addressee.account.name;
    let refuse = |reason, text: &str| Refused::new(reason, Some(name), text);
    let used = proven(&package, addressee.account)?;
    let notified = Notified {
        digest: *package.digest(),
        session_id: notification.session_id,
    };
    if addressee.seen.is_some_and(|seen| seen.has(notified)) {
        let text = "it, or another one for the same session, has been followed already";
        return Err(refuse(Reason::Repeated, text));
    }
    let since = addressee.resync.map(|last| last.elapsed(now));
    if used.resync().is_some() && since.is_some_and(|since| since < RESYNC) {
        let text = "the nonce to resynchronise with is taken once an hour";
        return Err(refuse(Reason::ResyncTooSoon, text));
    }
    Ok(Accepted {
        account: name.clone(),
        notification: notification.clone(),
        notified,
        resync: used.resync(),
    })
}

/// The nonce with which the server's secret is proven, if that says anything.
fn proven(package: &Package0, account: &Account) -> Result<NonceUsed, Refused> {
    let refuse = |reason, text| Refused::new(reason, Some(&account.name), text);
    let server = account.server.as_ref().ok_or_else(|| {
        let text = "its server has no secret (SRVCRED) that could be proven";
        refuse(Reason::NoSecret, text)
    })?;
    let names = [server.name.as_str(), account.server_id.as_str()];
    match package.verify(&names, &server.secret, &server.nonce) {
        None => {
            let text = "its digest fits neither the server's secret with the stored nonce nor \
                        the nonce to resynchronise with";
            Err(refuse(Reason::BadDigest, text))
        }
        Some(NonceUsed::Empty) => {
            let text = "no nonce of the server is stored, so that it could be an old one";
            Err(refuse(Reason::EmptyNonce, text))
        }
        Some(used) => Ok(used),
    }
}

/// Why a peer's wish for a session is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It is no notification.
    Unreadable,
    /// It is of a server without an account.
    UnknownServer,
    /// The account has nothing that it could be judged by.
    NoSecret,
    /// It does not prove the server's secret.
    BadDigest,
    /// It proves the secret alone, because no nonce is stored.
    EmptyNonce,
    /// The nonce to resynchronise with has been taken of late.
    ResyncTooSoon,
    /// It has been followed already.
    Repeated,
    /// Another session runs.
    Busy,
    /// A peer asks without a notification, and no account stands for it.
    Poll,
    /// It comes from a Bluetooth peer that the account does not list.
    UnlistedPeer,
    /// It is a bootstrap.
    Bootstrap,
    /// It could not be remembered.
    NotStored,
}

impl Reason {
    /// The word of the interface.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::UnknownServer => "unknown-server",
            Self::NoSecret => "no-secret",
            Self::BadDigest => "bad-digest",
            Self::EmptyNonce => "empty-nonce",
            Self::ResyncTooSoon => "resync-too-soon",
            Self::Repeated => "repeated",
            Self::Busy => "busy",
            Self::Poll => "poll",
            Self::UnlistedPeer => "unlisted-peer",
            Self::Bootstrap => "bootstrap",
            Self::NotStored => "not-stored",
        }
    }
}

/// A wish for a session that is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// Why.
    pub reason: Reason,
    /// The account, where one is concerned.
    pub account: Option<String>,
    text: String,
}

impl Refused {
    pub(super) fn new(reason: Reason, account: Option<&str>, text: &str) -> Self {
        Self {
            reason,
            account: account.map(str::to_owned),
            text: text.to_owned(),
        }
    }

    /// As it is told to a user of this machine.
    pub(super) fn error(&self) -> wire::Error {
        let text = self.to_string();
        match self.reason {
            Reason::Unreadable => wire::Error::InvalidRequest(text),
            Reason::UnknownServer => wire::Error::NotFound(text),
            Reason::Busy => wire::Error::Busy(text),
            _ => wire::Error::Failed(text),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(account) = &self.account {
            write!(f, "account {account}: ")?;
        }
        f.write_str(&self.text)
    }
}

/// What has come of the wishes for sessions since the daemon has started.
#[derive(Debug, Default)]
pub(super) struct Counters {
    accepted: i64,
    resynchronised: i64,
    refused: BTreeMap<Reason, i64>,
}

impl Counters {
    /// A notification is followed.
    pub(super) const fn accepted(&mut self, resynchronised: bool) {
        self.accepted = self.accepted.saturating_add(1);
        if resynchronised {
            self.resynchronised = self.resynchronised.saturating_add(1);
        }
    }

    /// A wish is not followed.
    pub(super) fn refused(&mut self, reason: Reason) {
        let count = self.refused.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// As the interface has it.
    pub(super) fn wire(&self) -> wire::Notifications {
        let refused = self.refused.iter().map(|(reason, count)| wire::Count {
            reason: reason.as_str().to_owned(),
            count: *count,
        });
        wire::Notifications {
            accepted: self.accepted,
            resynchronised: self.resynchronised,
            refused: refused.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
