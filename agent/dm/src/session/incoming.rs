//! A message of the server before any command of it is executed: who sent it, what it says about
//! the device's last message, and what its commands will need.

use super::answer::Answer;
use super::client_auth::ClientVerdict;
use super::command;
use super::header::{self, Objection};
use super::nonces::Shown;
use super::server_auth::ServerVerdict;
use super::{Note, Output, Refusal, Session, SessionEnd, State};
use crate::{Overlay, Tree};
use omadm_syncml::{
    AlertCode, AlertId, Command, Envelope, Header, MediaType, Message, Now, Status, StatusCode,
    decode, sniff,
};

/// A message whose commands may be executed.
#[derive(Debug)]
pub(super) struct Incoming {
    /// What is known of the answer so far.
    pub(super) answer: Answer,
    /// The commands, without the statuses.
    pub(super) commands: Vec<Command>,
    /// How the message was encoded.
    pub(super) received_as: MediaType,
    /// The header's `NoResp`.
    pub(super) silent: bool,
}

impl Session {
    pub(super) fn receive(&mut self, envelope: &Envelope, tree: &Tree, now: Now) {
        self.counts.messages_received = self.counts.messages_received.saturating_add(1);
        if self.counts.messages_received > self.parameters.messages {
            let words = format!("more than {} messages", self.parameters.messages);
            return self.abort(SessionEnd::Violation(words), now);
        }
        if self.is_repeated(envelope) {
            return self.repeat(now);
        }
        self.received = Some(envelope.clone());
        let shown = self.server.examine_octets(envelope);
        let media_type = sniff(&envelope.body).unwrap_or(envelope.media_type);
        match decode(media_type, &envelope.body, &self.parameters.codec) {
            Ok(message) => self.take(message, shown, media_type, tree, now),
            Err(error) => self.abort(SessionEnd::Malformed(error.to_string()), now),
        }
    }

    fn take(
        &mut self,
        message: Message,
        shown: Option<Shown>,
        received_as: MediaType,
        tree: &Tree,
        now: Now,
    ) {
        let Message {
            header,
            commands,
            is_final,
        } = message;
        let (statuses, commands) = split(commands);
        let mut answer = Answer::new(&header);
        if let Err(objection) = header::check(&header, &self.id, &self.dev_info.id) {
            let incoming = Incoming {
                answer,
                commands,
                received_as,
                silent: header.no_resp,
            };
            return self.object(incoming, objection, tree, now);
        }
        let was_authenticated = self.server.was_authenticated();
        let is_proven = self.judge(&header, shown, !commands.is_empty(), &mut answer);
        // Nobody moves the session elsewhere with a message that the server has not signed.
        if answer.refused.is_none() || !was_authenticated {
            self.peer.learn(&header);
        }
        self.follow_package(is_final, &commands);
        if self.idle_messages > MAX_IDLE {
            let words = "it asks for more again and again, and there is no more".to_owned();
            return self.abort(SessionEnd::Violation(words), now);
        }
        match self.read_own_status(&statuses) {
            Ok(again) => answer.again = again,
            Err(end) => return self.close(end),
        }
        answer.resyncs = answer.end.is_none()
            && answer.refused == Some(StatusCode::INVALID_CREDENTIALS)
            && self.is_challenged(&statuses);
        if is_proven {
            answer.acknowledged = self.acknowledge(&statuses);
        } else {
            self.alerts.doubt(&statuses);
        }
        let incoming = Incoming {
            answer,
            commands,
            received_as,
            silent: header.no_resp,
        };
        self.act(incoming, tree, now);
    }

    /// Says who sent the message in the answer, and whether that is proven.
    fn judge(
        &mut self,
        header: &Header,
        shown: Option<Shown>,
        has_commands: bool,
        answer: &mut Answer,
    ) -> bool {
        let verdict = self
            .server
            .judge(header, shown, has_commands, &mut self.random);
        match verdict {
            ServerVerdict::Trusted { code, challenge } => {
                answer.accept(code, challenge);
                return true;
            }
            ServerVerdict::Believed { challenge } => {
                answer.accept(StatusCode::OK, Some(challenge));
            }
            ServerVerdict::Refused {
                code,
                challenge,
                end,
            } => answer.refuse(code, challenge, end),
        }
        false
    }

    /// Executes the commands, at once or when their live nodes are there, or refuses them.
    fn act(&mut self, mut incoming: Incoming, tree: &Tree, now: Now) {
        if incoming.commands.iter().any(is_abort) {
            incoming.answer.end = Some(SessionEnd::AbortedByServer);
            return self.settle(incoming.answer, Overlay::new(), tree, now);
        }
        if let Some(code) = incoming.answer.refused {
            incoming.answer.replies = command::refuse(&incoming.commands, code, incoming.silent);
            return self.settle(incoming.answer, Overlay::new(), tree, now);
        }
        let wanted = command::addresses(&incoming.commands, tree.limits().uri);
        let wanted = tree.live_roots(&wanted);
        if wanted.is_empty() {
            self.execute(incoming, crate::Snapshot::empty(), tree, now);
        } else {
            self.outputs.push_back(Output::Collect(wanted));
            self.state = State::Live(Box::new(incoming));
        }
    }

    /// A header that does not fit: the server is told and the session ends.
    fn object(&mut self, incoming: Incoming, objection: Objection, tree: &Tree, now: Now) {
        let mut answer = incoming.answer;
        answer.refuse(objection.code, None, None);
        answer.replies = command::refuse(&incoming.commands, objection.code, incoming.silent);
        answer.end = Some(SessionEnd::Violation(objection.words));
        self.settle(answer, Overlay::new(), tree, now);
    }

    /// Whether package 1 has to be sent again, by the status of the last header.
    fn read_own_status(&mut self, statuses: &[Status]) -> Result<bool, SessionEnd> {
        let own = self.sent_messages.to_string();
        let answered = statuses
            .iter()
            .find(|status| header::is_answer(status, &own));
        let Some((status, code)) =
            answered.and_then(|status| Some((status, StatusCode::parse(&status.data)?)))
        else {
            return Ok(false);
        };
        let about_credentials = matches!(
            code,
            StatusCode::INVALID_CREDENTIALS | StatusCode::CREDENTIALS_REQUIRED
        );
        if !code.is_success() && !about_credentials {
            if code == StatusCode::NOT_FOUND {
                let address = self.account.address.clone();
                self.refusals.push(Refusal::Address { code, address });
            }
            return Err(SessionEnd::HeaderRefused(code));
        }
        match self.client.handle_status(code, status.chal.as_ref()) {
            ClientVerdict::Accepted => Ok(false),
            ClientVerdict::Again => Ok(true),
            ClientVerdict::End(refusal) => Err(SessionEnd::Refused(refusal)),
        }
    }

    /// Whether the status of the last header gives the device a nonce.
    fn is_challenged(&self, statuses: &[Status]) -> bool {
        let own = self.sent_messages.to_string();
        let mut answers = statuses.iter().filter(|s| header::is_answer(s, &own));
        answers.any(|status| status.chal.is_some())
    }

    /// The alerts that the server has answered.
    fn acknowledge(&mut self, statuses: &[Status]) -> Vec<AlertId> {
        let mut acknowledged = Vec::new();
        for status in statuses {
            let Some(answered) = self.alerts.handle_status(status) else {
                continue;
            };
            if !answered.code.is_success() {
                self.notes
                    .push(Note::AlertRefused(answered.id, answered.code));
            }
            if answered.leaves {
                acknowledged.push(answered.id);
            }
        }
        acknowledged
    }

    /// Keeps track of whose package is open.
    ///
    /// While the device's own package goes on, the server's messages only ask for the rest of it
    /// and have no `Final`, although the server's package is complete.
    fn follow_package(&mut self, is_final: bool, commands: &[Command]) {
        let only_asks = commands.iter().all(is_next_message);
        if !is_final && only_asks && self.server_final && !self.own_final {
            return;
        }
        self.server_final = is_final;
        let brings_nothing = !is_final && only_asks && self.outbox.is_empty();
        self.idle_messages = if brings_nothing {
            self.idle_messages.saturating_add(1)
        } else {
            0
        };
        // It was asked twice for the rest of its package and had none: it has left Final out.
        if self.idle_messages > 2 {
            self.server_final = true;
        }
    }

    fn is_repeated(&self, envelope: &Envelope) -> bool {
        let last = self.last.as_ref().and_then(|last| last.received.as_ref());
        last == Some(envelope)
    }

    /// The server has not seen the answer and sends the same octets again: so does the device.
    fn repeat(&mut self, now: Now) {
        let Some(last) = &mut self.last else {
            return;
        };
        if last.repeats >= MAX_REPEATS {
            let words = "it sends the same message again and again".to_owned();
            return self.abort(SessionEnd::Violation(words), now);
        }
        last.repeats += 1;
        let sent = last.sent.clone();
        self.counts.messages_sent = self.counts.messages_sent.saturating_add(1);
        self.outputs.push_back(Output::Transmit(sent));
        self.answer_due = now.boot.saturating_add(self.parameters.response_timeout);
    }
}

/// How many messages in a row may bring nothing and wait for nothing.
const MAX_IDLE: u8 = 8;

/// How often a server may fail to see an answer; one that is stuck never gets any further.
const MAX_REPEATS: u8 = 3;

fn split(commands: Vec<Command>) -> (Vec<Status>, Vec<Command>) {
    let mut statuses = Vec::new();
    let mut others = Vec::new();
    for command in commands {
        match command {
            Command::Status(status) => statuses.push(status),
            other => others.push(other),
        }
    }
    (statuses, others)
}

fn is_abort(command: &Command) -> bool {
    alert_code(command) == Some(AlertCode::SESSION_ABORT)
}

fn is_next_message(command: &Command) -> bool {
    alert_code(command) == Some(AlertCode::NEXT_MESSAGE)
}

fn alert_code(command: &Command) -> Option<AlertCode> {
    match command {
        Command::Alert(alert) => AlertCode::parse(alert.data.as_deref()?),
        _ => None,
    }
}
