//! What a device may send: Status, Results, Alert and its DevInfo. All else is refused.

use super::chunk::{Chunk, received};
use super::{Effect, Phase, ReceivedAlert, ReceivedValue, Turn};
use omadm_syncml::alert::AlertCode;
use omadm_syncml::{Alert, Command, Container, Item, Request, StatusCode};

/// How many leaves of DevInfo one message may bring, and how long each may be.
const MAX_DEVINFO: usize = 64;
const MAX_DEVINFO_VALUE: usize = 1024;

/// `RESULT ALERT` of data synchronisation, which some stacks still send.
const RESULT_ALERT: AlertCode = AlertCode(1221);

impl Turn<'_> {
    pub(super) fn receive(&mut self, command: &Command) {
        match command {
            Command::Status(status) => self.receive_status(status),
            Command::Results(results) => self.receive_results(results),
            // A command nobody can refer to (MS-MDM, CmdID).
            _ if command.cmd_id().trim().is_empty() => {
                self.reply.status(command, StatusCode::BAD_REQUEST);
            }
            Command::Alert(alert) => {
                let code = self.receive_alert(alert);
                self.reply.status(command, code);
            }
            Command::Replace(request) => {
                let code = self.receive_dev_info(request);
                self.reply.status(command, code);
            }
            Command::Atomic(container) | Command::Sequence(container) => {
                self.reply.status(command, StatusCode::NOT_ALLOWED);
                self.skip_members(container);
            }
            Command::Add(_)
            | Command::Delete(_)
            | Command::Copy(_)
            | Command::Get(_)
            | Command::Exec(_) => self.reply.status(command, StatusCode::NOT_ALLOWED),
            Command::Other(_) => self.reply.status(command, StatusCode::NOT_IMPLEMENTED),
        }
    }

    fn skip_members(&mut self, container: &Container) {
        for member in &container.commands {
            self.reply.status(member, StatusCode::NOT_EXECUTED);
            if let Command::Atomic(inner) | Command::Sequence(inner) = member {
                self.skip_members(inner);
            }
        }
    }

    fn receive_alert(&mut self, alert: &Alert) -> StatusCode {
        let Some(data) = &alert.data else {
            return StatusCode::INCOMPLETE_COMMAND;
        };
        match AlertCode::parse(data) {
            None => StatusCode::BAD_REQUEST,
            Some(
                AlertCode::SERVER_INITIATED
                | AlertCode::CLIENT_INITIATED
                | AlertCode::NEXT_MESSAGE
                | AlertCode::NO_END_OF_DATA
                | RESULT_ALERT,
            ) => StatusCode::OK,
            Some(AlertCode::SESSION_ABORT) => {
                self.session.phase = Phase::Aborted;
                self.note("the device aborts the session");
                StatusCode::OK
            }
            Some(code @ (AlertCode::CLIENT_EVENT | AlertCode::GENERIC)) => {
                self.receive_events(alert, code)
            }
            Some(_) => StatusCode::NOT_SUPPORTED,
        }
    }

    /// Each item is an event of its own (OMA-TS-DM-Protocol 8.7).
    fn receive_events(&mut self, alert: &Alert, code: AlertCode) -> StatusCode {
        let lacks_type = |item: &Item| item.meta.type_.is_none();
        if alert.items.is_empty() || alert.items.iter().any(lacks_type) {
            return StatusCode::INCOMPLETE_COMMAND;
        }
        for item in &alert.items {
            let reference = alert.correlator.as_deref().unwrap_or_default();
            match self.collect("Alert", reference, item, &omadm_syncml::Meta::default()) {
                Chunk::Whole(value) => self.keep_event(alert, code, item, value),
                Chunk::More => return StatusCode::CHUNK_ACCEPTED,
                Chunk::Bad(code) => return code,
            }
        }
        StatusCode::OK
    }

    fn keep_event(&mut self, alert: &Alert, code: AlertCode, item: &Item, value: ReceivedValue) {
        let source = item.source.as_ref().or(item.target.as_ref());
        self.effects.push(Effect::Alert(ReceivedAlert {
            code: code.0,
            type_: item.meta.type_.clone(),
            format: item.meta.format.clone(),
            mark: item.meta.mark.clone(),
            correlator: alert.correlator.clone(),
            source: source.map(|location| location.uri.clone()),
            value: item.data.is_some().then_some(value),
        }));
    }

    /// The only Replace of a device is that of its DevInfo (OMA-TS-DM-Protocol 8.2).
    fn receive_dev_info(&mut self, request: &Request) -> StatusCode {
        if request.items.is_empty() {
            return StatusCode::INCOMPLETE_COMMAND;
        }
        if request
            .items
            .iter()
            .any(|item| dev_info_name(item).is_none())
        {
            return StatusCode::NOT_ALLOWED;
        }
        for item in request.items.iter().take(MAX_DEVINFO) {
            let value = match received(item, &request.meta) {
                ReceivedValue::Text(text) => text.chars().take(MAX_DEVINFO_VALUE).collect(),
                ReceivedValue::Octets(_) => String::new(),
            };
            if let Some(name) = dev_info_name(item) {
                let name = name.to_owned();
                self.effects.push(Effect::DevInfo { name, value });
            }
        }
        StatusCode::OK
    }
}

/// The name below `./DevInfo/`; devices give it as Source, a few as Target.
fn dev_info_name(item: &Item) -> Option<&str> {
    let uri = item.source.as_ref().or(item.target.as_ref())?.uri.as_str();
    let path = uri.strip_prefix("./").unwrap_or(uri);
    let name = path.strip_prefix("DevInfo/")?;
    (!name.is_empty() && name.len() <= 255).then_some(name)
}
