//! Serves the HTTP binding: sockets and TLS around [`crate::Server`].
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: sockets, tasks and timers"
)]

mod exchange;
mod patience;
mod places;
mod tls;

use crate::error::Error;
use crate::worker::Worker;
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

/// The socket that devices connect to, and what they find there.
pub(crate) struct Http {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    site: Arc<Site>,
}

impl Http {
    /// Listens, without taking connections yet.
    pub(crate) async fn bind(
        options: &Options,
        max_message: usize,
        worker: Worker,
    ) -> Result<Self, Error> {
        let acceptor = options.tls.as_ref().map(tls::acceptor).transpose()?;
        let (listener, local) = listen(&options.listen).await?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let site = Arc::new(Site {
            path: options.path.clone(),
            scheme,
            local,
            public_url: options.public_url.clone(),
            max_message,
            worker,
        });
        Ok(Self {
            listener,
            acceptor,
            site,
        })
    }

    /// The server's address as devices know it.
    pub(crate) fn address(&self) -> String {
        self.site.address(None)
    }

    /// Takes connections until it is to stop, and lets those under way end.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        self.take(&mut tasks, stop).await;
        // Nobody is let in while the last ones are served.
        drop(self.listener);
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            warn!("connections are cut off: they took too long");
        }
    }

    async fn take(&self, tasks: &mut JoinSet<()>, mut stop: watch::Receiver<bool>) {
        let places = Places::new();
        let stopping = stop.clone();
        loop {
            tokio::select! {
                () = told(&mut stop) => return,
                Some(_) = tasks.join_next() => {}
                accepted = accept(&self.listener, &places) => {
                    if let Some((stream, peer, place)) = accepted {
                        let caller = Caller { peer, is_served: place.is_served() };
                        let (acceptor, site) = (self.acceptor.clone(), Arc::clone(&self.site));
                        let talk = connection(stream, caller, acceptor, site, stopping.clone());
                        tasks.spawn(async move {
                            talk.await;
                            drop::<Place>(place);
                        });
                    }
                }
            }
        }
    }
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
