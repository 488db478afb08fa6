//! The SyncML binding on the OBEX server's side: whose turn it is, and what each object does.
//!
//! One message is one object. The peer PUTs its own messages and GETs those of this end, in turn
//! (OMA-TS-SyncML_OBEXBinding 1.2; the way of S60 phones).

use super::TARGET_DM;
use super::capability::capability;
use super::code::ResponseCode;
use super::message::{self, Kind};
use super::server::{
    Disturbance, Object, Server, ServerAnswer, ServerEvent, ServerOutput, ServerParameters, Wanted,
};
use crate::arrival::{Identity, Opening};
use crate::obex_fault::ObexFault;

use bytes::Bytes;
use omadm_syncml::{Envelope, MediaType};
use std::collections::VecDeque;
use std::time::Duration;

/// Which end of device management the OBEX server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// The device: a session begins with a notification, and its first message is the device's.
    Device {
        /// Who it is.
        identity: Identity,
        /// Whether it takes bootstraps.
        bootstraps: bool,
    },
    /// The Device Management System: a session begins with a message of the device.
    System,
}

/// What the driver does next.
#[derive(Debug)]
pub(crate) enum BindingOutput {
    /// These octets go to the peer, in one piece.
    Transmit(Bytes),
    /// A session is to begin.
    Open {
        /// How.
        opening: Opening,
        /// Which credential the peer has proven.
        proven: Option<usize>,
    },
    /// The peer's next message.
    Message(Envelope),
    /// The session can go on no more.
    Broken(ObexFault),
    /// An OBEX connection stands, or does no more.
    Connected(bool),
    /// The peer has ended the connection in order.
    Disconnected,
    /// What arrived was no packet, and its end is waited for.
    Disturbed(Disturbance),
    /// The transport is to be closed.
    Close(ObexFault),
}

/// Whose turn it is.
#[derive(Debug)]
enum Turn {
    /// No session.
    Nobody,
    /// This end's: the peer may ask for its message.
    Ours {
        /// The message, once it is made.
        message: Option<Envelope>,
        /// What the peer has asked for, once it has.
        wanted: Option<MediaType>,
    },
    /// Still this end's: its message is on its way. A peer may take another object before it.
    Delivering,
    /// The peer's: it is to PUT a message.
    Peers,
    /// The session has ended with this message, which the peer has not asked for yet.
    Last(Envelope),
}

/// The binding on one transport, over its OBEX server.
#[derive(Debug)]
pub(crate) struct Binding {
    server: Server,
    role: Role,
    turn: Turn,
    /// Whether the connection is for device management and not for the default service.
    serves_dm: bool,
    /// Nothing has begun on this connection yet: a peer may ask first only then. After a
    /// notification that was not obeyed, it must not be obeyed all the same.
    fresh: bool,
    proven: Option<usize>,
    outputs: VecDeque<BindingOutput>,
}

impl Binding {
    /// On a transport that has just been opened. The targets and the judgement of objects in
    /// `parameters` are this binding's own.
    pub(crate) fn new(role: Role, parameters: ServerParameters, now: Duration) -> Self {
        let parameters = ServerParameters {
            targets: &[TARGET_DM],
            admit: message::admit,
            ..parameters
        };
        Self {
            server: Server::new(parameters, now),
            role,
            turn: Turn::Nobody,
            serves_dm: false,
            fresh: false,
            proven: None,
            outputs: VecDeque::new(),
        }
    }

    /// What to do next; `None` when there is nothing until more arrives.
    pub(crate) fn poll_output(&mut self) -> Option<BindingOutput> {
        while self.outputs.is_empty() {
            match self.server.poll_output()? {
                ServerOutput::Transmit(packet) => return Some(BindingOutput::Transmit(packet)),
                ServerOutput::Event(event) => self.event(event),
                ServerOutput::Close(end) => {
                    let fault = ObexFault::Ended(end);
                    self.cut_off(fault.clone());
                    self.outputs.push_back(BindingOutput::Close(fault));
                }
            }
        }
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub(crate) fn deadline(&self) -> Duration {
        self.server.deadline()
    }

    /// Takes what has arrived.
    pub(crate) fn handle_input(&mut self, octets: &[u8], now: Duration) {
        self.server.handle_input(octets, now);
    }

    /// The time of the deadline has come.
    pub(crate) fn handle_timeout(&mut self, now: Duration) {
        self.server.handle_timeout(now);
    }

    /// Takes the session's next message.
    pub(crate) fn handle_message(&mut self, envelope: Envelope) {
        if let Turn::Ours { message, .. } = &mut self.turn {
            *message = Some(envelope);
            self.deliver_own();
        }
    }

    /// The session has ended on this side, or never begun.
    pub(crate) fn handle_end(&mut self) {
        match std::mem::replace(&mut self.turn, Turn::Nobody) {
            Turn::Ours {
                message: Some(last),
                ..
            } => self.turn = Turn::Last(last),
            Turn::Ours {
                wanted: Some(_), ..
            } => self.answer(ResponseCode::UNAVAILABLE),
            _ => {}
        }
    }

    /// Whether a session has this line.
    pub(crate) fn has_session(&self) -> bool {
        matches!(
            self.turn,
            Turn::Ours { .. } | Turn::Delivering | Turn::Peers
        )
    }

    /// Other lines have a session now, or have none any more: one that connects anew is refused.
    pub(crate) fn set_busy(&mut self, busy: bool) {
        self.server.set_busy(busy);
    }

    /// The transport has ended.
    pub(crate) fn handle_hang_up(&mut self) {
        self.cut_off(ObexFault::HungUp);
    }

    fn event(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Connected { target, proven } => {
                self.break_off(ObexFault::Restarted);
                self.serves_dm = target.is_some();
                self.fresh = true;
                self.proven = proven;
                self.outputs.push_back(BindingOutput::Connected(true));
            }
            ServerEvent::Refused => self.cut_off(ObexFault::Restarted),
            ServerEvent::Put(object) => {
                let code = self.put(object).unwrap_or_else(|code| code);
                self.answer(code);
            }
            ServerEvent::Get(wanted) => {
                if let Err(code) = self.get(&wanted) {
                    self.answer(code);
                }
            }
            ServerEvent::Sent => {
                if matches!(self.turn, Turn::Delivering) {
                    self.turn = Turn::Peers;
                }
            }
            ServerEvent::Aborted => self.break_off(ObexFault::Aborted),
            ServerEvent::Disconnected => {
                self.cut_off(ObexFault::Disconnected);
                self.outputs.push_back(BindingOutput::Disconnected);
            }
            ServerEvent::Disturbed(what) => {
                self.cut_off(ObexFault::Disturbed(what));
                self.outputs.push_back(BindingOutput::Disturbed(what));
            }
        }
    }

    /// Nobody is connected any more, which is known before the session hears that it is broken.
    fn cut_off(&mut self, fault: ObexFault) {
        self.outputs.push_back(BindingOutput::Connected(false));
        self.break_off(fault);
    }

    /// The session, if there is one, cannot go on.
    fn break_off(&mut self, fault: ObexFault) {
        let had_session = self.has_session();
        self.turn = Turn::Nobody;
        if had_session {
            self.outputs.push_back(BindingOutput::Broken(fault));
        }
    }

    fn answer(&mut self, code: ResponseCode) {
        self.server.answer(ServerAnswer::Code(code));
    }

    /// Takes an object; both results are the answer.
    fn put(&mut self, object: Object) -> Result<ResponseCode, ResponseCode> {
        if !self.serves_dm {
            return Err(ResponseCode::FORBIDDEN);
        }
        let kind = object.kind.as_deref().and_then(Kind::of);
        match (kind, &self.role, &self.turn) {
            (Some(Kind::Message(media_type)), _, Turn::Peers) => {
                let envelope = message::envelope(object, media_type)?;
                self.outputs.push_back(BindingOutput::Message(envelope));
                self.turn = ours();
                Ok(ResponseCode::SUCCESS)
            }
            (Some(Kind::Message(media_type)), Role::System, Turn::Nobody | Turn::Last(_)) => {
                let envelope = message::envelope(object, media_type)?;
                self.open(Opening::Message);
                self.outputs.push_back(BindingOutput::Message(envelope));
                Ok(ResponseCode::SUCCESS)
            }
            // Without a notification before it, nobody knows whose message it is.
            (Some(Kind::Message(_)), Role::Device { .. }, Turn::Nobody | Turn::Last(_)) => {
                Err(ResponseCode::PRECONDITION_FAILED)
            }
            // A bad notification is taken as well: whoever guesses learns nothing.
            (Some(Kind::Notification), Role::Device { .. }, Turn::Nobody | Turn::Last(_)) => {
                self.open(Opening::Notification(object.body));
                Ok(ResponseCode::SUCCESS)
            }
            (
                Some(Kind::Bootstrap),
                Role::Device { bootstraps, .. },
                Turn::Nobody | Turn::Last(_),
            ) => {
                let taken = *bootstraps;
                self.open(Opening::Bootstrap(message::bootstrap(object)));
                if taken {
                    return Ok(ResponseCode::SUCCESS);
                }
                self.turn = Turn::Nobody;
                Err(ResponseCode::FORBIDDEN)
            }
            (Some(_), Role::Device { .. }, _) | (Some(Kind::Message(_)), ..) => {
                Err(ResponseCode::UNAVAILABLE)
            }
            _ => Err(ResponseCode::UNSUPPORTED_MEDIA_TYPE),
        }
    }

    fn open(&mut self, opening: Opening) {
        let proven = self.proven;
        self.fresh = false;
        self.outputs
            .push_back(BindingOutput::Open { opening, proven });
        self.turn = ours();
    }

    fn get(&mut self, wanted: &Wanted) -> Result<(), ResponseCode> {
        let kind = wanted.kind.as_deref().filter(|kind| !kind.is_empty());
        let kind = Kind::of(kind.ok_or(ResponseCode::BAD_REQUEST)?);
        let media_type = match (kind, &self.role) {
            (Some(Kind::Capability), Role::Device { identity, .. }) => {
                let body = Bytes::from(capability(identity));
                let descriptions = message::length(&body).into_iter().collect();
                self.server
                    .answer(ServerAnswer::Object { descriptions, body });
                return Ok(());
            }
            (Some(Kind::Message(_)), _) if !self.serves_dm => return Err(ResponseCode::FORBIDDEN),
            (Some(Kind::Message(media_type)), _) => media_type,
            _ => return Err(ResponseCode::UNSUPPORTED_MEDIA_TYPE),
        };
        if let Turn::Last(_) = self.turn
            && let Turn::Last(last) = std::mem::replace(&mut self.turn, Turn::Nobody)
        {
            self.deliver(last, media_type);
            return Ok(());
        }
        if self.fresh
            && matches!(
                (&self.turn, &self.role),
                (Turn::Nobody, Role::Device { .. })
            )
        {
            self.open(Opening::Poll);
        }
        let Turn::Ours { wanted, .. } = &mut self.turn else {
            return Err(ResponseCode::UNAVAILABLE);
        };
        *wanted = Some(media_type);
        self.deliver_own();
        Ok(())
    }

    /// Sends the session's message once it is both made and wanted.
    fn deliver_own(&mut self) {
        if let Turn::Ours { message, wanted } = &mut self.turn
            && let Some(media_type) = *wanted
            && let Some(envelope) = message.take()
        {
            self.turn = Turn::Delivering;
            self.deliver(envelope, media_type);
        }
    }

    fn deliver(&mut self, envelope: Envelope, wanted: MediaType) {
        let envelope = message::in_encoding(envelope, wanted);
        let other = envelope.media_type != wanted;
        self.server.answer(ServerAnswer::Object {
            descriptions: message::describe(&envelope, other),
            body: envelope.body,
        });
    }
}

const fn ours() -> Turn {
    Turn::Ours {
        message: None,
        wanted: None,
    }
}

#[cfg(test)]
mod tests;
