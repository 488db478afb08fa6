//! `unix+obex`: OBEX over a Unix socket, for programs on the same machine that bridge to a line.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: sockets"
)]

use crate::Scheme;
use crate::address::AddressError;
use crate::arrival::ListenSettings;
use crate::obex::{Link, Listener, Place, Task};

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// `unix+obex`
pub(crate) const SCHEME: Scheme = Scheme::line("unix+obex", |text| Ok(Box::new(parse(text)?)));

/// The longest path of a Unix socket (unix(7)).
const LONGEST_PATH: usize = 107;

/// A Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
struct UnixPlace(PathBuf);

impl Place for UnixPlace {
    fn dial(&self) -> Task<'_, io::Result<Link>> {
        Box::pin(async { Ok(Link::new(UnixStream::connect(&self.0).await?)) })
    }

    fn listen<'a>(&'a self, _: &'a ListenSettings) -> Task<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async {
            let listener: Box<dyn Listener> = Box::new(bind(&self.0).await?);
            Ok(listener)
        })
    }
}

impl Listener for UnixListener {
    fn accept(&mut self) -> Task<'_, io::Result<Link>> {
        Box::pin(async { Ok(Link::new(UnixListener::accept(self).await?.0)) })
    }
}

/// Binds a socket. One that nobody listens on any more is left over from an earlier run.
async fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path).await => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

/// Whether a socket is there on which nobody listens. A file of another kind, or a link to one,
/// refuses connections as well, but it is not ours to remove.
async fn is_stale(path: &Path) -> bool {
    let found = std::fs::symlink_metadata(path);
    let refuses = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    found.is_ok_and(|found| found.file_type().is_socket())
        && UnixStream::connect(path).await.is_err_and(refuses)
}

/// `unix+obex:///PATH`.
fn parse(text: &str) -> Result<UnixPlace, AddressError> {
    let path = text.split_once("://").map_or("", |(_, path)| path);
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err(AddressError::new(
            "unix+obex leads to a socket by its whole path: unix+obex:///run/omadm/obex.sock",
        ));
    }
    if path.len() > LONGEST_PATH {
        return Err(AddressError::new(format!(
            "the path of a socket has at most {LONGEST_PATH} octets"
        )));
    }
    Ok(UnixPlace(path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_by_path() {
        let place = UnixPlace("/run/omadm/obex.sock".into());
        assert_eq!(parse("unix+obex:///run/omadm/obex.sock"), Ok(place));
    }

    #[test]
    fn what_leads_nowhere_says_how_it_is_written() {
        for text in [
            "unix+obex:run/x",
            "unix+obex://run/x",
            "unix+obex:///run/",
            "unix+obex:///a\0b",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("+obex://"), "{text}: {error}");
        }
        let long = format!("unix+obex:///{}", "a".repeat(200));
        assert!(parse(&long).unwrap_err().to_string().contains("107"));
    }
}
