//! One connection to one origin, kept alive between messages.
#![expect(clippy::disallowed_methods, reason = "driver: limits of time")]

use super::connect::Connector;
use super::meter::{Metered, Stream};
use super::url::Origin;

use crate::bearer::Traffic;
use crate::error::Error;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use omadm_syncml::PeerProof;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// More than any head of an answer needs, and little for a device to hold.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// How long an orderly goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection that speaks HTTP.
pub(super) struct Line {
    origin: Origin,
    sender: SendRequest<Full<Bytes>>,
    /// Counts above TLS: whether an answer has begun.
    content: Arc<Traffic>,
    /// Drives the connection; ends with this.
    driver: JoinSet<()>,
    /// The other end is a proxy that wants to be told whole URLs.
    absolute: bool,
    /// Nothing more can be sent over it.
    spent: bool,
}

impl Line {
    /// Connects to an origin.
    pub(super) async fn open(
        connector: &mut Connector,
        origin: &Origin,
    ) -> Result<(Self, PeerProof), Error> {
        let connected = connector.connect(origin).await?;
        let line = Self::over(origin.clone(), connected.stream, connected.absolute).await;
        let line = line.map_err(|error| Error::Transport(io::Error::other(error)))?;
        Ok((line, connected.proof))
    }

    async fn over(origin: Origin, stream: Box<dyn Stream>, absolute: bool) -> hyper::Result<Self> {
        let content = Arc::new(Traffic::default());
        let stream = TokioIo::new(Metered::new(stream, Arc::clone(&content)));
        let (sender, connection) = http1::Builder::new()
            // As old peers know them.
            .title_case_headers(true)
            .max_buf_size(MAX_HEAD)
            .max_header_size(MAX_HEAD)
            .handshake(stream)
            .await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            if let Err(error) = connection.await {
                log::debug!("connection ended: {error}");
            }
        });
        Ok(Self {
            origin,
            sender,
            content,
            driver,
            absolute,
            spent: false,
        })
    }

    /// Whether this still leads to the origin, as far as one can know.
    pub(super) fn leads_to(&self, origin: &Origin) -> bool {
        self.origin == *origin && !self.spent && !self.sender.is_closed()
    }

    /// Whether a proxy is at the other end, and not the origin.
    pub(super) fn ends_at_proxy(&self) -> bool {
        self.absolute
    }

    /// Not everything that came over it was read.
    pub(super) fn give_up(&mut self) {
        self.spent = true;
    }

    /// Bytes that the peer has sent so far, TLS not counted.
    pub(super) fn heard(&self) -> u64 {
        self.content.received()
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    /// Closes the connection in order, so that the peer can tell the end from a cut.
    pub(super) async fn close(mut self) {
        drop(self.sender);
        // Late or failed, the end is the same.
        let _ = timeout(GOODBYE, self.driver.join_next()).await;
    }
}
