//! Waits on a line as an OBEX server, which is how a device is met on local bearers.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: a task for each line, sockets"
)]

#[cfg(feature = "serial")]
mod serial;

use crate::address::{Address, AddressError};
use crate::arrival::{AbortOnDrop, Arrival, LineState, ListenSettings, Listening};
use crate::obex::{End, Host, Place, Role, Transport, serve};

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How long a line that cannot be opened is left alone.
const PAUSE: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(16),
    Duration::from_mins(1),
];

/// Waits at `address` until the returned value is dropped. Whoever begins a session arrives in
/// `arrivals`; while `busy`, those who connect anew are told so (0xD3).
///
/// A line that is not there, or goes away, is waited for: [`Listening::state`] says so.
pub fn listen(
    address: &Address,
    settings: ListenSettings,
    arrivals: mpsc::Sender<Arrival>,
    busy: watch::Receiver<bool>,
) -> Result<Listening, AddressError> {
    let role = Role::Device {
        identity: settings.identity.clone(),
        bootstraps: settings.bootstraps,
    };
    start(address, role, settings, arrivals, busy)
}

/// The same for a Device Management System: devices connect and begin with a message.
pub fn listen_for_devices(
    address: &Address,
    settings: ListenSettings,
    arrivals: mpsc::Sender<Arrival>,
) -> Result<Listening, AddressError> {
    let (_, never) = watch::channel(false);
    start(address, Role::System, settings, arrivals, never)
}

fn start(
    address: &Address,
    role: Role,
    settings: ListenSettings,
    arrivals: mpsc::Sender<Arrival>,
    busy: watch::Receiver<bool>,
) -> Result<Listening, AddressError> {
    let place = Place::parse(address.as_str())?;
    let (state, watched) = watch::channel(LineState::Opening);
    let host = Host {
        role,
        address: address.to_string(),
        receive: place.receive(),
        noisy: false,
        leaves: false,
        credentials: settings.credentials,
        max_message: settings.max_message,
        timeouts: settings.timeouts,
        arrivals,
        busy,
        state: Arc::new(state),
        connected: Arc::default(),
    };
    let task = tokio::spawn(wait(place, host));
    Ok(Listening {
        address: address.to_string(),
        state: watched,
        _task: AbortOnDrop(task),
    })
}

/// Connections of one address at once: one that is stuck must not keep the next one out.
const CONNECTIONS: usize = 4;

async fn wait(place: Place, mut host: Host) {
    #[cfg(feature = "serial")]
    if let Place::Serial(address) = place {
        return serial::wait(address, host).await;
    }
    loop {
        let socket = opened(&mut host, &place).await;
        let error = accept_all(&host, &socket).await;
        away(&mut host, &error);
    }
}

/// What peers connect to.
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    async fn bind(place: &Place) -> io::Result<Self> {
        match place {
            Place::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Place::Unix(path) => bind_unix(path).await.map(Self::Unix),
            #[cfg(feature = "serial")]
            Place::Serial(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    async fn accept(&self) -> io::Result<Box<dyn Transport>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

/// Opens what is listened on, for as long as it takes.
async fn opened(host: &mut Host, place: &Place) -> Socket {
    let mut pauses = PAUSE.into_iter();
    let mut pause = Duration::ZERO;
    loop {
        match Socket::bind(place).await {
            Ok(socket) => {
                log::info!("{}: waits for a peer", host.address);
                host.state.send_replace(LineState::Waiting);
                return socket;
            }
            Err(error) => away(host, &error),
        }
        pause = pauses.next().unwrap_or(pause);
        tokio::time::sleep(pause).await;
    }
}

/// Says once why a line is not there.
fn away(host: &mut Host, error: &io::Error) {
    let state = LineState::Away(error.to_string());
    if *host.state.borrow() != state {
        log::warn!("{}: {error}; it is tried again", host.address);
        host.state.send_replace(state);
    }
}

/// Serves whoever connects until no more can be accepted.
async fn accept_all(host: &Host, socket: &Socket) -> io::Error {
    let mut connections = JoinSet::new();
    let mut failures = 0;
    loop {
        tokio::select! {
            accepted = socket.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok(stream) => {
                    failures = 0;
                    connections.spawn(one(stream, host.clone()));
                }
                // Out of descriptors, or a peer that was gone at once.
                Err(error) => {
                    failures += 1;
                    // A new socket would not help those who are connected.
                    if failures > 100 && connections.is_empty() {
                        return error;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(ended) = connections.join_next() => drop(ended),
        }
    }
}

async fn one(mut stream: Box<dyn Transport>, mut host: Host) {
    match serve(&mut stream, &mut host).await {
        End::HungUp(Ok(())) | End::Disconnected => log::debug!("{}: hung up", host.address),
        End::HungUp(Err(error)) => log::debug!("{}: {error}", host.address),
        End::GivenUp(fault) => log::debug!("{}: {fault}", host.address),
    }
}

/// Binds a socket. One that nobody listens on any more is left over from an earlier run.
async fn bind_unix(path: &Path) -> io::Result<UnixListener> {
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
