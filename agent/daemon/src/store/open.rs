//! Opens `state.db`: its settings, its schema, and what is said when it is damaged.
#![expect(clippy::disallowed_types, reason = "driver: opens the database")]

use std::fmt;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

/// The version of the schema, kept in `user_version`.
const VERSION: i64 = 3;

const SCHEMA: &str = include_str!("schema.sql");

/// What makes the schema of a version from the one before, beginning with version 2.
const MIGRATIONS: [&str; 2] = [include_str!("migrate_2.sql"), include_str!("migrate_3.sql")];

/// Why the state cannot be used.
#[derive(Debug)]
pub enum OpenError {
    /// The file is no intact database.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// A newer program wrote it.
    Newer {
        /// The file.
        path: PathBuf,
        /// The version it has.
        version: i64,
    },
    /// The system refused.
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { path, detail } => {
                let file = path.display();
                write!(
                    f,
                    "{file} is damaged: {detail}. It was left as it is. To save what can be read: \
                     sqlite3 {file} .recover | sqlite3 {file}.new && mv {file}.new {file}. To begin \
                     anew, without accounts and waiting alerts: mv {file} {file}.damaged"
                )
            }
            Self::Newer { path, version } => write!(
                f,
                "{} has schema {version}, this program knows {VERSION}: install the version that \
                 wrote it, or a later one",
                path.display()
            ),
            Self::Unusable { path, detail } => write!(f, "{}: {detail}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

impl OpenError {
    pub(super) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        match error.sqlite_error_code() {
            // A row that does not read back is damage too.
            None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { path, detail }
            }
            Some(_) => Self::Unusable { path, detail },
        }
    }
}

pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    create(path).map_err(|error| OpenError::Unusable {
        path: path.to_owned(),
        detail: error.to_string(),
    })?;
    let mut connection =
        Connection::open(path).map_err(|error| OpenError::from_sqlite(path, &error))?;
    let prepared = settle(&connection)
        .and_then(|()| checked(&connection))
        .map_err(|error| OpenError::from_sqlite(path, &error))?;
    if let Some(detail) = prepared {
        let path = path.to_owned();
        return Err(OpenError::Damaged { path, detail });
    }
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Makes the file before SQLite does, so that it never exists with a wider mode; journal and
/// shared memory take the mode of the database.
///
/// One that is there is not opened: closing a descriptor of it would drop the locks that this
/// process may have through SQLite (fcntl(2)).
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    match options.create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // A power cut loses nothing that was answered for; what is deleted is overwritten; the
    // journal stays small on flash (32 pages) and is cut back after a large transaction.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA wal_autocheckpoint = 32;
         PRAGMA journal_size_limit = 262144;
         PRAGMA cache_size = -256;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;",
    )
}

/// What `quick_check` complains about.
fn checked(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((answer != "ok").then_some(answer))
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::from_sqlite(path, &error);
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(sqlite)?;
    match version {
        VERSION => Ok(()),
        0 => update(connection, &[SCHEMA]).map_err(sqlite),
        1..VERSION => {
            let done = usize::try_from(version - 1).unwrap_or_default();
            let rest = MIGRATIONS.get(done..).unwrap_or_default();
            update(connection, rest).map_err(sqlite)
        }
        version => Err(OpenError::Newer {
            path: path.to_owned(),
            version,
        }),
    }
}

fn update(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
