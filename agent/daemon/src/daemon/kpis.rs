//! Runs the probes outside the event loop: for `ReadKpis`, and for the live leaves that a session
//! or a local call wants.
#![expect(clippy::disallowed_methods, reason = "driver: runs the probes")]

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use omadm_dm::Snapshot;
use omadm_kpi::{KpiSet, Samples};
use omadm_probes::Collector;
use omadm_syncml::{Address, List, Now, Uri};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, mpsc};
use tokio::time::timeout;

use super::agent::Agent;
use super::nodes;
use crate::cli;
use crate::control::wire::{Empty, Error, ReadKpisReply};
use crate::control::{Answer, Asked, Request};
use crate::mo::{self, Board};
use crate::rights;

/// How long a reading waits for the one before it, which takes a few seconds at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Local calls that wait for the probes, of a kind. Their callers may have gone, so that the
/// number of connections does not bound them.
const MOST: usize = 64;

/// The probes have threads of their own; this one waits for them.
const STACK: usize = 256 * 1024;

/// The probes of the daemon.
pub(super) struct Kpis {
    collector: Arc<Mutex<Collector>>,
    /// Where the management objects look.
    pub board: Board,
    arrived: mpsc::UnboundedSender<Collected>,
    arriving: mpsc::UnboundedReceiver<Collected>,
    /// Local calls that wait for live leaves.
    calls: usize,
    /// A place for each call that waits for KPIs.
    places: Arc<Semaphore>,
    /// The collection that the session waits for.
    session: Option<u64>,
    /// Numbers the collections, so that a session takes nothing that one before it has wanted.
    number: u64,
}

/// A collection that is there.
pub(super) struct Collected {
    samples: Samples,
    goal: Goal,
}

/// What it was for.
enum Goal {
    Session { number: u64, wanted: Vec<Uri> },
    Call(Asked),
}

impl Kpis {
    /// The probes, with the helper whose sockets are in this directory.
    pub(super) fn new(rights_dir: PathBuf) -> Self {
        let (arrived, arriving) = mpsc::unbounded_channel();
        Self {
            collector: Arc::new(Mutex::new(Collector::new(move || {
                rights::sources(&rights_dir)
            }))),
            board: Board::default(),
            arrived,
            arriving,
            calls: 0,
            places: Arc::new(Semaphore::new(MOST)),
            session: None,
            number: 0,
        }
    }

    /// The next collection that is there. Cancel-safe.
    pub(super) async fn next(&mut self) -> Collected {
        match self.arriving.recv().await {
            Some(collected) => collected,
            // One sender is here, so that the channel does not end.
            None => std::future::pending().await,
        }
    }

    /// Whether the session waits for the probes.
    pub(super) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// The session wants nothing any more.
    pub(super) fn forget_session(&mut self) {
        self.session = None;
    }

    fn begin(&self, kpis: KpiSet, goal: Goal) {
        let mut promised = Promised {
            arrived: self.arrived.clone(),
            collected: Some(Collected {
                samples: Samples::new(),
                goal,
            }),
        };
        let collector = Arc::clone(&self.collector);
        tokio::spawn(async move {
            let collector = collector.lock_owned().await;
            begin_thread(move || promised.keep(collect(collector, &kpis)));
        });
    }

    /// Answers from a thread of its own.
    pub(super) fn answer(&self, patterns: &[String], answer: Answer) {
        let wanted = match wanted(patterns) {
            Ok(wanted) => wanted,
            Err(error) => return answer.finish(Err::<ReadKpisReply, _>(error)),
        };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return answer.finish(Err::<ReadKpisReply, _>(too_many()));
        };
        let collector = Arc::clone(&self.collector);
        tokio::spawn(async move {
            let Ok(collector) = timeout(PATIENCE, collector.lock_owned()).await else {
                let text = "the probes still read for others; try again later".to_owned();
                return answer.finish(Err::<ReadKpisReply, _>(Error::Busy(text)));
            };
            if answer.is_unwanted() {
                return;
            }
            begin_thread(move || {
                let samples = collect(collector, &wanted);
                answer.finish(Ok(ReadKpisReply {
                    samples: samples.iter().map(cli::kpi_sample).collect(),
                }));
                drop(place);
            });
        });
    }
}

/// A collection that is owed to the event loop. However it ends, the loop hears of it: a session
/// that waits for it notices nothing else, not even that its time is over.
struct Promised {
    arrived: mpsc::UnboundedSender<Collected>,
    collected: Option<Collected>,
}

impl Promised {
    fn keep(&mut self, samples: Samples) {
        if let Some(collected) = &mut self.collected {
            collected.samples = samples;
        }
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        if let Some(collected) = self.collected.take() {
            // Nobody may be left to hear it.
            let _ = self.arrived.send(collected);
        }
    }
}

/// One collection runs at a time. The threads of the runtime are not for it: names that nobody
/// resolves and files that nobody delivers can take all of them.
fn begin_thread(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name("kpis".to_owned());
    let begun: io::Result<_> = thread.stack_size(STACK).spawn(work);
    if let Err(error) = begun {
        log::warn!("KPIs are not read, for want of a thread: {error}");
    }
}

fn too_many() -> Error {
    Error::Busy("too many calls wait for the probes; try again later".to_owned())
}

fn collect(mut collector: OwnedMutexGuard<Collector>, wanted: &KpiSet) -> Samples {
    let mut samples = Samples::new();
    collector.collect_into(wanted, &mut samples);
    samples
}

impl Agent {
    /// The live leaves that the session wants; `None` while they have to be read, and then the
    /// event loop goes on with the session when they are there.
    pub(super) fn live_for_session(&mut self, wanted: Vec<Uri>) -> Option<Snapshot> {
        let kpis = mo::kpis(&wanted);
        if kpis.is_empty() {
            return Some(self.tree.collect(&wanted));
        }
        self.kpis.number += 1;
        let number = self.kpis.number;
        self.kpis.session = Some(number);
        self.kpis.begin(kpis, Goal::Session { number, wanted });
        None
    }

    /// Has read what a local call is about; `None` while it has to be read, and then the event
    /// loop goes on with the call when it is there.
    pub(super) fn read_first(&mut self, asked: Asked) -> Option<Asked> {
        let uri = match &asked.request {
            Request::ListTree(list) => list.uri.as_deref().unwrap_or("."),
            Request::GetNode(get) => &get.uri,
            Request::SetNode(set) => &set.uri,
            Request::DeleteNode(delete) => &delete.uri,
            _ => return Some(asked),
        };
        let Ok(uri) = nodes::parse(uri) else {
            return Some(asked);
        };
        let address = match &asked.request {
            Request::ListTree(_) => Address::list(uri, List::StructData),
            _ => uri.into(),
        };
        let kpis = mo::kpis(&self.tree.live_roots(&[address]));
        if kpis.is_empty() {
            return Some(asked);
        }
        if self.kpis.calls >= MOST {
            asked.answer.finish(Err::<Empty, _>(too_many()));
            return None;
        }
        self.kpis.calls += 1;
        self.kpis.begin(kpis, Goal::Call(asked));
        None
    }

    /// What was read is there: whoever wanted it goes on.
    pub(super) fn collected(&mut self, collected: Collected, now: Now) {
        self.kpis.board.put(collected.samples);
        match collected.goal {
            Goal::Call(asked) => {
                self.kpis.calls = self.kpis.calls.saturating_sub(1);
                self.perform(asked, now);
            }
            Goal::Session { number, wanted } if self.kpis.session == Some(number) => {
                self.kpis.session = None;
                let snapshot = self.tree.collect(&wanted);
                self.session_live(&snapshot, now);
            }
            Goal::Session { .. } => {}
        }
        // Nobody takes for news what was read for somebody else.
        self.kpis.board.put(Samples::new());
    }
}

fn wanted(patterns: &[String]) -> Result<KpiSet, Error> {
    if patterns.is_empty() {
        return Ok(KpiSet::all());
    }
    let mut wanted = KpiSet::EMPTY;
    for pattern in patterns {
        let matching = KpiSet::matching(pattern);
        let matching = matching.map_err(|error| Error::InvalidRequest(error.to_string()))?;
        wanted = wanted.union(&matching);
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session's collection while every thread of the runtime is taken.
    #[test]
    fn threads_that_hang_elsewhere_cost_no_kpi() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (go, held) = std::sync::mpsc::channel::<()>();
        runtime.spawn_blocking(move || held.recv());
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let mut kpis = Kpis::new(directory.path().to_owned());
            let wanted = KpiSet::matching("memory.*").unwrap();
            let goal = Goal::Session {
                number: 7,
                wanted: Vec::new(),
            };
            kpis.begin(wanted, goal);
            let collected = timeout(Duration::from_mins(1), kpis.next()).await;
            drop(go);
            let collected = collected.expect("a collection");
            assert!(collected.samples.iter().next().is_some());
            assert!(matches!(collected.goal, Goal::Session { number: 7, .. }));
        });
    }

    #[tokio::test]
    async fn a_collection_that_comes_to_nothing_is_told() {
        let mut kpis = Kpis::new(PathBuf::new());
        let goal = Goal::Session {
            number: 1,
            wanted: Vec::new(),
        };
        drop(Promised {
            arrived: kpis.arrived.clone(),
            collected: Some(Collected {
                samples: Samples::new(),
                goal,
            }),
        });
        assert!(kpis.next().await.samples.iter().next().is_none());
    }
}
