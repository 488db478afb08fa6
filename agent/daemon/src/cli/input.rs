//! Files that a verb is told to read, `-` being standard input.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: reads the file that the caller names"
)]

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::arguments::TERMINAL;
use super::failure::Failure;
use crate::exit;

/// The longest document that is read.
pub(super) const MAX_DOCUMENT: usize = 64 * 1024 * 1024;

/// What messages call a file.
pub(super) fn name(path: &Path) -> std::path::Display<'_> {
    if path == Path::new(TERMINAL) {
        return Path::new("standard input").display();
    }
    path.display()
}

/// Reads a whole document.
pub(super) fn document(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = if path == Path::new(TERMINAL) {
        bounded(io::stdin().lock())
    } else {
        File::open(path).and_then(bounded)
    };
    let bytes = read.map_err(|error| Failure::unreadable(path, &error))?;
    if bytes.len() > MAX_DOCUMENT {
        let message = format_args!("{}: longer than {MAX_DOCUMENT} octets", name(path));
        return Err(Failure::new(exit::DATA, message));
    }
    Ok(bytes)
}

fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_DOCUMENT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
