//! Carries out what a message changes, within the transaction of that message.

use super::audit;
use crate::clock::milliseconds;
use crate::session::{Effect, ReceivedAlert};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_syncml::{MediaType, Wall};
use rusqlite::{OptionalExtension as _, Transaction, params};

/// After so many broken sessions a job is taken for their cause. Lines and power that fail by chance
/// break a few in a row; only a job that always breaks its session gets this far.
const MAX_BROKEN: i64 = 20;

/// How many leaves of DevInfo are kept of a device.
const MAX_DEVINFO: i64 = 256;

/// What the effects are about.
pub(crate) struct Scope<'a> {
    pub(crate) transaction: &'a Transaction<'a>,
    pub(crate) device: &'a str,
    /// Whether the device is registered; the name of one that is not is nobody's.
    pub(crate) known: bool,
    pub(crate) session: i64,
    /// How the device talks.
    pub(crate) media_type: MediaType,
    pub(crate) now: Wall,
}

impl Scope<'_> {
    pub(crate) fn apply(&self, effect: &Effect) -> rusqlite::Result<()> {
        match effect {
            Effect::Note(text) => audit::note(self.transaction, self.session, text, self.now),
            Effect::AuthenticationFailed { refusal, counts } => {
                self.authentication_failed(&refusal.text, *counts)
            }
            Effect::Authenticated => self.authenticated(),
            Effect::ClientNonce(nonce) => self.set_nonce("device", nonce),
            Effect::ServerNonce(nonce) => self.set_nonce("server", nonce),
            Effect::DevInfo { name, value } => self.dev_info(name, value),
            Effect::Alert(alert) => self.alert(alert),
            Effect::Sent { .. }
            | Effect::Returned { .. }
            | Effect::Concluded { .. }
            | Effect::Finished { .. } => self.job(effect),
            Effect::Answered { .. } => self.answered(effect),
            Effect::Result { .. } => self.result(effect),
        }
    }

    fn authentication_failed(&self, reason: &str, counts: bool) -> rusqlite::Result<()> {
        if self.known && counts {
            let query = "UPDATE devices SET failed_logins = failed_logins + 1,
                last_failure = ?2, last_failure_time = ?3 WHERE id = ?1";
            let values = params![self.device, reason, milliseconds(self.now)];
            self.transaction.execute(query, values)?;
        }
        let text = format!("the device is not authenticated: {reason}");
        audit::note(self.transaction, self.session, &text, self.now)
    }

    fn authenticated(&self) -> rusqlite::Result<()> {
        let query = "UPDATE sessions SET authenticated = 1 WHERE id = ?1";
        self.transaction.execute(query, [self.session])?;
        let encoding = match self.media_type {
            MediaType::DmXml => "xml",
            MediaType::DmWbxml => "wbxml",
        };
        let query = "UPDATE devices SET last_seen = ?2, encoding = ?3 WHERE id = ?1";
        let values = params![self.device, milliseconds(self.now), encoding];
        self.transaction.execute(query, values).map(drop)
    }

    fn set_nonce(&self, side: &str, nonce: &[u8]) -> rusqlite::Result<()> {
        let query = "UPDATE secrets SET nonce = ?3 WHERE device = ?1 AND side = ?2";
        let values = params![self.device, side, STANDARD.encode(nonce)];
        self.transaction.execute(query, values).map(drop)
    }

    fn dev_info(&self, name: &str, value: &str) -> rusqlite::Result<()> {
        if matches!(name, "Man" | "Mod") {
            let query = "SELECT value FROM dev_info WHERE device = ?1 AND name = ?2";
            let old: Option<String> = self
                .transaction
                .query_row(query, [self.device, name], |row| row.get(0))
                .optional()?;
            if let Some(old) = old.filter(|old| old != value) {
                self.cloned(&format!("its {name} was {old:?} and is {value:?}"))?;
            }
        }
        let query = "INSERT INTO dev_info (device, name, value) SELECT ?1, ?2, ?3
            WHERE (SELECT COUNT(*) FROM dev_info WHERE device = ?1) < ?4
            ON CONFLICT (device, name) DO UPDATE SET value = excluded.value";
        let values = params![self.device, name, value, MAX_DEVINFO];
        self.transaction.execute(query, values).map(drop)
    }

    /// Marks a name that two devices seem to use.
    pub(crate) fn cloned(&self, why: &str) -> rusqlite::Result<()> {
        let query = "UPDATE devices SET cloned = ?2 WHERE id = ?1";
        self.transaction.execute(query, [self.device, why])?;
        let text = format!("two devices may use this DevId: {why}");
        audit::note(self.transaction, self.session, &text, self.now)
    }

    fn alert(&self, alert: &ReceivedAlert) -> rusqlite::Result<()> {
        let query = "INSERT INTO alerts (device, session, time, code, type, format, mark,
            correlator, source, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let values = params![
            self.device,
            self.session,
            milliseconds(self.now),
            alert.code,
            alert.type_,
            alert.format,
            alert.mark,
            alert.correlator,
            alert.source,
            alert.value,
        ];
        self.transaction.execute(query, values).map(drop)
    }

    fn job(&self, effect: &Effect) -> rusqlite::Result<()> {
        let time = milliseconds(self.now);
        match effect {
            Effect::Sent { job, commands } => {
                let query = "UPDATE jobs SET state = 'sent', session = ?2, sent = ?3,
                    started = COALESCE(started, ?4)
                    WHERE id = ?1 AND state IN ('queued', 'sent')";
                let values = params![job, self.session, commands, time];
                self.transaction.execute(query, values).map(drop)
            }
            Effect::Returned {
                job,
                sent,
                broken,
                reason,
            } => {
                let query = "UPDATE jobs SET sent = ?2 WHERE id = ?1";
                self.transaction.execute(query, params![job, sent])?;
                return_job(self.transaction, *job, *broken, reason, time)
            }
            Effect::Concluded {
                job,
                commands,
                failure,
            } => {
                let query = "UPDATE jobs SET concluded = ?2, failed = failed OR ?3,
                    detail = CASE WHEN failed THEN detail ELSE ?4 END WHERE id = ?1";
                let values = params![job, commands, failure.is_some(), failure];
                self.transaction.execute(query, values).map(drop)
            }
            Effect::Finished { job, done, detail } => {
                let query = "UPDATE jobs SET state = ?2, finished = ?3,
                    detail = COALESCE(CASE WHEN failed THEN detail END, ?4)
                    WHERE id = ?1 AND state IN ('queued', 'sent')";
                let state = if *done { "done" } else { "failed" };
                let values = params![job, state, time, detail];
                self.transaction.execute(query, values).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn answered(&self, effect: &Effect) -> rusqlite::Result<()> {
        let Effect::Answered {
            job,
            path,
            name,
            uri,
            status,
            note,
        } = effect
        else {
            return Ok(());
        };
        let query = "INSERT INTO statuses (job, path, uri, name, status, note, time)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT (job, path, uri) DO UPDATE
            SET status = excluded.status, note = excluded.note, time = excluded.time";
        let status = status.map(|code| code.0);
        let time = milliseconds(self.now);
        let values = params![job, path.0, uri, name, status, note, time];
        self.transaction.execute(query, values).map(drop)
    }

    fn result(&self, effect: &Effect) -> rusqlite::Result<()> {
        let Effect::Result {
            job,
            path,
            uri,
            format,
            type_,
            value,
        } = effect
        else {
            return Ok(());
        };
        let query = "INSERT INTO results (job, path, uri, format, type, value, time)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let time = milliseconds(self.now);
        let values = params![job, path.0, uri, format, type_, value, time];
        self.transaction.execute(query, values).map(drop)
    }
}

/// Puts the jobs that a session has taken with it back into the queue.
pub(crate) fn return_jobs_of(
    transaction: &Transaction<'_>,
    session: i64,
    reason: &str,
    now: Wall,
) -> rusqlite::Result<()> {
    let query = "SELECT id FROM jobs WHERE session = ?1 AND state = 'sent'";
    let mut statement = transaction.prepare(query)?;
    let rows = statement.query_map([session], |row| row.get(0))?;
    let jobs: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    for job in jobs {
        return_job(transaction, job, true, reason, milliseconds(now))?;
    }
    Ok(())
}

fn return_job(
    transaction: &Transaction<'_>,
    job: i64,
    broken: bool,
    reason: &str,
    time: i64,
) -> rusqlite::Result<()> {
    let query = "UPDATE jobs SET state = 'queued', session = NULL,
        broken_sessions = broken_sessions + ?2,
        detail = CASE WHEN failed THEN detail ELSE ?3 END
        WHERE id = ?1 AND state IN ('queued', 'sent')";
    transaction.execute(query, params![job, broken, reason])?;
    let query = "UPDATE jobs SET state = 'failed', finished = ?2,
        detail = 'given up: ' || broken_sessions || ' sessions broke while it was with the device'
        WHERE id = ?1 AND state = 'queued' AND broken_sessions >= ?3";
    transaction.execute(query, params![job, time, MAX_BROKEN])?;
    // Commands that go out again are answered again.
    for table in ["statuses", "results"] {
        let query = format!(
            "DELETE FROM {table} WHERE job = ?1 AND CAST(path AS INTEGER) >=
                (SELECT concluded FROM jobs WHERE id = ?1)"
        );
        transaction.execute(&query, [job])?;
    }
    Ok(())
}
