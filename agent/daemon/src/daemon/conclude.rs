//! The end of a session: it is recorded, the next one is planned, and whoever waited is told.
//! Its beginning is noted, so that one that has no end is known.

use std::fmt;

use omadm_dm::session::{Outcome, SessionCause, SessionEnd, StoreError};
use omadm_syncml::Now;

use super::agenda::Rules;
use super::agent::{Agent, dice};
use super::clock;
use super::commit::{self, Commit, Then};
use super::crash;
use super::elapsed::Moment;
use super::schedule::Prospect;
use super::sessions::{self, Beginning, Running};
use super::{notify, status};
use crate::control::wire::{Refusal, RunSessionReply, SessionState};
use crate::event::{self, About};
use crate::store::{AccountRecord, Anchor, Change};

/// How a session ended.
pub(super) struct End {
    result: &'static str,
    detail: Option<String>,
    /// What it says about another attempt; `None` is a success.
    failed: Option<Prospect>,
    session_id: String,
    commands: i64,
    /// The status that says why, if one does.
    status: Option<u16>,
    refusals: Vec<Refusal>,
}

impl Agent {
    pub(super) fn finish(&mut self, outcome: &Outcome, now: Now) {
        let (result, prospect) = sessions::verdict(outcome);
        let known = self.running.as_ref().map(|running| running.prospect);
        let prospect = prospect.or(known).unwrap_or(Prospect::Unlikely);
        let end = End {
            result,
            detail: sessions::detail(outcome),
            failed: (!outcome.is_success()).then_some(prospect),
            session_id: outcome.session_id.clone(),
            commands: i64::from(outcome.counts.commands),
            status: sessions::status(outcome),
            refusals: sessions::refusals(outcome),
        };
        if let Some(running) = &self.running {
            tell_refusals(running, &end);
        }
        let broken = matches!(
            outcome.end,
            SessionEnd::BearerFailed(_) | SessionEnd::NoAnswer
        );
        if !(broken && self.go_on_elsewhere(&end, now)) {
            self.conclude(end, now);
        }
    }

    /// The session is over: it is recorded, the next one is planned, and whoever waited is told.
    pub(super) fn conclude(&mut self, end: End, now: Now) {
        let Some(running) = self.running.take() else {
            return;
        };
        let failed = end.failed.map(|prospect| running.or_earlier(prospect));
        if failed.is_none() && running.causes.contains(&SessionCause::Poll) {
            self.polls_from = now.boot;
        }
        let mut state = running.state(now);
        state.session_id = end.session_id;
        state.commands = end.commands;
        state.result = Some(end.result.to_owned());
        state.detail = end.detail;
        state.refusals = end.refusals;
        report(&running, &state, end.status);
        self.record(&running, &state, failed, now);
        for waiter in running.waiters {
            waiter.answer.finish(Ok(RunSessionReply {
                entry: None,
                session: Some(state.clone()),
            }));
        }
        self.last_session = Some(state);
        // The terms of a line are left alone while a session runs on it.
        self.lines_due = true;
        notify::status(&status::line(self));
    }

    fn record(
        &mut self,
        running: &Running,
        state: &SessionState,
        failed: Option<Prospect>,
        now: Now,
    ) {
        let name = &running.account.name;
        if !self.account_names().contains(name) {
            // The session was the last of its account.
            let over = self.session_over();
            drop(self.store.commit(vec![over]));
            return self.hasten_alerts(now);
        }
        let moment = self.moment(now);
        let rules = Rules::of(&self.config, name);
        // Whoever asked has the failure in hand; the rest has nobody but the daemon.
        let again =
            running.cause() != SessionCause::User || rules.is_any() || !self.alerts.is_empty();
        let local = self.book.local(name);
        local.record = outcome(&local.record, state, failed, moment);
        let (record, agenda) = (&mut local.record, &mut local.agenda);
        match failed {
            None => agenda.succeeded(&rules, record, moment, &mut dice),
            Some(_) if !again => {}
            Some(prospect) => {
                agenda.failed(&rules, record.failures, prospect, moment, &mut dice);
            }
        }
        let hold = agenda.hold(moment);
        let rest = hold.map(|hold| hold.until.saturating_sub(now.boot));
        record.not_before = clock::after(moment.wall, rest);
        if let Some(next) = agenda.next(None).filter(|_| failed.is_some()) {
            let wait = next.at.saturating_sub(now.boot).as_secs();
            log::info!("account {name}: the next attempt is in {wait} s");
        }
        self.store_record(name, state, now);
    }

    fn store_record(&mut self, account: &str, state: &SessionState, now: Now) {
        let what = format!(
            "session {} ({}): {}, {} commands",
            state.session_id,
            state.causes.join(", "),
            state.result.as_deref().unwrap_or_default(),
            state.commands
        );
        let keep = self.config.history.audit_entries;
        let audit = commit::audit(&state.server_id, what, keep, now);
        let over = self.session_over();
        self.keep_records(vec![account.to_owned()], vec![audit, over]);
    }

    /// Notes in the store that a session begins: what ends the daemon in the middle of it would
    /// do so again and again.
    ///
    /// The notification that it follows is noted together with it.
    pub(super) fn note_session(&mut self, beginning: Beginning, now: Now) {
        let boot = self.boot_id.as_deref();
        let waiting = &beginning.waiting;
        let mut changes = vec![Change::Meta {
            key: crash::KEY,
            value: crash::begun(&waiting.account, &waiting.causes, boot),
        }];
        changes.extend(self.notice_changes(&beginning, now));
        self.in_session = true;
        self.commit = Some(Commit {
            done: self.store.commit(changes),
            writes: Vec::new(),
            then: Then::Begin(Box::new(beginning)),
        });
    }

    /// The note is on the disk, or the disk is full, which is when a device has to be managed.
    pub(super) fn session_noted(
        &mut self,
        mut beginning: Beginning,
        result: Result<(), StoreError>,
        now: Now,
    ) {
        // Whoever waits is told so when its call is dropped.
        if self.stop_at.is_some() {
            return;
        }
        if let Some(notice) = beginning.notice.take()
            && !self.notice_stored(notice, result, &beginning)
        {
            return self.queue.give_back(beginning.waiting);
        }
        self.open(beginning, now);
    }

    /// No session runs: the end of the daemon is not its fault.
    pub(super) fn session_over(&mut self) -> Change {
        self.in_session = false;
        Change::Meta {
            key: crash::KEY,
            value: String::new(),
        }
    }
}

/// How the sessions of an account have gone, now that another one is over.
fn outcome(
    before: &AccountRecord,
    state: &SessionState,
    failed: Option<Prospect>,
    now: Moment,
) -> AccountRecord {
    let cancelled = state.result.as_deref() == Some("cancelled");
    let (succeeded, anchor) = match failed {
        None => (now.wall, Some(Anchor::new(now))),
        Some(_) => (before.succeeded, before.anchor),
    };
    AccountRecord {
        failures: match failed {
            None => 0,
            Some(_) if cancelled => before.failures,
            Some(_) => before.failures.saturating_add(1),
        },
        result: state.result.clone(),
        detail: state.detail.clone(),
        ended: now.wall.or(before.ended),
        succeeded,
        anchor,
        not_before: None,
        crashes: 0,
        resync: before.resync,
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or(self.result))
    }
}

impl End {
    /// Whether the line was lost, and not merely silent.
    pub(super) fn is_of_line(&self) -> bool {
        self.result == "bearer-failed"
    }

    /// The session in words, for the beginning of a sentence; one that never began has no name.
    pub(super) fn session(&self) -> String {
        match self.session_id.as_str() {
            "" => "the session ".to_owned(),
            id => format!("session {id} "),
        }
    }

    /// The end of a session that never began.
    pub(super) fn early(
        result: &'static str,
        detail: Option<String>,
        failed: Option<Prospect>,
    ) -> Self {
        Self {
            result,
            detail,
            failed,
            session_id: String::new(),
            commands: 0,
            status: None,
            refusals: Vec::new(),
        }
    }
}

fn tell_refusals(running: &Running, end: &End) {
    let about = About {
        session: Some(&end.session_id),
        status: end.status,
        ..running.about()
    };
    for refusal in &end.refusals {
        if refusal.overcome {
            log::info!("session {}: {refusal}", end.session_id);
        } else {
            event::peer_refused(&about, refusal);
        }
    }
}

fn report(running: &Running, state: &SessionState, status: Option<u16>) {
    let text = format!(
        "session {}with {:?} ({}): {}{}; {} messages sent, {} received, {} commands",
        // One that never began has none.
        match state.session_id.as_str() {
            "" => String::new(),
            id => format!("{id} "),
        },
        state.server_id,
        state.causes.join(", "),
        state.result.as_deref().unwrap_or_default(),
        state
            .detail
            .as_ref()
            .map_or_else(String::new, |detail| format!(": {detail}")),
        state.messages_sent,
        state.messages_received,
        state.commands,
    );
    let about = About {
        session: Some(&state.session_id),
        status,
        ..running.about()
    };
    if state.result.as_deref() == Some("completed") {
        event::session_ended(&about, text);
    } else {
        event::session_failed(&about, text);
    }
}
