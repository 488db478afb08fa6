//! The packages of the device: how each message is put together and sent
//! (OMA-TS-DM-Protocol 8).

use super::header::{VER_DTD, VER_PROTO};
use super::outbox::{self, Closing, Frame};
use super::{Exchange, Note, Output, Session, SessionEnd, State, outgoing};
use crate::operation::{self, GetItem, Payload};
use crate::{Authority, Snapshot, Tree};
use omadm_syncml::{
    Address, AlertCode, Command, Envelope, Header, Item, List, Location, MediaType, Meta, Now,
    Request, Status, StatusCode, Uri,
};

/// What the device says of itself in package 1.
#[derive(Debug, Default)]
pub(super) struct DevInfo {
    /// `./DevInfo/DevId`: the device's address in headers.
    pub(super) id: String,
    /// Every leaf with its value.
    pub(super) items: Vec<Item>,
}

impl Session {
    /// Reads `./DevInfo` and sends package 1.
    pub(super) fn begin(&mut self, live: &Snapshot, tree: &Tree, now: Now) {
        match read_dev_info(live, tree, self.account.media_type) {
            Ok(dev_info) => {
                self.dev_info = dev_info;
                self.queue_package_1();
                self.transmit(None, now);
            }
            Err(reason) => self.close(SessionEnd::DevInfoMissing(reason)),
        }
    }

    /// Alert 1200 or 1201, `./DevInfo` and the alerts that wait.
    pub(super) fn queue_package_1(&mut self) {
        self.introduces = true;
        let code = if self.cause.is_of_server() {
            AlertCode::SERVER_INITIATED
        } else {
            AlertCode::CLIENT_INITIATED
        };
        self.outbox.push(outbox::alert(code));
        self.outbox.push(Command::Replace(Request {
            items: self.dev_info.items.clone(),
            ..Request::default()
        }));
        self.queue_alerts();
    }

    pub(super) fn queue_alerts(&mut self) {
        let (ready, unsendable) = self.alerts.take_waiting(self.account.media_type);
        for (command, id) in ready {
            self.outbox.push_alert(command, id);
        }
        self.notes
            .extend(unsendable.into_iter().map(Note::AlertTooLarge));
    }

    /// The largest message that may be sent.
    pub(super) fn message_limit(&self) -> usize {
        let peer = self.peer.max_msg_size.map(usize::try_from);
        let peer = peer.and_then(Result::ok).unwrap_or(usize::MAX);
        peer.min(self.parameters.message_bytes)
    }

    pub(super) fn frame(&self, status: Option<Status>, closing: Closing) -> Frame {
        Frame {
            header: self.header(),
            status,
            closing,
            limit: self.message_limit(),
        }
    }

    /// How the next message ends if nothing special happens.
    pub(super) fn closing(&self) -> Closing {
        if self.server_final {
            Closing::Regular
        } else {
            Closing::NextMessage
        }
    }

    fn header(&self) -> Header {
        Header {
            ver_dtd: VER_DTD.to_owned(),
            ver_proto: VER_PROTO.to_owned(),
            session_id: self.id.clone(),
            msg_id: self.sent_messages.saturating_add(1).to_string(),
            target: Location {
                uri: self.account.address.clone(),
                name: None,
            },
            source: Location {
                uri: self.dev_info.id.clone(),
                name: self.client.name().map(str::to_owned),
            },
            cred: self.client.cred(),
            meta: self.limits(),
            ..Header::default()
        }
    }

    /// The device's limits; a server remembers them for the session.
    fn limits(&self) -> Meta {
        if !self.introduces {
            return Meta::default();
        }
        Meta {
            max_msg_size: Some(self.parameters.max_msg_size),
            max_obj_size: Some(self.parameters.max_obj_size),
            ..Meta::default()
        }
    }

    /// Sends the next message and waits for its answer.
    pub(super) fn transmit(&mut self, status: Option<Status>, now: Now) {
        self.send(status, self.closing(), now);
    }

    /// Tells the server that the session is over, and closes it.
    pub(super) fn abort(&mut self, end: SessionEnd, now: Now) {
        self.abort_with(None, end, now);
    }

    /// The same with the status of the server's last header and what waits in the outbox.
    pub(super) fn abort_with(&mut self, status: Option<Status>, end: SessionEnd, now: Now) {
        if self.is_closed() {
            return;
        }
        self.outputs.clear();
        self.send(status, Closing::Abort, now);
        self.close(end);
    }

    fn send(&mut self, status: Option<Status>, closing: Closing, now: Now) {
        let frame = self.frame(status, closing);
        let msg_id = frame.header.msg_id.clone();
        let packed = match self.outbox.pack(frame) {
            Ok(packed) => packed,
            Err(error) => return self.close(SessionEnd::Violation(error.to_string())),
        };
        for id in packed.dropped {
            self.alerts.settle(id);
            self.notes.push(Note::AlertTooLarge(id));
        }
        self.alerts.sent(&msg_id, packed.alerts);
        self.own_final = packed.is_final;
        self.introduces = false;
        self.sent_messages = self.sent_messages.saturating_add(1);
        self.post(Envelope {
            to: self.peer.resp_uri.clone(),
            media_type: self.account.media_type,
            hmac: self.client.sign(&packed.body),
            body: packed.body.into(),
        });
        self.state = State::Server;
        self.answer_due = now.boot.saturating_add(self.parameters.response_timeout);
    }

    /// Hands an envelope to the bearer and remembers it as the answer to the last message.
    fn post(&mut self, envelope: Envelope) {
        self.counts.messages_sent = self.counts.messages_sent.saturating_add(1);
        let received = self.received.take();
        self.last = Some(Exchange {
            received,
            sent: envelope.clone(),
            repeats: 0,
        });
        self.outputs.push_back(Output::Transmit(envelope));
    }
}

pub(super) fn dev_info_uri() -> Uri {
    named(&Uri::root(), "DevInfo")
}

/// The child of a node, by a name that is always one.
fn named(parent: &Uri, name: &str) -> Uri {
    parent.join(name).unwrap_or_else(|_| parent.clone())
}

fn read_dev_info(live: &Snapshot, tree: &Tree, media_type: MediaType) -> Result<DevInfo, String> {
    let top = dev_info_uri();
    let view = tree.view(live);
    let dev_id = named(&top, "DevId");
    let id = view
        .node(&dev_id)
        .ok_or(StatusCode::NOT_FOUND)
        .and_then(|node| node.value());
    let id = match &id {
        Ok(value) => value.as_text().unwrap_or_default(),
        Err(code) => return Err(format!("{dev_id} gives {code} ({})", code.phrase())),
    };
    if id.is_empty() {
        return Err(format!("{dev_id} is empty"));
    }
    let all = Address::list(top, List::StructData);
    let found = operation::get(&view, Authority::Local, &all)
        .map_err(|code| format!("its leaves give {code} ({})", code.phrase()))?;
    let items = found
        .into_iter()
        .filter_map(|leaf| dev_info_item(leaf, media_type));
    Ok(DevInfo {
        id: id.to_owned(),
        items: items.collect(),
    })
}

/// A leaf as an Item with its address in `Source`; interior nodes are not sent.
fn dev_info_item(leaf: GetItem, media_type: MediaType) -> Option<Item> {
    let Payload::Value(value) = leaf.data else {
        return None;
    };
    let (format, data) = outgoing::value(leaf.format, &value, media_type).ok()?;
    Some(Item {
        source: Some(Location {
            uri: leaf.uri.to_string(),
            name: None,
        }),
        meta: outgoing::meta(format, Some(&leaf.type_)),
        data: Some(data),
        ..Item::default()
    })
}
