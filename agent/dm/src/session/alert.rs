//! Alert: what the server may tell or ask besides commands on nodes (OMA-TS-DM-Protocol 8.7, 10).

use super::command::Execution;
use omadm_syncml::{Alert, AlertCode, Command, StatusCode};

impl Execution<'_> {
    pub(super) fn alert(&mut self, command: &Command, alert: &Alert) -> bool {
        self.reply(command, answer(alert))
    }
}

fn answer(alert: &Alert) -> StatusCode {
    let Some(data) = &alert.data else {
        return StatusCode::INCOMPLETE_COMMAND;
    };
    match AlertCode::parse(data) {
        None => StatusCode::BAD_REQUEST,
        // The next message follows with the answer itself.
        Some(AlertCode::NEXT_MESSAGE) => StatusCode::OK,
        // There is nobody to show anything to, and the rest is for clients to send.
        Some(_) => StatusCode::NOT_SUPPORTED,
    }
}
