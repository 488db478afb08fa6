//! The control socket: who may connect, and with which rights.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: owns the control socket and a task for each connection"
)]

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::{Gid, Group, Uid, chown};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};

use super::connection::{Asked, serve};
use crate::config::Control;
use crate::directory;

/// Connections beyond the limit that only somebody who may write gets, so that readers
/// cannot lock the administrator out.
const RESERVED: usize = 4;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rights {
    /// Look at status, tree and KPIs.
    Read,
    /// Change, execute, and edit accounts as well.
    Write,
}

impl Rights {
    /// Whoever could open the socket may read: its mode lets only the group in. uid 0 and the
    /// daemon's own user may write.
    fn of(uid: Uid) -> Self {
        if uid.is_root() || uid == Uid::effective() {
            Self::Write
        } else {
            Self::Read
        }
    }
}

/// Why there is no control socket.
#[derive(Debug)]
pub enum SocketError {
    /// Somebody answers on it.
    InUse(PathBuf),
    /// Something that is no socket is in the way.
    Occupied(PathBuf),
    /// The system refused.
    Io(PathBuf, io::Error),
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                f,
                "{}: another daemon answers here; stop it, or set control.socket to another path",
                path.display()
            ),
            Self::Occupied(path) => write!(
                f,
                "{}: there is a file that is no socket; move it away",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for SocketError {}

/// The listening socket; dropping it removes its file.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    readers: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
}

impl Listener {
    /// Binds the socket and opens it to the group, if there is one.
    pub fn bind(control: &Control) -> Result<Self, SocketError> {
        let path = &control.socket;
        let io = |error| SocketError::Io(path.clone(), error);
        if let Some(parent) = path.parent() {
            // The way to the socket is open, the socket is not.
            directory::make(parent, 0o755).map_err(io)?;
        }
        clear(path)?;
        let socket = UnixListener::bind(path).map_err(io)?;
        admit(path, &control.group).map_err(io)?;
        Ok(Self {
            socket,
            path: path.clone(),
            readers: Arc::new(Semaphore::new(control.max_connections)),
            reserve: Arc::new(Semaphore::new(RESERVED)),
        })
    }

    /// Accepts for ever; each connection hands its calls to `asked`.
    pub async fn accept_all(&self, asked: &mpsc::Sender<Asked>) {
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => self.admit_connection(stream, asked),
                Err(error) => {
                    // Out of descriptors: wait for some to be closed rather than spin.
                    log::warn!("control socket: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn admit_connection(&self, stream: UnixStream, asked: &mpsc::Sender<Asked>) {
        let Ok(peer) = stream.peer_cred() else { return };
        let rights = Rights::of(Uid::from_raw(peer.uid()));
        let mut permit = self.readers.clone().try_acquire_owned();
        if permit.is_err() && rights == Rights::Write {
            permit = self.reserve.clone().try_acquire_owned();
        }
        let Ok(permit) = permit else {
            log::debug!("control socket: too many connections");
            return;
        };
        let asked = asked.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, rights, &asked).await {
                log::debug!("control connection of uid {}: {error}", peer.uid());
            }
            drop(permit);
        });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Removes a socket that a dead daemon left; never one on which somebody answers.
fn clear(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SocketError::Io(path.to_owned(), error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(SocketError::Occupied(path.to_owned()));
        }
        Ok(_) => {}
    }
    if BlockingStream::connect(path).is_ok() {
        return Err(SocketError::InUse(path.to_owned()));
    }
    fs::remove_file(path).map_err(|error| SocketError::Io(path.to_owned(), error))
}

/// Lets the group in, and nobody else.
fn admit(path: &Path, group: &str) -> io::Result<()> {
    let Some(gid) = gid_of(group)? else {
        if !group.is_empty() {
            log::warn!(
                "control.group \"{group}\" does not exist: only root can use {}",
                path.display()
            );
        }
        return fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    };
    if let Ok(Some((directory, mode))) = directory::obstacle(path, gid) {
        log::warn!(
            "members of group \"{group}\" cannot reach {}: open {} (mode {mode:04o}) to them, or \
             set control.socket to another path",
            path.display(),
            directory.display()
        );
    }
    match chown(path, None, Some(gid)) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o660)),
        Err(error) => {
            log::warn!(
                "control.group \"{group}\" cannot be given {}: {error}",
                path.display()
            );
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        }
    }
}

fn gid_of(group: &str) -> io::Result<Option<Gid>> {
    if group.is_empty() {
        return Ok(None);
    }
    Ok(Group::from_name(group)?.map(|group| group.gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(path: &Path, group: &str) -> Control {
        Control {
            socket: path.to_owned(),
            group: group.to_owned(),
            ..Control::default()
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_group_is_let_in_and_the_parent_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/omadm/socket");
        let own = Group::from_gid(Gid::effective()).unwrap().unwrap().name;
        let listener = Listener::bind(&control(&path, &own)).unwrap();
        assert_eq!(mode(&path), 0o660);
        drop(listener);
        assert!(!path.exists());
        let _listener = Listener::bind(&control(&path, "no-such-group")).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[tokio::test]
    async fn a_living_socket_is_not_stolen_and_a_dead_one_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let first = Listener::bind(&control(&path, "")).unwrap();
        let error = Listener::bind(&control(&path, "")).unwrap_err();
        assert!(matches!(error, SocketError::InUse(_)), "{error}");
        // As a crash leaves it: the file stays, nobody listens.
        std::mem::forget(first);
        let dead = directory.path().join("dead");
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        assert!(dead.exists());
        Listener::bind(&control(&dead, "")).unwrap();
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        fs::write(&path, "precious").unwrap();
        let error = Listener::bind(&control(&path, "")).unwrap_err();
        assert!(matches!(error, SocketError::Occupied(_)), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
