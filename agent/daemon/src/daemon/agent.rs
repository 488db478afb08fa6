//! The event loop: one thread owns all state, so nothing is locked.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: waits for whatever comes first"
)]

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use omadm_bindings::Arrival;
use omadm_dm::Tree;
use omadm_dm::session::{Cancel, ExecKey, StoreError};
use omadm_syncml::{GenericAlert, Now};
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;

use super::account::Book;
use super::clock::{Alarm, ClockWatch, now};
use super::commit::Commit;
use super::elapsed::Known;
use super::kpis::{Collected, Kpis};
use super::lines::Lines;
use super::network::{Changed, NetworkWatch};
use super::notified::Counters;
use super::queue::Queue;
use super::schedule::Dice;
use super::sessions::{Running, Step, Waiter};
use super::{notify, status};
use crate::config::Config;
use crate::control::Asked;
use crate::control::wire::SessionState;
use crate::event;
use crate::store::Store;

/// How long a session may take to say goodbye when the daemon stops.
const STOP: Duration = Duration::from_secs(5);

/// All state of the daemon.
pub(super) struct Agent {
    pub config: Config,
    pub config_file: Option<PathBuf>,
    pub dev_id: String,
    pub started: Now,
    pub tree: Tree,
    pub store: Store,
    pub book: Book,
    /// Waiting for a server's answer, oldest first.
    pub alerts: Vec<GenericAlert>,
    pub execs: VecDeque<ExecKey>,
    pub queue: Queue<Waiter>,
    pub running: Option<Running>,
    pub last_session: Option<SessionState>,
    pub commit: Option<Commit>,
    /// Where the device waits for servers.
    pub lines: Lines,
    /// The accounts or the configuration have changed what lines there are, and on which terms.
    pub lines_due: bool,
    /// Servers that have begun to speak and are not heard yet, one for each line.
    pub arrivals: VecDeque<Arrival>,
    /// The account whose server had the last session that began, if it had asked for it.
    pub heard: Option<String>,
    /// When a server is heard again that asks without a notification, on `CLOCK_BOOTTIME`.
    pub polls_from: Duration,
    /// What has come of the wishes of servers for sessions.
    pub counters: Counters,
    pub kpis: Kpis,
    /// Calls that have to wait for the transaction on its way.
    pub deferred: VecDeque<Asked>,
    /// What is known of the time.
    pub known: Known,
    /// What the kernel calls this boot.
    pub boot_id: Option<String>,
    /// How many links lead to the world; `None` until it is known.
    pub uplinks: Option<usize>,
    /// When the links were looked at last for an account that waits for one.
    pub looked_at: Duration,
    /// A session has begun that is noted in the store.
    pub in_session: bool,
    pub watchdog: Option<Duration>,
    pub alive_at: Duration,
    /// When the daemon ends whatever happens; `None` while it is not asked to stop.
    pub stop_at: Option<Duration>,
}

/// What wakes the loop besides calls and sessions.
pub(super) struct Wakers {
    pub signals: Signals,
    pub alarm: Alarm,
    pub clock: ClockWatch,
    /// Absent where the kernel does not tell.
    pub network: Option<NetworkWatch>,
    /// Servers that begin to speak on a line.
    pub arrivals: mpsc::Receiver<Arrival>,
}

/// What the process is told by signals.
pub(super) struct Signals {
    pub terminate: Signal,
    pub interrupt: Signal,
    pub hang_up: Signal,
}

enum Event {
    Stop,
    Reload,
    Asked(Asked),
    Committed(Result<(), StoreError>),
    Session(Step),
    ClockSet,
    Collected(Collected),
    Network(io::Result<Changed>),
    Arrived(Arrival),
    Time,
}

impl Agent {
    /// Runs until a signal ends it.
    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Asked>, mut wakers: Wakers) {
        notify::ready(&status::line(&self));
        event::ready(&self.dev_id);
        while self.turn(&mut asked, &mut wakers).await {}
        self.end(now()).await;
        event::stopped();
    }

    /// Does what is due, waits for whatever comes first and takes it. Says whether to go on.
    pub(super) async fn turn(
        &mut self,
        asked: &mut mpsc::Receiver<Asked>,
        wakers: &mut Wakers,
    ) -> bool {
        self.work(now());
        if self.is_done() {
            return false;
        }
        let next = self.next(now());
        // A message is taken only when the tree stands still.
        let settled = self.commit.is_none();
        let read = settled && !self.kpis.has_session();
        let (goes_on, hears) = (self.stop_at.is_none(), self.hears_arrivals());
        let event = tokio::select! {
            event = wakers.signals.next() => event,
            result = committed(&mut self.commit) => Event::Committed(result),
            step = stepped(&mut self.running, read) => Event::Session(step),
            Some(arrival) = wakers.arrivals.recv(), if hears => Event::Arrived(arrival),
            collected = self.kpis.next(), if settled => Event::Collected(collected),
            Some(asked) = asked.recv(), if goes_on => Event::Asked(asked),
            result = wakers.clock.set() => told(result, Event::ClockSet).await,
            changed = changed(&mut wakers.network) => Event::Network(changed),
            result = wakers.alarm.wait(next) => told(result, Event::Time).await,
        };
        if let Event::Network(Err(_)) = event {
            wakers.network = None;
        }
        self.handle(event, now());
        true
    }

    fn handle(&mut self, event: Event, now: Now) {
        match event {
            Event::Stop => self.stop(now),
            Event::Reload => self.reload_by_signal(now),
            Event::Asked(asked) => self.answer(asked, now),
            Event::Committed(result) => self.committed(result, now),
            Event::Session(step) => self.step(step, now),
            Event::ClockSet => self.clock_set(now),
            Event::Collected(collected) => self.collected(collected, now),
            Event::Network(Ok(changed)) => self.network_changed(&changed, now),
            Event::Network(Err(error)) => {
                log::error!("the kernel tells no more of the network: {error}");
            }
            Event::Arrived(arrival) => self.arrived(arrival),
            Event::Time => {}
        }
    }

    /// What is to be done because its time has come.
    fn work(&mut self, now: Now) {
        if self.watchdog.is_some() && now.boot >= self.alive_at {
            notify::alive();
            self.alive_at = now.boot + self.watchdog.unwrap_or_default();
        }
        if !self.is_held() {
            self.session_timeout(now);
        }
        if self.stop_at.is_some() {
            return;
        }
        if now.boot >= self.known.keep_at() {
            self.keep_time(now);
        }
        self.look_for_links(now);
        self.settle_lines();
        let (moment, clock) = (self.moment(now), self.clock_wait(now));
        let busy = self.running.as_ref().map(|running| &*running.account.name);
        for (account, causes) in self.book.take_due(moment, clock, busy) {
            self.queue.push(&account, &causes, None);
        }
        self.take_turns(now);
        self.lines.set_busy(self.is_busy());
    }

    /// Hears the servers that have begun to speak and begins what waits. A server goes first, but
    /// not twice in a row while other accounts wait.
    fn take_turns(&mut self, now: Now) {
        let heard = self.heard.as_deref();
        if heard.is_some_and(|account| self.queue.has_others(account)) {
            self.begin_waiting(now);
        }
        self.take_up_arrivals(now);
        self.begin_waiting(now);
    }

    fn begin_waiting(&mut self, now: Now) {
        while self.running.is_none()
            && self.commit.is_none()
            && let Some(waiting) = self.queue.pop()
        {
            self.heard = None;
            self.begin(waiting, now);
        }
    }

    /// When something is to be done next although nothing happens, on `CLOCK_BOOTTIME`.
    fn next(&self, now: Now) -> Option<Duration> {
        let watchdog = self.watchdog.map(|_| self.alive_at);
        let session = self.running.as_ref().map(Running::deadline);
        let session = session.filter(|_| !self.is_held());
        let busy = self.running.as_ref().map(|running| &*running.account.name);
        let due = self.book.next_due(self.clock_wait(now), busy);
        let kept = Some(self.known.keep_at());
        let look = self.next_look();
        let [due, kept, look] =
            [due, kept, look].map(|time| time.filter(|_| self.stop_at.is_none()));
        let times = [watchdog, session, due, kept, look, self.stop_at];
        times.into_iter().flatten().min()
    }

    /// The last that is stored: the time, and that no session runs.
    async fn end(&mut self, now: Now) {
        let mut changes = vec![self.time_known(now)];
        if self.in_session {
            changes.push(self.session_over());
        }
        // Without it the daemon merely counts as having crashed in this session.
        drop(self.store.commit(changes).await);
    }

    /// Whether a transaction or a reading on its way keeps the session from noticing the time.
    fn is_held(&self) -> bool {
        self.commit.is_some() || self.kpis.has_session()
    }

    fn is_done(&self) -> bool {
        self.stop_at
            .is_some_and(|at| (self.running.is_none() && self.commit.is_none()) || now().boot >= at)
    }

    pub(super) fn stop(&mut self, now: Now) {
        if self.stop_at.is_some() {
            return;
        }
        notify::stopping();
        self.stop_at = Some(now.boot + STOP);
        // Whoever waits is told so when its call is dropped.
        self.deferred.clear();
        self.arrivals.clear();
        self.lines.set_busy(true);
        while self.queue.pop().is_some() {}
        self.cancel_session(Cancel::Shutdown, now);
    }
}

impl Signals {
    async fn next(&mut self) -> Event {
        tokio::select! {
            _ = self.terminate.recv() => Event::Stop,
            _ = self.interrupt.recv() => Event::Stop,
            _ = self.hang_up.recv() => Event::Reload,
        }
    }
}

/// A clock that cannot be waited for is tried again: without it, nothing would be done in time.
async fn told(result: io::Result<()>, event: Event) -> Event {
    if let Err(error) = result {
        log::error!("a timer of the kernel failed: {error}");
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    event
}

async fn changed(network: &mut Option<NetworkWatch>) -> io::Result<Changed> {
    match network {
        Some(network) => network.changed().await,
        None => std::future::pending().await,
    }
}

async fn committed(commit: &mut Option<Commit>) -> Result<(), StoreError> {
    match commit {
        Some(commit) => commit.finished().await,
        None => std::future::pending().await,
    }
}

async fn stepped(running: &mut Option<Running>, may: bool) -> Step {
    match running {
        Some(running) if may => running.step().await,
        _ => std::future::pending().await,
    }
}

/// Randomness for schedules; without a source the middle is as good as anything.
pub(super) fn dice() -> Dice {
    let mut octets = [0; 8];
    match getrandom::fill(&mut octets) {
        Ok(()) => u64::from_ne_bytes(octets),
        Err(_) => u64::MAX / 2,
    }
}
