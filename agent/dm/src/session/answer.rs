//! From executed commands to the answer: what has to be stored, and what may be said once it is
//! (the store comes first, so that a Status never claims what a power cut can undo).

use super::command::{Execution, Setting};
use super::incoming::Incoming;
use super::outbox::Closing;
use super::reply::{Reply, Wire};
use super::{
    ExecKey, ExecRecord, Note, Output, Refusal, Session, SessionEnd, State, StoreError, WriteSet,
    header,
};
use crate::operation;
use crate::{Authority, Content, Edit, Overlay, Snapshot, Tree};
use omadm_syncml::{Address, AlertId, Header, Meta, Now, Status, StatusCode, Uri, Value};

/// The answer to one message of the server.
#[derive(Debug)]
pub(super) struct Answer {
    /// The server's `MsgID`.
    msg_ref: String,
    /// The status of its header.
    status: Status,
    /// The code that its commands were refused with.
    pub(super) refused: Option<StatusCode>,
    pub(super) replies: Vec<Reply>,
    /// The alerts that it has answered.
    pub(super) acknowledged: Vec<AlertId>,
    /// The `Exec`s that it has started.
    pub(super) execs: Vec<ExecRecord>,
    /// Package 1 has to be sent again.
    pub(super) again: bool,
    /// The server gave the device a nonce and used a wrong one itself.
    pub(super) resyncs: bool,
    /// Why the session ends with it.
    pub(super) end: Option<SessionEnd>,
    started: Vec<ExecKey>,
    stores_client_nonce: bool,
    stored_server_nonce: Option<Vec<u8>>,
}

impl Answer {
    pub(super) fn new(header: &Header) -> Self {
        Self {
            msg_ref: header::reference(&header.msg_id).to_owned(),
            status: header::status(header, StatusCode::OK),
            refused: None,
            replies: Vec::new(),
            acknowledged: Vec::new(),
            execs: Vec::new(),
            again: false,
            resyncs: false,
            end: None,
            started: Vec::new(),
            stores_client_nonce: false,
            stored_server_nonce: None,
        }
    }

    pub(super) fn accept(&mut self, code: StatusCode, challenge: Option<Meta>) {
        self.status.data = code.to_string();
        self.status.chal = challenge;
    }

    pub(super) fn refuse(
        &mut self,
        code: StatusCode,
        challenge: Option<Meta>,
        end: Option<Refusal>,
    ) {
        self.accept(code, challenge);
        self.refused = Some(code);
        self.end = end.map(SessionEnd::Refused);
    }
}

impl Session {
    /// Executes the commands of an authenticated server.
    pub(super) fn execute(&mut self, incoming: Incoming, live: &Snapshot, tree: &Tree, now: Now) {
        let mut answer = incoming.answer;
        let queue = self
            .parameters
            .queue_bytes
            .saturating_sub(self.outbox.bytes());
        let setting = Setting {
            tree,
            live,
            server_id: &self.account.server_id,
            now,
            received_as: incoming.received_as,
            answered_as: self.account.media_type,
            silent: incoming.silent,
            sequence_stops: self.account.sequence_stops,
            nesting: self.parameters.nesting,
            max_object: self.parameters.max_obj_size,
            max_result: self.peer.max_obj_size.unwrap_or(u64::MAX),
            result_bytes: queue as u64,
            listed_nodes: self.parameters.listed_nodes,
            seen: &self.execs,
        };
        let mut execution = Execution::new(setting, self.large.take());
        execution.run(&incoming.commands);
        answer.replies = execution.replies;
        answer.execs = execution.execs;
        self.large = execution.large;
        self.settle(answer, execution.overlay, tree, now);
    }

    /// Hands what has changed to the store, and goes on at once when nothing has.
    pub(super) fn settle(&mut self, mut answer: Answer, changes: Overlay, tree: &Tree, now: Now) {
        let changes = self.add_nonces(&mut answer, changes, tree, now);
        let writes = WriteSet {
            nodes: changes.into_writes(),
            acknowledged: answer.acknowledged.clone(),
            execs: std::mem::take(&mut answer.execs),
        };
        answer.started = writes.execs.iter().filter_map(ExecRecord::key).collect();
        if writes.is_empty() {
            return self.finish(answer, Ok(()), now);
        }
        self.outputs.push_back(Output::Commit(writes));
        self.state = State::Store(Box::new(answer));
    }

    /// The nonces of the next session, which only an authenticated server may change.
    fn add_nonces(
        &mut self,
        answer: &mut Answer,
        mut changes: Overlay,
        tree: &Tree,
        now: Now,
    ) -> Overlay {
        if answer.refused.is_some() {
            return changes;
        }
        if let Some((uri, nonce)) = self.client.unstored_nonce() {
            answer.stores_client_nonce = write_nonce(&mut changes, tree, uri, nonce, now);
        }
        if let Some((uri, nonce)) = self.server.unstored_nonce(self.speaks(answer)) {
            if write_nonce(&mut changes, tree, uri, nonce, now) {
                answer.stored_server_nonce = Some(nonce.to_vec());
            } else {
                self.break_promise(answer);
            }
        }
        changes
    }

    /// A nonce that is not remembered must not be promised.
    fn break_promise(&mut self, answer: &mut Answer) {
        if self.server.forgets_unstored() {
            answer.status.chal = None;
        }
    }

    /// Whether there is more to say than that the header was fine. A client must not answer only
    /// to say that, nor only to challenge a server that does not challenge either
    /// (OMA-TS-DM-Protocol 8.2, OMA-TS-DM-Security 5.3). An alert that only a stranger has
    /// answered is more: without a challenge a server whose nonce is stale, and which asks for
    /// nothing, would never get it.
    fn speaks(&self, answer: &Answer) -> bool {
        let aborted = answer.end == Some(SessionEnd::AbortedByServer);
        let objects = answer.end.is_some() && answer.refused.is_some();
        let may_alert = answer.end.is_none() && self.alerts.is_waiting();
        !aborted
            && (answer.again
                || answer.resyncs
                || objects
                || may_alert
                || !self.server_final
                || !self.outbox.is_empty()
                || answer.replies.iter().any(Reply::speaks))
    }

    /// Says what was done, now that it is stored or is known not to be.
    pub(super) fn finish(&mut self, mut answer: Answer, result: Result<(), StoreError>, now: Now) {
        let speaks = self.speaks(&answer);
        match result {
            Ok(()) => self.keep(&mut answer),
            Err(error) => self.undo(&mut answer, &error),
        }
        self.count(&answer);
        if !speaks {
            return self.part(answer);
        }
        if answer.again && answer.end.is_none() {
            // Whatever package was open, the device begins anew.
            self.server_final = true;
            self.outbox.clear();
            self.alerts.start_over();
        }
        self.queue_replies(&mut answer);
        match answer.end {
            Some(end) => return self.abort_with(Some(answer.status), end, now),
            None if answer.again => self.queue_package_1(),
            None => self.queue_alerts(),
        }
        self.transmit(Some(answer.status), now);
        if self.outbox.bytes() > self.parameters.queue_bytes {
            let words = "it leaves too many answers unread".to_owned();
            self.close(SessionEnd::Violation(words));
        }
    }

    fn keep(&mut self, answer: &mut Answer) {
        if answer.stores_client_nonce {
            self.client.nonce_stored();
        }
        if let Some(nonce) = answer.stored_server_nonce.take() {
            self.server.nonce_stored(nonce);
        }
        let delivered = u32::try_from(answer.acknowledged.len()).unwrap_or(u32::MAX);
        self.counts.alerts_acknowledged = self.counts.alerts_acknowledged.saturating_add(delivered);
        self.execs.extend(answer.started.drain(..));
        while self.execs.len() > REMEMBERED_EXECS {
            self.execs.pop_front();
        }
    }

    /// Nothing of the message was stored: each command that changed something has failed.
    fn undo(&mut self, answer: &mut Answer, error: &StoreError) {
        let code = match error {
            StoreError::Full => StatusCode::DEVICE_FULL,
            StoreError::Failed(_) => StatusCode::DATA_STORE_FAILURE,
        };
        Reply::fail_commit(&mut answer.replies, code);
        if answer.refused.is_none() {
            self.break_promise(answer);
        }
        self.notes.push(Note::NotStored(error.to_string()));
    }

    /// What a stranger asks for is not counted: it comes again once both ends know each other.
    fn count(&mut self, answer: &Answer) {
        if answer.refused.is_some() {
            return;
        }
        let all = u32::try_from(answer.replies.len()).unwrap_or(u32::MAX);
        let failed = answer.replies.iter().filter(|reply| !reply.succeeded());
        let failed = u32::try_from(failed.count()).unwrap_or(u32::MAX);
        self.counts.commands = self.counts.commands.saturating_add(all);
        self.counts.failed = self.counts.failed.saturating_add(failed);
    }

    fn queue_replies(&mut self, answer: &mut Answer) {
        let frame = self.frame(Some(answer.status.clone()), Closing::NextMessage);
        let mut wire = Wire {
            media_type: self.account.media_type,
            // Package 1, which may follow, has a longer header.
            room: self.outbox.room(&frame).unwrap_or(0).saturating_sub(128),
            left: 0,
        };
        for reply in answer.replies.drain(..) {
            let waiting = self.outbox.bytes();
            wire.left = self.parameters.queue_bytes.saturating_sub(waiting);
            for command in reply.into_commands(&answer.msg_ref, &mut wire) {
                self.outbox.push(command);
            }
        }
    }

    /// The regular end: the server has asked nothing more.
    fn part(&mut self, answer: Answer) {
        if answer.refused.is_some() {
            self.refusals.extend(self.server.estranged());
        }
        self.close(answer.end.unwrap_or(SessionEnd::Completed));
    }
}

/// How many `Exec`s a session remembers.
const REMEMBERED_EXECS: usize = 64;

/// Enters a nonce in its `AAuthData` leaf; false if the leaf cannot hold it.
fn write_nonce(changes: &mut Overlay, tree: &Tree, uri: &Uri, nonce: &[u8], now: Now) -> bool {
    let mut edit = Edit::new(tree, changes, Snapshot::empty());
    let address = Address::from(uri.clone());
    let content = Content {
        value: Some(Value::from(nonce.to_vec())),
        ..Content::default()
    };
    let done = operation::replace(&mut edit, Authority::Local, &address, &content, now);
    match done {
        // Without its parent the credential is gone: adding the nonce would bring back a part.
        Err(StatusCode::NOT_FOUND) if has_parent(&edit, uri) => {
            operation::add(&mut edit, Authority::Local, &address, &content, now)
        }
        other => other,
    }
    .is_ok()
}

fn has_parent(edit: &Edit<'_>, uri: &Uri) -> bool {
    let parent = uri.parent();
    parent.is_some_and(|parent| edit.view().node(&parent).is_some())
}
