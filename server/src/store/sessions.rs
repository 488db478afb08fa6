//! Sessions between their messages.

use super::Store;
use crate::clock::{milliseconds, rfc3339};
use crate::error::Error;
use crate::session::{Phase, Refusal, Session};
use omadm_syncml::{MediaType, Wall};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::Serialize;
use std::time::Duration;

/// A line of `session list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionSummary {
    /// Its number in this database.
    pub id: i64,
    /// Who the peer claims to be.
    pub device: String,
    /// `SessionID`.
    pub session_id: String,
    /// How far it has come.
    pub phase: String,
    /// Whether the device has proven itself.
    pub authenticated: bool,
    /// When it began.
    pub started: String,
    /// When its last message came.
    pub last: String,
    /// Messages received.
    pub received: i64,
    /// Messages sent.
    pub sent: i64,
    /// Bytes received.
    pub bytes_received: i64,
    /// Bytes sent.
    pub bytes_sent: i64,
    /// Why it ended as it did.
    pub detail: Option<String>,
    /// Who refused what of whom, also what both ends got over.
    pub refusals: Vec<Refusal>,
}

impl Store {
    /// The sessions, newest last; of one device if wanted.
    pub fn sessions(&self, device: Option<&str>) -> Result<Vec<SessionSummary>, Error> {
        self.read(|connection| {
            let query = format!("{SUMMARY} WHERE (?1 IS NULL OR device = ?1) ORDER BY id");
            let mut statement = connection.prepare(&query)?;
            let rows = statement.query_map([device], summary)?;
            rows.collect()
        })
    }

    /// One session.
    pub fn session(&self, id: i64) -> Result<Option<SessionSummary>, Error> {
        self.read(|connection| {
            let query = format!("{SUMMARY} WHERE id = ?1");
            connection.query_row(&query, [id], summary).optional()
        })
    }

    /// Ends the sessions in which nothing came for `idle`; their jobs return to the queue.
    pub fn expire_sessions(&mut self, idle: Duration, now: Wall) -> Result<usize, Error> {
        self.change(|transaction| {
            let query = "SELECT id FROM sessions WHERE last < ?1 AND phase IN ('authenticating', 'open', 'ended')";
            let before = before(now, idle);
            let mut statement = transaction.prepare(query)?;
            let rows = statement.query_map([before], |row| row.get(0))?;
            let ids: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
            for id in &ids {
                expire(transaction, *id, now)?;
            }
            Ok(ids.len())
        })
    }
}

const SUMMARY: &str = "SELECT id, device, session_id, phase, authenticated, started, last,
    received, sent, bytes_received, bytes_sent, detail, state FROM sessions";

fn summary(row: &Row<'_>) -> rusqlite::Result<SessionSummary> {
    let state: String = row.get(12)?;
    // A state that another version has written tells nothing.
    let state = serde_json::from_str::<Session>(&state).ok();
    let refusals = state.map(|session| session.refusals.into_iter().chain(session.fault));
    Ok(SessionSummary {
        id: row.get(0)?,
        device: row.get(1)?,
        session_id: row.get(2)?,
        phase: row.get(3)?,
        authenticated: row.get(4)?,
        started: rfc3339(row.get(5)?),
        last: rfc3339(row.get(6)?),
        received: row.get(7)?,
        sent: row.get(8)?,
        bytes_received: row.get(9)?,
        bytes_sent: row.get(10)?,
        detail: row.get(11)?,
        refusals: refusals.into_iter().flatten().collect(),
    })
}

/// A session with what it takes to go on, or to say the last answer again.
pub(crate) struct Kept {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) device: String,
    pub(crate) session_id: String,
    pub(crate) session: Session,
    pub(crate) last: i64,
    pub(crate) peer_msg_id: String,
    pub(crate) request_digest: Vec<u8>,
    pub(crate) answer: Vec<u8>,
    pub(crate) answer_type: MediaType,
}

/// What is kept of a session after a message.
pub(crate) struct Turned<'a> {
    pub(crate) session: &'a Session,
    pub(crate) peer_msg_id: &'a str,
    pub(crate) request_digest: &'a [u8],
    pub(crate) request_bytes: usize,
    pub(crate) answer: &'a [u8],
    pub(crate) answer_type: MediaType,
    pub(crate) detail: Option<&'a str>,
}

pub(crate) fn by_token(connection: &Connection, token: &str) -> rusqlite::Result<Option<Kept>> {
    let query = format!("{KEPT} WHERE token = ?1");
    let found = connection.query_row(&query, [token], kept);
    found.optional().map(Option::flatten)
}

/// The newest session that a device has called by this `SessionID`.
pub(crate) fn latest(
    connection: &Connection,
    device: &str,
    session_id: &str,
) -> rusqlite::Result<Option<Kept>> {
    let query = format!("{KEPT} WHERE device = ?1 AND session_id = ?2 ORDER BY id DESC LIMIT 1");
    let found = connection.query_row(&query, [device, session_id], kept);
    found.optional().map(Option::flatten)
}

const KEPT: &str = "SELECT id, token, device, session_id, state, last, peer_msg_id,
    request_digest, answer, answer_type FROM sessions";

/// `None` when another version of this program has written it in a way nobody can read.
fn kept(row: &Row<'_>) -> rusqlite::Result<Option<Kept>> {
    let state: String = row.get(4)?;
    let Ok(session) = serde_json::from_str(&state) else {
        return Ok(None);
    };
    let answer_type: String = row.get(9)?;
    Ok(Some(Kept {
        id: row.get(0)?,
        token: row.get(1)?,
        device: row.get(2)?,
        session_id: row.get(3)?,
        session,
        last: row.get(5)?,
        peer_msg_id: row.get(6)?,
        request_digest: row.get(7)?,
        answer: row.get(8)?,
        answer_type: MediaType::recognise(&answer_type).unwrap_or(MediaType::DmXml),
    }))
}

pub(crate) fn begin(
    transaction: &Transaction<'_>,
    token: &str,
    device: &str,
    session_id: &str,
    now: Wall,
) -> rusqlite::Result<i64> {
    let query = "INSERT INTO sessions (token, device, session_id, phase, started, last, state,
        peer_msg_id, request_digest, answer, answer_type)
        VALUES (?1, ?2, ?3, 'authenticating', ?4, ?4, '', '', x'', x'', '')";
    transaction.execute(query, params![token, device, session_id, milliseconds(now)])?;
    Ok(transaction.last_insert_rowid())
}

/// Gives a session another address; the one before leads nowhere from now on.
pub(crate) fn move_to(transaction: &Transaction<'_>, id: i64, token: &str) -> rusqlite::Result<()> {
    let query = "UPDATE sessions SET token = ?2 WHERE id = ?1";
    transaction.execute(query, params![id, token]).map(drop)
}

pub(crate) fn save(
    transaction: &Transaction<'_>,
    id: i64,
    turned: &Turned<'_>,
    now: Wall,
) -> rusqlite::Result<()> {
    let state = serde_json::to_string(turned.session)
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    let query = "UPDATE sessions SET phase = ?2, last = ?3, state = ?4, peer_msg_id = ?5,
        request_digest = ?6, answer = ?7, answer_type = ?8, detail = ?9,
        received = received + 1, sent = sent + 1,
        bytes_received = bytes_received + ?10, bytes_sent = bytes_sent + ?11 WHERE id = ?1";
    let values = params![
        id,
        turned.session.phase.as_str(),
        milliseconds(now),
        state,
        turned.peer_msg_id,
        turned.request_digest,
        turned.answer,
        turned.answer_type.as_str(),
        turned.detail,
        i64::try_from(turned.request_bytes).unwrap_or(i64::MAX),
        i64::try_from(turned.answer.len()).unwrap_or(i64::MAX),
    ];
    transaction.execute(query, values).map(drop)
}

/// The device has proven itself in session `id`: what it had begun before is over. Says whether
/// there was anything.
pub(crate) fn supersede_others(
    transaction: &Transaction<'_>,
    device: &str,
    id: i64,
    now: Wall,
) -> rusqlite::Result<bool> {
    let query = "SELECT id FROM sessions
        WHERE device = ?1 AND id <> ?2 AND authenticated AND phase = 'open'";
    let mut statement = transaction.prepare(query)?;
    let rows = statement.query_map(params![device, id], |row| row.get(0))?;
    let others: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    for other in &others {
        let other = *other;
        close(
            transaction,
            other,
            Phase::Superseded,
            "the device began another session",
        )?;
        let reason = "the session broke: the device began another one";
        super::apply::return_jobs_of(transaction, other, reason, now)?;
    }
    Ok(!others.is_empty())
}

pub(crate) fn expire(transaction: &Transaction<'_>, id: i64, now: Wall) -> rusqlite::Result<()> {
    let query = "SELECT phase = 'ended', detail FROM sessions WHERE id = ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (ended, said): (bool, Option<String>) = transaction.query_row(query, [id], read)?;
    // A session that the server had ended has nothing left to wait for.
    let (phase, detail) = match said.filter(|said| !said.is_empty()) {
        _ if ended => (Phase::Completed, String::new()),
        Some(said) => (Phase::Expired, format!("{said}; then nothing came")),
        None => (Phase::Expired, "nothing came for too long".to_owned()),
    };
    close(transaction, id, phase, &detail)?;
    let reason = "the session broke: nothing came for too long";
    super::apply::return_jobs_of(transaction, id, reason, now)
}

fn close(
    transaction: &Transaction<'_>,
    id: i64,
    phase: Phase,
    detail: &str,
) -> rusqlite::Result<()> {
    // The phase is in the state as well, where the engine reads it.
    let query = "UPDATE sessions SET phase = ?2, state = json_set(state, '$.phase', ?2),
        detail = COALESCE(NULLIF(?3, ''), detail) WHERE id = ?1";
    transaction
        .execute(query, params![id, phase.as_str(), detail])
        .map(drop)
}

/// The time `idle` before `now`.
pub(crate) fn before(now: Wall, idle: Duration) -> i64 {
    let idle = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
    milliseconds(now).saturating_sub(idle)
}
