//! When the sessions of all accounts are due, beyond what one session says about the next.

use std::time::Duration;

use omadm_dm::session::SessionCause;
use omadm_syncml::Now;

use super::account::Usable;
use super::agenda::Rules;
use super::agent::{Agent, dice};
use super::clock;
use super::crash::{self, Crash};
use super::elapsed::{Doubt, Moment};
use super::network::Changed;
use super::schedule::{self, Due, Prospect, random_up_to};
use crate::event::{self, About};
use crate::store::Change;

/// Alerts wait this long for company before they start a session.
const ALERTS: Duration = Duration::from_secs(5);

/// The key of what is known of the time.
pub(super) const CLOCK: &str = "clock";

impl Agent {
    /// The clocks as far as they can be trusted.
    pub(super) fn moment(&self, now: Now) -> Moment {
        self.known.moment(now)
    }

    /// Plans sessions at the start of the daemon.
    pub(super) fn plan_start(&mut self, new_boot: bool, crashed: Option<Crash>, now: Now) {
        if new_boot {
            // What ended the sessions of the last boot may have been the power.
            self.book.forget_crashes();
        }
        self.doubt_clock(now);
        let crashed = crashed.map(|crash| {
            let local = self.book.local(&crash.account);
            crash::note(&mut local.record, &crash, now.wall);
            crash.account
        });
        if let Some(account) = &crashed {
            self.hold_back(account, now);
        }
        self.plan(true, now);
        if let Some(account) = crashed {
            self.keep_records(vec![account], Vec::new());
        }
        if new_boot {
            self.plan_boot(now);
        }
        self.hasten_alerts(now);
    }

    fn plan_boot(&mut self, now: Now) {
        let moment = self.moment(now);
        for Usable { name, .. } in self.usable() {
            let schedule = self.config.schedule_of(&name);
            if schedule.at_boot {
                let due = schedule::after_event(&schedule, SessionCause::Boot, moment, dice());
                self.book.hasten(&name, due);
            }
        }
    }

    /// Leaves an account alone whose sessions have ended the daemon too often.
    fn hold_back(&mut self, account: &str, now: Now) {
        let moment = self.moment(now);
        let rules = Rules::of(&self.config, account);
        let local = self.book.local(account);
        if local.record.crashes < super::agenda::CRASHES {
            return;
        }
        local.agenda.hold_back(&rules, moment);
        let hold = local.agenda.hold(moment);
        let rest = hold.map(|hold| hold.until.saturating_sub(now.boot));
        local.record.not_before = clock::after(moment.wall, rest);
        log::error!(
            "account {account}: omadmd did not survive {} sessions in a row; what caused them is \
             dropped: no session that nobody asks for begins within {} s",
            local.record.crashes,
            rest.unwrap_or_default().as_secs(),
        );
    }

    /// A schedule for an account that is not there is a slip, or comes before its account.
    fn warn_of_strangers(&self) {
        let names = self.account_names();
        let strangers = self.config.account.keys();
        for name in strangers.filter(|name| !names.contains(name)) {
            log::warn!("[account.{name}] of the configuration names no account");
        }
    }

    /// Plans the first sessions of accounts that have none planned, or of all `anew`.
    pub(super) fn plan(&mut self, anew: bool, now: Now) {
        if anew {
            self.warn_of_strangers();
        }
        let moment = self.moment(now);
        let usable = self.usable();
        for Usable { name, waits, .. } in &usable {
            self.book.local(name).agenda.wait_for_server(*waits);
        }
        let running = self.running.as_ref().map(|running| &running.account.name);
        let accounts: Vec<_> = usable
            .into_iter()
            .filter(|usable| running != Some(&usable.name) && !self.queue.has(&usable.name))
            .collect();
        let first = self
            .book
            .plan(&accounts, &self.config, anew, moment, &mut dice);
        if !first.is_empty() {
            // The interval counts from here, also when the machine is off tonight.
            self.keep_records(first, Vec::new());
        }
    }

    /// Stores how the sessions of accounts have gone, and `more`.
    pub(super) fn keep_records(&mut self, accounts: Vec<String>, more: Vec<Change>) {
        let records = accounts.into_iter().map(|account| Change::Record {
            record: self.book.local(&account).record.clone(),
            account,
        });
        let changes = records.chain(more).collect();
        // Nothing waits for it: after a crash, the last session merely counts as not held.
        drop(self.store.commit(changes));
    }

    /// Lets waiting alerts start a session with the first account. One that has failed keeps to
    /// its backoff, but is not left without a next attempt.
    pub(super) fn hasten_alerts(&mut self, now: Now) {
        if self.alerts.is_empty() {
            return;
        }
        let Some(first) = self.usable().into_iter().find(|usable| !usable.waits) else {
            return;
        };
        let moment = self.moment(now);
        let local = self.book.local(&first.name);
        let failures = local.record.failures;
        let due = if failures == 0 {
            let at = now.boot + random_up_to(ALERTS, dice());
            Due::new(at, SessionCause::Alerts)
        } else if local.agenda.is_empty() {
            let at_once = Prospect::Later(Duration::ZERO);
            schedule::again(&self.config.retry, failures, at_once, moment, dice())
        } else {
            return;
        };
        self.book.hasten(&first.name, due);
    }

    /// Somebody has set the clock. Only now the time since the last success may be known: a
    /// machine without a battery for its clock that is switched off every night would begin a
    /// whole interval every morning. And only now certificates may be valid.
    pub(super) fn clock_set(&mut self, now: Now) {
        if !self.known.clock_set(now) {
            return;
        }
        match self.known.doubt(now) {
            None => log::info!("the clock has been set: {}", clock::said()),
            Some(_) => log::warn!(
                "the clock has been set, but wrong: it says {}",
                clock::said()
            ),
        }
        let moment = self.moment(now);
        let learnt = self.book.clock_set(&self.config, moment, &mut dice);
        let time = self.time_known(now);
        self.keep_records(learnt, vec![time]);
    }

    /// Until when sessions over TLS wait for the clock, on `CLOCK_BOOTTIME`.
    pub(super) fn clock_wait(&self, now: Now) -> Option<Duration> {
        let bound = self.config.clock.wait;
        (self.known.doubt(now).is_some() && now.boot < bound).then_some(bound)
    }

    /// Says in the log what is wrong with the clock at the start.
    fn doubt_clock(&self, now: Now) {
        let Some(doubt) = self.known.doubt(now) else {
            return;
        };
        let wait = match self.clock_wait(now) {
            Some(bound) => format!(
                "sessions over TLS wait for it, at most until {} s after the boot",
                bound.as_secs()
            ),
            None => "sessions are tried all the same".to_owned(),
        };
        let doubt = doubt_text(doubt, self.known.last());
        event::clock_awaited(&About::default(), format_args!("{doubt}; {wait}"));
    }

    /// Keeps what is known of the time over a restart.
    pub(super) fn keep_time(&mut self, now: Now) {
        let change = self.time_known(now);
        // What is lost of it is at most the time since it was last kept.
        drop(self.store.commit(vec![change]));
    }

    /// What is known of the time, to be stored.
    pub(super) fn time_known(&mut self, now: Now) -> Change {
        let value = self.known.keep(now);
        Change::Meta { key: CLOCK, value }
    }

    /// The uplinks have changed.
    pub(super) fn network_changed(&mut self, changed: &Changed, now: Now) {
        self.uplinks = Some(changed.uplinks);
        if changed.came.is_empty() {
            if changed.uplinks == 0 {
                log::info!("there is no network: no link has an address and a default route");
            }
            return;
        }
        log::info!("the network has come: {}", changed.came.join(", "));
        let moment = self.moment(now);
        let accounts = self.usable();
        self.book
            .network_up(&accounts, &self.config, changed.first, moment, &mut dice);
    }

    /// The accounts that sessions can be held with.
    pub(super) fn usable(&self) -> Vec<Usable> {
        let accounts = self.configured().into_iter().flatten();
        let usable = accounts.map(|configured| Usable {
            tls: configured
                .addresses
                .iter()
                .any(|address| address.starts_with("https:")),
            waits: self.waits_for_server(&configured),
            name: configured.account.name,
        });
        usable.collect()
    }
}

/// What is wrong with the clock, in words.
pub(super) fn doubt_text(doubt: Doubt, last: Option<omadm_syncml::Wall>) -> String {
    let said = clock::said();
    match (doubt, last.and_then(clock::rfc3339)) {
        (Doubt::Behind, Some(last)) => {
            format!("the clock is wrong: it says {said}, and it was {last} before")
        }
        _ => format!("the clock has not been set: it says {said}"),
    }
}
