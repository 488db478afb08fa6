//! The thread that owns the database: requests in, results out.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use omadm_dm::session::StoreError;
use omadm_syncml::StatusCode;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::record::{Change, Loaded};
use super::reserve::Reserve;
use super::{OpenError, open, rows};
use crate::event;

/// Transactions that may wait. The event loop commits one at a time; the rest is room for
/// audit entries.
const WAITING: usize = 8;

/// How long the end of the daemon waits for the disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// The result of a transaction, once it is synced.
pub type Done = oneshot::Receiver<Result<(), StoreError>>;

/// The store: dropping it lets the thread finish what waits and close the database.
#[derive(Debug)]
pub struct Store {
    requests: Option<mpsc::Sender<Request>>,
    /// With what is closed when it ends.
    thread: Option<(JoinHandle<()>, Receiver<()>)>,
}

#[derive(Debug)]
struct Request {
    changes: Vec<Change>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Store {
    /// Opens `path`, makes it when it is missing, and reads all of it.
    pub fn open(path: &Path) -> Result<(Self, Loaded), OpenError> {
        let mut reserve = Reserve::beside(path);
        let connection = match open::open(path) {
            Err(OpenError::Unusable { .. }) if reserve.release() => open::open(path)?,
            other => other?,
        };
        let loaded =
            rows::load(&connection).map_err(|error| OpenError::from_sqlite(path, &error))?;
        let (requests, receiver) = mpsc::channel(WAITING);
        let (ended, end) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || {
                run(connection, receiver, reserve);
                drop(ended);
            })
            .map_err(|error| OpenError::Unusable {
                path: path.to_owned(),
                detail: format!("cannot start its thread: {error}"),
            })?;
        let store = Self {
            requests: Some(requests),
            thread: Some((thread, end)),
        };
        Ok((store, loaded))
    }

    /// Commits the changes together; `Done` yields once they are on the disk.
    pub fn commit(&self, changes: Vec<Change>) -> Done {
        let (done, result) = oneshot::channel();
        let request = Request { changes, done };
        let refused = match &self.requests {
            Some(requests) => requests.try_send(request).err(),
            None => return result,
        };
        if let Some(mpsc::error::TrySendError::Full(request)) = refused {
            let reason = "too many transactions wait".to_owned();
            // The receiver is at hand, it cannot be gone.
            drop(request.done.send(Err(StoreError::Failed(reason))));
        }
        result
    }
}

impl Store {
    /// Lets the thread finish what waits. A disk that hangs must not hold up the end of the
    /// daemon: nobody has been told that the rest is stored.
    pub(super) fn end(&mut self, patience: Duration) {
        self.requests = None;
        let Some((thread, end)) = self.thread.take() else {
            return;
        };
        if end.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            let text = format!("state.db: the disk takes longer than {patience:?}; not waited for");
            event::store_trouble(text, None);
        } else if thread.join().is_err() {
            log::error!("the store's thread has panicked");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.end(PATIENCE);
    }
}

fn run(mut connection: Connection, mut requests: mpsc::Receiver<Request>, mut reserve: Reserve) {
    reserve.fill();
    while let Some(request) = requests.blocking_recv() {
        let mut result = transact(&mut connection, &request.changes);
        if result == Err(StoreError::Full) && reserve.release() {
            result = transact(&mut connection, &request.changes);
        }
        let stored = result.is_ok();
        if let Err(error) = &result {
            let status = match error {
                StoreError::Full => StatusCode::DEVICE_FULL,
                StoreError::Failed(_) => StatusCode::DATA_STORE_FAILURE,
            };
            event::store_trouble(error, Some(status.0));
        }
        // Whoever asked may have stopped waiting; the transaction stands all the same.
        drop(request.done.send(result));
        if stored {
            reserve.fill();
        }
    }
    if let Err((_, error)) = connection.close() {
        event::store_trouble(format!("state.db: {error}"), None);
    }
}

fn transact(connection: &mut Connection, changes: &[Change]) -> Result<(), StoreError> {
    let write = |connection: &mut Connection| {
        let transaction = connection.transaction()?;
        for change in changes {
            rows::write(&transaction, change)?;
        }
        transaction.commit()
    };
    write(connection).map_err(|error| explain(&error))?;
    let forgets = |change: &Change| matches!(change, Change::Forget { .. });
    if changes.iter().any(forgets)
        && let Err(error) = empty_journal(connection)
    {
        // The secrets leave the journal with the next checkpoint instead.
        log::warn!("state.db: the journal was not emptied: {error}");
    }
    Ok(())
}

fn empty_journal(connection: &Connection) -> rusqlite::Result<()> {
    let busy: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        let reason = "another process reads the database".to_owned();
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
            Some(reason),
        ));
    }
    Ok(())
}

fn explain(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        _ => StoreError::Failed(error.to_string()),
    }
}

#[cfg(test)]
pub(super) fn transact_for_test(
    connection: &mut Connection,
    changes: &[Change],
) -> Result<(), StoreError> {
    transact(connection, changes)
}
