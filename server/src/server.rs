//! Joins the database and the session engine: one encoded message in, its answer out.
//!
//! Each message is one transaction: what it changes, the state of its session and the answer
//! are on the disk before the answer is handed back.

mod marks;
mod notify;
mod remark;
mod route;

use crate::error::Error;
use crate::mask;
use crate::session::{self, Effect, Exchange, Phase, Session, Settings};
use crate::store::{
    Bounds, Scope, Store, apply, audit, devices, jobs, notifications, prune, sessions,
};
use omadm_syncml::{HmacHeader, Limits, MediaType, Message, StatusCode, Wall, decode, encode};
use rusqlite::Transaction;
use std::fmt;
use std::time::Duration;

use marks::{check_names, digest, token};
use remark::{detail, shorten, summary};
use route::Route;

pub use notify::{Notified, Wish};

/// How the server behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How it presents itself.
    pub settings: Settings,
    /// The longest message it reads.
    pub max_message: usize,
    /// How long a session may be silent.
    pub idle: Duration,
    /// Whether a device that ignores `RespURI` goes on with its session by its name and
    /// `SessionID`, which others can guess.
    pub accept_session_id: bool,
    /// How much is kept.
    pub bounds: Bounds,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            settings: Settings {
                max_message: 1 << 20,
                max_object: 1 << 20,
                server_id: "omadm-server".into(),
            },
            max_message: 1 << 20,
            idle: Duration::from_mins(10),
            accept_session_id: false,
            bounds: Bounds::default(),
        }
    }
}

/// An encoded message as a bearer brings it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// How it is encoded.
    pub media_type: MediaType,
    /// The message.
    pub body: &'a [u8],
    /// The digest over the message that came beside it.
    pub hmac: Option<&'a HmacHeader>,
    /// The token of the `RespURI` it was sent to.
    pub token: Option<&'a str>,
    /// The address of the server as the device knows it; the token is put behind it. Empty on a
    /// line, which leads to its peer alone.
    pub address: &'a str,
    /// The time.
    pub now: Wall,
    /// Octets that nobody can foresee.
    pub random: [u8; 34],
}

/// The answer to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How it is encoded.
    pub media_type: MediaType,
    /// The message.
    pub body: Vec<u8>,
    /// The digest over the message that goes beside it.
    pub hmac: Option<HmacHeader>,
    /// The session, as `session list` counts.
    pub session: Option<i64>,
    /// The token of the session's `RespURI`, for a line, on which no address travels.
    pub token: String,
    /// How far the session has come.
    pub phase: Option<Phase>,
    /// One line for the log.
    pub summary: String,
}

/// Why a message got no answer.
#[derive(Debug)]
pub enum Fault {
    /// It is no SyncML message, or one that nobody can answer.
    Unreadable(String),
    /// It is of this device, and another one was to speak.
    OtherDevice(String),
    /// The database failed; the same message may succeed later.
    Store(Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => f.write_str(why),
            Self::OtherDevice(id) => write!(f, "it is {id} that answers"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

/// The server without its sockets.
pub struct Server {
    store: Store,
    policy: Policy,
}

impl Server {
    /// A server on this database.
    pub fn new(store: Store, policy: Policy) -> Self {
        Self { store, policy }
    }

    /// The database.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Ends sessions that went silent and removes what is beyond the bounds.
    pub fn tidy(&mut self, now: Wall) -> Result<(), Error> {
        self.store.expire_sessions(self.policy.idle, now)?;
        self.store.prune(&self.policy.bounds)
    }

    /// Answers one message.
    pub fn answer(&mut self, request: &Request<'_>) -> Result<Answer, Fault> {
        self.answer_from(None, request)
    }

    /// Answers one message, if it is of this device.
    pub fn answer_from(
        &mut self,
        device: Option<&str>,
        request: &Request<'_>,
    ) -> Result<Answer, Fault> {
        let limits = Limits::spacious(self.policy.max_message);
        let message = decode(request.media_type, request.body, &limits)
            .map_err(|e| Fault::Unreadable(shorten(&e.to_string())))?;
        check_names(&message).map_err(|why| Fault::Unreadable(why.into()))?;
        let source = &message.header.source.uri;
        if device.is_some_and(|device| device != source) {
            return Err(Fault::OtherDevice(shorten(source)));
        }
        let arrival = Arrival {
            request,
            message: &message,
            digest: digest(request),
            policy: &self.policy,
        };
        let result = self
            .store
            .transact(|transaction| arrival.answer(transaction));
        result.map_err(|failure| match failure {
            Failure::Unwritable(why) => Fault::Unreadable(shorten(&why)),
            Failure::Database(source) => Fault::Store(self.store.failed(source)),
        })
    }
}

/// What ends the transaction of a message without a trace of it.
enum Failure {
    Unwritable(String),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(source: rusqlite::Error) -> Self {
        Self::Database(source)
    }
}

/// A message that was read, on its way to its session.
struct Arrival<'a> {
    request: &'a Request<'a>,
    message: &'a Message,
    digest: Vec<u8>,
    policy: &'a Policy,
}

impl Arrival<'_> {
    fn answer(&self, transaction: &Transaction<'_>) -> Result<Answer, Failure> {
        match self.route(transaction)? {
            Route::Repeat(kept) => Ok(self.repeat(transaction, kept)?),
            Route::Refuse(kept, code, why) => self.refuse(transaction, &kept, code, why),
            Route::Continue(kept) => self.turn(transaction, kept.id, &kept.token, kept.session),
            Route::Join(kept) => {
                let token = token(&self.request.random);
                sessions::move_to(transaction, kept.id, &token)?;
                self.turn(transaction, kept.id, &token, kept.session)
            }
            Route::New => {
                let device = &self.message.header.source.uri;
                prune::before_session(transaction, device, &self.policy.bounds)?;
                let token = token(&self.request.random);
                let session_id = &self.message.header.session_id;
                let now = self.request.now;
                let id = sessions::begin(transaction, &token, device, session_id, now)?;
                let resync = notifications::answered(transaction, device, session_id, now)?;
                let session = if resync {
                    Session::resynchronising()
                } else {
                    Session::new()
                };
                self.turn(transaction, id, &token, session)
            }
        }
    }

    fn repeat(
        &self,
        transaction: &Transaction<'_>,
        kept: sessions::Kept,
    ) -> rusqlite::Result<Answer> {
        let device = devices::load(transaction, &kept.device)?;
        Ok(Answer {
            media_type: kept.answer_type,
            hmac: kept.session.sign(&device, &kept.answer),
            body: kept.answer,
            session: Some(kept.id),
            token: kept.token,
            phase: Some(kept.session.phase),
            summary: format!("message {} again", self.message.header.msg_id),
        })
    }

    fn refuse(
        &self,
        transaction: &Transaction<'_>,
        kept: &sessions::Kept,
        code: StatusCode,
        why: &'static str,
    ) -> Result<Answer, Failure> {
        let device = devices::load(transaction, &kept.device)?;
        let resp_uri = self.resp_uri(&kept.token);
        let message = session::refuse(&self.exchange(&device, &[], &resp_uri), code);
        let text = format!("a message is refused: {why}");
        audit::note(transaction, kept.id, &text, self.request.now)?;
        prune::after_message(transaction, &self.policy.bounds)?;
        Ok(Answer {
            media_type: self.request.media_type,
            body: self.write(&message)?,
            hmac: None,
            session: Some(kept.id),
            token: kept.token.clone(),
            phase: Some(kept.session.phase),
            summary: format!("message {} refused: {why}", self.message.header.msg_id),
        })
    }

    fn turn(
        &self,
        transaction: &Transaction<'_>,
        id: i64,
        token: &str,
        session: Session,
    ) -> Result<Answer, Failure> {
        let name = &self.message.header.source.uri;
        let mut device = devices::load(transaction, name)?;
        session.set_nonces(&mut device);
        let resp_uri = self.resp_uri(token);
        let jobs = jobs::open_jobs(transaction, name, id)?;
        let mut outcome =
            session::answer(session.clone(), &self.exchange(&device, &jobs, &resp_uri));
        let proven = outcome.effects.contains(&Effect::Authenticated);
        if proven && sessions::supersede_others(transaction, name, id, self.request.now)? {
            // The jobs that those sessions had taken with them wait again.
            let jobs = jobs::open_jobs(transaction, name, id)?;
            outcome = session::answer(session, &self.exchange(&device, &jobs, &resp_uri));
        }
        let body = self.write(&outcome.answer)?;
        self.record(transaction, id, "received", self.request.body)?;
        let scope = self.scope(transaction, name, device.known, id);
        for effect in &outcome.effects {
            scope.apply(effect)?;
        }
        let phase = outcome.session.phase;
        if !matches!(phase, Phase::Open | Phase::Authenticating) {
            // A job of which only a part was sent has nothing outstanding, and yet it is not over.
            let reason = "the session ended before the job did";
            apply::return_jobs_of(transaction, id, reason, self.request.now)?;
        }
        self.record(transaction, id, "sent", &body)?;
        let detail = detail(&outcome.effects, phase);
        let turned = sessions::Turned {
            session: &outcome.session,
            peer_msg_id: &self.message.header.msg_id,
            request_digest: &self.digest,
            request_bytes: self.request.body.len(),
            answer: &body,
            answer_type: self.request.media_type,
            detail: detail.as_deref(),
        };
        sessions::save(transaction, id, &turned, self.request.now)?;
        Ok(Answer {
            media_type: self.request.media_type,
            hmac: outcome.session.sign(&device, &body),
            body,
            session: Some(id),
            token: token.to_owned(),
            phase: Some(phase),
            summary: summary(
                &self.message.header.msg_id,
                &outcome.answer,
                &outcome.effects,
                phase,
            ),
        })
    }

    fn record(
        &self,
        transaction: &Transaction<'_>,
        session: i64,
        direction: &str,
        octets: &[u8],
    ) -> rusqlite::Result<()> {
        let form = (self.request.media_type, octets.len());
        let text = mask::as_xml(self.request.media_type, octets);
        let now = self.request.now;
        audit::message(transaction, session, direction, form, &text, now)?;
        prune::after_message(transaction, &self.policy.bounds)
    }

    fn scope<'a>(
        &self,
        transaction: &'a Transaction<'a>,
        device: &'a str,
        known: bool,
        session: i64,
    ) -> Scope<'a> {
        Scope {
            transaction,
            device,
            known,
            session,
            media_type: self.request.media_type,
            now: self.request.now,
        }
    }

    fn exchange<'a>(
        &'a self,
        device: &'a session::Device,
        jobs: &'a [session::Job],
        resp_uri: &'a str,
    ) -> Exchange<'a> {
        let mut fresh = [0; 18];
        for (to, from) in fresh.iter_mut().zip(self.request.random) {
            *to = from;
        }
        Exchange {
            device,
            jobs,
            message: self.message,
            body: self.request.body,
            hmac: self.request.hmac,
            media_type: self.request.media_type,
            resp_uri,
            fresh,
            settings: &self.policy.settings,
        }
    }

    fn resp_uri(&self, token: &str) -> String {
        match self.request.address {
            "" => String::new(),
            address => format!("{address}?s={token}"),
        }
    }

    fn write(&self, message: &Message) -> Result<Vec<u8>, Failure> {
        encode(self.request.media_type, message).map_err(|e| Failure::Unwritable(e.to_string()))
    }
}

#[cfg(test)]
mod tests;
