//! The queue: jobs, the Statuses of their commands and the values that came back.

use super::{Store, StoredValue};
use crate::clock::{milliseconds, rfc3339};
use crate::error::Error;
use crate::job::Operation;
use crate::mask;
use crate::session::Job;
use omadm_syncml::{StatusCode, Wall};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use std::fmt;

/// How many jobs of a device a message looks at: more do not fit it anyway.
const WINDOW: i64 = 100;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits for the device.
    Queued,
    /// It is with the device.
    Sent,
    /// All of it was carried out.
    Done,
    /// Some of it was not.
    Failed,
    /// Somebody took it back.
    Cancelled,
}

impl JobState {
    const ALL: [Self; 5] = [
        Self::Queued,
        Self::Sent,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word for people and for the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen to it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromSql for JobState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        let state = Self::ALL.into_iter().find(|state| state.as_str() == word);
        state.ok_or(FromSqlError::InvalidType)
    }
}

impl rusqlite::ToSql for JobState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

/// A line of `job list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobSummary {
    /// Its number.
    pub id: i64,
    /// The device it is for.
    pub device: String,
    /// The verb it was made with.
    pub kind: String,
    /// Where it stands.
    pub state: JobState,
    /// When it was queued.
    pub created: String,
    /// When it first went to the device.
    pub started: Option<String>,
    /// When it was over.
    pub finished: Option<String>,
    /// How many sessions broke while it was with the device.
    pub broken_sessions: i64,
    /// What failed, or what it waits for.
    pub detail: Option<String>,
    /// The session it was last sent in.
    pub session: Option<i64>,
}

/// The Status of one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusRecord {
    /// `2` is the third command of the job, `2.0` its first member.
    pub command: String,
    /// Its name.
    pub name: String,
    /// The node.
    pub uri: String,
    /// The code; absent when no Status came.
    pub status: Option<u16>,
    /// The phrase of the code.
    pub phrase: Option<&'static str>,
    /// What there is to say about it.
    pub note: Option<String>,
    /// When it came.
    pub time: String,
}

/// A value that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResultRecord {
    /// The command that asked for it.
    pub command: String,
    /// The node.
    pub uri: String,
    /// `Format`.
    pub format: Option<String>,
    /// `Type`.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// The value.
    #[serde(flatten)]
    pub value: StoredValue,
    /// When it came.
    pub time: String,
}

/// All that is known of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobRecord {
    /// The line of the list.
    #[serde(flatten)]
    pub summary: JobSummary,
    /// What it asks.
    pub operations: Vec<Operation>,
    /// The Statuses of its commands.
    pub statuses: Vec<StatusRecord>,
    /// The values that came back.
    pub results: Vec<ResultRecord>,
}

impl Store {
    /// Queues a job and gives its number.
    pub fn add_job(
        &mut self,
        device: &str,
        kind: &str,
        operations: &[Operation],
        now: Wall,
    ) -> Result<i64, Error> {
        let text = serde_json::to_string(operations)
            .map_err(|e| Error::Data(format!("the job cannot be kept: {e}")))?;
        self.change(|transaction| {
            let query = "INSERT INTO jobs (device, kind, operations, state, created)
                VALUES (?1, ?2, ?3, 'queued', ?4)";
            transaction.execute(query, params![device, kind, text, milliseconds(now)])?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// Takes a job back; gives the state it was in, or nothing when there is no such job.
    pub fn cancel_job(&mut self, id: i64, now: Wall) -> Result<Option<JobState>, Error> {
        self.change(|transaction| {
            let query = "SELECT state FROM jobs WHERE id = ?1";
            let state: Option<JobState> = transaction
                .query_row(query, [id], |row| row.get(0))
                .optional()?;
            if state.is_some_and(|state| !state.is_over()) {
                let query = "UPDATE jobs SET state = 'cancelled', finished = ?2 WHERE id = ?1";
                transaction.execute(query, params![id, milliseconds(now)])?;
            }
            Ok(state)
        })
    }

    /// The jobs, newest last; of one device or one state if wanted.
    pub fn jobs(
        &self,
        device: Option<&str>,
        state: Option<JobState>,
    ) -> Result<Vec<JobSummary>, Error> {
        self.read(|connection| {
            let query = format!(
                "{SUMMARY} WHERE (?1 IS NULL OR device = ?1) AND (?2 IS NULL OR state = ?2)
                    ORDER BY id"
            );
            let mut statement = connection.prepare(&query)?;
            let rows = statement.query_map(params![device, state], summary)?;
            rows.collect()
        })
    }

    /// The line of one job.
    pub fn job_summary(&self, id: i64) -> Result<Option<JobSummary>, Error> {
        self.read(|connection| {
            let query = format!("{SUMMARY} WHERE id = ?1");
            connection.query_row(&query, [id], summary).optional()
        })
    }

    /// What is known of one job; secrets in it are masked.
    pub fn job(&self, id: i64) -> Result<Option<JobRecord>, Error> {
        self.read(|connection| {
            let query = format!("{SUMMARY} WHERE id = ?1");
            let read = |row: &Row<'_>| Ok((summary(row)?, operations(row)?));
            let found = connection.query_row(&query, [id], read).optional()?;
            let Some((summary, mut operations)) = found else {
                return Ok(None);
            };
            mask::operations(&mut operations);
            Ok(Some(JobRecord {
                summary,
                operations,
                statuses: statuses(connection, id)?,
                results: results(connection, id)?,
            }))
        })
    }

    /// Whether a job waits for the device.
    pub fn has_queued_jobs(&self, device: &str) -> Result<bool, Error> {
        self.read(|connection| has_queued(connection, device))
    }
}

const SUMMARY: &str = "SELECT id, device, kind, state, created, started, finished,
    broken_sessions, detail, session, operations FROM jobs";

fn summary(row: &Row<'_>) -> rusqlite::Result<JobSummary> {
    let time = |name: &str| -> rusqlite::Result<Option<String>> {
        Ok(row.get::<_, Option<i64>>(name)?.map(rfc3339))
    };
    Ok(JobSummary {
        id: row.get("id")?,
        device: row.get("device")?,
        kind: row.get("kind")?,
        state: row.get("state")?,
        created: time("created")?.unwrap_or_default(),
        started: time("started")?,
        finished: time("finished")?,
        broken_sessions: row.get("broken_sessions")?,
        detail: row.get("detail")?,
        session: row.get("session")?,
    })
}

fn operations(row: &Row<'_>) -> rusqlite::Result<Vec<Operation>> {
    let text: String = row.get("operations")?;
    serde_json::from_str(&text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(e)))
}

fn statuses(connection: &Connection, job: i64) -> rusqlite::Result<Vec<StatusRecord>> {
    let query = "SELECT path, name, uri, status, note, time FROM statuses WHERE job = ?1";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([job], |row| {
        let status: Option<u16> = row.get(3)?;
        Ok(StatusRecord {
            command: row.get(0)?,
            name: row.get(1)?,
            uri: row.get(2)?,
            status,
            phrase: status.map(|code| StatusCode(code).phrase()),
            note: row.get(4)?,
            time: rfc3339(row.get(5)?),
        })
    })?;
    let mut records: Vec<StatusRecord> = rows.collect::<rusqlite::Result<_>>()?;
    records.sort_by_cached_key(|record| path_key(&record.command));
    Ok(records)
}

/// `10` comes after `9`, and `2.0` between `2` and `3`.
fn path_key(path: &str) -> Vec<u32> {
    let numbers = path.split('.').map(str::parse);
    numbers.map(Result::unwrap_or_default).collect()
}

fn results(connection: &Connection, job: i64) -> rusqlite::Result<Vec<ResultRecord>> {
    let query = "SELECT path, uri, format, type, value, time FROM results
        WHERE job = ?1 ORDER BY id";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([job], |row| {
        Ok(ResultRecord {
            command: row.get(0)?,
            uri: row.get(1)?,
            format: row.get(2)?,
            type_: row.get(3)?,
            value: row.get(4)?,
            time: rfc3339(row.get(5)?),
        })
    })?;
    rows.collect()
}

/// The jobs that wait, and those that run in this session, oldest first.
pub(crate) fn open_jobs(
    connection: &Connection,
    device: &str,
    session: i64,
) -> rusqlite::Result<Vec<Job>> {
    let query = "SELECT id, operations, concluded, sent, failed FROM jobs
        WHERE device = ?1 AND (state = 'queued' OR (state = 'sent' AND session = ?2))
        ORDER BY id LIMIT ?3";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map(params![device, session, WINDOW], |row| {
        Ok(Job {
            id: row.get("id")?,
            operations: operations(row)?,
            concluded: row.get("concluded")?,
            sent: row.get("sent")?,
            failed: row.get("failed")?,
        })
    })?;
    rows.collect()
}

/// Whether something waits for the device.
pub(crate) fn has_queued(connection: &Connection, device: &str) -> rusqlite::Result<bool> {
    let query = "SELECT 1 FROM jobs WHERE device = ?1 AND state = 'queued' LIMIT 1";
    let found = connection
        .query_row(query, [device], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}
