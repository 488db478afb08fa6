//! A transaction on its way to the disk, and what follows once it is there.

use omadm_dm::NodeWrite;
use omadm_dm::session::{StoreError, WriteSet};
use omadm_syncml::{AlertId, Now};

use super::sessions::Beginning;
use crate::control::Answer;
use crate::mo::dmacc::AccountPolicy;
use crate::store::{AuditEntry, Change, Done, ExecRow};

/// A transaction on its way. There is one at a time, because the next one builds on the tree
/// that this one leaves.
pub(super) struct Commit {
    /// Yields once it is on the disk.
    pub done: Done,
    /// What the tree gets then.
    pub writes: Vec<NodeWrite>,
    /// What else follows.
    pub then: Then,
}

/// What follows a transaction.
pub(super) enum Then {
    /// The running session goes on.
    Session {
        /// The alerts that leave the queue.
        acknowledged: Vec<AlertId>,
        /// The `Exec`s that were taken.
        execs: Vec<omadm_dm::session::ExecRecord>,
    },
    /// A session begins, of which it has been noted that it does.
    Begin(Box<Beginning>),
    /// A local caller gets its answer.
    Local {
        /// Where it goes.
        answer: Answer,
        /// What changes beside the tree.
        account: AccountChange,
    },
}

/// What a local change means for the accounts.
pub(super) enum AccountChange {
    /// Nothing.
    None,
    /// One has this policy now.
    Decided {
        name: String,
        policy: Box<AccountPolicy>,
        /// It was not there before.
        new: bool,
    },
    /// One is gone.
    Removed(String),
}

impl Commit {
    /// Waits for the disk.
    pub(super) async fn finished(&mut self) -> Result<(), StoreError> {
        match (&mut self.done).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Failed("the store has stopped".to_owned())),
        }
    }
}

/// The transaction of one message of a server.
pub(super) fn of_session(set: &WriteSet, now: Now) -> Vec<Change> {
    let nodes = set.nodes.iter().cloned().map(Change::Node);
    let acknowledged = set.acknowledged.iter().copied().map(Change::Acknowledged);
    let execs = set.execs.iter().filter_map(|exec| {
        Some(Change::Exec(ExecRow {
            key: exec.key()?,
            uri: exec.uri.clone(),
            taken: now.wall,
        }))
    });
    nodes.chain(acknowledged).chain(execs).collect()
}

/// Whether a change of a message leaves nothing for one that was made from the tree before it: it
/// is newer, or it has taken the node away.
pub(super) fn overrules(own: &NodeWrite, other: &NodeWrite) -> bool {
    let uri = |write: &NodeWrite| match write {
        NodeWrite::Put { uri, .. } | NodeWrite::Delete { uri } => uri.clone(),
    };
    match own {
        NodeWrite::Put { uri: own, .. } => *own == uri(other),
        NodeWrite::Delete { uri: own } => uri(other).starts_with(own),
    }
}

/// An entry of the audit.
pub(super) fn audit(who: &str, what: String, keep: u32, now: Now) -> Change {
    Change::Audit {
        entry: AuditEntry {
            time: now.wall,
            who: who.to_owned(),
            what,
        },
        keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_dm::Node;

    fn put(uri: &str) -> NodeWrite {
        NodeWrite::Put {
            uri: uri.parse().unwrap(),
            node: Node::interior(),
        }
    }

    fn delete(uri: &str) -> NodeWrite {
        NodeWrite::Delete {
            uri: uri.parse().unwrap(),
        }
    }

    #[test]
    fn what_a_message_has_deleted_does_not_come_back() {
        for own in [put("./A/B"), delete("./A/B"), delete("./A")] {
            assert!(overrules(&own, &put("./A/B")), "{own:?}");
            assert!(overrules(&own, &delete("./A/B")), "{own:?}");
        }
        for own in [
            put("./A"),
            put("./A/B/C"),
            delete("./A/B/C"),
            delete("./AB"),
        ] {
            assert!(!overrules(&own, &put("./A/B")), "{own:?}");
        }
    }
}
