//! One session on a line that the server dials, and the way of each message to the engine.
#![expect(clippy::disallowed_methods, reason = "driver: waits for a device")]

use super::failure::{Failure, is_nothing};
use crate::clock;
use crate::server::{Answer, Fault, Notified, Wish};
use crate::session::Phase;
use crate::worker::{Work, Worker};
use bytes::Bytes;
use log::{debug, info};
use omadm_bindings::Address;
use omadm_bindings::obex::{DialSettings, ObexLine, Transport, dial};
use omadm_syncml::{Envelope, MediaType};
use std::time::Duration;
use tokio::time::timeout;

/// How long a device may take to hear that the connection ends.
const PARTING: Duration = Duration::from_secs(5);

/// A session that was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// Its number in this database.
    pub session: Option<i64>,
    /// The `SessionID` that the device was notified of.
    pub session_id: String,
    /// Whether it resynchronised nonces.
    pub resync: bool,
    /// How it ended.
    pub phase: Phase,
    /// Messages of the device.
    pub messages: u32,
}

/// Who dials a line.
pub(super) struct Caller {
    pub(super) worker: Worker,
    pub(super) address: Address,
    pub(super) settings: DialSettings,
    /// How long the device may think about a message.
    pub(super) patience: Duration,
}

impl Caller {
    /// Dials the line, notifies the device, and serves the session that it begins.
    pub(super) async fn call(&self, wish: Wish) -> Result<Met, Failure> {
        let mut settings = self.settings.clone();
        let device = wish.device.clone();
        let own = self
            .ask(move |server| server.store().obex_credential(&device))
            .await?;
        settings.credential = own.or(settings.credential);
        let mut line = dial(&self.address, &settings)
            .await
            .map_err(Failure::Line)?;
        let met = self.hold(&mut line, wish).await;
        if met.as_ref().err().is_none_or(Failure::leaves_line) {
            self.part(line).await;
        }
        met
    }

    async fn part(&self, line: ObexLine<Box<dyn Transport>>) {
        match timeout(PARTING, line.disconnect()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => debug!("{}: DISCONNECT: {error}", self.address),
            Err(_) => debug!("{}: DISCONNECT is not answered", self.address),
        }
    }

    async fn hold(
        &self,
        line: &mut ObexLine<Box<dyn Transport>>,
        wish: Wish,
    ) -> Result<Met, Failure> {
        let device = wish.device.clone();
        let notified = self.notify(wish).await?;
        let package = Bytes::from(notified.package.clone());
        let put = line.put_notification(package).await;
        put.map_err(Failure::Line)?;
        let mut wanted = notified.encoding.unwrap_or(MediaType::DmWbxml);
        let mut talk = Talk::new(self.worker.clone(), self.address.to_string(), Some(device));
        loop {
            let message = self
                .next(line, wanted, talk.messages == 0, &notified)
                .await?;
            wanted = message.media_type;
            let turn = talk.answer(message).await?;
            let put = line.put_message(&turn.envelope).await;
            put.map_err(Failure::Line)?;
            // The device has heard that there is no more: asked again, it would begin anew.
            if turn.is_last() {
                return Ok(Met {
                    session: turn.session,
                    session_id: notified.notification.session_text(),
                    resync: notified.resync,
                    phase: turn.phase,
                    messages: talk.messages,
                });
            }
        }
    }

    async fn notify(&self, wish: Wish) -> Result<Notified, Failure> {
        let notified = self
            .ask(move |server| server.notify(&wish, clock::now(), clock::random()?))
            .await?;
        debug!(
            "{}: notifies of session {}{}",
            self.address,
            notified.notification.session_text(),
            if notified.resync {
                ", to resynchronise nonces"
            } else {
                ""
            }
        );
        Ok(notified)
    }

    /// Asks for the device's next message.
    async fn next(
        &self,
        line: &mut ObexLine<Box<dyn Transport>>,
        wanted: MediaType,
        first: bool,
        notified: &Notified,
    ) -> Result<Envelope, Failure> {
        let got = timeout(self.patience, line.get_message(wanted)).await;
        match got.map_err(|_| Failure::Silent(self.patience))? {
            Err(error) if first && is_nothing(&error) => {
                let number = notified.notification.session_id;
                let device = notified.device.clone();
                self.ask(move |server| server.store().notification_ignored(&device, number))
                    .await?;
                let resync = notified.resync;
                Err(Failure::Ignored { resync })
            }
            got => got.map_err(Failure::Line),
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut crate::Server) -> Result<T, crate::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        match self.worker.ask(question).await {
            Ok(answer) => answer.map_err(Failure::Own),
            Err(_) => Err(Failure::Own(super::stopping())),
        }
    }
}

/// What a message of the device comes to.
pub(super) struct Turn {
    pub(super) envelope: Envelope,
    pub(super) session: Option<i64>,
    pub(super) phase: Phase,
}

impl Turn {
    /// Whether the server has nothing more for the device.
    pub(super) fn is_last(&self) -> bool {
        !matches!(self.phase, Phase::Authenticating | Phase::Open)
    }
}

/// A session between a line and the engine. No address travels on a line, so the token of the
/// session is kept here.
pub(super) struct Talk {
    worker: Worker,
    line: String,
    device: Option<String>,
    token: Option<String>,
    pub(super) messages: u32,
}

impl Talk {
    pub(super) fn new(worker: Worker, line: String, device: Option<String>) -> Self {
        Self {
            worker,
            line,
            device,
            token: None,
            messages: 0,
        }
    }

    /// Has a message answered by the engine.
    pub(super) async fn answer(&mut self, message: Envelope) -> Result<Turn, Failure> {
        self.messages = self.messages.saturating_add(1);
        let work = Work {
            media_type: message.media_type,
            body: message.body,
            hmac: message.hmac,
            token: self.token.clone(),
            address: String::new(),
            device: self.device.clone(),
        };
        let answer = match self.worker.answer_patiently(work).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(fault)) => return Err(self.refused(fault)),
            Err(_) => return Err(Failure::Own(super::stopping())),
        };
        Ok(self.turn(answer))
    }

    fn turn(&mut self, answer: Answer) -> Turn {
        if let Some(session) = answer.session {
            info!("{}: session {session}: {}", self.line, answer.summary);
        }
        self.token = Some(answer.token);
        Turn {
            envelope: Envelope {
                to: None,
                media_type: answer.media_type,
                body: answer.body.into(),
                hmac: answer.hmac,
            },
            session: answer.session,
            phase: answer.phase.unwrap_or(Phase::Aborted),
        }
    }

    fn refused(&self, fault: Fault) -> Failure {
        match fault {
            Fault::Unreadable(why) => Failure::Message(why),
            Fault::OtherDevice(found) => Failure::OtherDevice {
                expected: self.device.clone().unwrap_or_default(),
                found,
            },
            Fault::Store(error) => Failure::Own(error),
        }
    }
}
