//! PUT and GET: what is under way, and how it goes on (OBEX 1.5, 3.4.3 and 3.4.4).

use super::intake::{Intake, Wanted};
use super::{Server, ServerAnswer, ServerEvent};
use crate::obex::code::ResponseCode;
use crate::obex::headers::{Headers, Outgoing, Received};
use crate::obex::packet::{self, HEAD, SMALLEST_MTU};

use bytes::Bytes;
use std::time::Duration;

/// What is under way.
#[derive(Debug)]
pub(super) enum Operation {
    /// Nothing.
    Idle,
    /// An object arrives.
    Putting(Intake),
    /// An object is here, and its answer is due.
    Stored,
    /// A request for an object arrives.
    Asking(Wanted),
    /// The object is being made.
    Waiting {
        /// When the peer has last asked.
        since: Duration,
    },
    /// The same, and the peer has been told to ask again.
    Kept,
    /// The object is made, and the peer has to ask for its next part.
    Sending(Outgoing),
    /// It cannot be had, which the peer is told when it asks again.
    Refusing(ResponseCode),
}

impl Server {
    pub(super) fn put(&mut self, headers: Received, last: bool) {
        let mut intake = match std::mem::replace(&mut self.operation, Operation::Idle) {
            Operation::Putting(intake) => intake,
            Operation::Idle => {
                if let Err(code) = self.admit(&headers) {
                    return self.respond(code);
                }
                Intake::default()
            }
            other => {
                // Something else is under way: the peer has lost count.
                self.operation = other;
                return self.refuse(ResponseCode::UNAVAILABLE);
            }
        };
        if let Err(code) = intake.take(headers, self.parameters.object) {
            return self.respond(code);
        }
        if !last {
            self.operation = Operation::Putting(intake);
            return self.respond(ResponseCode::CONTINUE);
        }
        match intake.finish() {
            Some(object) => {
                self.operation = Operation::Stored;
                self.event(ServerEvent::Put(object));
            }
            // A PUT without a body deletes, and nothing here can be deleted.
            None => self.respond(ResponseCode::FORBIDDEN),
        }
    }

    fn admit(&self, headers: &Received) -> Result<(), ResponseCode> {
        let length = headers.length.map(usize::try_from);
        let length = length.map(|length| length.unwrap_or(usize::MAX));
        if length.is_some_and(|length| length > self.parameters.object) {
            return Err(ResponseCode::TOO_LARGE);
        }
        (self.parameters.admit)(headers)
    }

    pub(super) fn get(&mut self, headers: Received, last: bool, now: Duration) {
        match std::mem::replace(&mut self.operation, Operation::Idle) {
            Operation::Idle => self.ask(Wanted::default(), headers, last, now),
            Operation::Asking(wanted) => self.ask(wanted, headers, last, now),
            // It has asked again too early, or as it was told to.
            Operation::Waiting { .. } | Operation::Kept => {
                self.operation = Operation::Waiting { since: now };
            }
            Operation::Sending(outgoing) => self.send(outgoing),
            Operation::Refusing(code) => self.respond(code),
            other @ (Operation::Putting(_) | Operation::Stored) => {
                self.operation = other;
                self.refuse(ResponseCode::UNAVAILABLE);
            }
        }
    }

    fn ask(&mut self, mut wanted: Wanted, headers: Received, last: bool, now: Duration) {
        wanted.take(headers);
        if !last {
            self.operation = Operation::Asking(wanted);
            return self.respond(ResponseCode::CONTINUE);
        }
        self.operation = Operation::Waiting { since: now };
        self.event(ServerEvent::Get(wanted));
    }

    /// Answers [`ServerEvent::Put`] or [`ServerEvent::Get`]. An answer to what the peer has given
    /// up meanwhile is dropped.
    pub fn answer(&mut self, answer: ServerAnswer) {
        match (
            std::mem::replace(&mut self.operation, Operation::Idle),
            answer,
        ) {
            (Operation::Stored, ServerAnswer::Object { .. }) => {
                self.respond(ResponseCode::SUCCESS);
            }
            (Operation::Stored | Operation::Waiting { .. }, ServerAnswer::Code(code)) => {
                self.respond(code);
            }
            (Operation::Waiting { .. }, ServerAnswer::Object { descriptions, body }) => {
                self.send(Outgoing::new(descriptions, body));
            }
            (Operation::Kept, ServerAnswer::Code(code)) => {
                self.operation = Operation::Refusing(code);
            }
            (Operation::Kept, ServerAnswer::Object { descriptions, body }) => {
                self.operation = Operation::Sending(Outgoing::new(descriptions, body));
            }
            (other, _) => self.operation = other,
        }
    }

    /// An empty part of the object: legal, and a sign of life (OBEX 1.5, 3.3.4).
    pub(super) fn keep_waiting(&mut self) {
        let nothing = Headers::new().with_body(Bytes::new(), false);
        self.transmit(packet::write(ResponseCode::CONTINUE.octet(), &[], &nothing));
        self.operation = Operation::Kept;
    }

    /// Sends the next part of an object.
    fn send(&mut self, mut outgoing: Outgoing) {
        let connection = self.connection.as_ref();
        let largest = connection.map_or(SMALLEST_MTU, |connection| connection.send);
        match outgoing.fill(Headers::new(), usize::from(largest) - HEAD) {
            Ok((headers, true)) => {
                self.transmit(packet::write(ResponseCode::SUCCESS.octet(), &[], &headers));
                self.event(ServerEvent::Sent);
            }
            Ok((headers, false)) => {
                self.transmit(packet::write(ResponseCode::CONTINUE.octet(), &[], &headers));
                self.operation = Operation::Sending(outgoing);
            }
            Err(_) => {
                log::warn!("a header of the object is longer than a packet of the peer");
                self.event(ServerEvent::Aborted);
                self.respond(ResponseCode::INTERNAL_ERROR);
            }
        }
    }
}
