//! Drives the session that runs: what it asks for is done, what comes of it is handed back.
#![expect(clippy::disallowed_methods, reason = "driver: draws randomness")]

use std::time::Duration;

use omadm_bindings::{Bearer, BearerEvent};
use omadm_dm::session::{
    Cancel, Output, Session, SessionParameters, SessionStart, StoreError, WriteSet,
};
use omadm_dm::{NodeWrite, Snapshot};
use omadm_syncml::{Limits, Now, PeerProof};

use super::agent::Agent;
use super::arrivals::dialled;
use super::commit::{self, Commit, Then};
use super::conclude::End;
use super::opening::{GRACE, Opened, Way};
use super::queue::Waiting;
use super::schedule::Prospect;
use super::sessions::{self, Beginning, Running, Stage, Step, Turn, Waiter};
use super::{notify, status};
use crate::control::wire::{Error, RunSessionReply};
use crate::event::{self, About};
use crate::mo::dmacc::{self, AccountError, Configured};
use crate::store::Change;

/// How many `Exec`s are remembered in memory; the store keeps its own count for each server.
const EXECS: usize = 1024;

impl Agent {
    /// Every account of the tree.
    pub(super) fn configured(&self) -> Vec<Result<Configured, AccountError>> {
        dmacc::accounts(&self.tree, &self.book.policies())
    }

    /// What the line of the session that runs has proven to its account. Who was met on a line
    /// that the device waits on has proven what it has to already.
    fn proven(&self, bearer: &Bearer, address: &str) -> PeerProof {
        let running = self.running.as_ref();
        let Some(running) = running.filter(|running| running.line.is_none()) else {
            return bearer.proof;
        };
        let mut accounts = self.configured().into_iter().flatten();
        let configured = accounts.find(|found| found.account.name == running.account.name);
        configured.map_or(PeerProof::None, |configured| {
            dialled(bearer.proof, address, &configured)
        })
    }

    /// Begins a session that has waited.
    pub(super) fn begin(&mut self, waiting: Waiting<Waiter>, now: Now) {
        let found = self.configured().into_iter().find_map(|entry| match entry {
            Ok(configured) if configured.account.name == waiting.account => Some(Ok(configured)),
            Err(AccountError::Invalid { name, reason }) if name == waiting.account => {
                Some(Err(reason))
            }
            _ => None,
        });
        match found {
            Some(Ok(configured)) => {
                let beginning = Beginning {
                    configured,
                    waiting,
                    turn: self.first_turn(now),
                    line: None,
                    notice: None,
                };
                self.note_session(beginning, now);
            }
            Some(Err(reason)) => {
                log::error!("account {}: {reason}", waiting.account);
                refuse(waiting.waiters, &Error::Failed(reason));
            }
            None => {
                let text = format!("there is no account {:?}", waiting.account);
                refuse(waiting.waiters, &Error::NotFound(text));
            }
        }
    }

    /// No address has had its turn yet.
    pub(super) fn first_turn(&self, now: Now) -> Turn {
        let total = self.config.session.total_timeout;
        Turn {
            from: 0,
            earlier: None,
            give_up: now.boot.saturating_add(total),
        }
    }

    /// Begins to open the bearer of a session that the store knows of, unless its server has
    /// opened one.
    pub(super) fn open(&mut self, beginning: Beginning, now: Now) {
        let Beginning {
            configured,
            waiting,
            turn,
            line,
            ..
        } = beginning;
        let place = line.as_ref().map(|line| line.address.clone());
        let opening = match line {
            Some(line) => line.open(&configured),
            None => self.way(&configured, turn.from).open(),
        };
        let account = configured.account;
        log::debug!(
            "{}, for {:?} ({})",
            configured.addresses.join(", "),
            account.server_id,
            waiting.cause()
        );
        let limits = self.limits();
        let begun = (waiting.causes, waiting.waiters);
        let mut running = Running::begin(account, begun, opening, turn, limits, now);
        running.line = place;
        self.running = Some(running);
        notify::status(&status::line(self));
    }

    pub(super) fn way(&self, configured: &Configured, from: usize) -> Way {
        let connections = self.connections(configured);
        let settings = self.settings(configured);
        let own = self.own_lines();
        Way::new(&configured.addresses, &own, &connections, &settings, from)
    }

    fn limits(&self) -> Limits {
        Limits {
            message_bytes: self.config.session.max_message_size,
            ..Limits::default()
        }
    }

    fn parameters(&self) -> SessionParameters {
        let session = &self.config.session;
        SessionParameters {
            max_msg_size: session.max_message_size as u64,
            message_bytes: session.max_message_size,
            response_timeout: session.response_timeout + session.connect_timeout + GRACE * 2,
            session_timeout: session.total_timeout,
            codec: self.limits(),
            ..SessionParameters::default()
        }
    }

    /// Takes what happened to the session.
    pub(super) fn step(&mut self, step: Step, now: Now) {
        match step {
            Step::Opened(Ok(opened)) => self.opened(opened, now),
            Step::Opened(Err(error)) => {
                let detail = Some(sessions::line(&error.detail));
                let failed = Some(error.prospect);
                self.conclude(End::early(error.result, detail, failed), now);
                return;
            }
            Step::Bearer(event) => self.bearer_event(event, now),
        }
        self.drive(now);
    }

    fn opened(&mut self, opened: Opened, now: Now) {
        let Opened {
            bearer,
            address,
            tried,
        } = opened;
        let mut seed = [0; 32];
        if let Err(error) = getrandom::fill(&mut seed) {
            let detail = Some(format!("no randomness: {error}"));
            let failed = Some(Prospect::Later(Duration::ZERO));
            return self.conclude(End::early("failed", detail, failed), now);
        }
        let parameters = self.parameters();
        let proof = self.proven(&bearer, &address);
        let Some(running) = &mut self.running else {
            return;
        };
        running.account.address = address;
        running.turn.from += tried;
        let start = SessionStart {
            account: running.account.clone(),
            cause: running.cause(),
            proof,
            alerts: self.alerts.clone(),
            // The session remembers a bounded number, which other servers must not use up.
            execs: self
                .execs
                .iter()
                .filter(|key| key.server == running.account.server_id)
                .cloned()
                .collect(),
            parameters,
            seed,
        };
        let session = Session::start(start, &self.tree, now);
        let about = About {
            session: Some(session.session_id()),
            ..running.about()
        };
        event::session_begun(&about, running.cause());
        running.stage = Stage::Open {
            session: Box::new(session),
            bearer,
            deadline: now.boot,
        };
    }

    fn bearer_event(&mut self, event: BearerEvent, now: Now) {
        let Some(running) = &mut self.running else {
            return;
        };
        if let Stage::Closing { outcome, .. } = &running.stage {
            let outcome = (**outcome).clone();
            if let BearerEvent::Message(envelope) = &event {
                running.received(envelope, now);
                if running.is_in_flight() {
                    // This answers the message before the last.
                    return;
                }
            }
            return self.finish(&outcome, now);
        }
        match event {
            BearerEvent::Message(envelope) => {
                running.received(&envelope, now);
                if let Stage::Open { session, .. } = &mut running.stage {
                    session.handle_message(&envelope, &self.tree, now);
                }
            }
            BearerEvent::Closed(end) => running.bearer_closed(end),
        }
    }

    /// Does what the session asks for until it has to wait.
    fn drive(&mut self, now: Now) {
        loop {
            let Some(running) = &mut self.running else {
                return;
            };
            let Stage::Open {
                session, deadline, ..
            } = &mut running.stage
            else {
                return;
            };
            match session.poll_output() {
                Output::Collect(wanted) => match self.live_for_session(wanted) {
                    Some(snapshot) => return self.session_live(&snapshot, now),
                    None => return,
                },
                Output::Transmit(envelope) => running.transmit(envelope, now),
                Output::Commit(set) => return self.commit_session(set, now),
                Output::Wait(until) => {
                    *deadline = until;
                    return;
                }
                Output::Closed(outcome) => {
                    if let Some(outcome) = running.close(outcome, now) {
                        self.finish(&outcome, now);
                    }
                    return;
                }
            }
        }
    }

    /// The live leaves that the session wanted are there.
    pub(super) fn session_live(&mut self, snapshot: &Snapshot, now: Now) {
        if let Some(running) = &mut self.running
            && let Stage::Open { session, .. } = &mut running.stage
        {
            session.handle_live(snapshot, &self.tree, now);
        }
        self.drive(now);
    }

    fn commit_session(&mut self, set: WriteSet, now: Now) {
        let mut changes = commit::of_session(&set, now);
        let mut writes = set.nodes;
        // An account that a server deletes leaves the ACLs and its local policy as well.
        for account in dmacc::deleted(&writes) {
            let mut more = dmacc::remove(&self.tree, &account).unwrap_or_default();
            more.retain(|write| !writes.iter().any(|own| commit::overrules(own, write)));
            changes.extend(more.iter().cloned().map(Change::Node));
            changes.push(Change::Forget { account });
            writes.extend(more);
        }
        self.commit = Some(Commit {
            done: self.store.commit(changes),
            writes,
            then: Then::Session {
                acknowledged: set.acknowledged,
                execs: set.execs,
            },
        });
    }

    /// The transaction of the session is on the disk, or is not.
    pub(super) fn session_committed(
        &mut self,
        result: Result<(), StoreError>,
        writes: &[NodeWrite],
        set: Then,
        now: Now,
    ) {
        if let (
            Ok(()),
            Then::Session {
                acknowledged,
                execs,
            },
        ) = (&result, set)
        {
            self.alerts
                .retain(|alert| !acknowledged.contains(&alert.id));
            for exec in execs {
                self.execs.extend(exec.key());
                // No management object of this program starts anything yet.
                log::error!("{}: no action {:?}", exec.uri, exec.effect.action);
            }
            let surplus = self.execs.len().saturating_sub(EXECS);
            self.execs.drain(..surplus);
            for account in dmacc::deleted(writes) {
                event::account_removed(&account, "its server");
                self.book.remove(&account);
            }
        }
        if let Some(running) = &mut self.running
            && let Stage::Open { session, .. } = &mut running.stage
        {
            session.handle_committed(result, now);
        }
        self.drive(now);
    }

    /// Tells the session that its time has come, if it has.
    pub(super) fn session_timeout(&mut self, now: Now) {
        let Some(running) = &mut self.running else {
            return;
        };
        match &mut running.stage {
            Stage::Opening(_) if now.boot >= running.turn.give_up => {
                let detail = Some("no address could be reached in the time of a session".into());
                let failed = Some(Prospect::Later(Duration::ZERO));
                self.conclude(End::early("too-long", detail, failed), now);
            }
            Stage::Open {
                session, deadline, ..
            } if now.boot >= *deadline => {
                session.handle_timeout(now);
                self.drive(now);
            }
            Stage::Closing {
                outcome, deadline, ..
            } if now.boot >= *deadline => {
                let outcome = (**outcome).clone();
                self.finish(&outcome, now);
            }
            _ => {}
        }
    }

    /// Ends the session from this side.
    pub(super) fn cancel_session(&mut self, cancel: Cancel, now: Now) {
        let Some(running) = &mut self.running else {
            return;
        };
        self.kpis.forget_session();
        if running.cancel(cancel, now) {
            let detail = Some(cancel.to_string());
            let failed = Some(Prospect::Later(Duration::ZERO));
            return self.conclude(End::early("cancelled", detail, failed), now);
        }
        if self.commit.is_none() {
            self.drive(now);
        }
    }
}

fn refuse(waiters: Vec<Waiter>, error: &Error) {
    for waiter in waiters {
        waiter
            .answer
            .finish(Err::<RunSessionReply, _>(error.clone()));
    }
}
