//! Where a line is: what a bearer that carries OBEX has to know how to do.

use super::bearer::Transport;
use super::exchange::Host;
use crate::arrival::ListenSettings;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::time::Duration;

/// Something on its way that belongs to a line.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a line is: an address of one scheme, read.
///
/// A bearer that carries OBEX is one type with this trait, and a line in
/// [`SCHEMES`](crate::SCHEMES). OBEX, its authentication and the sessions on top are the same for
/// all of them.
pub trait Place: fmt::Debug + Send + Sync {
    /// The largest OBEX packet that is taken there, in octets.
    fn receive(&self) -> u16 {
        u16::MAX
    }

    /// Whether octets may be lost or added on the way. A `CONNECT` is repeated there. Elsewhere a
    /// server that is slow to begin would answer each one, and its later answers be taken for
    /// those to other requests.
    fn is_noisy(&self) -> bool {
        false
    }

    /// The longest pause between two attempts to wait there.
    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }

    /// Opens the line towards whoever waits there.
    ///
    /// What cannot be dialled says so with [`io::ErrorKind::Unsupported`].
    fn dial(&self) -> Task<'_, io::Result<Link>>;

    /// Begins to wait for peers there. When it fails, it is tried again after a pause.
    ///
    /// What cannot be waited on says so with [`io::ErrorKind::Unsupported`].
    fn listen<'a>(
        &'a self,
        settings: &'a ListenSettings,
    ) -> Task<'a, io::Result<Box<dyn Listener>>>;

    /// Waits there for ever, where there is more to it than to serve whoever
    /// [`listen`](Self::listen) lets in.
    fn wait(&self, _host: &Host) -> Option<Task<'static, ()>> {
        None
    }
}

/// Where peers connect.
pub trait Listener: Send {
    /// The next peer. It may be dropped at any time and called again without losing a peer.
    ///
    /// Fails where one peer could not be taken; after many failures in a row with nobody
    /// connected, the line is opened anew.
    fn accept(&mut self) -> Task<'_, io::Result<Link>>;

    /// Whether nothing can come any more, so that the line has to be opened anew.
    fn is_lost(&self) -> bool {
        false
    }
}

/// A byte stream to a peer, and what is known of the peer by it.
pub struct Link {
    /// The stream.
    pub transport: Box<dyn Transport>,
    /// The peer's address, where both ends have proven the key of an earlier pairing and the
    /// stream is encrypted with it.
    pub bonded: Option<String>,
}

impl Link {
    /// A stream that proves nothing.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self {
            transport: Box::new(transport),
            bonded: None,
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Link");
        shown.field("bonded", &self.bonded).finish_non_exhaustive()
    }
}
