//! The server's half of a DM 1.2 session: one message in, its answer and the effects out.
//!
//! Nothing here does input or output, reads a clock or draws randomness. What must outlast a
//! message is in [`Session`], which is kept between messages by whoever drives this, so that
//! another process may answer the next one.

mod authenticate;
mod chunk;
mod effect;
mod own;
mod pack;
mod phase;
mod receive;
mod refusal;
mod reply;
mod resync;
mod sent;
mod track;

use crate::job::Operation;
use omadm_syncml::auth::{AuthScheme, Secret};
use omadm_syncml::{HmacHeader, MediaType, Message, StatusCode};
use serde::{Deserialize, Serialize};

pub use effect::{CommandPath, Effect, ReceivedAlert, ReceivedValue};
pub use phase::Phase;
pub use refusal::{Party, Refusal, Subject};
pub(crate) use resync::RESYNC_NONCE;

use authenticate::Verdict;
use chunk::Partial;
use own::{Own, Standing};
use reply::Reply;
use resync::{OWN_JOB, Resync};
use sent::Sent;
use track::Running;

/// Credentials that one end shows to the other.
#[derive(Clone)]
pub struct Credential {
    /// Which kind they are.
    pub scheme: AuthScheme,
    /// The user name.
    pub user: String,
    /// The shared secret.
    pub secret: Secret,
    /// The octets that the next digest is made with; empty before the first exchange.
    pub nonce: Vec<u8>,
}

/// A device as the registry has it.
#[derive(Clone)]
pub struct Device {
    /// Its `DevId`: the `Source` of its messages.
    pub id: String,
    /// Whether it is registered. An unknown device is answered like one with a wrong secret,
    /// so that nobody learns which devices exist.
    pub known: bool,
    /// What the device must show.
    pub client: Credential,
    /// What the server shows; `None` where TLS proves the server.
    pub server: Option<Credential>,
}

/// A job that waits or runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number in the queue.
    pub id: i64,
    /// What it asks.
    pub operations: Vec<Operation>,
    /// How many of its commands are over.
    pub concluded: u32,
    /// How many of its commands have been sent, in sessions that broke as well: those may
    /// have been carried out without an answer.
    pub sent: u32,
    /// Whether one of its commands has failed.
    pub failed: bool,
}

/// How the server presents itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `MaxMsgSize` of the server, in bytes.
    pub max_message: u64,
    /// `MaxObjSize` of the server, in bytes.
    pub max_object: u64,
    /// The `Source` of messages whose `Target` was empty.
    pub server_id: String,
}

/// What a message is answered with.
pub struct Exchange<'a> {
    /// Who sent it, or who it claims to be.
    pub device: &'a Device,
    /// The jobs of the device that wait or run in this session, oldest first.
    pub jobs: &'a [Job],
    /// The message.
    pub message: &'a Message,
    /// The same, octet for octet.
    pub body: &'a [u8],
    /// The digest over it that came beside it.
    pub hmac: Option<&'a HmacHeader>,
    /// The encoding it came in and its answer goes in.
    pub media_type: MediaType,
    /// Where the next message of the session goes; empty on a line, which leads to its peer alone.
    pub resp_uri: &'a str,
    /// Octets nobody can foresee, for a nonce.
    pub fresh: [u8; 18],
    /// How the server presents itself.
    pub settings: &'a Settings,
}

/// What the server remembers of a session between two messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// How far it has come.
    pub phase: Phase,
    /// The number of messages sent, which is the last `MsgID` of the server.
    pub messages: u32,
    /// How many challenges the device was given.
    challenges: u8,
    /// How many of them in a row, since it has last proven itself.
    #[serde(default)]
    refused_in_a_row: u8,
    /// The nonce that the last message was proven with, where each message is.
    #[serde(default)]
    last_nonce: Option<Vec<u8>>,
    /// Whether the device hashes nonces as their base64 text.
    #[serde(default)]
    nonce_text: bool,
    /// What was wrong with what the device has shown last, while it has not shown better.
    #[serde(default)]
    pub(crate) fault: Option<Refusal>,
    /// What was refused before, by whom.
    #[serde(default)]
    pub(crate) refusals: Vec<Refusal>,
    /// The nonce of the last challenge.
    challenge: Option<Vec<u8>>,
    /// What the device thinks of the server's credentials.
    #[serde(default)]
    standing: Standing,
    /// The scheme that the device asks the server for, when it is a stronger one than registered.
    #[serde(default)]
    server_scheme: Option<String>,
    /// The nonce of the digest over the server's last message.
    #[serde(default)]
    signed_with: Option<Vec<u8>>,
    /// How often the device has refused the server's credentials.
    server_refusals: u8,
    /// The nonce that the device has given the server last in this session.
    server_nonce: Option<Vec<u8>>,
    /// The device's `MaxMsgSize`.
    max_message: Option<u64>,
    /// The device's `MaxObjSize`.
    #[serde(default)]
    max_object: Option<u64>,
    /// The commands that have been sent and are not over, in the order in which they went.
    outstanding: Vec<Sent>,
    /// Whether the server's package goes on in its next message.
    #[serde(default)]
    package_open: bool,
    /// A large object that is being received.
    partial: Option<Partial>,
    /// Whether it began with the nonce that everyone knows.
    #[serde(default)]
    resync: Resync,
}

impl Session {
    /// A session that begins.
    pub fn new() -> Self {
        Self {
            phase: Phase::Authenticating,
            messages: 0,
            challenges: 0,
            refused_in_a_row: 0,
            last_nonce: None,
            nonce_text: false,
            fault: None,
            refusals: Vec::new(),
            challenge: None,
            standing: Standing::Unseen,
            server_scheme: None,
            signed_with: None,
            server_refusals: 0,
            server_nonce: None,
            max_message: None,
            max_object: None,
            outstanding: Vec::new(),
            package_open: false,
            partial: None,
            resync: Resync::No,
        }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

/// What answering a message comes to.
pub struct Outcome {
    /// The session from here on.
    pub session: Session,
    /// The answer.
    pub answer: Message,
    /// What changes elsewhere.
    pub effects: Vec<Effect>,
}

/// Answers a message of a session that is alive.
///
/// ```
/// use omadm_server::session::{self, Exchange, Phase, Session};
/// # use omadm_server::session::{Credential, Device, Settings};
/// # use omadm_syncml::{MediaType, Message, Header, auth::{AuthScheme, Secret}};
/// # let credential = Credential { scheme: AuthScheme::Md5, user: "dev".into(),
/// #     secret: Secret::from_text("secret"), nonce: b"nonce".to_vec() };
/// # let device = Device { id: "dev".into(), known: true, client: credential, server: None };
/// # let settings = Settings { max_message: 65536, max_object: 65536, server_id: "srv".into() };
/// # let header = Header { ver_dtd: "1.2".into(), ver_proto: "DM/1.2".into(),
/// #     session_id: "1".into(), msg_id: "1".into(), ..Header::default() };
/// # let message = Message { header, commands: vec![], is_final: true };
/// let exchange = Exchange {
///     device: &device,
///     jobs: &[],
///     message: &message,
///     body: b"<SyncML>...",
///     hmac: None,
///     media_type: MediaType::DmXml,
///     resp_uri: "http://127.0.0.1/dm?s=1",
///     fresh: [7; 18],
///     settings: &settings,
/// };
/// let outcome = session::answer(Session::new(), &exchange);
/// // The message had no credentials: the device is challenged.
/// assert_eq!(outcome.session.phase, Phase::Authenticating);
/// ```
pub fn answer(session: Session, exchange: &Exchange<'_>) -> Outcome {
    let mut turn = Turn {
        session,
        exchange,
        reply: Reply::new(exchange.message),
        effects: Vec::new(),
        jobs: Vec::new(),
        unmatched: 0,
        chunk_seen: false,
        refusal: None,
    };
    let message = turn.run();
    turn.effects.retain(|effect| effect.job() != Some(OWN_JOB));
    Outcome {
        session: turn.session,
        answer: message,
        effects: turn.effects,
    }
}

/// Answers a message that belongs to no session that is alive: every command gets `code`.
pub fn refuse(exchange: &Exchange<'_>, code: StatusCode) -> Message {
    let mut reply = Reply::new(exchange.message);
    reply.refuse_all(exchange.message, code, None);
    reply.into_message(exchange, 1, Own::default(), None)
}

/// The answering of one message.
struct Turn<'a> {
    session: Session,
    exchange: &'a Exchange<'a>,
    reply: Reply,
    effects: Vec<Effect>,
    jobs: Vec<Running>,
    /// How many Statuses answered nothing.
    unmatched: u32,
    /// Whether the large object went on in this message.
    chunk_seen: bool,
    /// Why the device takes nothing of the last message, if it does not.
    refusal: Option<String>,
}

impl Turn<'_> {
    fn run(&mut self) -> Message {
        self.session.messages = self.session.messages.saturating_add(1);
        self.remember_limits();
        let first = self.session.phase == Phase::Authenticating;
        if let Err(code) = self.check_version() {
            self.session.phase = Phase::Refused;
            self.reply.refuse_all(self.exchange.message, code, None);
            return self.close(first);
        }
        let verdict = self.authenticate();
        self.remember_server_nonce();
        match verdict {
            Verdict::Accepted { code, chal } => {
                self.reply.header_status(self.exchange.message, code, chal);
                self.converse();
            }
            Verdict::Refused { code, chal } => {
                self.reply.refuse_all(self.exchange.message, code, chal);
            }
        }
        self.close(first)
    }

    fn close(&mut self, first: bool) -> Message {
        let own = self.own();
        if own.user.is_some() && self.session.standing == Standing::Unseen {
            self.session.standing = Standing::Shown;
        }
        self.session.signed_with.clone_from(&own.nonce);
        let limits = first.then_some(self.exchange.settings);
        std::mem::take(&mut self.reply).into_message(
            self.exchange,
            self.session.messages,
            own,
            limits,
        )
    }

    /// What a device that has proven itself sends is carried out, and answered with the next package.
    fn converse(&mut self) {
        self.load_jobs();
        let message = self.exchange.message;
        let trusted = self.hear_about_credentials();
        for command in &message.commands {
            self.receive(command);
        }
        // Statuses for commands that were taken back are no surprise.
        if self.unmatched > 0 && self.session.server_refusals == 0 {
            self.note(format!("{} Statuses answer no command", self.unmatched));
        }
        if !self.chunk_seen {
            self.drop_partial();
        }
        if !trusted {
            self.session.phase = Phase::Aborted;
            self.reply.abort();
        } else if self.session.phase == Phase::Aborted {
            self.return_jobs("the device broke the session off");
        } else if let Some(reason) = self.refusal.take() {
            // What it has answered counts; the rest is tried in another session.
            self.return_jobs(&reason);
            self.session.phase = Phase::Ended;
        } else if message.is_final || self.session.package_open {
            // A device that ends its package before the server's has said all that it will say.
            self.conclude(message.is_final);
            self.pack();
        } else {
            // OMA-TS-DM-Protocol 9: the package of the device goes on; no new commands until its end.
            self.conclude(false);
            self.reply.next_message();
        }
    }

    fn remember_limits(&mut self) {
        let meta = &self.exchange.message.header.meta;
        if let Some(bytes) = meta.max_msg_size.filter(|bytes| *bytes > 0) {
            self.session.max_message = Some(bytes);
        }
        if let Some(bytes) = meta.max_obj_size.filter(|bytes| *bytes > 0) {
            self.session.max_object = Some(bytes);
        }
    }

    fn check_version(&self) -> Result<(), StatusCode> {
        let header = &self.exchange.message.header;
        if header.ver_dtd.trim() != "1.2" {
            Err(StatusCode::DTD_NOT_SUPPORTED)
        } else if header.ver_proto.trim() != "DM/1.2" {
            Err(StatusCode::PROTOCOL_NOT_SUPPORTED)
        } else {
            Ok(())
        }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.effects.push(Effect::Note(text.into()));
    }
}
