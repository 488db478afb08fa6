//! Directories on the way to the state and to the control socket: made as they should be, and
//! looked at by whoever wants to pass.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: makes and looks at directories"
)]

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Gid;

/// Makes a directory with this mode when it is missing, and what is missing above it open to all,
/// whatever the umask: a private directory does not shut the way to its neighbours.
pub(crate) fn make(path: &Path, mode: u32) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make(parent, 0o755)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)),
        // Somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// The nearest directory above `path` that members of the group cannot pass, with its mode.
/// What does not exist is in nobody's way.
pub(crate) fn obstacle(path: &Path, group: Gid) -> io::Result<Option<(PathBuf, u32)>> {
    let ancestors = path.ancestors().skip(1);
    for directory in ancestors.filter(|directory| !directory.as_os_str().is_empty()) {
        match fs::metadata(directory) {
            Ok(about) if is_passable(&about, group) => {}
            Ok(about) => return Ok(Some((directory.to_owned(), about.mode() & 0o7777))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn is_passable(about: &Metadata, group: Gid) -> bool {
    let bit = if about.gid() == group.as_raw() {
        0o010
    } else {
        0o001
    };
    about.mode() & bit != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_last_directory_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("srv/omadm/state");
        make(&state, 0o700).unwrap();
        assert_eq!(mode(&state), 0o700);
        for open in ["srv", "srv/omadm"] {
            assert_eq!(mode(&directory.path().join(open)), 0o755, "{open}");
        }
        make(&state, 0o755).unwrap();
        assert_eq!(mode(&state), 0o700, "what is there stays as it is");
        fs::write(directory.path().join("file"), "").unwrap();
        assert!(make(&directory.path().join("file/below"), 0o700).is_err());
        assert!(make(&directory.path().join("file"), 0o700).is_err());
    }

    #[test]
    fn what_is_in_the_way_is_found() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let way = directory.path().join("a/b");
        make(&way, 0o755).unwrap();
        let socket = way.join("socket");
        let own = Gid::effective();
        assert_eq!(obstacle(&socket, own).unwrap(), None);
        let closed = directory.path().join("a");
        fs::set_permissions(&closed, Permissions::from_mode(0o701)).unwrap();
        // The owning group has its own bit, which the one of the others does not replace.
        assert_eq!(
            obstacle(&socket, own).unwrap(),
            Some((closed.clone(), 0o701))
        );
        fs::set_permissions(&closed, Permissions::from_mode(0o710)).unwrap();
        assert_eq!(obstacle(&socket, own).unwrap(), None);
        let other = Gid::from_raw(own.as_raw() + 1);
        assert_eq!(obstacle(&socket, other).unwrap(), Some((closed, 0o710)));
    }
}
