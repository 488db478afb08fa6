//! The start of the daemon: everything that can be wrong is found here, before it is ready.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, Parser};
use nix::sys::stat::{Mode, umask};
use omadm_bindings::Arrival;
use omadm_dm::session::StoreError;
use omadm_probes::FsRoot;
use omadm_syncml::Now;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::account::Book;
use super::agent::{Agent, Signals, Wakers, dice};
use super::clock::{Alarm, ClockWatch};
use super::elapsed::Known;
use super::instance::{Instance, InstanceError};
use super::kpis::Kpis;
use super::lines::{self, Lines};
use super::network::NetworkWatch;
use super::notified::Counters;
use super::queue::Queue;
use super::{clock, crash, logging, notify, objects, plan};
use crate::config::{self, Config};
use crate::control::{Asked, Listener};
use crate::event;
use crate::exit;
use crate::identity::{DevId, Machine, Origin};
use crate::store::{Change, Loaded, OpenError, Store};

/// Keys of the store.
const DEV_ID: &str = "dev-id";
const DEV_ID_ORIGIN: &str = "dev-id-origin";
const BOOT: &str = "boot";

/// Calls that wait for the event loop, beyond one for each connection.
const CALLS: usize = 16;

/// The OMA DM agent.
#[derive(Debug, Parser)]
#[command(
    name = "omadmd",
    version,
    max_term_width = 100,
    after_help = "\
SIGHUP reads the configuration again; SIGTERM and SIGINT stop the agent.

Examples:
  omadmd                                with /etc/omadm/agent.toml and agent.toml.d/*.toml
  omadmd --config /tmp/lab/agent.toml   beside the one of this machine
  omadmd --new-device-id                on a copy of a device, once

Exit codes: 0 done, 64 usage, 69 the control socket cannot be opened, 74 the state cannot be
read or written, 75 another omadmd uses the state, 77 not permitted, 78 bad configuration."
)]
struct Options {
    /// The configuration; FILE.d/*.toml is laid over it.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_FILE)]
    config: PathBuf,
    /// Choose the device's identity anew, keep it, print it and exit; for a copy of a device.
    #[arg(long)]
    new_device_id: bool,
}

/// Why the daemon does not start.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn new(code: u8, reason: impl fmt::Display) -> Self {
        Self {
            code,
            message: reason.to_string(),
        }
    }
}

/// Runs the daemon until a signal ends it.
pub fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Nobody is left to be told when the standard streams are gone.
            drop(error.print());
            let code = if error.use_stderr() {
                exit::USAGE
            } else {
                exit::OK
            };
            return ExitCode::from(code);
        }
    };
    // What the daemon makes is its own, until it is opened on purpose.
    umask(Mode::from_bits_truncate(0o077));
    // A default that is not there means the built-in defaults.
    let named = options.config != Path::new(config::DEFAULT_FILE);
    match run(named.then_some(options.config), options.new_device_id) {
        Ok(()) => {
            log::logger().flush();
            ExitCode::from(exit::OK)
        }
        Err(failure) => {
            match failure.code {
                exit::IO => event::store_trouble(&failure.message, None),
                _ => log::error!("{}", failure.message),
            }
            log::logger().flush();
            ExitCode::from(failure.code)
        }
    }
}

/// The command line of `omadmd`, for its manual.
pub fn command() -> clap::Command {
    Options::command()
}

fn run(config_file: Option<PathBuf>, new_device_id: bool) -> Result<(), Failure> {
    let config = match config::load(config_file.as_deref()) {
        Ok(config) => config,
        Err(findings) => {
            logging::install(log::LevelFilter::Info);
            for finding in &findings {
                log::error!("{finding}");
            }
            let message = "omadmd does not start with this configuration";
            return Err(Failure::new(exit::CONFIG, message));
        }
    };
    logging::install(config.log_level.into());
    let _instance = Instance::take(&config.state_dir).map_err(|error| match error {
        InstanceError::Taken { .. } => Failure::new(exit::TRY_AGAIN, error),
        InstanceError::Io(_, ref cause) if cause.kind() == ErrorKind::PermissionDenied => {
            Failure::new(exit::NO_PERMISSION, error)
        }
        InstanceError::Io(..) => Failure::new(exit::IO, error),
    })?;
    let (store, loaded) = open_store(&config)?;
    let runtime = runtime().map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    if new_device_id {
        let (dev_id, changes) = choose(&config, kept(&loaded).as_ref())?;
        runtime.block_on(remember(&store, changes))?;
        println!("{dev_id}");
        return Ok(());
    }
    runtime.block_on(serve(config, config_file, store, loaded))?;
    // Threads that hang in the kernel must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(())
}

fn open_store(config: &Config) -> Result<(Store, Loaded), Failure> {
    Store::open(&config.state_dir.join("state.db")).map_err(|error| match error {
        OpenError::Newer { .. } => Failure::new(exit::CONFIG, error),
        OpenError::Damaged { .. } | OpenError::Unusable { .. } => Failure::new(exit::IO, error),
    })
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .thread_stack_size(512 * 1024)
        .thread_keep_alive(Duration::from_secs(2))
        .build()
}

async fn serve(
    config: Config,
    config_file: Option<PathBuf>,
    store: Store,
    loaded: Loaded,
) -> Result<(), Failure> {
    let (arriving, arrivals) = mpsc::channel(lines::ARRIVALS);
    let wakers = wakers(arrivals).map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    let (asked, calls) = mpsc::channel(CALLS);
    let listener =
        Listener::bind(&config.control).map_err(|error| Failure::new(exit::UNAVAILABLE, error))?;
    let agent = agent(config, config_file, (store, loaded), arriving).await?;
    let control = accept(listener, asked);
    agent.run(calls, wakers).await;
    // The connections get the chance to send what they have been answered.
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
    control.abort();
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "driver: starts the control task")]
fn accept(listener: Listener, asked: mpsc::Sender<Asked>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move { listener.accept_all(&asked).await })
}

pub(super) fn wakers(arrivals: mpsc::Receiver<Arrival>) -> std::io::Result<Wakers> {
    Ok(Wakers {
        signals: Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        },
        alarm: Alarm::new()?,
        clock: ClockWatch::new()?,
        network: network(),
        arrivals,
    })
}

/// Without it, only time brings a session that failed for want of a network.
fn network() -> Option<NetworkWatch> {
    let watch = NetworkWatch::new();
    let complain = |error: &std::io::Error| {
        log::warn!(
            "a network that comes is not noticed: {error}: the sandbox must allow AF_NETLINK \
             (RestrictAddressFamilies=)"
        );
    };
    watch.inspect_err(complain).ok()
}

/// The daemon; servers that begin to speak are announced through `arriving`.
pub(super) async fn agent(
    config: Config,
    config_file: Option<PathBuf>,
    (store, loaded): (Store, Loaded),
    arriving: mpsc::Sender<Arrival>,
) -> Result<Agent, Failure> {
    let now = clock::now();
    let (dev_id, changes) = identity(&config, &loaded)?;
    remember(&store, changes).await?;
    let book = book(&loaded);
    let boot_id = clock::boot_id();
    let this_boot = boot_id
        .clone()
        .filter(|boot| loaded.meta.get(BOOT) != Some(boot));
    let new_boot = this_boot.is_some();
    let kept = |key: &str| loaded.meta.get(key).map(String::as_str);
    let seen = book.latest();
    let mut known = Known::load(kept(plan::CLOCK), seen, boot_id.is_some() && !new_boot, now);
    let crashed = crash::found(kept(crash::KEY), boot_id.as_deref());
    if let Err(failure) = remember(&store, boot_changes(this_boot, &mut known, now)).await {
        // Whoever has to make room on a full disk needs the daemon.
        log::error!("this boot is not remembered: {}", failure.message);
    }
    let kpis = Kpis::new(config.control.rights_dir.clone());
    let tree = objects::tree(&config, &dev_id, loaded.nodes, &kpis.board)
        .map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    let machine = Machine::read(&config.device, &FsRoot::system());
    let lines = Lines::new(lines::identity(&machine, &dev_id), arriving);
    let watchdog = notify::watchdog();
    let mut agent = Agent {
        config,
        config_file,
        dev_id: dev_id.text,
        started: now,
        tree,
        store,
        book,
        alerts: loaded.alerts,
        execs: loaded.execs.into(),
        queue: Queue::new(),
        running: None,
        last_session: None,
        commit: None,
        lines,
        lines_due: true,
        arrivals: std::collections::VecDeque::new(),
        heard: None,
        polls_from: Duration::ZERO,
        counters: Counters::default(),
        kpis,
        deferred: std::collections::VecDeque::new(),
        known,
        boot_id,
        uplinks: None,
        looked_at: now.boot,
        in_session: false,
        watchdog,
        alive_at: now.boot,
        stop_at: None,
    };
    agent.plan_start(new_boot, crashed, now);
    Ok(agent)
}

/// What is stored about a new boot of the machine.
fn boot_changes(new: Option<String>, known: &mut Known, now: Now) -> Vec<Change> {
    let Some(value) = new else {
        return Vec::new();
    };
    let time = Change::Meta {
        key: plan::CLOCK,
        value: known.note(now),
    };
    vec![Change::Meta { key: BOOT, value }, time]
}

/// The identity that was chosen at the first start, or a new one.
fn identity(config: &Config, loaded: &Loaded) -> Result<(DevId, Vec<Change>), Failure> {
    let fs = FsRoot::system();
    if let Some(id) = kept(loaded) {
        if id.is_copied(&fs) {
            log::warn!(
                "DevId {id} was made on another machine: if this is a copy of a device, both \
                 have one id; choose a new one with: omadmd --new-device-id"
            );
        }
        return Ok((id, Vec::new()));
    }
    choose(config, None)
}

/// The identity that the store has.
fn kept(loaded: &Loaded) -> Option<DevId> {
    let text = loaded.meta.get(DEV_ID)?.clone();
    let origin = loaded.meta.get(DEV_ID_ORIGIN);
    let origin = origin.and_then(|word| Origin::parse(word));
    Some(DevId {
        text,
        origin: origin.unwrap_or(Origin::Random),
    })
}

/// A new identity, another than the old one.
fn choose(config: &Config, old: Option<&DevId>) -> Result<(DevId, Vec<Change>), Failure> {
    let mut random = [0; 16];
    for (octet, thrown) in random.iter_mut().zip(dice_octets()) {
        *octet = thrown;
    }
    let id = DevId::choose(&config.device, &FsRoot::system(), old, random)
        .map_err(|error| Failure::new(exit::CONFIG, error))?;
    let changes = vec![
        Change::Meta {
            key: DEV_ID,
            value: id.text.clone(),
        },
        Change::Meta {
            key: DEV_ID_ORIGIN,
            value: id.origin.as_str().to_owned(),
        },
    ];
    Ok((id, changes))
}

fn dice_octets() -> impl Iterator<Item = u8> {
    std::iter::repeat_with(dice).flat_map(u64::to_ne_bytes)
}

fn book(loaded: &Loaded) -> Book {
    let mut book = Book::default();
    for (account, record) in &loaded.records {
        book.local(account).record = record.clone();
    }
    for (account, notified) in &loaded.notified {
        book.local(account).seen.add(*notified);
    }
    for (account, policy) in &loaded.policies {
        match serde_json::from_str(policy) {
            Ok(policy) => book.local(account).policy = Some(policy),
            // Nothing is granted then, which is safe; the message says what to do.
            Err(error) => log::error!(
                "the policy of account {account:?} cannot be read ({error}): remove the account \
                 and add it again"
            ),
        }
    }
    book
}

/// Stores what the start has decided, before anybody hears of it.
async fn remember(store: &Store, changes: Vec<Change>) -> Result<(), Failure> {
    if changes.is_empty() {
        return Ok(());
    }
    match store.commit(changes).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::new(exit::IO, error)),
        Err(_) => Err(Failure::new(
            exit::IO,
            StoreError::Failed("the store has stopped".to_owned()),
        )),
    }
}
