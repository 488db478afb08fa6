//! Answers the calls of the control socket.

mod accounts;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omadm_dm::session::{SessionCause, StoreError};
use omadm_dm::{Authority, Content, Edit, NodeWrite, Overlay, Snapshot, operation};
use omadm_syncml::{Address, Format, List, Now, StatusCode, Value};

use super::agent::Agent;
use super::commit::{self, AccountChange, Commit, Then};
use super::sessions::Waiter;
use super::{nodes, status};
use crate::control::wire::{
    self, Empty, Error, GetNodeReply, GetStatusReply, ListAccountsReply, ListTreeReply,
    RunSessionReply,
};
use crate::control::{Answer, Asked, Request};
use crate::mo::dmacc::{self, AccountError};
use crate::store::Change;

/// Changes that wait while the disk is slow. Their callers may have gone, so that the number of
/// connections does not bound them.
const DEFERRED: usize = 64;

/// A local change that is checked and ready to be stored.
struct Prepared {
    writes: Vec<NodeWrite>,
    account: AccountChange,
    audit: String,
}

impl Agent {
    /// Answers a call, at once or when what it needs is there.
    pub(super) fn answer(&mut self, asked: Asked, now: Now) {
        if let Some(asked) = self.read_first(asked) {
            self.perform(asked, now);
        }
    }

    /// Does what a call asks for; the live leaves that it is about have been read.
    pub(super) fn perform(&mut self, asked: Asked, now: Now) {
        let changes = matches!(
            asked.request,
            Request::SetNode(_)
                | Request::DeleteNode(_)
                | Request::AddAccount(_)
                | Request::SetAccount(_)
                | Request::RemoveAccount(_)
                | Request::Notify(_)
        );
        if changes && self.commit.is_some() {
            return self.defer(asked);
        }
        let Asked {
            request,
            more,
            answer,
        } = asked;
        match request {
            Request::GetStatus => answer.finish(Ok(GetStatusReply {
                status: status::status(self, now),
            })),
            Request::ListAccounts => answer.finish(Ok(ListAccountsReply {
                accounts: status::accounts(self, now),
            })),
            Request::ListTree(list) => answer.finish(self.list_tree(list.uri.as_deref())),
            Request::GetNode(get) => answer.finish(self.get_node(&get.uri)),
            Request::ReadKpis(read) => self.kpis.answer(&read.patterns, answer),
            Request::CheckRights => self.check_rights(answer),
            Request::RunSession(run) => self.run_session(run, more, answer),
            Request::Notify(notify) => self.notify(&notify.package, answer, now),
            Request::Reload => answer.finish(self.reload(now).map(|()| Empty {})),
            Request::SetNode(set) => {
                let prepared = self.set_node(&set, now);
                self.commit_local(prepared, answer, now);
            }
            Request::DeleteNode(delete) => {
                let prepared = self.delete_node(&delete.uri);
                self.commit_local(prepared, answer, now);
            }
            Request::AddAccount(new) => {
                let prepared = self.add_account(&new, now);
                self.commit_local(prepared, answer, now);
            }
            Request::SetAccount(set) => {
                let prepared = self.set_account(&set, now);
                self.commit_local(prepared, answer, now);
            }
            Request::RemoveAccount(remove) => {
                let prepared = self.remove_account(&remove.name);
                self.commit_local(prepared, answer, now);
            }
        }
    }

    fn defer(&mut self, asked: Asked) {
        if self.deferred.len() >= DEFERRED {
            let text = "too many changes wait for the disk; try again later".to_owned();
            return asked.answer.finish(Err::<Empty, _>(Error::Busy(text)));
        }
        self.deferred.push_back(asked);
    }

    fn list_tree(&mut self, uri: Option<&str>) -> Result<ListTreeReply, Error> {
        let uri = nodes::parse(uri.unwrap_or("."))?;
        let subtree = Address::list(uri.clone(), List::StructData);
        let live = self.collect(subtree);
        let nodes = nodes::list(&self.tree.view(&live), &uri)?;
        Ok(ListTreeReply { nodes })
    }

    fn get_node(&mut self, uri: &str) -> Result<GetNodeReply, Error> {
        let uri = nodes::parse(uri)?;
        let live = self.collect(uri.clone().into());
        let node = nodes::get(&self.tree.view(&live), &uri)?;
        Ok(GetNodeReply { node })
    }

    fn collect(&mut self, address: Address) -> Snapshot {
        let wanted = self.tree.live_roots(&[address]);
        self.tree.collect(&wanted)
    }

    fn run_session(&mut self, run: wire::RunSession, more: bool, answer: Answer) {
        let trace = run.trace.unwrap_or(false);
        let account = if trace && !more {
            let text = "trace takes a call with more".to_owned();
            Err(Error::InvalidRequest(text))
        } else {
            self.choose(run.account)
        };
        match account {
            Ok(account) => {
                // However long a session takes, clients that have given up do not pile up.
                self.queue.release(|waiter| waiter.answer.is_unwanted());
                let waiter = Waiter { answer, trace };
                self.queue
                    .push(&account, &[SessionCause::User], Some(waiter));
            }
            Err(error) => answer.finish(Err::<RunSessionReply, _>(error)),
        }
    }

    /// The account that is meant; when none is named, there must be exactly one.
    fn choose(&self, wanted: Option<String>) -> Result<String, Error> {
        let names = self.account_names();
        match (wanted, names.as_slice()) {
            (Some(wanted), _) if names.contains(&wanted) => Ok(wanted),
            (Some(wanted), _) => Err(Error::NotFound(format!("there is no account {wanted:?}"))),
            (None, [only]) => Ok(only.clone()),
            (None, []) => {
                let text = "there is no account; make one with: omadm account add";
                Err(Error::NotFound(text.to_owned()))
            }
            (None, several) => Err(Error::InvalidRequest(format!(
                "say which account is meant: {}",
                several.join(", ")
            ))),
        }
    }

    /// The names of all accounts, those that cannot be used among them.
    pub(super) fn account_names(&self) -> Vec<String> {
        let names = self
            .configured()
            .into_iter()
            .filter_map(|entry| match entry {
                Ok(configured) => Some(configured.account.name),
                Err(AccountError::Invalid { name, .. }) => Some(name),
                Err(_) => None,
            });
        names.collect()
    }

    fn set_node(&mut self, set: &wire::SetNode, now: Now) -> Result<Prepared, Error> {
        let uri = nodes::parse(&set.uri)?;
        let content = content(set)?;
        let live = self.collect(uri.clone().into());
        let mut overlay = Overlay::new();
        let mut edit = Edit::new(&self.tree, &mut overlay, &live);
        let address = Address::from(uri.clone());
        let exists = edit.view().node(&uri).is_some();
        let done = if exists {
            operation::replace(&mut edit, Authority::Local, &address, &content, now)
        } else {
            operation::add(&mut edit, Authority::Local, &address, &content, now)
        };
        done.map_err(|status| nodes::refused(&uri, status))?;
        Ok(Prepared {
            writes: overlay.into_writes(),
            account: AccountChange::None,
            audit: format!("set {uri}"),
        })
    }

    fn delete_node(&mut self, uri: &str) -> Result<Prepared, Error> {
        let uri = nodes::parse(uri)?;
        if let [root, name] = uri.segments().collect::<Vec<_>>().as_slice()
            && *root == "DMAcc"
        {
            // The account goes with its policy and its place in the ACLs.
            return self.remove_account(name);
        }
        let live = self.collect(uri.clone().into());
        let mut overlay = Overlay::new();
        let mut edit = Edit::new(&self.tree, &mut overlay, &live);
        operation::delete(&mut edit, Authority::Local, &Address::from(uri.clone()))
            .map_err(|status| nodes::refused(&uri, status))?;
        Ok(Prepared {
            writes: overlay.into_writes(),
            account: AccountChange::None,
            audit: format!("delete {uri}"),
        })
    }

    fn commit_local(&mut self, prepared: Result<Prepared, Error>, answer: Answer, now: Now) {
        let Prepared {
            writes,
            account,
            audit,
        } = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return answer.finish(Err::<Empty, _>(error)),
        };
        let mut changes: Vec<_> = writes.iter().cloned().map(Change::Node).collect();
        match &account {
            AccountChange::None => {}
            AccountChange::Decided { name, policy, .. } => match serde_json::to_string(policy) {
                Ok(policy) => changes.push(Change::Policy {
                    account: name.clone(),
                    policy,
                }),
                Err(error) => {
                    return answer.finish(Err::<Empty, _>(Error::Failed(error.to_string())));
                }
            },
            AccountChange::Removed(name) => changes.push(Change::Forget {
                account: name.clone(),
            }),
        }
        let keep = self.config.history.audit_entries;
        changes.push(commit::audit("local", audit, keep, now));
        self.commit = Some(Commit {
            done: self.store.commit(changes),
            writes,
            then: Then::Local { answer, account },
        });
    }

    /// A transaction has ended: what waits for it goes on.
    pub(super) fn committed(&mut self, result: Result<(), StoreError>, now: Now) {
        let Some(Commit { writes, then, .. }) = self.commit.take() else {
            return;
        };
        if result.is_ok() {
            self.tree.apply(&writes);
            for effect in self.tree.reconcile(now) {
                log::error!("{}: no action {:?}", effect.uri, effect.action);
            }
            // The terms of a line follow from the accounts.
            self.lines_due |= writes.iter().any(dmacc::concerns);
            // A session that begins leaves nothing to be planned.
            if !matches!(then, Then::Begin(_)) {
                self.plan(false, now);
            }
        }
        match then {
            Then::Local { answer, account } => {
                if result.is_ok() {
                    self.account_changed(account, now);
                }
                answer.finish(
                    result
                        .map(|()| Empty {})
                        .map_err(|error| store_error(&error)),
                );
            }
            Then::Begin(begin) => self.session_noted(*begin, result, now),
            session @ Then::Session { .. } => {
                self.session_committed(result, &writes, session, now);
            }
        }
        while self.commit.is_none()
            && let Some(asked) = self.deferred.pop_front()
        {
            self.answer(asked, now);
        }
    }
}

/// The value of a `SetNode`.
fn content(set: &wire::SetNode) -> Result<Content, Error> {
    let value = match (&set.value, &set.value_base64) {
        (Some(_), Some(_)) => {
            let text = "value and value_base64 exclude each other".to_owned();
            return Err(Error::InvalidRequest(text));
        }
        (Some(text), None) => Some(Value::from(text.as_str())),
        (None, Some(text)) => {
            let decoded = STANDARD.decode(text);
            let refuse = |error| Error::InvalidRequest(format!("the value is not base64: {error}"));
            Some(Value::from(decoded.map_err(refuse)?))
        }
        (None, None) => None,
    };
    let format = set.format.as_deref().map(|name| {
        let unknown = || Error::InvalidRequest(format!("format {name:?} is unknown"));
        Format::parse(name).ok_or_else(unknown)
    });
    Ok(Content {
        format: format.transpose()?,
        type_: set.type_.as_deref().map(Arc::from),
        value,
    })
}

fn store_error(error: &StoreError) -> Error {
    match error {
        StoreError::Full => Error::Refused {
            status: StatusCode::DEVICE_FULL.0,
            uri: ".".to_owned(),
            message: error.to_string(),
        },
        StoreError::Failed(_) => Error::Failed(error.to_string()),
    }
}
