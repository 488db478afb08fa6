//! The thread that owns the database: requests in, results out.

use std::path::Path;
use std::thread::JoinHandle;

use omadm_dm::session::StoreError;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::record::{Change, Loaded};
use super::{OpenError, open, rows};

/// Transactions that may wait. The event loop commits one at a time; the rest is room for
/// audit entries.
const WAITING: usize = 8;

/// The result of a transaction, once it is synced.
pub type Done = oneshot::Receiver<Result<(), StoreError>>;

/// The store: dropping it lets the thread finish what waits and close the database.
#[derive(Debug)]
pub struct Store {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Request {
    changes: Vec<Change>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Store {
    /// Opens `path`, makes it when it is missing, and reads all of it.
    pub fn open(path: &Path) -> Result<(Self, Loaded), OpenError> {
        let connection = open::open(path)?;
        let loaded =
            rows::load(&connection).map_err(|error| OpenError::from_sqlite(path, &error))?;
        let (requests, receiver) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || run(connection, receiver))
            .map_err(|error| OpenError::Unusable {
                path: path.to_owned(),
                detail: format!("cannot start its thread: {error}"),
            })?;
        let store = Self {
            requests: Some(requests),
            thread: Some(thread),
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

impl Drop for Store {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the store's thread has panicked");
        }
    }
}

fn run(mut connection: Connection, mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.blocking_recv() {
        let result = transact(&mut connection, &request.changes);
        if let Err(error) = &result {
            log::error!("{error}");
        }
        // Whoever asked may have stopped waiting; the transaction stands all the same.
        drop(request.done.send(result));
    }
    if let Err((_, error)) = connection.close() {
        log::error!("state.db: {error}");
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
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
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
