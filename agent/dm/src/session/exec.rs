//! Exec: what it means is up to the management object; it never runs twice for one correlator
//! (OMA-TS-DM_RepPro 6.6.8).

use super::command::{Done, Execution, Outcome, Place};
use super::{ExecKey, ExecRecord, header, outgoing};
use crate::{Exec, operation};
use omadm_syncml::{Command, Format, Item, Meta, Request, StatusCode, Value};

impl Execution<'_> {
    pub(super) fn exec(&mut self, command: &Command, request: &Request, place: Place<'_>) -> bool {
        // It is kept with every effect, on the disk, and goes into the closing alert.
        let correlator = request.correlator.as_deref().unwrap_or_default();
        if correlator.len() > header::LONGEST_ID {
            return self.reply(command, StatusCode::TOO_LARGE);
        }
        self.correlator.clone_from(&request.correlator);
        if self.is_repeated() {
            return self.items(command, request, place, |_, _, _| {
                Ok(Outcome::code(StatusCode::ACCEPTED))
            });
        }
        self.items(command, request, place, Self::exec_item)
    }

    /// A server that has not seen the answer asks again; what it asked for is under way.
    fn is_repeated(&self) -> bool {
        let Some(correlator) = &self.correlator else {
            return false;
        };
        let server = self.setting.server_id;
        let same = |key: &ExecKey| key.server == server && key.correlator == *correlator;
        let mut now_started = self.execs.iter().filter_map(ExecRecord::key);
        self.setting.seen.iter().any(same) || now_started.any(|key| same(&key))
    }

    fn exec_item(&mut self, item: &Item, meta: &Meta) -> Done {
        let address = self.target(item)?;
        let content = self.content(item, meta)?;
        let correlator = self.correlator.as_deref();
        let view = self.view();
        match operation::exec(&view, self.by(), &address, &content, correlator)? {
            Exec::Done(value) => self.executed(value),
            Exec::Start(effect) => {
                self.execs.push(ExecRecord {
                    server: self.setting.server_id.to_owned(),
                    uri: address.uri,
                    correlator: self.correlator.clone(),
                    effect,
                });
                Ok(Outcome::code(StatusCode::ACCEPTED))
            }
        }
    }

    /// A value that is there at once travels in the Status.
    fn executed(&self, value: Option<Value>) -> Done {
        let Some(value) = value else {
            return Ok(Outcome::OK);
        };
        let (format, data) = outgoing::value(Format::Chr, &value, self.setting.answered_as)?;
        Ok(Outcome {
            said: Some(Item {
                meta: outgoing::meta(format, None),
                data: Some(data),
                ..Item::default()
            }),
            ..Outcome::OK
        })
    }
}
