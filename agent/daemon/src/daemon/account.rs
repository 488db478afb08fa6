//! What the machine keeps of each account beside the tree: its policy, how its sessions have
//! gone, and what it has before it.

use std::collections::BTreeMap;
use std::time::Duration;

use omadm_dm::session::SessionCause;

use super::agenda::{Agenda, CRASHES, Next, Rules};
use super::elapsed::Moment;
use super::notified::Seen;
use super::schedule::{Dice, Due};
use crate::config::Config;
use crate::mo::dmacc::AccountPolicy;
use crate::store::{AccountRecord, Anchor};

/// The local side of an account.
#[derive(Debug, Default)]
pub(super) struct Local {
    /// What the administrator allows it; nothing beyond the defaults when there is none.
    pub policy: Option<AccountPolicy>,
    /// How its sessions have gone.
    pub record: AccountRecord,
    /// The notifications of its server that were followed.
    pub seen: Seen,
    /// Its sessions to come.
    pub agenda: Agenda,
}

/// An account that sessions can be held with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Usable {
    /// Its name.
    pub name: String,
    /// Whether its sessions need a right clock.
    pub tls: bool,
    /// Whether none of them can begin by itself.
    pub waits: bool,
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

    pub(super) fn iter(&self) -> impl Iterator<Item = &Local> {
        self.locals.values()
    }

    pub(super) fn remove(&mut self, account: &str) {
        self.locals.remove(account);
    }

    /// The latest power-on time that anything has been noted at.
    pub(super) fn latest(&self) -> Duration {
        let anchors = self.locals.values().filter_map(|local| local.record.anchor);
        anchors
            .map(|anchor| anchor.power_on)
            .max()
            .unwrap_or_default()
    }

    /// Every policy.
    pub(super) fn policies(&self) -> Vec<AccountPolicy> {
        let policies = self
            .locals
            .values()
            .filter_map(|local| local.policy.clone());
        policies.collect()
    }

    /// Plans the sessions of the accounts that have none planned, and of all of them when
    /// `anew`. Returns the accounts that are seen for the first time.
    pub(super) fn plan(
        &mut self,
        accounts: &[Usable],
        config: &Config,
        anew: bool,
        now: Moment,
        dice: &mut dyn FnMut() -> Dice,
    ) -> Vec<String> {
        let mut first = Vec::new();
        for Usable { name, tls, .. } in accounts {
            let local = self.local(name);
            local.agenda.tls = *tls;
            if local.record.anchor.is_none() {
                first.push(name.clone());
            }
            local.record.anchor = Some(match (local.record.anchor, local.record.succeeded) {
                (Some(anchor), _) => anchor.mended(now),
                (None, Some(then)) => Anchor::of_wall(then, now),
                (None, None) => Anchor::new(now),
            });
            if anew || local.agenda.is_empty() {
                let rules = Rules::of(config, name);
                local.agenda.plan(&rules, &local.record, now, dice);
            }
        }
        first
    }

    /// The clock has been set. Returns the accounts that have learnt from it.
    pub(super) fn clock_set(
        &mut self,
        config: &Config,
        now: Moment,
        dice: &mut dyn FnMut() -> Dice,
    ) -> Vec<String> {
        let mut learnt = Vec::new();
        for (name, local) in &mut self.locals {
            let Local { record, agenda, .. } = local;
            let mended = record.anchor.map(|anchor| anchor.mended(now));
            if mended != record.anchor {
                record.anchor = mended;
                learnt.push(name.clone());
            }
            agenda.clock_set(&Rules::of(config, name), record, now, dice);
        }
        learnt
    }

    /// A network has come.
    pub(super) fn network_up(
        &mut self,
        accounts: &[Usable],
        config: &Config,
        first: bool,
        now: Moment,
        dice: &mut dyn FnMut() -> Dice,
    ) {
        for Usable { name, .. } in accounts {
            let Local { record, agenda, .. } = self.local(name);
            agenda.network_up(&Rules::of(config, name), record, first, now, dice);
        }
    }

    /// A new boot of the machine: what ended the sessions of the last one may have been the power.
    pub(super) fn forget_crashes(&mut self) {
        for local in self.locals.values_mut() {
            if local.record.crashes >= CRASHES {
                local.record.not_before = None;
            }
            local.record.crashes = 0;
        }
    }

    /// Brings an account's session forward, never back.
    pub(super) fn hasten(&mut self, account: &str, due: Due) {
        self.local(account).agenda.hasten(due);
    }

    /// Takes out the causes whose time has come, but for the account that is `busy`.
    pub(super) fn take_due(
        &mut self,
        now: Moment,
        clock: Option<Duration>,
        busy: Option<&str>,
    ) -> Vec<(String, Vec<SessionCause>)> {
        let mut taken = Vec::new();
        for (account, local) in &mut self.locals {
            if busy == Some(account) {
                continue;
            }
            let causes = local.agenda.take(now, clock);
            if !causes.is_empty() {
                taken.push((account.clone(), causes));
            }
        }
        taken
    }

    /// When the next session is due, but for the account that is `busy`.
    pub(super) fn next_due(&self, clock: Option<Duration>, busy: Option<&str>) -> Option<Duration> {
        let others = self
            .locals
            .iter()
            .filter(|(name, _)| busy != Some(name.as_str()));
        let nexts = others.filter_map(|(_, local)| local.agenda.next(clock));
        nexts.map(|Next { at, .. }| at).min()
    }
}
