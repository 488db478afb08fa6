//! Notifications that were made: their numbers, what came of them, and when one resynchronised.

use super::Store;
use crate::clock::milliseconds;
use crate::error::Error;
use omadm_syncml::{MediaType, Wall};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use std::time::Duration;

/// How many of a device are remembered: it refuses a number among so many.
const REMEMBERED: i64 = 64;

/// How long one that resynchronises is waited for, and how long no other is made: whoever has
/// recorded a message with the nonce that everyone knows could send it again meanwhile.
pub(crate) const RESYNC_TIME: Duration = Duration::from_hours(1);

/// What the next notification of a device depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Past {
    /// Numbers that the device, or its sessions here, have had.
    pub(crate) numbers: Vec<u16>,
    /// How many were ignored since one was answered.
    pub(crate) ignored: usize,
    /// Whether it is too early to resynchronise again.
    pub(crate) resynchronised: bool,
    /// The encoding of the device's last message.
    pub(crate) encoding: Option<MediaType>,
}

/// Reads what the next notification of a registered device depends on.
pub(crate) fn past(connection: &Connection, device: &str, now: Wall) -> rusqlite::Result<Past> {
    let query = "SELECT session_id, outcome FROM notifications WHERE device = ?1 ORDER BY id DESC";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([device], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let made: Vec<(u16, String)> = rows.collect::<rusqlite::Result<_>>()?;
    let ignored = made.iter().take_while(|(_, outcome)| outcome == "ignored");
    let ignored = ignored.count();
    let query = "SELECT session_id FROM sessions WHERE device = ?1 ORDER BY id DESC LIMIT ?2";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map(params![device, REMEMBERED], |row| row.get(0))?;
    let seen: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    let seen = seen.iter().filter_map(|text| number(text));
    let query = "SELECT resynchronised, encoding FROM devices WHERE id = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (time, encoding): (Option<i64>, Option<String>) =
        connection.query_row(query, [device], read)?;
    Ok(Past {
        numbers: made.iter().map(|(number, _)| *number).chain(seen).collect(),
        ignored,
        resynchronised: time.is_some_and(|time| is_recent(time, now)),
        encoding: encoding.map(|encoding| match encoding.as_str() {
            "xml" => MediaType::DmXml,
            _ => MediaType::DmWbxml,
        }),
    })
}

/// Keeps that a notification was made.
pub(crate) fn begin(
    transaction: &Transaction<'_>,
    device: &str,
    number: u16,
    resync: bool,
    now: Wall,
) -> rusqlite::Result<()> {
    let query = "INSERT INTO notifications (device, session_id, time, resync, outcome)
        VALUES (?1, ?2, ?3, ?4, 'open')";
    let time = milliseconds(now);
    transaction.execute(query, params![device, number, time, resync])?;
    let query = "DELETE FROM notifications WHERE device = ?1 AND id NOT IN
        (SELECT id FROM notifications WHERE device = ?1 ORDER BY id DESC LIMIT ?2)";
    transaction.execute(query, params![device, REMEMBERED])?;
    if resync {
        let query = "UPDATE devices SET resynchronised = ?2 WHERE id = ?1";
        transaction.execute(query, params![device, time])?;
    }
    Ok(())
}

/// The session that a device begins may be one that it was notified of; says whether both ends
/// begin it with the nonce to resynchronise with. That holds once.
pub(crate) fn answered(
    transaction: &Transaction<'_>,
    device: &str,
    session_id: &str,
    now: Wall,
) -> rusqlite::Result<bool> {
    let Some(number) = number(session_id) else {
        return Ok(false);
    };
    let query = "SELECT id, resync, time FROM notifications
        WHERE device = ?1 AND session_id = ?2 AND outcome <> 'answered' ORDER BY id DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found: Option<(i64, bool, i64)> = transaction
        .query_row(query, params![device, number], read)
        .optional()?;
    let Some((id, resync, time)) = found else {
        return Ok(false);
    };
    let query = "UPDATE notifications SET outcome = 'answered' WHERE id = ?1";
    transaction.execute(query, [id])?;
    Ok(resync && is_recent(time, now))
}

impl Store {
    /// Keeps that a device has taken a notification and wants no session.
    pub fn notification_ignored(&mut self, device: &str, number: u16) -> Result<(), Error> {
        self.change(|transaction| {
            let query = "UPDATE notifications SET outcome = 'ignored'
                WHERE device = ?1 AND session_id = ?2 AND outcome = 'open'";
            transaction
                .execute(query, params![device, number])
                .map(drop)
        })
    }
}

fn is_recent(time: i64, now: Wall) -> bool {
    // A clock that was set back makes nothing recent for ever.
    let age = milliseconds(now).saturating_sub(time).unsigned_abs();
    u128::from(age) < RESYNC_TIME.as_millis()
}

/// The number of a session that was notified, from its text: hexadecimal (OMA-TS-DM_Notification
/// 6.2.2.10), which some devices pad with zeros.
fn number(session_id: &str) -> Option<u16> {
    u16::from_str_radix(session_id.trim(), 16).ok()
}
