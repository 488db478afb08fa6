//! What a session holds of its bearer: two channels and one fact about the peer.

use crate::error::Error;

use omadm_syncml::{Envelope, PeerProof};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// An open line to the other end.
///
/// The line is owned by a task of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct Bearer {
    /// Messages to the peer.
    pub out: mpsc::Sender<Envelope>,
    /// What came of them. `recv` is cancel-safe.
    pub events: mpsc::Receiver<BearerEvent>,
    /// What the line has proven about the peer.
    pub proof: PeerProof,
    /// What the line has cost so far; a clone may outlive the bearer.
    pub traffic: Arc<Traffic>,
}

/// What a bearer reports.
#[derive(Debug)]
pub enum BearerEvent {
    /// The peer's next message.
    Message(Envelope),
    /// The last event: an orderly end (the peer has nothing more to say) or a failure.
    Closed(Result<(), Error>),
}

/// Bytes of a line in both directions, as its transport carries them (TLS included).
#[derive(Debug, Default)]
pub struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Traffic {
    /// Bytes sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Counts bytes that the transport took.
    pub fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts bytes that the transport gave.
    pub fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
