//! The notification that a session follows: judged, remembered, and told of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use omadm_dm::session::{SessionCause, StoreError};
use omadm_syncml::{Notification, Now, UiMode};

use super::super::agent::Agent;
use super::super::commit;
use super::super::notified::{self, Addressee, Reason, Refused};
use super::super::sessions::Beginning;
use super::Call;
use crate::control::Answer;
use crate::control::wire::{Error, NotifyReply};
use crate::event::{self, About};
use crate::mo::dmacc::Configured;
use crate::store::{Anchor, Change, Notified};

/// How much of a vendor's part of a notification is logged, in octets.
const VENDOR: usize = 256;

/// The notification that a session follows.
pub(in super::super) struct Notice {
    notified: Notified,
    /// The nonce to resynchronise with was taken.
    resync: Option<Resync>,
    /// For the audit.
    text: String,
    /// Who has handed it over, and what is answered.
    answer: Option<(Answer, NotifyReply)>,
}

/// When the nonce to resynchronise with was taken.
struct Resync {
    at: Anchor,
    before: Option<Anchor>,
}

impl Agent {
    /// Judges a notification by the account of the server that it names.
    pub(super) fn judge_notification(&self, octets: &[u8], now: Now) -> Result<Call, Refused> {
        let accounts: Vec<_> = self.configured().into_iter().flatten().collect();
        let moment = self.moment(now);
        let find = |server: &str| self.addressee(&accounts, server);
        let accepted = notified::judge(octets, find, moment)?;
        let named = |configured: &Configured| configured.account.name == accepted.account;
        let gone = || Refused::new(Reason::UnknownServer, None, "its account has gone");
        let mut configured = accounts.into_iter().find(named).ok_or_else(gone)?;
        let resync = accepted.resync.map(|nonce| {
            resynchronise(&mut configured, nonce);
            let local = self.book.get(&accepted.account);
            Resync {
                at: Anchor::new(moment),
                before: local.and_then(|local| local.record.resync),
            }
        });
        let notification = &accepted.notification;
        tell(&accepted.account, notification);
        Ok(Call {
            configured,
            cause: SessionCause::Notification {
                session_id: notification.session_id,
            },
            notice: Some(Notice {
                notified: accepted.notified,
                resync,
                text: audit(notification, accepted.resync.is_some()),
                answer: None,
            }),
        })
    }

    fn addressee<'a>(&'a self, accounts: &'a [Configured], server: &str) -> Option<Addressee<'a>> {
        let mut all = accounts.iter().map(|configured| &configured.account);
        let account = all.find(|account| account.server_id == server)?;
        let local = self.book.get(&account.name);
        Some(Addressee {
            account,
            seen: local.map(|local| &local.seen),
            resync: local.and_then(|local| local.record.resync),
        })
    }

    /// What is stored together with the note that a session begins: the notification that it
    /// follows.
    pub(in super::super) fn notice_changes(
        &mut self,
        beginning: &Beginning,
        now: Now,
    ) -> Vec<Change> {
        let Some(notice) = &beginning.notice else {
            return Vec::new();
        };
        let account = &beginning.configured.account;
        let keep = self.config.history.audit_entries;
        let mut changes = vec![
            Change::Notified {
                account: account.name.clone(),
                notified: notice.notified,
            },
            commit::audit(&account.server_id, notice.text.clone(), keep, now),
        ];
        if let Some(resync) = &notice.resync {
            // What else is stored of the account meanwhile must not take the hour back.
            let local = self.book.local(&account.name);
            local.record.resync = Some(resync.at);
            changes.push(Change::Record {
                account: account.name.clone(),
                record: local.record.clone(),
            });
        }
        changes
    }

    /// The notification is on the disk, or is not: then it could be followed twice, and is not
    /// followed at all. Says whether its session begins.
    pub(in super::super) fn notice_stored(
        &mut self,
        notice: Notice,
        result: Result<(), StoreError>,
        beginning: &Beginning,
    ) -> bool {
        let account = &beginning.configured.account;
        if let Err(error) = result {
            self.notice_lost(notice, &account.name, &error);
            return false;
        }
        log::info!("account {}: {} is followed", account.name, notice.text);
        self.book.local(&account.name).seen.add(notice.notified);
        self.counters.accepted(notice.resync.is_some());
        if notice.resync.is_some() {
            let session = format!("{:X}", notice.notified.session_id);
            event::nonce_resynchronised(&About {
                session: Some(&session),
                server: Some(&account.server_id),
                ..About::default()
            });
        }
        if let Some((answer, reply)) = notice.answer {
            answer.finish(Ok(reply));
        }
        true
    }

    fn notice_lost(&mut self, notice: Notice, account: &str, error: &StoreError) {
        let text = format!("it is not followed, because it cannot be remembered: {error}");
        let refused = Refused::new(Reason::NotStored, Some(account), &text);
        event::store_trouble(&refused, None);
        self.counters.refused(refused.reason);
        if let Some(resync) = notice.resync {
            self.book.local(account).record.resync = resync.before;
        }
        if let Some((answer, _)) = notice.answer {
            answer.finish(Err::<NotifyReply, _>(refused.error()));
        }
    }

    /// Follows a notification that a local user hands over: he is told why not.
    pub(in super::super) fn notify(&mut self, package: &str, answer: Answer, now: Now) {
        match self.judge_handed_over(package, now) {
            Ok((mut call, reply)) => {
                if let Some(notice) = &mut call.notice {
                    notice.answer = Some((answer, reply));
                }
                self.follow(call, None, now);
            }
            Err(error) => answer.finish(Err::<NotifyReply, _>(error)),
        }
    }

    fn judge_handed_over(&mut self, package: &str, now: Now) -> Result<(Call, NotifyReply), Error> {
        let octets = BASE64.decode(package);
        let octets = octets
            .map_err(|error| Error::InvalidRequest(format!("package is not base64: {error}")))?;
        let judged = match self.hindrance("") {
            Some(refused) => Err(refused),
            None => self.judge_notification(&octets, now),
        };
        let call = judged.map_err(|refused| {
            self.refuse_arrival(&refused, None);
            refused.error()
        })?;
        let account = &call.configured.account;
        let notice = call.notice.as_ref();
        let reply = NotifyReply {
            account: account.name.clone(),
            server_id: account.server_id.clone(),
            session_id: notice.map_or_else(String::new, |n| format!("{:X}", n.notified.session_id)),
            resynchronised: notice.is_some_and(|notice| notice.resync.is_some()),
        };
        Ok((call, reply))
    }
}

/// Both ends authenticate with the nonce that everyone knows, and agree on fresh ones in the
/// session (OMA-TS-DM-Security 1.2.1). The stored ones stay until then.
fn resynchronise(configured: &mut Configured, nonce: &[u8]) {
    let account = &mut configured.account;
    for credential in [&mut account.client, &mut account.server]
        .into_iter()
        .flatten()
    {
        credential.nonce = nonce.to_vec();
    }
}

/// What a notification wants, in the log.
fn tell(account: &str, notification: &Notification) {
    if notification.ui_mode == UiMode::UserInteraction {
        log::warn!(
            "account {account}: the notification wants a user to be asked first, which this version \
             cannot: the session begins all the same"
        );
    }
    if let Some(vendor) = notification
        .vendor
        .get(..notification.vendor.len().min(VENDOR))
        && !vendor.is_empty()
    {
        let length = notification.vendor.len();
        log::debug!("account {account}: a vendor's part of {length} octets: {vendor:02x?}");
    }
}

fn audit(notification: &Notification, resync: bool) -> String {
    format!(
        "notification {} (initiator {}, ui-mode {}{})",
        notification.session_text(),
        notification.initiator,
        notification.ui_mode,
        if resync {
            ", with the nonce to resynchronise with"
        } else {
            ""
        }
    )
}
