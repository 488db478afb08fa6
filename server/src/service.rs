//! Serves devices over HTTP and over lines, until a signal comes.
#![expect(clippy::disallowed_methods, reason = "driver: tasks and timers")]

use crate::error::Error;
use crate::http::{self, Http};
use crate::obex;
use crate::server::{Policy, Server};
use crate::worker::{self, Worker};
use log::info;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How often old records are looked for.
const TIDY: Duration = Duration::from_mins(1);

/// Where devices are met.
#[derive(Debug, Clone)]
pub struct Options {
    /// Over HTTP, unless nobody is met there.
    pub http: Option<http::Options>,
    /// Over lines.
    pub obex: obex::Options,
}

/// Serves until SIGTERM or SIGINT; `ready` is told the address for HTTP, if there is one, once
/// devices are met.
pub fn serve(
    server: Server,
    policy: &Policy,
    options: Options,
    ready: impl FnOnce(Option<&str>) -> Result<(), Error>,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| io("cannot start", source))?;
    runtime.block_on(async {
        let (worker, thread) = worker::start(server)?;
        meet(&worker, policy, options, ready).await?;
        drop(worker);
        thread.join();
        Ok(())
    })
}

async fn meet(
    worker: &Worker,
    policy: &Policy,
    options: Options,
    ready: impl FnOnce(Option<&str>) -> Result<(), Error>,
) -> Result<(), Error> {
    let http = match &options.http {
        Some(http) => Some(Http::bind(http, policy.max_message, worker.clone()).await?),
        None => None,
    };
    let mut signals = Signals::new()?;
    let lines = obex::start(options.obex, policy, worker).await?;
    ready(http.as_ref().map(Http::address).as_deref())?;
    let (stop, stopping) = watch::channel(false);
    let http = http.map(|http| tokio::spawn(http.run(stopping)));
    let mut tidy = tokio::time::interval(TIDY);
    loop {
        tokio::select! {
            () = signals.stop() => break,
            _ = tidy.tick() => worker.tidy(),
        }
    }
    info!("stopping");
    // A session on a line is given up: what it has acknowledged is in the database.
    lines.stop().await;
    let _ = stop.send(true);
    if let Some(http) = http {
        let _ = http.await;
    }
    Ok(())
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

fn io(what: &str, source: std::io::Error) -> Error {
    Error::Io {
        what: what.to_owned(),
        source,
    }
}
