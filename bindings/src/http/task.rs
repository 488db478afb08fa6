//! The task that owns the connection of a bearer.
#![expect(clippy::disallowed_methods, reason = "driver: a task of its own")]

use super::answer::Redirect;
use super::auth::{self, Authenticator};
use super::connect::Connector;
use super::cookies::Cookies;
use super::exchange::{Answer, Message, Reply, exchange, within};
use super::line::Line;
use super::route::Route;
use super::url::Url;

use crate::bearer::BearerEvent;
use crate::error::{Error, Phase};
use crate::http_fault::{HttpAuthFault, RedirectFault};

use omadm_syncml::{Envelope, PeerProof};
use std::io;
use tokio::sync::mpsc;

/// Carries the messages of one session, one at a time.
pub(super) struct Task {
    connector: Connector,
    /// What the first connection has proven.
    began: PeerProof,
    route: Route,
    line: Option<Line>,
    cookies: Cookies,
    /// Answers the HTTP server of the account's address.
    server: Option<Authenticator>,
}

impl Task {
    pub(super) fn new(connector: Connector, home: Url, line: Line, began: PeerProof) -> Self {
        let credential = connector.settings().http_credential.as_ref();
        let server = credential
            .map(|known| Authenticator::new(&known.user, &known.secret, Some(known.scheme)));
        Self {
            server,
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
            let limit = self.connector.settings().message_timeout;
            match within(Phase::Message, limit, self.deliver(&envelope)).await {
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

    /// Carries one message to wherever it belongs, and its answer back.
    async fn deliver(&mut self, envelope: &Envelope) -> Result<Answer, Error> {
        let mut url = self
            .route
            .next(envelope.to.as_ref())
            .map_err(Error::RespUri)?;
        if let Some(server) = &mut self.server {
            server.begin();
        }
        self.connector.begin();
        let mut redirects = 0;
        loop {
            match self.post(&url, envelope).await? {
                Reply::Answer(answer) => return Ok(answer),
                Reply::Challenge(fields) => self.challenged(&url, &fields)?,
                Reply::ProxyChallenge(fields) => self.connector.proxy_challenged(&fields)?,
                Reply::Redirect(redirect) => {
                    url = self.redirected(redirect, redirects)?;
                    redirects += 1;
                }
            }
        }
    }

    fn redirected(&mut self, redirect: Redirect, before: u8) -> Result<Url, Error> {
        let most = self.connector.settings().max_redirects;
        let here = self.route.current();
        let fault = match redirect.location.as_deref().map(|to| here.resolve(to)) {
            _ if redirect.code == 303 => RedirectFault::SeeOther,
            None => RedirectFault::Nowhere,
            Some(Err(reason)) => RedirectFault::Refused(reason),
            Some(Ok(_)) if before >= most => RedirectFault::TooMany(most),
            Some(Ok(next)) => {
                log::info!(
                    "{}: HTTP {} points to {}",
                    here.origin(),
                    redirect.code,
                    next.origin()
                );
                self.route.redirect(&next, redirect.is_permanent());
                return Ok(next);
            }
        };
        Err(redirect.refused(fault))
    }

    fn challenged(&mut self, url: &Url, fields: &[String]) -> Result<(), Error> {
        let fields = fields.iter().map(String::as_str);
        let taken = match &mut self.server {
            None => Err(HttpAuthFault::NoCredential {
                offered: auth::offered(fields),
            }),
            Some(_) if url.origin() != self.route.home().origin() => {
                Err(HttpAuthFault::OtherOrigin)
            }
            Some(server) => server.challenged(fields, url.origin().secure),
        };
        taken.map_err(|fault| Error::HttpAuth {
            host: url.origin().to_string(),
            fault,
        })
    }

    /// Posts a message to `url`, over the connection that is there if it leads there.
    async fn post(&mut self, url: &Url, envelope: &Envelope) -> Result<Reply, Error> {
        let kept = self.line.take().filter(|line| line.leads_to(url.origin()));
        if let Some(mut line) = kept {
            let heard = line.heard();
            match self.exchange(&mut line, url, envelope).await {
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
        let mut line = self.open(url).await?;
        let result = self.exchange(&mut line, url, envelope).await;
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
    ) -> Result<Reply, Error> {
        let authorization = self.authorization(url)?;
        let absolute = url.absolute();
        let (target, proxy_authorization) = if line.ends_at_proxy() {
            let answer = self.connector.proxy_answer("POST", &absolute)?;
            (absolute.as_str(), answer)
        } else {
            (url.target(), None)
        };
        let message = Message {
            envelope,
            url,
            target,
            authorization: authorization.as_deref(),
            proxy_authorization: proxy_authorization.as_deref(),
        };
        let settings = self.connector.settings();
        exchange(line, message, settings, &mut self.cookies).await
    }

    /// What the HTTP server asked for, if it is the one that the credentials are for.
    fn authorization(&mut self, url: &Url) -> Result<Option<String>, Error> {
        let Some(server) = &mut self.server else {
            return Ok(None);
        };
        if url.origin() != self.route.home().origin() {
            return Ok(None);
        }
        let request = auth::Request {
            method: "POST",
            target: url.target(),
        };
        Ok(server.answer(request, &random()?))
    }
}

/// Octets for the client's nonce of a digest.
pub(super) fn random() -> Result<auth::Random, Error> {
    let mut octets = auth::Random::default();
    getrandom::fill(&mut octets).map_err(|error| Error::Transport(io::Error::other(error)))?;
    Ok(octets)
}
