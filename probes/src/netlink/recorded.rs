//! Dumps that were recorded to files, for tests and for reports from the field.

use crate::{FsRoot, ReadError};

use super::{
    Dump, DumpError, Table,
    stream::{Progress, walk},
};

/// Tables from a recorded tree: `DIR/netlink/{links,addresses,routes,neighbours}`.
///
/// A file holds the messages of one dump as the kernel sent them, in the octet order of the machine
/// that recorded them, the message at the end included.
#[derive(Debug)]
pub struct RecordedNetlink {
    fs: FsRoot,
}

impl RecordedNetlink {
    /// The recordings of this tree.
    pub fn new(fs: FsRoot) -> Self {
        Self { fs }
    }
}

impl Dump for RecordedNetlink {
    fn dump(&self, table: Table, each: &mut dyn FnMut(&[u8])) -> Result<(), DumpError> {
        let path = match table {
            Table::Links | Table::LinkNames => "/netlink/links",
            Table::Addresses => "/netlink/addresses",
            Table::Routes => "/netlink/routes",
            Table::Neighbours => "/netlink/neighbours",
        };
        let outcome = self
            .fs
            .with_bytes(path, |bytes| walk(bytes, table.reply(), each));
        match outcome {
            Ok(Ok(Progress::Done)) => Ok(()),
            Ok(Ok(Progress::More)) => {
                Err(DumpError::Malformed("the recording has no end".to_owned()))
            }
            Ok(Err(error)) => Err(error),
            Err(ReadError::Absent(absence)) => Err(DumpError::Unavailable(absence.to_string())),
            Err(ReadError::Failed(failure)) => Err(DumpError::Unavailable(failure.to_string())),
        }
    }
}
