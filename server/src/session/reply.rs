//! The answer while it is written: Statuses first, then commands, each with its `CmdID`.

use super::own::Own;
use super::{Exchange, Settings};
use omadm_syncml::alert::AlertCode;
use omadm_syncml::{
    Alert, Command, Header, Location, MediaType, Message, Meta, Status, StatusCode, encoded_len,
};

/// An answer that is being written.
#[derive(Default)]
pub(super) struct Reply {
    commands: Vec<Command>,
    last_cmd_id: u32,
    /// The `MsgID` of the message that is answered.
    msg_ref: String,
    /// `NoResp` in the header: only the header gets a Status.
    no_resp: bool,
    is_final: bool,
}

impl Reply {
    pub(super) fn new(message: &Message) -> Self {
        Self {
            msg_ref: message.header.msg_id.clone(),
            no_resp: message.header.no_resp,
            is_final: true,
            ..Self::default()
        }
    }

    /// The Status of the header, which comes first.
    pub(super) fn header_status(
        &mut self,
        message: &Message,
        code: StatusCode,
        chal: Option<Meta>,
    ) {
        let status = Status {
            cmd_id: self.next_cmd_id(),
            msg_ref: self.msg_ref.clone(),
            cmd_ref: Some("0".into()),
            cmd: "SyncHdr".into(),
            target_refs: vec![message.header.target.uri.clone()],
            source_refs: vec![message.header.source.uri.clone()],
            chal,
            data: code.to_string(),
            ..Status::default()
        };
        self.commands.push(Command::Status(status));
    }

    /// The Status of a command, unless it wants none. Status and Results are never answered here:
    /// a Results that is well gets no Status (OMA-TS-DM-Protocol 8).
    pub(super) fn status(&mut self, command: &Command, code: StatusCode) {
        let unanswerable = matches!(command, Command::Results(_) | Command::Status(_));
        if self.no_resp || unanswerable || command.no_resp() {
            return;
        }
        let (cmd_ref, cmd) = (
            command.cmd_id().trim().to_owned(),
            command.name().to_owned(),
        );
        self.push_status(cmd_ref, cmd, code);
    }

    /// The Status of a Results that was not well, or is one chunk of a large object.
    pub(super) fn results_status(&mut self, cmd_ref: &str, code: StatusCode) {
        self.push_status(cmd_ref.to_owned(), "Results".into(), code);
    }

    fn push_status(&mut self, cmd_ref: String, cmd: String, code: StatusCode) {
        let status = Status {
            cmd_id: self.next_cmd_id(),
            msg_ref: self.msg_ref.clone(),
            cmd_ref: Some(cmd_ref),
            cmd,
            data: code.to_string(),
            ..Status::default()
        };
        self.commands.push(Command::Status(status));
    }

    /// Answers the header and every command with `code`, which is all that a message without
    /// valid credentials gets (OMA-TS-DM-Security 5.3).
    pub(super) fn refuse_all(&mut self, message: &Message, code: StatusCode, chal: Option<Meta>) {
        self.header_status(message, code, chal);
        for command in &message.commands {
            self.refuse(command, code);
        }
    }

    fn refuse(&mut self, command: &Command, code: StatusCode) {
        if let Command::Results(results) = command {
            self.results_status(&results.cmd_id, code);
        }
        self.status(command, code);
        if let Command::Atomic(container) | Command::Sequence(container) = command {
            for member in &container.commands {
                self.refuse(member, code);
            }
        }
    }

    /// Asks for the next message of the device's package.
    pub(super) fn next_message(&mut self) {
        self.alert(AlertCode::NEXT_MESSAGE, Vec::new());
        self.is_final = false;
    }

    /// Leaves `Final` out: the package goes on in the next message (OMA-TS-DM-Protocol 6.1).
    pub(super) fn leave_open(&mut self) {
        self.is_final = false;
    }

    /// Breaks the session off.
    pub(super) fn abort(&mut self) {
        self.alert(AlertCode::SESSION_ABORT, Vec::new());
    }

    /// Says that a large object stopped before its last chunk.
    pub(super) fn no_end_of_data(&mut self, uri: &str) {
        let item = omadm_syncml::Item {
            source: Some(location(uri)),
            ..omadm_syncml::Item::default()
        };
        self.alert(AlertCode::NO_END_OF_DATA, vec![item]);
    }

    fn alert(&mut self, code: AlertCode, items: Vec<omadm_syncml::Item>) {
        let alert = Alert {
            cmd_id: self.next_cmd_id(),
            data: Some(code.to_string()),
            items,
            ..Alert::default()
        };
        self.commands.push(Command::Alert(alert));
    }

    /// Gives a command and its members their `CmdID`s.
    pub(super) fn number(&mut self, command: &mut Command) {
        let number = self.next_cmd_id();
        if let Some(cmd_id) = command.cmd_id_mut() {
            *cmd_id = number;
        }
        if let Command::Atomic(container) | Command::Sequence(container) = command {
            for member in &mut container.commands {
                self.number(member);
            }
        }
    }

    /// The octets of what is written so far beyond the Status of the header and one more, which
    /// the next message of the package has as well.
    pub(super) fn crowd(&self, media_type: MediaType) -> u64 {
        let crowd = self.commands.iter().skip(2);
        crowd.map(|c| encoded_len(media_type, c) as u64).sum()
    }

    /// The last `CmdID` given, so that commands that did not fit can be taken back.
    pub(super) fn mark(&self) -> (usize, u32) {
        (self.commands.len(), self.last_cmd_id)
    }

    /// Takes back everything after `mark`.
    pub(super) fn rewind(&mut self, (commands, last_cmd_id): (usize, u32)) {
        self.commands.truncate(commands);
        self.last_cmd_id = last_cmd_id;
    }

    /// Adds a command that has its number.
    pub(super) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// The message as it stands.
    pub(super) fn to_message(
        &self,
        exchange: &Exchange<'_>,
        msg_id: u32,
        own: Own,
        limits: Option<&Settings>,
    ) -> Message {
        Message {
            header: header(exchange, msg_id, own, limits),
            commands: self.commands.clone(),
            is_final: self.is_final,
        }
    }

    /// The message when it is complete.
    pub(super) fn into_message(
        self,
        exchange: &Exchange<'_>,
        msg_id: u32,
        own: Own,
        limits: Option<&Settings>,
    ) -> Message {
        Message {
            header: header(exchange, msg_id, own, limits),
            commands: self.commands,
            is_final: self.is_final,
        }
    }

    fn next_cmd_id(&mut self) -> String {
        self.last_cmd_id = self.last_cmd_id.saturating_add(1);
        self.last_cmd_id.to_string()
    }
}

fn header(exchange: &Exchange<'_>, msg_id: u32, own: Own, limits: Option<&Settings>) -> Header {
    let received = &exchange.message.header;
    // A device knows the server by the address it uses, so that is what comes back.
    let own_uri = match received.target.uri.as_str() {
        "" => exchange.settings.server_id.clone(),
        uri => uri.to_owned(),
    };
    let meta = Meta {
        max_msg_size: limits.map(|settings| settings.max_message),
        max_obj_size: limits.map(|settings| settings.max_object),
        ..Meta::default()
    };
    Header {
        ver_dtd: "1.2".into(),
        ver_proto: "DM/1.2".into(),
        session_id: received.session_id.clone(),
        msg_id: msg_id.to_string(),
        target: location(&received.source.uri),
        source: Location {
            uri: own_uri,
            name: own.user,
        },
        resp_uri: (!exchange.resp_uri.is_empty()).then(|| exchange.resp_uri.to_owned()),
        cred: own.cred,
        meta,
        ..Header::default()
    }
}

fn location(uri: &str) -> Location {
    Location {
        uri: uri.to_owned(),
        name: None,
    }
}
