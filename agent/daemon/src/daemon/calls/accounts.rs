//! Local changes of accounts: checked here, stored by the caller, and what follows from them.

use omadm_syncml::Now;

use super::super::agent::Agent;
use super::super::commit::AccountChange;
use super::super::files;
use super::Prepared;
use crate::control::wire::{self, Error};
use crate::event;
use crate::mo::dmacc::{self, AccountError, AccountPolicy};

impl Agent {
    pub(super) fn add_account(&self, new: &wire::NewAccount, now: Now) -> Result<Prepared, Error> {
        let (writes, policy) = dmacc::add(&self.tree, new, &self.dev_id, now)
            .map_err(|error| account_error(&error))?;
        if let Some(settings) = &new.settings {
            files::check(settings, &policy).map_err(Error::InvalidRequest)?;
        }
        Ok(Prepared {
            writes,
            audit: format!("add account {:?} for server {:?}", new.name, new.server_id),
            account: AccountChange::Decided {
                name: new.name.clone(),
                policy: Box::new(policy),
                new: true,
            },
        })
    }

    pub(super) fn set_account(&self, set: &wire::SetAccount, now: Now) -> Result<Prepared, Error> {
        let (name, settings) = (&set.name, &set.settings);
        let local = self.book.get(name);
        let old = local.and_then(|local| local.policy.clone());
        let old = old.unwrap_or_else(|| AccountPolicy::strict(name));
        let (writes, policy) = dmacc::set(&self.tree, &old, set, &self.dev_id, now)
            .map_err(|error| account_error(&error))?;
        files::check(settings, &policy).map_err(Error::InvalidRequest)?;
        Ok(Prepared {
            writes,
            audit: format!("change account {name:?}"),
            account: AccountChange::Decided {
                name: name.clone(),
                policy: Box::new(policy),
                new: false,
            },
        })
    }

    pub(super) fn remove_account(&self, name: &str) -> Result<Prepared, Error> {
        let running = self.running.as_ref();
        if running.is_some_and(|running| running.account.name == name) {
            let text = format!("account {name:?} is in a session; try again when it has ended");
            return Err(Error::Busy(text));
        }
        let writes = dmacc::remove(&self.tree, name).map_err(|error| account_error(&error))?;
        Ok(Prepared {
            writes,
            account: AccountChange::Removed(name.to_owned()),
            audit: format!("remove account {name:?}"),
        })
    }

    pub(super) fn account_changed(&mut self, account: AccountChange, now: Now) {
        match account {
            AccountChange::None => {}
            AccountChange::Decided { name, policy, new } => {
                self.book.local(&name).policy = Some(*policy);
                // Whom a line lets in is part of it.
                self.lines_due = true;
                let mut accounts = self.configured().into_iter().flatten();
                let decided = accounts.find(|found| found.account.name == name);
                let server = decided.map(|found| found.account.server_id);
                let server = server.as_deref().unwrap_or_default();
                if new {
                    event::account_added(&name, server);
                } else {
                    event::account_changed(&name, server);
                }
                self.hasten_alerts(now);
            }
            AccountChange::Removed(name) => {
                event::account_removed(&name, "a local user");
                self.book.remove(&name);
                self.lines_due = true;
                // What waits goes to another server.
                self.hasten_alerts(now);
            }
        }
    }
}

fn account_error(error: &AccountError) -> Error {
    let text = error.to_string();
    match error {
        AccountError::NotFound(_) => Error::NotFound(text),
        AccountError::Exists(_) | AccountError::Invalid { .. } => Error::InvalidRequest(text),
    }
}
