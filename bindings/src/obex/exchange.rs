//! Drives the binding over a transport on which this end is the OBEX server.
#![expect(clippy::disallowed_methods, reason = "driver: reads, writes and waits")]

use super::auth::ObexCredential;
use super::binding::{Binding, BindingOutput, Role};
use super::carry::{READ, instant, send};
use super::frame::{FrameError, Framing};
use super::headers::Received;
use super::server::{Disturbance, ServerParameters, ServerTimeouts};
use crate::arrival::{Arrival, LineState, Opening};
use crate::bearer::{Bearer, BearerEvent, Traffic};
use crate::error::Error;
use crate::obex_fault::ObexFault;

use omadm_syncml::{Envelope, PeerProof};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// What a line is, and what its sessions are handed to: opaque to all but the places of this crate.
#[derive(Debug, Clone)]
pub struct Host {
    /// Which end of device management this is.
    pub(crate) role: Role,
    /// The address that it waits on.
    pub(crate) address: String,
    /// The largest packet that is taken, in octets.
    pub(crate) receive: u16,
    /// Whether octets may be lost or added on the way.
    pub(crate) noisy: bool,
    /// Whether the line returns to another mode when the peer disconnects.
    pub(crate) leaves: bool,
    /// The peer, where the link proves it.
    pub(crate) bonded: Option<String>,
    /// Whom peers have to prove to be.
    pub(crate) credentials: Vec<ObexCredential>,
    /// The largest message that is taken, in octets.
    pub(crate) max_message: usize,
    /// When what is waited for no longer.
    pub(crate) timeouts: ServerTimeouts,
    /// Where sessions are handed to.
    pub(crate) arrivals: mpsc::Sender<Arrival>,
    /// Whether a session runs anywhere.
    pub(crate) busy: watch::Receiver<bool>,
    /// Where it is told how the line is.
    pub(crate) state: Arc<watch::Sender<LineState>>,
    /// How many of its peers are connected. Changed along with the state alone.
    pub(crate) connected: Arc<AtomicUsize>,
}

/// How the OBEX connections of a transport have ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The transport has ended; with its error, if it has one.
    HungUp(io::Result<()>),
    /// The peer has disconnected in order.
    Disconnected,
    /// The peer is not worth waiting for.
    GivenUp(ObexFault),
}

/// What the session holds the other ends of.
#[derive(Debug)]
struct Channels {
    out: mpsc::Receiver<Envelope>,
    events: mpsc::Sender<BearerEvent>,
    /// The line has told its end.
    broken: bool,
}

struct Exchange<'a, S> {
    host: &'a mut Host,
    io: &'a mut S,
    binding: Binding,
    channels: Option<Channels>,
    connected: bool,
    traffic: Arc<Traffic>,
    began: Instant,
}

/// What wakes an exchange.
enum Woken {
    Read(io::Result<usize>),
    Envelope(Option<Envelope>),
    Busy,
    Time,
}

/// Serves one transport until it ends, or until the peer disconnects where that leads elsewhere.
pub(crate) async fn serve<S>(io: &mut S, host: &mut Host) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut seed = [0; 32];
    if let Err(error) = getrandom::fill(&mut seed) {
        return End::HungUp(Err(io::Error::other(error)));
    }
    let parameters = ServerParameters {
        framing: Framing::Stream,
        receive: host.receive,
        send: host.receive.max(super::SMALLEST_MTU),
        object: host.max_message,
        targets: &[],
        admit: |_: &Received| Ok(()),
        noisy: host.noisy,
        credentials: host.credentials.clone(),
        seed,
        timeouts: host.timeouts,
    };
    let mut exchange = Exchange {
        binding: Binding::new(host.role.clone(), parameters, Duration::ZERO),
        host,
        io,
        channels: None,
        connected: false,
        traffic: Arc::new(Traffic::default()),
        began: Instant::now(),
    };
    let end = exchange.run().await;
    exchange.binding.handle_hang_up();
    while let Some(output) = exchange.binding.poll_output() {
        exchange.report(output);
    }
    end
}

impl<S> Exchange<'_, S> {
    /// The line has a peer as long as any of its transports has one.
    fn tell_connected(&mut self, connected: bool) {
        let before = usize::from(std::mem::replace(&mut self.connected, connected));
        self.host.state.send_modify(|state| {
            let others = self.host.connected.load(Ordering::Relaxed) - before;
            let now = others + usize::from(connected);
            self.host.connected.store(now, Ordering::Relaxed);
            *state = match now {
                0 => LineState::Waiting,
                _ => LineState::Connected,
            };
        });
    }
}

/// A task may be ended at any time.
impl<S> Drop for Exchange<'_, S> {
    fn drop(&mut self) {
        if self.connected {
            self.tell_connected(false);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<'_, S> {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn run(&mut self) -> End {
        let mut buffer = vec![0; READ];
        loop {
            self.tell_busy();
            match self.carry_out().await {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(error) => return End::HungUp(Err(error)),
            }
            match self.woken(&mut buffer).await {
                Woken::Read(Ok(0)) => return End::HungUp(Ok(())),
                Woken::Read(Ok(read)) => {
                    self.traffic.add_received(read);
                    let now = self.now();
                    let octets = buffer.get(..read).unwrap_or_default();
                    self.binding.handle_input(octets, now);
                }
                Woken::Read(Err(error)) => return End::HungUp(Err(error)),
                Woken::Envelope(Some(envelope)) => self.binding.handle_message(envelope),
                Woken::Envelope(None) => self.session_gone(),
                Woken::Busy => {}
                Woken::Time => {
                    let now = self.now();
                    self.binding.handle_timeout(now);
                }
            }
        }
    }

    /// Waits for whatever comes first.
    async fn woken(&mut self, buffer: &mut [u8]) -> Woken {
        let deadline = instant(self.began, self.binding.deadline());
        tokio::select! {
            biased;
            envelope = next(&mut self.channels) => Woken::Envelope(envelope),
            read = self.io.read(buffer) => Woken::Read(read),
            changed = self.host.busy.changed(), if self.host.busy.has_changed().is_ok() => {
                drop(changed);
                Woken::Busy
            }
            () = sleep_until(deadline) => Woken::Time,
        }
    }

    /// The session that runs may be the one of this line, or of the peer before it restarted.
    fn tell_busy(&mut self) {
        let own = self.binding.has_session() || self.channels.is_some();
        let busy = *self.host.busy.borrow_and_update();
        self.binding.set_busy(busy && !own);
    }

    /// The session has dropped its bearer.
    fn session_gone(&mut self) {
        let broken = self.channels.take().is_some_and(|channels| channels.broken);
        // What broke has told the binding already, and it may be in another session by now.
        if !broken {
            self.binding.handle_end();
        }
    }

    /// Does what the binding says.
    async fn carry_out(&mut self) -> io::Result<Option<End>> {
        while let Some(output) = self.binding.poll_output() {
            match output {
                BindingOutput::Transmit(packet) => send(self.io, &packet, &self.traffic).await?,
                BindingOutput::Close(fault) => return Ok(Some(End::GivenUp(fault))),
                BindingOutput::Disconnected if self.host.leaves => {
                    return Ok(Some(End::Disconnected));
                }
                // No packet begins so, but an AT command does: the peer has been restarted.
                BindingOutput::Disturbed(Disturbance::Frame(FrameError::Code(b'A' | b'a')))
                    if self.host.leaves =>
                {
                    return Ok(Some(End::GivenUp(ObexFault::Restarted)));
                }
                other => self.report(other),
            }
        }
        Ok(None)
    }

    /// Tells what has happened to whoever it is for.
    fn report(&mut self, output: BindingOutput) {
        match output {
            BindingOutput::Open { opening, proven } => self.open(opening, proven),
            BindingOutput::Message(envelope) => self.hand_over(BearerEvent::Message(envelope)),
            BindingOutput::Broken(fault) => {
                self.hand_over(BearerEvent::Closed(Err(Error::Obex(fault))));
                if let Some(channels) = &mut self.channels {
                    channels.broken = true;
                }
            }
            BindingOutput::Connected(connected) => self.tell_connected(connected),
            BindingOutput::Transmit(_)
            | BindingOutput::Disconnected
            | BindingOutput::Disturbed(_)
            | BindingOutput::Close(_) => {}
        }
    }

    /// Hands a session to whoever takes it; one that nobody takes is over at once.
    fn open(&mut self, opening: Opening, proven: Option<usize>) {
        let (out, messages) = mpsc::channel(1);
        // A message and the end.
        let (events, reports) = mpsc::channel(2);
        let proven = proven.and_then(|at| self.host.credentials.get(at).cloned());
        let proof = match (&proven, &self.host.bonded) {
            (Some(_), _) => PeerProof::ObexDigest,
            (None, Some(_)) => PeerProof::BondedLink,
            (None, None) => PeerProof::None,
        };
        let arrival = Arrival {
            opening,
            bearer: Bearer {
                out,
                events: reports,
                proof,
                traffic: Arc::clone(&self.traffic),
            },
            address: self.host.address.clone(),
            proven,
            bonded: self.host.bonded.clone(),
        };
        // The bearer of a session before it, if it is still held, hears no more.
        self.channels = Some(Channels {
            out: messages,
            events,
            broken: false,
        });
        if let Err(refused) = self.host.arrivals.try_send(arrival) {
            log::debug!("{}: nobody takes the session: {refused}", self.host.address);
        }
    }

    fn hand_over(&mut self, event: BearerEvent) {
        if let Some(channels) = &self.channels
            && !channels.broken
            && channels.events.try_send(event).is_err()
        {
            log::debug!("{}: the session has ended", self.host.address);
        }
    }
}

async fn next(channels: &mut Option<Channels>) -> Option<Envelope> {
    match channels {
        Some(channels) => channels.out.recv().await,
        None => std::future::pending().await,
    }
}
