//! Devices on lines: serial ports, and whatever else carries OBEX (OMA-TS-SyncML_OBEXBinding 1.2).
//!
//! Usually the device waits and the server dials it: the server notifies it, and the session goes
//! over the same connection. A device may dial as well.

mod address;
mod exchange;
mod failure;
mod line;
mod repeats;
mod schedule;
mod waiting;

use crate::error::Error;
use crate::server::{Policy, Server, Wish};
use crate::worker::{self, Worker};
use omadm_bindings::obex::{DialSettings, ObexCredential};
use omadm_bindings::{Identity, ListenSettings, Listening, listen_for_devices};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use address::{LineAddress, waited};
pub use exchange::Met;
pub use failure::Failure;

use exchange::Caller;
use line::Line;

/// How long opening a line may take.
const CONNECT: Duration = Duration::from_secs(30);

/// How long a device may take to answer a packet; one that thinks says so meanwhile.
const RESPONSE: Duration = Duration::from_mins(2);

/// Devices that begin a session at the same moment.
const ARRIVALS: usize = 16;

/// The lines of a server.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The devices that are dialled.
    pub lines: Vec<LineAddress>,
    /// Where devices dial.
    pub listen: Vec<omadm_bindings::Address>,
    /// How often a device is dialled for which nothing waits.
    pub every: Option<Duration>,
    /// What is proven in OBEX where a device has no credential of its own.
    pub credential: Option<ObexCredential>,
}

/// The tasks of all lines.
pub(crate) struct Lines {
    tasks: JoinSet<()>,
    _listening: Vec<Listening>,
}

impl Lines {
    /// Gives up what is under way. When this is done, nobody asks the database any more.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Begins to dial and to wait.
pub(crate) async fn start(
    options: Options,
    policy: &Policy,
    worker: &Worker,
) -> Result<Lines, Error> {
    let mut tasks = JoinSet::new();
    for line in &options.lines {
        let lines = options.lines.len();
        line::check(line, lines, worker).await?;
        let caller = Caller {
            worker: worker.clone(),
            address: line.address.clone(),
            settings: settings(policy, options.credential.clone()),
            patience: policy.idle,
        };
        tasks.spawn(Line::new(caller, line.device.clone(), options.every).run());
    }
    let mut listening = Vec::new();
    if !options.listen.is_empty() {
        let settings = listen_settings(&options, policy, worker).await?;
        let (arrivals, arrived) = mpsc::channel(ARRIVALS);
        for address in &options.listen {
            let waits = listen_for_devices(address, settings.clone(), arrivals.clone());
            listening.push(waits.map_err(|e| Error::Usage(format!("{address}: {e}")))?);
        }
        tasks.spawn(waiting::receive(arrived, worker.clone(), policy.idle));
    }
    Ok(Lines {
        tasks,
        _listening: listening,
    })
}

fn settings(policy: &Policy, credential: Option<ObexCredential>) -> DialSettings {
    DialSettings {
        credential,
        // The device proves itself in SyncML; one that wants more proof asks for it.
        mutual: false,
        connect_timeout: CONNECT,
        response_timeout: RESPONSE,
        max_message: policy.max_message,
    }
}

/// Devices that dial prove what all of them know, or what is their own; nothing when no common
/// credential is given, because then some may have none.
async fn listen_settings(
    options: &Options,
    policy: &Policy,
    worker: &Worker,
) -> Result<ListenSettings, Error> {
    let mut credentials: Vec<ObexCredential> = options.credential.iter().cloned().collect();
    if !credentials.is_empty() {
        let own = worker.ask(|server| server.store().obex_credentials()).await;
        credentials.extend(own.map_err(|_| stopping())??);
    }
    Ok(ListenSettings {
        gadget: None,
        peers: Vec::new(),
        bootstraps: false,
        credentials,
        max_message: policy.max_message,
        identity: Identity::default(),
        timeouts: omadm_bindings::obex::ServerTimeouts::default(),
    })
}

/// Dials a line once, asks its device for a session and serves it.
pub fn dial_once(
    server: Server,
    policy: &Policy,
    address: &omadm_bindings::Address,
    wish: Wish,
) -> Result<Met, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let failed = |what: &str, source| {
        let what = what.to_owned();
        Failure::Own(Error::Io { what, source })
    };
    let runtime = runtime.map_err(|source| failed("cannot start", source))?;
    let (worker, thread) = worker::start(server).map_err(Failure::Own)?;
    let caller = Caller {
        worker,
        address: address.clone(),
        settings: settings(policy, None),
        patience: policy.idle,
    };
    let met = runtime.block_on(caller.call(wish));
    drop(caller);
    thread.join();
    met
}

fn stopping() -> Error {
    Error::Unavailable("the server is stopping".into())
}
