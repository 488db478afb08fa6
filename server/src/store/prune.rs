//! Keeps the database from growing for ever: the oldest records go, counted by kind.

use super::Store;
use crate::error::Error;
use rusqlite::{Transaction, params};

/// After how many entries the audit is looked after.
const AUDIT_STEP: i64 = 64;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Sessions of each device.
    pub sessions: u32,
    /// Sessions of peers that never proved themselves, of all names together.
    pub strangers: u32,
    /// Messages and remarks of all sessions.
    pub audit: u32,
    /// Jobs of each device that are over.
    pub jobs: u32,
    /// Alerts of each device.
    pub alerts: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sessions: 50,
            strangers: 200,
            audit: 4_000,
            jobs: 1_000,
            alerts: 1_000,
        }
    }
}

impl Store {
    /// Removes what is beyond the bounds, for every device.
    pub fn prune(&mut self, bounds: &Bounds) -> Result<(), Error> {
        let devices = self.devices()?;
        self.change(|transaction| {
            for device in &devices {
                of_device(transaction, &device.id, bounds)?;
            }
            strangers(transaction, bounds)?;
            audit(transaction, bounds)
        })
    }
}

/// Looks after the audit now and then, so that it cannot grow without bound in between.
pub(crate) fn after_message(
    transaction: &Transaction<'_>,
    bounds: &Bounds,
) -> rusqlite::Result<()> {
    if transaction.last_insert_rowid() % AUDIT_STEP == 0 {
        audit(transaction, bounds)?;
    }
    Ok(())
}

fn audit(transaction: &Transaction<'_>, bounds: &Bounds) -> rusqlite::Result<()> {
    // Peers that never proved themselves have a quarter of the room, whatever they send.
    let query =
        "DELETE FROM audit WHERE session IN (SELECT id FROM sessions WHERE NOT authenticated)
        AND id <= (SELECT id FROM audit
            WHERE session IN (SELECT id FROM sessions WHERE NOT authenticated)
            ORDER BY id DESC LIMIT 1 OFFSET ?1)";
    transaction.execute(query, [bounds.audit / 4])?;
    let query = "DELETE FROM audit WHERE id <=
        (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET ?1)";
    transaction.execute(query, [bounds.audit]).map(drop)
}

/// Makes room before a session is begun. What an unknown peer sends never pushes out what is
/// kept of a device.
pub(crate) fn before_session(
    transaction: &Transaction<'_>,
    device: &str,
    bounds: &Bounds,
) -> rusqlite::Result<()> {
    sessions(transaction, device, bounds.sessions)?;
    strangers(transaction, bounds)
}

fn of_device(transaction: &Transaction<'_>, device: &str, bounds: &Bounds) -> rusqlite::Result<()> {
    sessions(transaction, device, bounds.sessions)?;
    let query = "DELETE FROM jobs WHERE device = ?1 AND state IN ('done', 'failed', 'cancelled')
        AND id <= (SELECT id FROM jobs WHERE device = ?1
            AND state IN ('done', 'failed', 'cancelled') ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    transaction.execute(query, params![device, bounds.jobs])?;
    let query = "DELETE FROM alerts WHERE device = ?1 AND id <=
        (SELECT id FROM alerts WHERE device = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    transaction
        .execute(query, params![device, bounds.alerts])
        .map(drop)
}

fn sessions(transaction: &Transaction<'_>, device: &str, keep: u32) -> rusqlite::Result<()> {
    // A session that is under way is never forgotten: its jobs would hang.
    let query = "DELETE FROM sessions WHERE device = ?1 AND authenticated AND phase <> 'open'
        AND id <= (SELECT id FROM sessions WHERE device = ?1 AND authenticated
            ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    transaction.execute(query, params![device, keep]).map(drop)
}

fn strangers(transaction: &Transaction<'_>, bounds: &Bounds) -> rusqlite::Result<()> {
    let query = "DELETE FROM sessions WHERE NOT authenticated AND id <=
        (SELECT id FROM sessions WHERE NOT authenticated ORDER BY id DESC LIMIT 1 OFFSET ?1)";
    transaction.execute(query, [bounds.strangers]).map(drop)
}
