//! What the machine keeps of each account beside the tree: its policy, how its sessions have
//! gone, and when the next one is due.

use std::collections::BTreeMap;
use std::time::Duration;

use omadm_dm::session::SessionCause;
use omadm_syncml::Now;

use super::schedule::{self, Dice, Due, Prospect};
use crate::config::Config;
use crate::mo::dmacc::AccountPolicy;
use crate::store::AccountRecord;

/// The local side of an account.
#[derive(Debug, Default)]
pub(super) struct Local {
    /// What the administrator allows it; nothing beyond the defaults when there is none.
    pub policy: Option<AccountPolicy>,
    /// How its sessions have gone.
    pub record: AccountRecord,
    /// Its next session.
    pub due: Option<Due>,
}

/// The local sides of all accounts by name.
#[derive(Debug, Default)]
pub(super) struct Book {
    locals: BTreeMap<String, Local>,
}

impl Book {
    pub(super) fn local(&mut self, account: &str) -> &mut Local {
        self.locals.entry(account.to_owned()).or_default()
    }

    pub(super) fn get(&self, account: &str) -> Option<&Local> {
        self.locals.get(account)
    }

    pub(super) fn remove(&mut self, account: &str) {
        self.locals.remove(account);
    }

    /// Every policy.
    pub(super) fn policies(&self) -> Vec<AccountPolicy> {
        let policies = self
            .locals
            .values()
            .filter_map(|local| local.policy.clone());
        policies.collect()
    }

    /// Plans the first session of the accounts that have none planned, and of every account
    /// when `anew`.
    pub(super) fn plan(
        &mut self,
        accounts: impl IntoIterator<Item = String>,
        config: &Config,
        anew: bool,
        now: Now,
        mut dice: impl FnMut() -> Dice,
    ) {
        for account in accounts {
            let local = self.local(&account);
            if anew || local.due.is_none() {
                let record = &local.record;
                local.due = schedule::first(
                    &config.schedule,
                    &config.retry,
                    record.failures,
                    record.succeeded,
                    now,
                    dice(),
                );
            }
        }
    }

    /// Brings sessions forward that were planned, or could not be held, without the right time.
    pub(super) fn hasten_by_clock(
        &mut self,
        config: &Config,
        now: Now,
        mut dice: impl FnMut() -> Dice,
    ) {
        for Local { record, due, .. } in self.locals.values_mut() {
            let Some(planned) = due else { continue };
            let (schedule, retry) = (&config.schedule, &config.retry);
            let better = match planned.cause {
                SessionCause::Schedule => {
                    schedule::first(schedule, retry, 0, record.succeeded, now, dice())
                }
                // As if it were the first failure: it may have been for the clock alone.
                SessionCause::Retry if record.result.as_deref() == Some("bearer-failed") => {
                    let at_once = Prospect::Later(Duration::ZERO);
                    Some(schedule::again(retry, 1, at_once, now, dice()))
                }
                _ => None,
            };
            if let Some(better) = better.filter(|better| better.at < planned.at) {
                *planned = better;
            }
        }
    }

    /// Brings an account's session forward, never back.
    pub(super) fn hasten(&mut self, account: &str, due: Due) {
        let planned = &mut self.local(account).due;
        if planned.is_none_or(|planned| due.at < planned.at) {
            *planned = Some(due);
        }
    }

    /// Takes out the sessions whose time has come.
    pub(super) fn take_due(&mut self, now: Now) -> Vec<(String, SessionCause)> {
        let mut taken = Vec::new();
        for (account, local) in &mut self.locals {
            if let Some(due) = local.due.take_if(|due| due.at <= now.boot) {
                taken.push((account.clone(), due.cause));
            }
        }
        taken
    }

    /// When the next session is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let dues = self.locals.values().filter_map(|local| local.due);
        dues.map(|due| due.at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now {
            boot: Duration::from_secs(seconds),
            wall: None,
        }
    }

    #[test]
    fn what_is_due_is_taken_once() {
        let mut book = Book::default();
        let due = |seconds| Due {
            at: Duration::from_secs(seconds),
            cause: SessionCause::Schedule,
        };
        book.hasten("a", due(10));
        book.hasten("b", due(20));
        book.hasten("a", due(15));
        assert_eq!(book.next_due(), Some(Duration::from_secs(10)));
        assert!(book.take_due(at(9)).is_empty());
        assert_eq!(
            book.take_due(at(10)),
            [("a".to_owned(), SessionCause::Schedule)]
        );
        assert!(book.take_due(at(10)).is_empty());
        assert_eq!(book.next_due(), Some(Duration::from_secs(20)));
    }

    #[test]
    fn a_clock_that_is_set_late_brings_sessions_forward() {
        let config = Config::default();
        let interval = config.schedule.interval.unwrap();
        let mut book = Book::default();
        let wall = |seconds| Some(omadm_syncml::Wall(Duration::from_secs(seconds)));
        let day = 86_400;
        book.local("old").record.succeeded = wall(10 * day);
        book.local("new").record.succeeded = None;
        // Started with a clock that knows nothing, set a minute later.
        book.plan(
            ["old", "new"].map(str::to_owned),
            &config,
            false,
            at(0),
            || 0,
        );
        let late = Due {
            at: Duration::from_hours(5),
            cause: SessionCause::Retry,
        };
        for (account, result) in [("failed", "bearer-failed"), ("wrong", "refused")] {
            let local = book.local(account);
            local.record.failures = 9;
            local.record.result = Some(result.to_owned());
            local.due = Some(late);
        }
        let now = Now {
            wall: wall(15 * day),
            ..at(60)
        };
        book.hasten_by_clock(&config, now, || 0);
        let due = |account: &str| book.get(account).unwrap().due.unwrap();
        assert_eq!(due("old").at, Duration::from_mins(1));
        assert_eq!(due("new").at, interval, "never brought back");
        assert_eq!(due("failed").at, Duration::from_mins(1));
        assert_eq!(due("wrong"), late);
    }

    #[test]
    fn every_account_is_planned_and_again_only_anew() {
        let mut book = Book::default();
        let config = Config::default();
        let names = || ["a".to_owned(), "b".to_owned()];
        book.plan(names(), &config, false, at(0), || 0);
        let first = book.next_due().unwrap();
        book.plan(names(), &config, false, at(100), || 0);
        assert_eq!(book.next_due(), Some(first));
        book.plan(names(), &config, true, at(100), || 0);
        assert_eq!(book.next_due(), Some(first + Duration::from_secs(100)));
    }
}
