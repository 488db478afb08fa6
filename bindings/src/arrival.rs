//! What a device that waits on a line is met with: a peer has connected and begins to speak.

use crate::bearer::Bearer;
use crate::obex::{ObexCredential, ServerTimeouts};

use bytes::Bytes;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::sync::watch;

/// A peer wants to begin a session.
///
/// Dropping the bearer refuses it: what the peer asks for next is answered with 0xD3, and it may
/// try again over the same connection.
#[derive(Debug)]
pub struct Arrival {
    /// How it begins.
    pub opening: Opening,
    /// The line: the device has the first word.
    pub bearer: Bearer,
    /// The address that the device waits on.
    pub address: String,
    /// The credential that the peer has proven in OBEX. [`Bearer::proof`] says so too, but not
    /// which: an account must accept the proof of its own credential alone.
    pub proven: Option<ObexCredential>,
    /// The peer's address, where the link proves it ([`PeerProof::BondedLink`]). An account must
    /// accept the proof of its own peers alone.
    ///
    /// [`PeerProof::BondedLink`]: omadm_syncml::PeerProof::BondedLink
    pub bonded: Option<String>,
}

/// How a peer begins.
#[derive(Clone, PartialEq, Eq)]
pub enum Opening {
    /// With a notification: the octets of Package 0.
    Notification(Bytes),
    /// With a bootstrap.
    Bootstrap(Bootstrap),
    /// By asking for the device's first message, without a word of its own.
    Poll,
    /// A device: with its first message, which is the bearer's first event.
    Message,
}

/// A bootstrap document as it came (OMA-TS-DM_Bootstrap 1.2.1, 5.7).
#[derive(Clone, PartialEq, Eq)]
pub struct Bootstrap {
    /// Its media type without parameters, in lower case.
    pub media_type: String,
    /// The parameter `SEC`: what its digest is made with.
    pub sec: Option<String>,
    /// The parameter `MAC`: its digest.
    pub mac: Option<String>,
    /// The document.
    pub body: Bytes,
}

/// A notification shows its sender's digest, and a bootstrap holds secrets.
impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notification(octets) => write!(f, "Notification({} octets)", octets.len()),
            Self::Bootstrap(document) => document.fmt(f),
            Self::Poll => f.write_str("Poll"),
            Self::Message => f.write_str("Message"),
        }
    }
}

impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bootstrap")
            .field("media_type", &self.media_type)
            .field("sec", &self.sec)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What a device says of itself on the lines that it waits on, and whom it lets in.
#[derive(Debug, Clone)]
pub struct ListenSettings {
    /// Whom peers have to prove to be; nobody in particular when there is none.
    pub credentials: Vec<ObexCredential>,
    /// The largest message that is taken, in octets.
    pub max_message: usize,
    /// The peers that are let in where links prove who connects, by their addresses.
    pub peers: Vec<String>,
    /// Whether the device takes bootstraps. One that it does not take is refused (0xC3), and
    /// arrives all the same, so that it is known of.
    pub bootstraps: bool,
    /// Who the device is, for the capability object and for whoever asks it as a modem.
    pub identity: Identity,
    /// When what is waited for no longer.
    pub timeouts: ServerTimeouts,
    /// Who has this machine's own USB function, where one may be waited on.
    pub gadget: Option<Arc<dyn OpenGadget>>,
}

/// Who has the OBEX function that this machine shows to a USB host.
pub trait OpenGadget: fmt::Debug + Send + Sync {
    /// A socket that carries what the function does, until the host goes. An earlier one ends.
    ///
    /// May block for some seconds. Fails where there is no function, and says what mends it.
    fn open(&self) -> io::Result<OwnedFd>;
}

/// Who a device is, in words of its maker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `./DevInfo/Man`, `AT+GMI`.
    pub manufacturer: String,
    /// `./DevInfo/Mod`, `AT+GMM`.
    pub model: String,
    /// `./DevDetail/SwV`, `AT+GMR`.
    pub revision: String,
    /// `./DevInfo/DevId`, `AT+GSN`.
    pub serial: String,
}

/// How a line is that a device waits on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineState {
    /// It is being opened.
    Opening,
    /// Nobody is connected.
    Waiting,
    /// A peer is connected.
    Connected,
    /// It is not there; why.
    Away(String),
}

impl fmt::Display for LineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening => f.write_str("opening"),
            Self::Waiting => f.write_str("waiting"),
            Self::Connected => f.write_str("connected"),
            Self::Away(reason) => write!(f, "away: {reason}"),
        }
    }
}

/// A line that the device waits on. Its task ends when this is dropped.
#[derive(Debug)]
pub struct Listening {
    /// The address.
    pub address: String,
    /// How the line is.
    pub state: watch::Receiver<LineState>,
    pub(crate) _task: AbortOnDrop,
}

/// A task that does not outlive its owner.
#[derive(Debug)]
pub(crate) struct AbortOnDrop(pub(crate) tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
