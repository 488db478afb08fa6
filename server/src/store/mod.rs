//! The database: devices with their secrets, jobs with their results, sessions with their audit.
//!
//! Several processes may have it open at once; every change is one transaction, on the disk
//! before it is spoken of.
#![expect(
    clippy::disallowed_types,
    reason = "driver: the database file and its permissions"
)]

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod devices;
pub(crate) mod jobs;
pub(crate) mod notifications;
mod obex;
pub(crate) mod prune;
pub(crate) mod sessions;

use crate::error::Error;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

pub use audit::AuditEntry;
pub use devices::{AlertRecord, DeviceRecord, DeviceSummary, NewDevice, SecretSummary};
pub use jobs::{JobRecord, JobState, JobSummary, ResultRecord, StatusRecord};
pub use prune::Bounds;
pub use sessions::SessionSummary;

pub(crate) use apply::Scope;
pub(crate) use devices::scheme_name;

/// "omad" in ASCII: marks the file as ours (SQLite, `application_id`).
const APPLICATION_ID: i64 = 0x6f6d_6164;

/// How many milliseconds one process waits for another's transaction.
const BUSY_MS: i64 = 10_000;

/// The schema, one script for each version.
const SCHEMA: &[&str] = &[include_str!("schema.sql"), include_str!("schema-2.sql")];

/// An open database.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the database, and makes it when there is none.
    pub fn open(path: &Path) -> Result<Self, Error> {
        create_private(path).map_err(|source| cannot_open(path, source))?;
        let connection = Connection::open(path).map_err(|source| failed(path, source))?;
        let store = Self::set_up(connection, path)?;
        // Not before it is known to be ours.
        restrict(path).map_err(|source| cannot_open(path, source))?;
        Ok(store)
    }

    /// Opens a database that must exist.
    pub fn open_existing(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            let path = path.display();
            return Err(Error::NotFound(format!(
                "there is no database {path}; `omadm-server --db {path} device add ID` makes one"
            )));
        }
        Self::open(path)
    }

    /// A database that ends with the process.
    pub fn in_memory() -> Result<Self, Error> {
        let path = Path::new(":memory:");
        let connection = Connection::open_in_memory().map_err(|source| failed(path, source))?;
        Self::set_up(connection, path)
    }

    fn set_up(connection: Connection, path: &Path) -> Result<Self, Error> {
        let mut store = Self {
            connection,
            path: path.to_owned(),
        };
        store.check_identity()?;
        store
            .configure()
            .and_then(|()| store.migrate())
            .map_err(|source| failed(path, source))?;
        Ok(store)
    }

    fn check_identity(&self) -> Result<(), Error> {
        let foreign = |what: String| Error::ForeignDatabase {
            path: self.path.clone(),
            what,
        };
        let failed = |source| failed(&self.path, source);
        let pragma = |name: &str| {
            self.connection
                .pragma_query_value(None, name, |row| row.get(0))
        };
        // By PRAGMA: rusqlite's method needs a function that Debian 12's SQLite does not have.
        self.connection
            .pragma_update_and_check(None, "busy_timeout", BUSY_MS, |_| Ok(()))
            .map_err(failed)?;
        let application: i64 = pragma("application_id").map_err(|source| match source {
            rusqlite::Error::SqliteFailure(e, _) if e.code == rusqlite::ErrorCode::NotADatabase => {
                foreign("no SQLite database".into())
            }
            other => failed(other),
        })?;
        let version: i64 = pragma("user_version").map_err(failed)?;
        if application != APPLICATION_ID
            && (application != 0 || !self.is_empty().map_err(failed)?)
        {
            return Err(foreign("the database of another program".into()));
        }
        if usize::try_from(version).map_or(true, |version| version > SCHEMA.len()) {
            return Err(foreign(format!(
                "of version {version}, which a later omadm-server has made"
            )));
        }
        Ok(())
    }

    fn is_empty(&self) -> rusqlite::Result<bool> {
        let count = "SELECT COUNT(*) FROM sqlite_schema";
        let tables: i64 = self.connection.query_row(count, (), |row| row.get(0))?;
        Ok(tables == 0)
    }

    fn configure(&self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
        connection.pragma_update_and_check(None, "journal_size_limit", 4 << 20, |_| Ok(()))
    }

    fn migrate(&mut self) -> rusqlite::Result<()> {
        // Looked at again inside the transaction: another process may have been faster.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 =
            transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let version = usize::try_from(version).unwrap_or(usize::MAX);
        for script in SCHEMA.get(version..).unwrap_or_default() {
            transaction.execute_batch(script)?;
        }
        if version < SCHEMA.len() {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            let current = i64::try_from(SCHEMA.len()).unwrap_or(i64::MAX);
            transaction.pragma_update(None, "user_version", current)?;
        }
        transaction.commit()
    }

    /// One transaction: all of it or nothing.
    pub(crate) fn transact<T, E: From<rusqlite::Error>>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    /// A transaction whose errors are those of the database.
    pub(crate) fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let result = self.transact(work);
        result.map_err(|source| self.failed(source))
    }

    /// A look at the database, without a change.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        work(&self.connection).map_err(|source| self.failed(source))
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> Error {
        failed(&self.path, source)
    }

    /// A setting that `serve` has left for the other verbs.
    pub fn meta(&self, key: &str) -> Result<Option<String>, Error> {
        self.read(|connection| {
            let query = "SELECT value FROM meta WHERE key = ?1";
            connection
                .query_row(query, [key], |row| row.get(0))
                .optional()
        })
    }

    /// Leaves a setting for the other verbs.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), Error> {
        self.change(|transaction| {
            let query = "INSERT INTO meta (key, value) VALUES (?1, ?2)
                ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            transaction.execute(query, [key, value]).map(drop)
        })
    }
}

fn failed(path: &Path, source: rusqlite::Error) -> Error {
    Error::Database {
        path: path.to_owned(),
        source,
    }
}

/// Secrets are in the file: it belongs to its owner alone. SQLite gives its companions the
/// permissions of the file itself.
///
/// A file that is there is not opened: closing it would drop the locks that another connection
/// of this process holds (POSIX locks belong to the process), and SQLite in another process
/// would take away the journal under it.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

fn restrict(path: &Path) -> std::io::Result<()> {
    let mut permissions = path.metadata()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        std::fs::set_permissions(path, permissions)?;
    }
    Ok(())
}

fn cannot_open(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        what: format!("cannot make or open the database {}", path.display()),
        source,
    }
}

/// A value of a device: text or octets, in the database and in listings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredValue {
    /// The value as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The value as base64, when it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_base64: Option<String>,
}

impl rusqlite::types::FromSql for StoredValue {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        Ok(match value {
            ValueRef::Blob(octets) => Self {
                value: None,
                value_base64: Some(STANDARD.encode(octets)),
            },
            ValueRef::Null => Self {
                value: None,
                value_base64: None,
            },
            other => Self {
                value: Some(other.as_str()?.to_owned()),
                value_base64: None,
            },
        })
    }
}

impl rusqlite::ToSql for crate::session::ReceivedValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Octets(octets) => ToSqlOutput::Owned(Value::Blob(octets.clone())),
        })
    }
}

#[cfg(test)]
mod tests;
