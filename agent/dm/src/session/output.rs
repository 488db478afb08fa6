//! What a session asks of its driver, and what the driver reports of the machine.

use super::{ExecKey, Outcome};
use crate::{Effect, NodeWrite};
use omadm_syncml::{AlertId, Envelope, Uri};
use std::time::Duration;

/// What the driver has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Collect these live subtrees as one snapshot, then call `handle_live`.
    Collect(Vec<Uri>),
    /// Store all of this in one synced transaction, apply the nodes to the tree, then call
    /// `handle_committed`.
    Commit(WriteSet),
    /// Hand this to the bearer.
    Transmit(Envelope),
    /// Nothing to do before this `CLOCK_BOOTTIME`, at which `handle_timeout` is due.
    Wait(Duration),
    /// The session is over.
    Closed(Outcome),
}

/// What one message of the server changes: one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteSet {
    /// The nodes that change, nonces among them, in order.
    pub nodes: Vec<NodeWrite>,
    /// The alerts that the server has answered: they leave the queue.
    pub acknowledged: Vec<AlertId>,
    /// The `Exec`s that were taken; their effects start once the transaction is synced.
    pub execs: Vec<ExecRecord>,
}

impl WriteSet {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.acknowledged.is_empty() && self.execs.is_empty()
    }
}

/// An `Exec` that was answered with 202 and whose effect has to start after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRecord {
    /// `ServerID` of the server that asked.
    pub server: String,
    /// The node that was executed.
    pub uri: Uri,
    /// `Correlator`, which the closing Generic Alert repeats.
    pub correlator: Option<String>,
    /// What has to be started.
    pub effect: Effect,
}

impl ExecRecord {
    /// What the device has to remember, so that a repeated `Exec` does not run again.
    pub fn key(&self) -> Option<ExecKey> {
        Some(ExecKey {
            server: self.server.clone(),
            correlator: self.correlator.clone()?,
        })
    }
}
