//! The device's side of a DM session as a state machine: messages in, messages out
//! (OMA-TS-DM-Protocol 1.2).

mod add;
mod alert;
mod alerts;
mod answer;
mod atomic;
mod client_auth;
mod command;
mod content;
mod copy;
mod delete;
mod exec;
mod get;
mod header;
mod incoming;
mod nonces;
mod outbox;
mod outcome;
mod outgoing;
mod output;
mod package;
mod random;
mod refusal;
mod replace;
mod reply;
mod sequence;
mod server_auth;
mod start;

pub use outcome::{BearerFailure, Cancel, Counts, Note, Outcome, SessionEnd, StoreError};
pub use output::{ExecRecord, Output, WriteSet};
pub use refusal::{Party, Refusal, Subject};
pub use start::{ExecKey, SessionCause, SessionParameters, SessionStart};

use crate::{Account, Snapshot, Tree};
use alerts::AlertQueue;
use answer::Answer;
use client_auth::ClientAuth;
use content::LargeObject;
use header::Peer;
use incoming::Incoming;
use omadm_syncml::{Address, Envelope, GenericAlert, Now};
use outbox::Outbox;
use package::DevInfo;
use random::Random;
use server_auth::ServerAuth;
use std::collections::VecDeque;
use std::time::Duration;

/// A DM session with one server.
///
/// The driver asks [`poll_output`](Self::poll_output) what to do until it says
/// [`Output::Wait`] or [`Output::Closed`], and reports what happens in the world by the
/// `handle_` methods. The session itself reads no clock and does no input or output.
///
/// ```
/// use omadm_dm::session::{Output, SessionCause, SessionStart};
/// use omadm_dm::{Account, Ddf, Session, Tree};
/// use omadm_syncml::{AcceptedProof, Limits, Now, PeerProof, ServerTrust, decode};
///
/// let ddf = Ddf::parse("devinfo.xml", r#"<MgmtTree><VerDTD>1.2</VerDTD>
///   <Node><NodeName>DevInfo</NodeName><DFProperties>
///     <AccessType><Get/></AccessType><DFFormat><node/></DFFormat><Scope><Permanent/></Scope>
///     <DFType><DDFName/></DFType></DFProperties>
///   <Node><NodeName>DevId</NodeName><DFProperties>
///     <AccessType><Get/></AccessType><DefaultValue>IMEI:4</DefaultValue><DFFormat><chr/></DFFormat>
///     <Scope><Permanent/></Scope><DFType><MIME>text/plain</MIME></DFType></DFProperties></Node>
///   </Node></MgmtTree>"#)?;
/// let mut tree = Tree::default();
/// tree.describe(&ddf)?;
///
/// let mut account = Account::new("bench", "com.example.dm", "https://dm.example.com/dm");
/// account.accepts = vec![AcceptedProof::Tls]; // the certificate stands for the server
/// let proof = PeerProof::tls(ServerTrust::SystemRoot); // what the bearer says
/// let start = SessionStart::new(account, SessionCause::User, proof, [7; 32]);
/// let now = Now { boot: std::time::Duration::ZERO, wall: None };
/// let mut session = Session::start(start, &tree, now);
/// loop {
///     match session.poll_output() {
///         Output::Collect(wanted) => {
///             let live = tree.collect(&wanted);
///             session.handle_live(&live, &tree, now);
///         }
///         Output::Commit(writes) => {
///             tree.apply(&writes.nodes); // once they are stored
///             session.handle_committed(Ok(()), now);
///         }
///         Output::Transmit(envelope) => {
///             let package_1 = decode(envelope.media_type, &envelope.body, &Limits::default())?;
///             assert_eq!(package_1.header.source.uri, "IMEI:4");
///             assert_eq!(package_1.commands.len(), 2); // Alert 1201, Replace of ./DevInfo
///         }
///         Output::Wait(_deadline) => break, // for the server: handle_message
///         Output::Closed(outcome) => panic!("{outcome}"),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    account: Account,
    parameters: SessionParameters,
    cause: SessionCause,
    id: String,
    random: Random,
    client: ClientAuth,
    server: ServerAuth,
    dev_info: DevInfo,
    alerts: AlertQueue,
    /// The `Exec`s that are not run again, oldest first.
    execs: VecDeque<ExecKey>,
    large: Option<LargeObject>,
    peer: Peer,
    /// Whether the server has closed its package: only then may the device close its own.
    server_final: bool,
    /// Whether the device's last message closed its package.
    own_final: bool,
    /// How many messages in a row had no `Final` and only asked for more, when there was no more.
    idle_messages: u8,
    outbox: Outbox,
    outputs: VecDeque<Output>,
    state: State,
    /// Whether the next message begins package 1.
    introduces: bool,
    sent_messages: u32,
    /// The message that is being answered.
    received: Option<Envelope>,
    last: Option<Exchange>,
    ends_at: Duration,
    answer_due: Duration,
    counts: Counts,
    refusals: Vec<Refusal>,
    notes: Vec<Note>,
}

/// What the session waits for.
enum State {
    /// The live nodes of `./DevInfo`.
    DevInfo,
    /// A message of the server.
    Server,
    /// The live nodes that the commands of a message need.
    Live(Box<Incoming>),
    /// The store.
    Store(Box<Answer>),
    /// Nothing any more.
    Closed(Box<Outcome>),
}

/// A message of the server and the answer to it, so that a repeated message is not executed
/// twice.
struct Exchange {
    received: Option<Envelope>,
    sent: Envelope,
    /// How often the answer was sent again.
    repeats: u8,
}

impl Session {
    /// Starts a session: the device has the first word, so the first output leads to package 1.
    pub fn start(start: SessionStart, tree: &Tree, now: Now) -> Self {
        let mut session = Self::new(start, now);
        if let Some(refusal) = session.server.impossible() {
            session.close(SessionEnd::Refused(refusal));
            return session;
        }
        let wanted = tree.live_roots(&[Address::from(package::dev_info_uri())]);
        if wanted.is_empty() {
            session.begin(Snapshot::empty(), tree, now);
        } else {
            session.outputs.push_back(Output::Collect(wanted));
        }
        session
    }

    fn new(start: SessionStart, now: Now) -> Self {
        let mut random = Random::new(start.seed);
        let id = match start.cause {
            SessionCause::Notification { session_id } => format!("{session_id:X}"),
            _ => random.session_id(),
        };
        let account = start.account;
        // Those of other servers would only push its own ones out.
        let own = |key: &ExecKey| key.server == account.server_id;
        let execs = start.execs.into_iter().filter(own).collect();
        Self {
            client: ClientAuth::new(&account),
            server: ServerAuth::new(&account, start.proof),
            outbox: Outbox::new(account.media_type),
            account,
            ends_at: now.boot.saturating_add(start.parameters.session_timeout),
            parameters: start.parameters,
            cause: start.cause,
            id,
            random,
            dev_info: DevInfo::default(),
            alerts: AlertQueue::new(start.alerts),
            execs,
            large: None,
            peer: Peer::default(),
            server_final: true,
            own_final: true,
            idle_messages: 0,
            outputs: VecDeque::new(),
            state: State::DevInfo,
            introduces: true,
            sent_messages: 0,
            received: None,
            last: None,
            answer_due: Duration::MAX,
            counts: Counts::default(),
            refusals: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The `SessionID`.
    pub fn session_id(&self) -> &str {
        &self.id
    }

    /// What the driver has to do next.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match &self.state {
            State::Closed(outcome) => Output::Closed((**outcome).clone()),
            State::Server => Output::Wait(self.answer_due.min(self.ends_at)),
            State::DevInfo | State::Live(_) | State::Store(_) => Output::Wait(self.ends_at),
        }
    }

    /// Takes a message of the server. One that comes while nobody expects it is passed over.
    pub fn handle_message(&mut self, envelope: &Envelope, tree: &Tree, now: Now) {
        if !matches!(self.state, State::Server) {
            return;
        }
        if now.boot >= self.ends_at {
            return self.abort(SessionEnd::TooLong, now);
        }
        self.receive(envelope, tree, now);
    }

    /// Answers [`Output::Collect`].
    pub fn handle_live(&mut self, snapshot: &Snapshot, tree: &Tree, now: Now) {
        match std::mem::replace(&mut self.state, State::DevInfo) {
            State::DevInfo => self.begin(snapshot, tree, now),
            State::Live(incoming) => self.execute(*incoming, snapshot, tree, now),
            other => self.state = other,
        }
    }

    /// Answers [`Output::Commit`]: the tree holds the changes now, or it does not.
    pub fn handle_committed(&mut self, result: Result<(), StoreError>, now: Now) {
        match std::mem::replace(&mut self.state, State::DevInfo) {
            State::Store(answer) => self.finish(*answer, result, now),
            other => self.state = other,
        }
    }

    /// Takes an alert that was raised in mid-session; it leaves with the next message.
    pub fn handle_alert(&mut self, alert: GenericAlert) {
        self.alerts.add(alert);
    }

    /// The bearer can carry no more.
    pub fn handle_failure(&mut self, failure: BearerFailure) {
        self.outputs.clear();
        self.close(SessionEnd::BearerFailed(failure));
    }

    /// The time of the last [`Output::Wait`] has come.
    pub fn handle_timeout(&mut self, now: Now) {
        if now.boot >= self.ends_at {
            self.close(SessionEnd::TooLong);
        } else if matches!(self.state, State::Server) && now.boot >= self.answer_due {
            self.close(SessionEnd::NoAnswer);
        }
    }

    /// Ends the session from the device's side: the server is told with Alert 1223, although a
    /// bearer that waits for its answer may be unable to carry it.
    pub fn handle_cancel(&mut self, cancel: Cancel, now: Now) {
        if self.counts.messages_sent == 0 {
            self.close(SessionEnd::Cancelled(cancel));
        } else {
            self.abort(SessionEnd::Cancelled(cancel), now);
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    /// Ends the session without another word.
    fn close(&mut self, end: SessionEnd) {
        if self.is_closed() {
            return;
        }
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend_from_slice(self.server.notes());
        let refusals = self.all_refusals(&end);
        self.outputs
            .retain(|output| matches!(output, Output::Transmit(_)));
        self.state = State::Closed(Box::new(Outcome {
            account: self.account.name.clone(),
            server_id: self.account.server_id.clone(),
            session_id: self.id.clone(),
            end,
            refusals,
            notes,
            counts: self.counts,
        }));
    }

    /// What was refused in the session, with what ends it.
    fn all_refusals(&mut self, end: &SessionEnd) -> Vec<Refusal> {
        let mut refusals = std::mem::take(&mut self.refusals);
        refusals.extend_from_slice(self.server.refusals());
        if self.client.nonce_was_stale() {
            refusals.push(Refusal::ClientNonce { renewed: true });
        }
        if let SessionEnd::Refused(refusal) = end {
            refusals.push(refusal.clone());
        }
        refusals
    }
}

#[cfg(test)]
mod tests;
