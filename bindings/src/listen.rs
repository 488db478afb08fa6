//! Waits on a line as an OBEX server, which is how a device is met on local bearers.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: a task for each line, pauses"
)]

use crate::address::{Address, AddressError};
use crate::arrival::{AbortOnDrop, Arrival, LineState, ListenSettings, Listening};
use crate::obex::{End, Host, Link, Listener, Place, Role, serve};

use std::io;
use std::sync::Arc;
use std::time::Duration;
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
    let place = crate::place(address)?;
    Ok(listen_at(place, address.as_str(), settings, arrivals, busy))
}

/// The same at a place of the caller's own making, which is called `address`.
pub fn listen_at(
    place: Box<dyn Place>,
    address: &str,
    settings: ListenSettings,
    arrivals: mpsc::Sender<Arrival>,
    busy: watch::Receiver<bool>,
) -> Listening {
    let role = Role::Device {
        identity: settings.identity.clone(),
        bootstraps: settings.bootstraps,
    };
    start(place, address, role, settings, arrivals, busy)
}

/// The same for a Device Management System: devices connect and begin with a message.
pub fn listen_for_devices(
    address: &Address,
    settings: ListenSettings,
    arrivals: mpsc::Sender<Arrival>,
) -> Result<Listening, AddressError> {
    let place = crate::place(address)?;
    let (_, never) = watch::channel(false);
    let address = address.as_str();
    Ok(start(
        place,
        address,
        Role::System,
        settings,
        arrivals,
        never,
    ))
}

fn start(
    place: Box<dyn Place>,
    address: &str,
    role: Role,
    settings: ListenSettings,
    arrivals: mpsc::Sender<Arrival>,
    busy: watch::Receiver<bool>,
) -> Listening {
    let (state, watched) = watch::channel(LineState::Opening);
    let host = Host {
        role,
        address: address.to_owned(),
        receive: place.receive(),
        noisy: place.is_noisy(),
        leaves: false,
        bonded: None,
        credentials: settings.credentials.clone(),
        max_message: settings.max_message,
        timeouts: settings.timeouts,
        arrivals,
        busy,
        state: Arc::new(state),
        connected: Arc::default(),
    };
    let task = tokio::spawn(wait(place, host, settings));
    Listening {
        address: address.to_owned(),
        state: watched,
        _task: AbortOnDrop(task),
    }
}

/// Connections of one address at once: one that is stuck must not keep the next one out.
const CONNECTIONS: usize = 4;

async fn wait(place: Box<dyn Place>, mut host: Host, settings: ListenSettings) {
    if let Some(own) = place.wait(&host) {
        return own.await;
    }
    let mut connections = JoinSet::new();
    loop {
        let mut listener = opened(&mut host, &*place, &settings).await;
        let error = accept_all(&host, &mut *listener, &mut connections).await;
        away(&mut host, &error);
    }
}

/// Opens what is listened on, for as long as it takes.
async fn opened(
    host: &mut Host,
    place: &dyn Place,
    settings: &ListenSettings,
) -> Box<dyn Listener> {
    let mut pauses = PAUSE.into_iter();
    let mut pause = Duration::ZERO;
    loop {
        match place.listen(settings).await {
            Ok(listener) => {
                log::info!("{}: waits for a peer", host.address);
                host.state.send_replace(LineState::Waiting);
                return listener;
            }
            Err(error) => away(host, &error),
        }
        pause = pauses.next().unwrap_or(pause).min(place.patience());
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
async fn accept_all(
    host: &Host,
    listener: &mut dyn Listener,
    connections: &mut JoinSet<()>,
) -> io::Error {
    let mut failures = 0;
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok(link) => {
                    failures = 0;
                    connections.spawn(one(link, host.clone()));
                }
                // Out of descriptors, or a peer that was gone at once.
                Err(error) => {
                    // Whoever is not let in says nothing of the line.
                    if error.kind() != io::ErrorKind::PermissionDenied {
                        failures += 1;
                    }
                    // A new socket would not help those who are connected.
                    if listener.is_lost() || failures > 100 && connections.is_empty() {
                        return error;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(ended) = connections.join_next() => drop(ended),
        }
    }
}

async fn one(link: Link, mut host: Host) {
    let Link {
        mut transport,
        bonded,
    } = link;
    host.bonded = bonded;
    match serve(&mut transport, &mut host).await {
        End::HungUp(Ok(())) | End::Disconnected => log::debug!("{}: hung up", host.address),
        End::HungUp(Err(error)) => log::debug!("{}: {error}", host.address),
        End::GivenUp(fault) => log::debug!("{}: {fault}", host.address),
    }
}
