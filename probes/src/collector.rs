//! Runs the probes so that one that is stuck costs its own KPIs and nothing else.
//!
//! A read of sysfs or of a file system whose device is dead cannot be interrupted. So the probes
//! run on a thread that is made for the collection and ends with it. When one does not come back,
//! another thread goes on with the rest; the stuck one is left behind with its source, which is
//! asked again only after it has come back. There are never more threads than sources.
#![expect(clippy::disallowed_methods, reason = "driver: threads and the clock")]

use std::{
    collections::VecDeque,
    io, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};

use crate::{ALL, KpiSet, Probe, Samples, Sources, last::Last};

/// How long one source keeps the others waiting.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a collection waits for a source; what takes longer is overdue.
const DEADLINE: Duration = Duration::from_secs(2);

/// Probes read flat files: no deep stack is needed.
const STACK: usize = 256 * 1024;

/// Collects again and again, whatever the sources do.
pub struct Collector {
    make: Box<dyn Fn() -> Sources + Send>,
    sources: Vec<Source>,
    shared: Arc<Shared>,
    /// Counts the collections, to tell late answers from those that are waited for.
    turn: u64,
}

/// A probe and what it brought.
struct Source {
    name: &'static str,
    kpis: KpiSet,
    /// `None` while a thread has it.
    probe: Option<Box<dyn Probe + Send>>,
    buffer: Samples,
    last: Last,
    /// Since when it owes an answer.
    asked: Duration,
    /// The collection that it has answered last.
    answered: u64,
}

/// What the collector and its threads share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told when a thread ends.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Threads that were made and have not taken a source yet.
    starting: usize,
    running: Vec<Running>,
    done: Vec<Done>,
    /// What the threads that have ended read from, with their buffers.
    idle: Vec<Sources>,
}

/// A source to be read.
struct Job {
    source: usize,
    turn: u64,
    probe: Box<dyn Probe + Send>,
    wanted: KpiSet,
    samples: Samples,
}

/// A source that is being read.
struct Running {
    source: usize,
    since: Duration,
}

/// A source that has come back.
struct Done {
    job: Job,
    at: Duration,
}

impl Collector {
    /// A collector of all KPIs; `make` says where one thread reads.
    pub fn new(make: impl Fn() -> Sources + Send + 'static) -> Self {
        Self {
            make: Box::new(make),
            sources: ALL.iter().map(|make| Source::new(make())).collect(),
            shared: Arc::default(),
            turn: 0,
        }
    }

    /// Reads the wanted KPIs into samples that may be kept from the last time.
    ///
    /// `out` is cleared first. In the place of a source that is overdue stands what it brought
    /// last, with its age; what it never brought has failed. Waits for the deadline at most, and a
    /// moment more for each source that has got stuck since the last time.
    pub fn collect_into(&mut self, wanted: &KpiSet, out: &mut Samples) {
        out.clear();
        self.turn += 1;
        self.take_back();
        self.lay_out(wanted);
        if let Err(error) = self.wait() {
            log::warn!("KPIs are not read, for want of a thread: {error}");
        }
        self.take_back();
        let now = now();
        for source in &self.sources {
            let own = source.kpis.intersection(wanted);
            if own.is_empty() {
                continue;
            }
            if source.answered == self.turn {
                let fresh = source.last.fresh();
                fresh.for_each(|sample| out.push(sample.clone()));
            } else {
                let (name, since) = (source.name, source.asked);
                source.last.stand_in(name, &own, since, now, out);
            }
        }
    }

    /// Lays out the sources that are wanted and not stuck.
    fn lay_out(&mut self, wanted: &KpiSet) {
        let now = now();
        let mut state = self.shared.lock();
        for (index, source) in self.sources.iter_mut().enumerate() {
            let own = source.kpis.intersection(wanted);
            if own.is_empty() {
                continue;
            }
            let Some(probe) = source.probe.take() else {
                continue;
            };
            source.asked = now;
            let mut samples = mem::take(&mut source.buffer);
            samples.clear();
            state.waiting.push_back(Job {
                source: index,
                turn: self.turn,
                probe,
                wanted: own,
                samples,
            });
        }
    }

    /// Waits until each source has come back or is overdue, and sees to it that those that wait
    /// behind a slow one get a thread of their own.
    fn wait(&self) -> io::Result<()> {
        let mut spawned = now();
        let mut state = self.shared.lock();
        loop {
            let now = now();
            let Some(next) = state.next(now) else {
                return Ok(());
            };
            let must_begin = !state.waiting.is_empty() && state.starting == 0;
            if must_begin && state.are_slow(now) {
                let sources = state.idle.pop().unwrap_or_else(&self.make);
                spawn(&self.shared, sources)?;
                state.starting += 1;
                spawned = now;
            }
            // A thread that was made and is not let run leaves its sources to the next time.
            if state.starting > 0 && now >= spawned + DEADLINE {
                return Ok(());
            }
            let waited = self.shared.ended.wait_timeout(state, next);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes back the sources that have come back, and those that nobody has begun.
    fn take_back(&mut self) {
        let mut state = self.shared.lock();
        let done = mem::take(&mut state.done);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        for Done { job, at } in done {
            if let Some(source) = self.sources.get_mut(job.source) {
                source.probe = Some(job.probe);
                source.buffer = source.last.learn(at, job.wanted, job.samples);
                source.answered = job.turn;
            }
        }
        for job in waiting {
            if let Some(source) = self.sources.get_mut(job.source) {
                source.probe = Some(job.probe);
                source.buffer = job.samples;
            }
        }
    }
}

impl Source {
    fn new(probe: Box<dyn Probe + Send>) -> Self {
        Self {
            name: probe.name(),
            kpis: probe.kpis(),
            probe: Some(probe),
            buffer: Samples::new(),
            last: Last::default(),
            asked: Duration::ZERO,
            answered: 0,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How long there is nothing to do but wait; `None` when there is nothing to wait for.
    fn next(&self, now: Duration) -> Option<Duration> {
        let left = |running: &Running, most| (running.since + most).checked_sub(now);
        let overdue = self.running.iter().filter_map(|r| left(r, DEADLINE)).min();
        if self.waiting.is_empty() && self.starting == 0 {
            return overdue.filter(|left| !left.is_zero());
        }
        let slow = self.running.iter().filter_map(|r| left(r, PATIENCE)).min();
        Some(slow.filter(|left| !left.is_zero()).unwrap_or(PATIENCE))
    }

    /// Whether every thread is held up by its source.
    fn are_slow(&self, now: Duration) -> bool {
        let is_slow = |running: &Running| now >= running.since + PATIENCE;
        self.running.iter().all(is_slow)
    }
}

fn spawn(shared: &Arc<Shared>, sources: Sources) -> io::Result<()> {
    let shared = Arc::clone(shared);
    let thread = thread::Builder::new().name("kpi".to_owned());
    let work = move || work(&shared, sources);
    thread.stack_size(STACK).spawn(work).map(drop)
}

/// Reads what waits, one source after the other.
fn work(shared: &Shared, sources: Sources) {
    let mut since = now();
    let mut state = shared.lock();
    state.starting = state.starting.saturating_sub(1);
    while let Some(mut job) = state.waiting.pop_front() {
        let source = job.source;
        state.running.push(Running { source, since });
        drop(state);
        job.probe.collect(&sources, &job.wanted, &mut job.samples);
        since = now();
        state = shared.lock();
        state.running.retain(|running| running.source != source);
        state.done.push(Done { job, at: since });
    }
    state.idle.push(sources);
    drop(state);
    shared.ended.notify_one();
}

/// Time since the boot, with the time in which the machine slept.
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}
