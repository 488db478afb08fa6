//! Reads whole small files below a root, which tests move to a recorded tree.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: reads /proc, /sys and file system sizes"
)]

use std::{
    borrow::Cow,
    cell::RefCell,
    io::{self, ErrorKind},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AT_FDCWD, OFlag, openat},
    sys::{
        stat::Mode,
        statvfs::{Statvfs, statvfs},
    },
    unistd::{SysconfVar, read, sysconf},
};

use crate::{Absence, Failure};

/// More than this in one file is not a kernel's table but a mistake.
const LIMIT: usize = 1 << 20;

/// The kernel makes most of its files afresh for the first read: it had better be a large one.
const FIRST_READ: usize = 16 * 1024;

/// The root below which files are read.
#[derive(Clone, Debug)]
pub struct FsRoot {
    recorded: Option<PathBuf>,
    /// What the probes read into, one after the other.
    scratch: RefCell<Vec<u8>>,
}

/// Why a file gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The file does not exist, or its kernel facility is switched off.
    Absent(Absence),
    /// It exists and could not be read.
    Failed(Failure),
}

/// The room on one file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes in all.
    pub size: u64,
    /// Bytes free, the reserve of root included.
    pub free: u64,
    /// Bytes free for every user.
    pub available: u64,
    /// Inodes in all; zero where the file system does not count them.
    pub files: u64,
    /// Inodes free.
    pub files_free: u64,
}

#[allow(
    clippy::useless_conversion,
    reason = "the counts have 32 bits on 32-bit machines"
)]
impl From<&Statvfs> for Space {
    fn from(found: &Statvfs) -> Self {
        let unit = u64::from(found.fragment_size());
        let bytes = |blocks| u64::from(blocks).saturating_mul(unit);
        Self {
            size: bytes(found.blocks()),
            free: bytes(found.blocks_free()),
            available: bytes(found.blocks_available()),
            files: found.files().into(),
            files_free: found.files_free().into(),
        }
    }
}

impl FsRoot {
    /// This machine.
    pub fn system() -> Self {
        Self {
            recorded: None,
            scratch: RefCell::default(),
        }
    }

    /// A recorded tree: `DIR/proc/meminfo` stands for `/proc/meminfo`, and `DIR/statvfs` has a line
    /// `MOUNTPOINT SIZE FREE AVAILABLE FILES FILES-FREE` per file system.
    pub fn recorded(dir: impl Into<PathBuf>) -> Self {
        Self {
            recorded: Some(dir.into()),
            scratch: RefCell::default(),
        }
    }

    /// Reads a text file; octets that are not UTF-8 are replaced.
    pub fn read<'b>(&self, path: &str, buffer: &'b mut Vec<u8>) -> Result<Cow<'b, str>, ReadError> {
        self.read_bytes(path, buffer).map(String::from_utf8_lossy)
    }

    /// Reads a file of at most one mebibyte.
    pub fn read_bytes<'b>(
        &self,
        path: &str,
        buffer: &'b mut Vec<u8>,
    ) -> Result<&'b [u8], ReadError> {
        let file = openat(AT_FDCWD, self.locate(path).as_ref(), READ, Mode::empty());
        let length = file.and_then(|file| fill(&file, buffer));
        finished(path, length, buffer)
    }

    /// Opens a folder.
    pub(crate) fn folder(&self, path: &str) -> Result<Folder, ReadError> {
        let opened = Folder::open(&self.locate(path));
        opened.map_err(|errno| ReadError::new(path, &errno.into()))
    }

    /// The names in a folder that a filter takes, in no order; of a name that is no text there is
    /// nothing to read.
    pub(crate) fn names(
        &self,
        path: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, ReadError> {
        let mut names = Vec::new();
        let outcome = self.folder(path)?.each(|_, name| {
            if is_wanted(name) {
                names.push(name.to_owned());
            }
        });
        outcome.map_err(|errno| ReadError::new(path, &errno.into()))?;
        Ok(names)
    }

    /// How many ticks of `/proc` make a second (`USER_HZ`); a recorded machine had 100.
    pub(crate) fn ticks_per_second(&self) -> u64 {
        self.constant(SysconfVar::CLK_TCK, 100)
    }

    /// How many bytes a page has; one of a recorded machine had 4096.
    pub(crate) fn page_size(&self) -> u64 {
        self.constant(SysconfVar::PAGE_SIZE, 4096)
    }

    fn constant(&self, name: SysconfVar, usual: u64) -> u64 {
        if self.recorded.is_some() {
            return usual;
        }
        let found = sysconf(name).ok().flatten();
        let found = found.and_then(|value| u64::try_from(value).ok());
        found.filter(|value| *value > 0).unwrap_or(usual)
    }

    /// Reads a text file and hands it over.
    pub(crate) fn with<R>(&self, path: &str, take: impl FnOnce(&str) -> R) -> Result<R, ReadError> {
        self.with_bytes(path, |bytes| take(&String::from_utf8_lossy(bytes)))
    }

    /// Reads a file and hands it over.
    pub(crate) fn with_bytes<R>(
        &self,
        path: &str,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, ReadError> {
        let mut buffer = self.scratch.take();
        let outcome = self.read_bytes(path, &mut buffer).map(take);
        self.scratch.replace(buffer);
        outcome
    }

    /// Asks a file system for its room; this can block as long as its device does.
    pub fn space(&self, mount_point: &str) -> Result<Space, ReadError> {
        if self.recorded.is_some() {
            return self.with("/statvfs", |listing| recorded_space(listing, mount_point))?;
        }
        let found =
            statvfs(mount_point).map_err(|errno| ReadError::new(mount_point, &errno.into()))?;
        Ok(Space::from(&found))
    }

    fn locate<'p>(&self, path: &'p str) -> Cow<'p, Path> {
        match &self.recorded {
            None => Cow::Borrowed(Path::new(path)),
            Some(dir) => Cow::Owned(dir.join(path.trim_start_matches('/'))),
        }
    }
}

const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_CLOEXEC);

/// An open folder, for probes that read hundreds of files below it.
pub(crate) struct Folder {
    names: Dir,
    below: OwnedFd,
}

impl Folder {
    fn open(path: &Path) -> Result<Self, Errno> {
        let below = openat(AT_FDCWD, path, READ | OFlag::O_DIRECTORY, Mode::empty())?;
        let names = Dir::from_fd(below.try_clone().map_err(|_| Errno::EMFILE)?)?;
        Ok(Self { names, below })
    }

    /// Hands over each name that is text, in no order, with the folder to read below.
    pub(crate) fn each(&mut self, mut take: impl FnMut(&OwnedFd, &str)) -> Result<(), Errno> {
        for entry in self.names.iter() {
            if let Ok(name) = entry?.file_name().to_str() {
                take(&self.below, name);
            }
        }
        Ok(())
    }

    /// What files are read relative to.
    pub(crate) fn below(&self) -> &OwnedFd {
        &self.below
    }
}

/// Reads a small file below a folder.
pub(crate) fn read_below<'b>(
    folder: &OwnedFd,
    path: &str,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], Errno> {
    let file = openat(folder, path, READ, Mode::empty())?;
    let length = fill(&file, buffer)?;
    Ok(buffer.get(..length).unwrap_or_default())
}

/// Reads to the end, or one octet past the limit. The buffer keeps its length from one file to
/// the next, so that it is cleared once only.
fn fill(file: &OwnedFd, buffer: &mut Vec<u8>) -> Result<usize, Errno> {
    let mut length = 0;
    if buffer.len() < FIRST_READ {
        buffer.resize(FIRST_READ, 0);
    }
    while length <= LIMIT {
        if length == buffer.len() {
            buffer.resize(2 * length, 0);
        }
        match read(file, buffer.get_mut(length..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(length)
}

fn finished<'b>(
    path: &str,
    length: Result<usize, Errno>,
    buffer: &'b [u8],
) -> Result<&'b [u8], ReadError> {
    match length {
        Err(errno) => Err(ReadError::new(path, &errno.into())),
        Ok(length) if length > LIMIT => Err(ReadError::failed(path, "is longer than 1 MiB")),
        Ok(length) => Ok(buffer.get(..length).unwrap_or_default()),
    }
}

impl ReadError {
    fn new(path: &str, error: &io::Error) -> Self {
        // A kernel whose pressure accounting is off has the files and refuses to open them.
        let off = error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32);
        if off || matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
            return Self::Absent(Absence::NoSource(path.into()));
        }
        if error.kind() == ErrorKind::PermissionDenied {
            return Self::failed(path, "this user may not read it");
        }
        Self::failed(path, &error.to_string())
    }

    fn failed(path: &str, reason: &str) -> Self {
        Self::Failed(Failure {
            source: Arc::from(path),
            line: None,
            reason: Arc::from(reason),
        })
    }
}

/// A mount point may have blanks; the five numbers behind it have none.
fn recorded_space(listing: &str, mount_point: &str) -> Result<Space, ReadError> {
    let numbers = listing
        .lines()
        .find_map(|line| line.strip_prefix(mount_point)?.strip_prefix(' '))
        .ok_or_else(|| ReadError::new(mount_point, &ErrorKind::NotFound.into()))?;
    let mut words = numbers.split(' ').map(str::parse);
    let mut number = || match words.next() {
        Some(Ok(number)) => Ok(number),
        _ => Err(ReadError::failed(
            mount_point,
            "the recording lacks a number",
        )),
    };
    Ok(Space {
        size: number()?,
        free: number()?,
        available: number()?,
        files: number()?,
        files_free: number()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(files: &[(&str, &[u8])], path: &str) -> Result<String, ReadError> {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        std::fs::create_dir_all(dir.path().join("folder")).unwrap();
        let mut buffer = Vec::new();
        let fs = FsRoot::recorded(dir.path());
        fs.read(path, &mut buffer).map(Cow::into_owned)
    }

    #[test]
    fn what_is_not_there_is_absent() {
        for path in ["/nothing", "/file/below"] {
            let error = text(&[("file", b"")], path).unwrap_err();
            assert_eq!(error, ReadError::Absent(Absence::NoSource(path.into())));
        }
        let off = io::Error::from_raw_os_error(Errno::EOPNOTSUPP as i32);
        assert!(matches!(
            ReadError::new("/proc/pressure/cpu", &off),
            ReadError::Absent(_)
        ));
    }

    #[test]
    fn what_cannot_be_read_has_failed_and_says_where() {
        let ReadError::Failed(failure) = text(&[], "/folder").unwrap_err() else {
            panic!("a folder is there");
        };
        assert_eq!(&*failure.source, "/folder");
        let denied = ReadError::new("/secret", &ErrorKind::PermissionDenied.into());
        assert_eq!(
            denied,
            ReadError::failed("/secret", "this user may not read it")
        );
    }

    #[test]
    fn a_file_is_bounded() {
        assert_eq!(
            text(&[("file", &vec![b'x'; LIMIT])], "/file")
                .unwrap()
                .len(),
            LIMIT
        );
        let long = text(&[("file", &vec![b'x'; LIMIT + 1])], "/file").unwrap_err();
        assert_eq!(long, ReadError::failed("/file", "is longer than 1 MiB"));
    }

    #[test]
    fn octets_that_are_no_text_are_replaced() {
        assert_eq!(text(&[("file", b"a\xffb")], "/file").unwrap(), "a\u{fffd}b");
    }

    #[test]
    fn a_mounted_file_system_has_room() {
        let space = FsRoot::system().space("/").unwrap();
        assert!(
            space.size >= space.free && space.free >= space.available,
            "{space:?}"
        );
        assert!(space.size > 0);
    }
}
