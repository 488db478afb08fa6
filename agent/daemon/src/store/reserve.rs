//! Room on the disk that is kept for the state alone: a machine whose disk has run full has to
//! stay manageable, because somebody has to make room on it.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: keeps a file beside the database"
)]

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

/// What the journal, its shared memory and a few transactions need.
const SIZE: usize = 512 * 1024;

/// It is only made where it takes no more than a quarter of what is free.
const FREE: u64 = 4 * SIZE as u64;

/// A file that is there to be deleted.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    there: bool,
}

impl Reserve {
    pub(super) fn beside(database: &Path) -> Self {
        let path = database.with_file_name("reserve");
        let there = path.exists();
        Self { path, there }
    }

    /// Makes it when it is missing and there is room again. Nothing depends on it.
    pub(super) fn fill(&mut self) {
        if self.there || self.free().is_none_or(|free| free < FREE) {
            return;
        }
        match self.write() {
            Ok(()) => self.there = true,
            Err(error) => {
                log::debug!("{}: {error}", self.path.display());
                drop(fs::remove_file(&self.path));
            }
        }
    }

    /// Gives the room away, if there is any and if it is needed.
    pub(super) fn release(&mut self) -> bool {
        if !self.there || self.free().is_some_and(|free| free >= FREE) {
            return false;
        }
        self.there = false;
        match fs::remove_file(&self.path) {
            Ok(()) => {
                let directory = self.path.parent().unwrap_or(Path::new("."));
                log::warn!(
                    "the disk of {} is full and the room that was kept for the state is used \
                     now: make room",
                    directory.display()
                );
                true
            }
            Err(_) => false,
        }
    }

    /// Random octets: file systems that compress would keep no room for zeros.
    fn write(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true).mode(0o600);
        let mut file = options.open(&self.path)?;
        let mut block = [0; 4096];
        for _ in 0..SIZE / block.len() {
            getrandom::fill(&mut block).map_err(io::Error::other)?;
            file.write_all(&block)?;
        }
        file.sync_all()
    }

    /// What an unprivileged process can still write.
    fn free(&self) -> Option<u64> {
        let found = statvfs(self.path.parent()?).ok()?;
        Some(
            found
                .blocks_available()
                .saturating_mul(found.fragment_size()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_kept_while_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("state.db");
        let mut reserve = Reserve::beside(&database);
        if reserve.free().is_none_or(|free| free < FREE) {
            println!("skipped: it_is_made_once_and_kept: the disk is full");
            return;
        }
        assert!(!reserve.release(), "there is none");
        reserve.fill();
        let file = directory.path().join("reserve");
        assert_eq!(fs::metadata(&file).unwrap().len(), SIZE as u64);
        let mut again = Reserve::beside(&database);
        again.fill();
        assert!(!again.release(), "nobody needs it");
        assert!(file.exists());
    }
}
