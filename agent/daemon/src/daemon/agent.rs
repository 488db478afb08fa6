//! The event loop: one thread owns all state, so nothing is locked.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: waits for whatever comes first"
)]

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use omadm_dm::Tree;
use omadm_dm::session::{Cancel, ExecKey, StoreError};
use omadm_syncml::{GenericAlert, Now};
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;

use super::account::Book;
use super::clock::now;
use super::commit::Commit;
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

/// The loop looks at the clock this often at least: its timers stand still while the machine
/// sleeps, `CLOCK_BOOTTIME` does not.
const LOOK: Duration = Duration::from_mins(10);

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
    /// Calls that have to wait for the transaction on its way.
    pub deferred: VecDeque<Asked>,
    /// The wall clock at the boot of the machine, as it was last seen; `None` until plausible.
    pub clock_offset: Option<Duration>,
    pub watchdog: Option<Duration>,
    pub alive_at: Duration,
    /// When the daemon ends whatever happens; `None` while it is not asked to stop.
    pub stop_at: Option<Duration>,
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
    Time,
}

impl Agent {
    /// Runs until a signal ends it.
    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Asked>, mut signals: Signals) {
        notify::ready(&status::line(&self));
        event::ready(&self.dev_id);
        loop {
            self.work(now());
            if self.is_done() {
                break;
            }
            let wait = self.wait(now());
            // A message is taken only when the tree stands still.
            let settled = self.commit.is_none();
            let event = tokio::select! {
                event = signals.next() => event,
                result = committed(&mut self.commit) => Event::Committed(result),
                step = stepped(&mut self.running, settled) => Event::Session(step),
                Some(asked) = asked.recv(), if self.stop_at.is_none() => Event::Asked(asked),
                () = tokio::time::sleep(wait) => Event::Time,
            };
            self.handle(event, now());
        }
        event::stopped();
    }

    fn handle(&mut self, event: Event, now: Now) {
        match event {
            Event::Stop => self.stop(now),
            Event::Reload => self.reload_by_signal(now),
            Event::Asked(asked) => self.answer(asked, now),
            Event::Committed(result) => self.committed(result, now),
            Event::Session(step) => self.step(step, now),
            Event::Time => {}
        }
    }

    /// What is to be done because its time has come.
    fn work(&mut self, now: Now) {
        if self.watchdog.is_some() && now.boot >= self.alive_at {
            notify::alive();
            self.alive_at = now.boot + self.watchdog.unwrap_or_default();
        }
        if self.commit.is_none() {
            self.session_timeout(now);
        }
        if self.stop_at.is_some() {
            return;
        }
        self.notice_clock(now);
        for (account, cause) in self.book.take_due(now) {
            self.queue.push(&account, cause, None);
        }
        while self.running.is_none()
            && self.commit.is_none()
            && let Some(waiting) = self.queue.pop()
        {
            self.begin(waiting, now);
        }
    }

    fn wait(&self, now: Now) -> Duration {
        let watchdog = self.watchdog.map(|_| self.alive_at);
        let session = self.running.as_ref().map(Running::deadline);
        // A transaction on its way keeps the session from noticing the time.
        let session = session.filter(|_| self.commit.is_none());
        let due = self.book.next_due();
        let due = due.filter(|_| self.stop_at.is_none());
        let times = [watchdog, session, due, self.stop_at];
        let next = times.into_iter().flatten().min();
        next.map_or(LOOK, |next| next.saturating_sub(now.boot).min(LOOK))
    }

    fn is_done(&self) -> bool {
        self.stop_at
            .is_some_and(|at| (self.running.is_none() && self.commit.is_none()) || now().boot >= at)
    }

    fn stop(&mut self, now: Now) {
        if self.stop_at.is_some() {
            return;
        }
        notify::stopping();
        self.stop_at = Some(now.boot + STOP);
        // Whoever waits is told so when its call is dropped.
        self.deferred.clear();
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
