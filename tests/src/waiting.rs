//! A device that waits on a line as the daemon does, and says what it is told to say.
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "driver: a thread with a runtime, for tests, which end when something is amiss"
)]

use omadm_agent::rights::{DIRECTORY, GadgetSocket};
use omadm_bindings::obex::{ObexCredential, Place, ServerTimeouts};
use omadm_bindings::{
    Address, Arrival, BearerEvent, Identity, LineState, ListenSettings, Listening, SessionOpening,
    listen, listen_at,
};
use omadm_syncml::Envelope;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// What the device says in a session that begins like this, in turn.
pub type Script = Arc<dyn Fn(&SessionOpening) -> Vec<Envelope> + Send + Sync>;

/// A session as the device has seen it.
#[derive(Debug)]
pub struct Heard {
    /// How it began.
    pub opening: SessionOpening,
    /// What the peer said.
    pub messages: Vec<Envelope>,
    /// Why it ended before everything was said.
    pub broken: Option<String>,
}

/// A device that waits until it is dropped.
pub struct Waiting {
    thread_id: i32,
    sessions: Receiver<Heard>,
    state: watch::Receiver<LineState>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The largest message that it takes.
const LARGEST: usize = 4 << 20;

/// What begins to wait, in the thread that waits.
trait Start:
    FnOnce(ListenSettings, mpsc::Sender<Arrival>, watch::Receiver<bool>) -> Listening + Send + 'static
{
}

impl<F> Start for F where
    F: FnOnce(ListenSettings, mpsc::Sender<Arrival>, watch::Receiver<bool>) -> Listening
        + Send
        + 'static
{
}

impl Waiting {
    /// Waits at an address; it is there when this returns.
    pub fn at(address: &str, credentials: Vec<ObexCredential>, script: Script) -> Self {
        let parsed: Address = address.parse().expect("an address");
        let start = move |settings, arrive, busy| {
            listen(&parsed, settings, arrive, busy).expect("an address")
        };
        Self::start(start, credentials, script)
    }

    /// The same at a place that is called `address`.
    pub fn on(
        place: Box<dyn Place>,
        address: &str,
        credentials: Vec<ObexCredential>,
        script: Script,
    ) -> Self {
        let address = address.to_owned();
        let start =
            move |settings, arrive, busy| listen_at(place, &address, settings, arrive, busy);
        Self::start(start, credentials, script)
    }

    fn start(start: impl Start, credentials: Vec<ObexCredential>, script: Script) -> Self {
        let settings = ListenSettings {
            gadget: Some(Arc::new(GadgetSocket::new(Path::new(DIRECTORY)))),
            peers: Vec::new(),
            bootstraps: true,
            credentials,
            max_message: LARGEST,
            identity: Identity {
                manufacturer: "Example".to_owned(),
                model: "Waiting".to_owned(),
                revision: "1".to_owned(),
                // With a longer one, the capability object is longer than obexftp takes.
                serial: "1".to_owned(),
            },
            timeouts: ServerTimeouts::default(),
        };
        let (told, sessions) = channel();
        let (ready, is_ready) = channel();
        let (stop, stopped) = oneshot::channel();
        let course = async move {
            let serve = serve(start, settings, script, told, ready);
            tokio::select! {
                () = serve => {}
                _ = stopped => {}
            }
        };
        let (tell, thread_id) = channel();
        let thread = std::thread::spawn(move || {
            // Whoever made this waits for it.
            let _ = tell.send(nix::unistd::gettid().as_raw());
            runtime().block_on(course);
        });
        let state = is_ready
            .recv_timeout(Duration::from_secs(10))
            .expect("the line is there");
        Self {
            state,
            thread_id: thread_id.recv().expect("the thread"),
            sessions,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The next session that has ended.
    pub fn heard(&self) -> Heard {
        let heard = self.sessions.recv_timeout(Duration::from_secs(20));
        heard.expect("a session")
    }
}

impl Waiting {
    /// Waits until its line is there, or is not.
    pub fn until_line(&self, is_there: bool) {
        let began = Instant::now();
        while matches!(*self.state.borrow(), LineState::Away(_)) == is_there {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the line stays as it is"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// How long its thread has had a processor (proc(5), `stat`), in steps of 10 ms.
    pub fn processor_time(&self) -> Duration {
        let path = format!("/proc/self/task/{}/stat", self.thread_id);
        let stat = std::fs::read_to_string(path).expect("the thread runs");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // The task ends when nobody can tell it to.
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What drives a line in a thread of its own.
pub fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime")
}

async fn serve(
    start: impl Start,
    settings: ListenSettings,
    script: Script,
    told: Sender<Heard>,
    ready: Sender<watch::Receiver<LineState>>,
) {
    let (arrive, mut arrivals) = mpsc::channel(4);
    let (_quiet, busy) = watch::channel(false);
    let mut listening = start(settings, arrive, busy);
    let state = &mut listening.state;
    // The listener tells it for as long as it lives.
    let told_so = state.wait_for(|state| *state != LineState::Opening).await;
    let state = told_so.map(|state| state.clone());
    if let Ok(LineState::Away(why)) = state {
        panic!("{}: {why}", listening.address);
    }
    // It may have been given up.
    let _ = ready.send(listening.state.clone());
    while let Some(arrival) = arrivals.recv().await {
        tokio::spawn(session(arrival, Arc::clone(&script), told.clone()));
    }
}

async fn session(arrival: Arrival, script: Script, told: Sender<Heard>) {
    let mut heard = Heard {
        messages: Vec::new(),
        broken: None,
        opening: arrival.opening,
    };
    let mut bearer = arrival.bearer;
    for envelope in script(&heard.opening) {
        if bearer.out.send(envelope).await.is_err() {
            heard.broken = Some("nobody listens".to_owned());
            break;
        }
        match bearer.events.recv().await {
            Some(BearerEvent::Message(message)) => heard.messages.push(message),
            end => {
                heard.broken = Some(format!("{end:?}"));
                break;
            }
        }
    }
    // The test may not want to hear of it.
    let _ = told.send(heard);
}
