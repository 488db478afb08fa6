//! The audit: what was said in a session, with secrets masked before they come here.

use super::Store;
use crate::clock::{milliseconds, rfc3339};
use crate::error::Error;
use omadm_syncml::{MediaType, Wall};
use rusqlite::{Transaction, params};
use serde::Serialize;

/// How much of a message is kept.
const MAX_TEXT: usize = 64 << 10;

/// A message or a remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When it was.
    pub time: String,
    /// `received`, `sent`, or `note` for a remark.
    pub direction: String,
    /// How the message was encoded.
    pub media_type: Option<String>,
    /// Its length as it travelled.
    pub bytes: Option<i64>,
    /// The message in XML, or the remark.
    pub text: String,
}

impl Store {
    /// What was said in a session, oldest first.
    pub fn audit(&self, session: i64) -> Result<Vec<AuditEntry>, Error> {
        self.read(|connection| {
            let query = "SELECT time, direction, media_type, bytes, text FROM audit
                WHERE session = ?1 ORDER BY id";
            let mut statement = connection.prepare(query)?;
            let rows = statement.query_map([session], |row| {
                Ok(AuditEntry {
                    time: rfc3339(row.get(0)?),
                    direction: row.get(1)?,
                    media_type: row.get(2)?,
                    bytes: row.get(3)?,
                    text: row.get(4)?,
                })
            })?;
            rows.collect()
        })
    }
}

/// Keeps a message that was `received` or `sent`.
pub(crate) fn message(
    transaction: &Transaction<'_>,
    session: i64,
    direction: &str,
    (media_type, bytes): (MediaType, usize),
    text: &str,
    now: Wall,
) -> rusqlite::Result<()> {
    let query = "INSERT INTO audit (session, time, direction, media_type, bytes, text)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let time = milliseconds(now);
    let media_type = media_type.as_str();
    let text = cut(text);
    let values = params![session, time, direction, media_type, bytes, text];
    transaction.execute(query, values).map(drop)
}

/// Keeps a remark.
pub(crate) fn note(
    transaction: &Transaction<'_>,
    session: i64,
    text: &str,
    now: Wall,
) -> rusqlite::Result<()> {
    let query = "INSERT INTO audit (session, time, direction, text) VALUES (?1, ?2, 'note', ?3)";
    let values = params![session, milliseconds(now), cut(text)];
    transaction.execute(query, values).map(drop)
}

fn cut(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= MAX_TEXT {
        return text.into();
    }
    let end = text.floor_char_boundary(MAX_TEXT);
    let kept = text.get(..end).unwrap_or_default();
    format!("{kept}… ({} bytes in all)", text.len()).into()
}
