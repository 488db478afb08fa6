//! When the sessions of all accounts are due, beyond what one session says about the next.

use std::time::Duration;

use omadm_dm::session::SessionCause;
use omadm_syncml::Now;

use super::agent::{Agent, dice};
use super::schedule::{self, Due, Prospect, random_up_to};

/// Alerts wait this long for company before they start a session.
const ALERTS: Duration = Duration::from_secs(5);

/// A clock that goes forward by so much has been set.
const SET: Duration = Duration::from_hours(1);

/// The wall clock at the boot of the machine, as the clocks stand now.
pub(super) fn clock_offset(now: Now) -> Option<Duration> {
    Some(now.wall?.0.saturating_sub(now.boot))
}

impl Agent {
    /// Plans sessions at the start of the daemon.
    pub(super) fn plan_start(&mut self, new_boot: bool, now: Now) {
        self.plan(true, now);
        if new_boot {
            for account in self.usable() {
                if let Some(due) = schedule::after_boot(&self.config.schedule, now, dice()) {
                    self.book.hasten(&account, due);
                }
            }
        }
        self.hasten_alerts(now);
    }

    /// Plans the first sessions of accounts that have none planned, or of all `anew`.
    pub(super) fn plan(&mut self, anew: bool, now: Now) {
        let running = self.running.as_ref().map(|running| &running.account.name);
        let names: Vec<_> = self
            .usable()
            .into_iter()
            .filter(|name| running != Some(name) && !self.queue.has(name))
            .collect();
        self.book.plan(names, &self.config, anew, now, dice);
    }

    /// Lets waiting alerts start a session with the first account. One that has failed keeps to
    /// its backoff, but is not left without a next attempt.
    pub(super) fn hasten_alerts(&mut self, now: Now) {
        if self.alerts.is_empty() {
            return;
        }
        let Some(first) = self.usable().into_iter().next() else {
            return;
        };
        let local = self.book.local(&first);
        let due = if local.record.failures == 0 {
            Due {
                at: now.boot + random_up_to(ALERTS, dice()),
                cause: SessionCause::Alerts,
            }
        } else if local.due.is_none() {
            let at_once = Prospect::Later(Duration::ZERO);
            schedule::again(
                &self.config.retry,
                local.record.failures,
                at_once,
                now,
                dice(),
            )
        } else {
            return;
        };
        self.book.hasten(&first, due);
    }

    /// A machine without a battery for its clock learns the time after its start. Only then can
    /// the time since the last success be known: without it, a machine that is switched off
    /// every night would begin a whole interval every morning. And only then can certificates
    /// be valid.
    pub(super) fn notice_clock(&mut self, now: Now) {
        let Some(offset) = clock_offset(now) else {
            return;
        };
        let before = self.clock_offset.replace(offset);
        if before.is_none_or(|before| offset > before.saturating_add(SET)) {
            log::info!("the clock has been set");
            self.book.hasten_by_clock(&self.config, now, dice);
        }
    }

    /// The names of the accounts that sessions can be held with.
    fn usable(&self) -> Vec<String> {
        let accounts = self.configured().into_iter().flatten();
        accounts.map(|configured| configured.account.name).collect()
    }
}
