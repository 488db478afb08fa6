//! The right `pstore`: the records that the kernel kept of a crash (`Documentation/admin-guide/
//! pstore-blk.rst`), where it put them and where `systemd-pstore` moves them.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: reads the records of crashes"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

use super::line::is_over;
use super::request::Refusal;
use super::wire::{CrashRecord, PstoreReply};

/// Where records are, and whether it is the archive.
const PLACES: [(&str, bool); 2] = [("/sys/fs/pstore", false), ("/var/lib/systemd/pstore", true)];

/// The archive has a directory for each crash, and one for each of its parts.
const DEPTH: usize = 3;

/// Files that are looked at, read, and how much of them.
const MAX_FILES: usize = 4096;
const MAX_RECORDS: usize = 64;
const MAX_RECORD: u64 = 64 * 1024;
const MAX_OCTETS: u64 = 1024 * 1024;

/// Reads the records of this machine.
pub(super) fn read(deadline: Instant) -> Result<PstoreReply, Refusal> {
    read_from(&PLACES, deadline)
}

struct Found {
    archived: bool,
    path: PathBuf,
    name: String,
    modified: i64,
}

fn read_from(places: &[(&str, bool)], deadline: Instant) -> Result<PstoreReply, Refusal> {
    let mut found = Vec::new();
    for &(place, archived) in places {
        let root = Path::new(place);
        walk(root, root, archived, DEPTH, &mut found)
            .map_err(|error| Refusal::Failed(format!("{place}: {error}")))?;
    }
    found.sort_by(|a, b| (b.modified, &a.name).cmp(&(a.modified, &b.name)));
    let mut reply = PstoreReply::default();
    let mut left = MAX_OCTETS;
    for found in found {
        if reply.records.len() >= MAX_RECORDS || left == 0 || is_over(deadline) {
            reply.omitted += 1;
            continue;
        }
        let (record, octets) = record(found, left.min(MAX_RECORD));
        left = left.saturating_sub(octets);
        reply.records.push(record);
    }
    Ok(reply)
}

/// Gathers the files below a directory; symbolic links are passed over, and a place that is not
/// there has none.
fn walk(
    root: &Path,
    directory: &Path,
    archived: bool,
    depth: usize,
    found: &mut Vec<Found>,
) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries.take(MAX_FILES) {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_dir() && depth > 1 {
            walk(root, &path, archived, depth - 1, found)?;
        } else if kind.is_file() && found.len() < MAX_FILES {
            let name = path.strip_prefix(root).unwrap_or(&path);
            found.push(Found {
                archived,
                name: name.to_string_lossy().into_owned(),
                modified: entry.metadata()?.mtime(),
                path,
            });
        }
    }
    Ok(())
}

/// The record, and how many octets of it were read.
fn record(found: Found, limit: u64) -> (CrashRecord, u64) {
    let mut record = CrashRecord {
        archived: found.archived,
        name: found.name,
        modified: found.modified,
        ..CrashRecord::default()
    };
    match tail(&found.path, limit) {
        Ok((size, octets)) => {
            let read = octets.len() as u64;
            record.size = size;
            match String::from_utf8(octets) {
                Ok(text) => record.text = Some(text),
                Err(error) => record.base64 = Some(STANDARD.encode(error.as_bytes())),
            }
            (record, read)
        }
        Err(error) => {
            record.reason = Some(error.to_string());
            (record, 0)
        }
    }
}

/// The size of a file and its end.
fn tail(path: &Path, limit: u64) -> io::Result<(u64, Vec<u8>)> {
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK);
    let mut file: File = options.open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "no regular file"));
    }
    let size = about.len();
    if size > limit {
        file.seek(SeekFrom::Start(size - limit))?;
    }
    let mut octets = Vec::new();
    file.take(limit).read_to_end(&mut octets)?;
    if size > limit {
        drop_part(&mut octets);
    }
    Ok((size, octets))
}

/// The first character of a text that was cut may be a part only.
fn drop_part(octets: &mut Vec<u8>) {
    let part = octets
        .iter()
        .take_while(|octet| *octet & 0xC0 == 0x80)
        .count();
    if part <= 3 {
        octets.drain(..part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::line::within;
    use std::time::Duration;

    fn read_dir(directory: &Path) -> PstoreReply {
        let place = directory.to_str().unwrap();
        read_from(&[(place, true)], within(Duration::from_secs(20))).unwrap()
    }

    fn put(path: &Path, octets: &[u8], modified: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
        let time = std::time::UNIX_EPOCH + Duration::from_secs(modified);
        File::open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn the_newest_record_comes_first() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        put(&root.join("dmesg-ramoops-0"), b"Panic#1\n", 100);
        put(&root.join("17000/001/dmesg.txt"), b"Oops\n", 200);
        put(&root.join("17000/001/ftrace"), &[0xFF, 0], 150);
        put(&root.join("a/b/c/deeper"), b"x", 300);
        let reply = read_dir(root);
        let names: Vec<_> = reply
            .records
            .iter()
            .map(|record| record.name.as_str())
            .collect();
        assert_eq!(
            names,
            ["17000/001/dmesg.txt", "17000/001/ftrace", "dmesg-ramoops-0"]
        );
        assert_eq!(reply.records[0].text.as_deref(), Some("Oops\n"));
        assert_eq!(reply.records[1].base64.as_deref(), Some("/wA="));
        assert_eq!((reply.records[2].size, reply.records[2].modified), (8, 100));
    }

    #[test]
    fn a_long_record_keeps_its_end_and_many_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let limit = usize::try_from(MAX_RECORD).unwrap();
        let text = format!("{}end", "ä".repeat(limit));
        put(&directory.path().join("long"), text.as_bytes(), 1000);
        for number in 0..80 {
            put(&directory.path().join(format!("r{number}")), b"x", number);
        }
        let reply = read_dir(directory.path());
        assert_eq!((reply.records.len(), reply.omitted), (MAX_RECORDS, 81 - 64));
        let long = &reply.records[0];
        assert_eq!(long.size, text.len() as u64);
        let kept = long.text.as_deref().unwrap();
        assert!(kept.ends_with("äend") && kept.len() <= limit);
    }

    #[test]
    fn links_are_not_followed_and_nothing_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", directory.path().join("way")).unwrap();
        assert_eq!(read_dir(directory.path()), PstoreReply::default());
        assert_eq!(
            read_dir(&directory.path().join("none")),
            PstoreReply::default()
        );
        assert!(tail(&directory.path().join("link"), 10).is_err());
    }
}
