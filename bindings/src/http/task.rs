//! The task that owns the connection of a bearer.
#![expect(clippy::disallowed_methods, reason = "driver: a task of its own")]

use super::connect::Connector;
use super::cookies::Cookies;
use super::exchange::{Answer, exchange};
use super::line::Line;
use super::route::Route;
use super::url::Url;

use crate::bearer::BearerEvent;
use crate::error::Error;

use omadm_syncml::{Envelope, PeerProof};
use tokio::sync::mpsc;

/// Carries the messages of one session, one at a time.
pub(super) struct Task {
    connector: Connector,
    /// What the first connection has proven.
    began: PeerProof,
    route: Route,
    line: Option<Line>,
    cookies: Cookies,
}

impl Task {
    pub(super) fn new(connector: Connector, home: Url, line: Line, began: PeerProof) -> Self {
        Self {
            connector,
            began,
            route: Route::new(home),
            line: Some(line),
            cookies: Cookies::default(),
        }
    }

    /// Starts the task. It ends with the channels: at once when nobody listens any more, after
    /// the answer under way when nobody can send any more.
    pub(super) fn start(self) -> (mpsc::Sender<Envelope>, mpsc::Receiver<BearerEvent>) {
        let (out, messages) = mpsc::channel(1);
        // The last message and the end.
        let (reports, events) = mpsc::channel(2);
        tokio::spawn(self.run(messages, reports));
        (out, events)
    }

    async fn run(mut self, mut out: mpsc::Receiver<Envelope>, events: mpsc::Sender<BearerEvent>) {
        let end = tokio::select! {
            biased;
            end = self.carry(&mut out, &events) => end,
            () = events.closed() => return,
        };
        if let Some(line) = self.line.take() {
            line.close().await;
        }
        if let Some(end) = end {
            // Nobody may be left to hear it.
            let _ = events.send(BearerEvent::Closed(end)).await;
        }
    }

    /// Carries messages until an end; `None` when there is nothing left to carry.
    async fn carry(
        &mut self,
        out: &mut mpsc::Receiver<Envelope>,
        events: &mpsc::Sender<BearerEvent>,
    ) -> Option<Result<(), Error>> {
        loop {
            let envelope = out.recv().await?;
            match self.deliver(&envelope).await {
                Ok(Some(answer)) => events.send(BearerEvent::Message(answer)).await.ok()?,
                Ok(None) => return Some(Ok(())),
                Err(error) => {
                    // What is left of the connection may be in any state.
                    self.line = None;
                    return Some(Err(error));
                }
            }
        }
    }

    async fn deliver(&mut self, envelope: &Envelope) -> Result<Answer, Error> {
        let url = self
            .route
            .next(envelope.to.as_ref())
            .map_err(Error::RespUri)?;
        let kept = self.line.take().filter(|line| line.leads_to(url.origin()));
        if let Some(mut line) = kept {
            let heard = line.heard();
            match self.exchange(&mut line, &url, envelope).await {
                // The peer had given up the idle connection: the message was most likely never
                // read, and a server that did read it knows it by its MsgID.
                Err(Error::NoAnswer | Error::Transport(_)) if line.heard() == heard => {
                    log::debug!(
                        "{}: idle connection was closed, sending again",
                        url.origin()
                    );
                }
                result => {
                    self.line = Some(line);
                    return result;
                }
            }
        }
        let mut line = self.open(&url).await?;
        let result = self.exchange(&mut line, &url, envelope).await;
        self.line = Some(line);
        result
    }

    /// A new connection, which must not prove less than the one that the session judged.
    async fn open(&mut self, url: &Url) -> Result<Line, Error> {
        let (line, found) = Line::open(&mut self.connector, url.origin()).await?;
        if found.covers(self.began) {
            return Ok(line);
        }
        Err(Error::WeakerProof {
            host: url.origin().to_string(),
            began: self.began,
            found,
        })
    }

    async fn exchange(
        &mut self,
        line: &mut Line,
        url: &Url,
        envelope: &Envelope,
    ) -> Result<Answer, Error> {
        let settings = self.connector.settings();
        exchange(line, url, envelope, settings, &mut self.cookies).await
    }
}
