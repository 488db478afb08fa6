//! Serves the HTTP binding: sockets, TLS and signals around [`crate::Server`].
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: sockets, tasks and timers"
)]

mod exchange;
mod patience;
mod places;
mod tls;
mod worker;

use crate::error::Error;
use crate::server::{Policy, Server};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use log::{debug, info, warn};
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use exchange::{Caller, Site};
use patience::Patient;
use places::{Place, Places};

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a connection may be idle, or take for the head of a request.
const HEAD: Duration = Duration::from_mins(1);

/// How long requests that are under way may still take when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// How long the peer may take to read an answer.
const READING: Duration = Duration::from_mins(2);

/// The largest head of a request.
const MAX_HEAD: usize = 16 << 10;

/// How often old records are looked for.
const TIDY: Duration = Duration::from_mins(1);

/// What to serve and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address and port; port 0 lets the system choose.
    pub listen: String,
    /// The path of the server's address.
    pub path: String,
    /// The address as devices know it, when that differs (behind a proxy, say).
    pub public_url: Option<String>,
    /// With these, https.
    pub tls: Option<TlsFiles>,
}

/// Files in PEM that make https of http.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The server's certificate and its chain.
    pub chain: PathBuf,
    /// The key of the certificate.
    pub key: PathBuf,
    /// The authorities of devices' certificates; without them, devices are asked for none.
    pub devices: Option<PathBuf>,
}

/// Serves until SIGTERM or SIGINT; `ready` is told the address once connections are taken.
pub fn serve(
    server: Server,
    policy: &Policy,
    options: &Options,
    ready: impl FnOnce(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let acceptor = options.tls.as_ref().map(tls::acceptor).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| io("cannot start", source))?;
    runtime.block_on(async {
        let (listener, local) = listen(&options.listen).await?;
        let (worker, thread) = worker::start(server)?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let site = Arc::new(Site {
            path: options.path.clone(),
            scheme,
            local,
            public_url: options.public_url.clone(),
            max_message: policy.max_message,
            worker: worker.clone(),
        });
        let signals = Signals::new()?;
        ready(&site.address(None))?;
        run(listener, acceptor, &site, signals).await;
        drop((site, worker));
        thread.join();
        Ok(())
    })
}

async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), Error> {
    let bound = TcpListener::bind(address).await;
    let listener = bound.map_err(|e| {
        Error::Unavailable(format!(
            "cannot listen on {address}: {e}; choose another address with --listen"
        ))
    })?;
    let local = listener
        .local_addr()
        .map_err(|source| io("no local address", source))?;
    Ok((listener, local))
}

/// Takes connections until a signal comes, and lets those under way end.
async fn run(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    site: &Arc<Site>,
    mut signals: Signals,
) {
    let (stop, stopping) = watch::channel(false);
    let places = Places::new();
    let mut tasks = JoinSet::new();
    let mut tidy = tokio::time::interval(TIDY);
    loop {
        tokio::select! {
            () = signals.stop() => break,
            _ = tidy.tick() => site.worker.tidy(),
            Some(_) = tasks.join_next() => {}
            accepted = accept(&listener, &places) => {
                if let Some((stream, peer, place)) = accepted {
                    let caller = Caller { peer, is_served: place.is_served() };
                    let talk = connection(stream, caller, acceptor.clone(), Arc::clone(site), stopping.clone());
                    tasks.spawn(async move {
                        talk.await;
                        drop::<Place>(place);
                    });
                }
            }
        }
    }
    info!("stopping");
    drop(listener);
    let _ = stop.send(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        warn!("connections are cut off: they took too long");
    }
}

/// SIGTERM and SIGINT; caught before anybody is told that the server is there.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let catch = |kind| signal(kind).map_err(|source| io("cannot wait for signals", source));
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn accept(listener: &TcpListener, places: &Places) -> Option<(TcpStream, SocketAddr, Place)> {
    let door = places.door().await?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, places.place(door))),
        Err(error) => {
            warn!("cannot take a connection: {error}");
            // Out of descriptors, most likely: trying again at once would only spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    caller: Caller,
    acceptor: Option<TlsAcceptor>,
    site: Arc<Site>,
    stopping: watch::Receiver<bool>,
) {
    let Caller { peer, is_served } = caller;
    if !is_served {
        debug!("{peer}: one connection too many");
    }
    // An answer is one write; it must not wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        debug!("{peer}: {error}");
    }
    match acceptor {
        None => talk(stream, caller, site, stopping).await,
        Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => talk(stream, caller, site, stopping).await,
            Ok(Err(error)) => info!("{peer}: no TLS: {error}"),
            Err(_) => info!("{peer}: no TLS: the handshake took too long"),
        },
    }
}

async fn talk<S>(stream: S, caller: Caller, site: Arc<Site>, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = caller.peer;
    let service = service_fn(move |request| exchange::answer(request, caller, Arc::clone(&site)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(if caller.is_served { HEAD } else { HANDSHAKE })
        .max_buf_size(MAX_HEAD)
        // Head and body in one write, not as two segments.
        .writev(false);
    let connection = http.serve_connection(TokioIo::new(Patient::new(stream, READING)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!("{peer}: {error}");
    }
}

async fn told(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

fn io(what: &str, source: std::io::Error) -> Error {
    Error::Io {
        what: what.to_owned(),
        source,
    }
}

/// A future with a deadline.
async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, work).await.ok()
}
