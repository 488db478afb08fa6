//! PUT and GET of the client: what is under way, and how it goes on.

use super::{Client, ClientEvent, ClientFailure};
use crate::obex::code::{Opcode, ResponseCode};
use crate::obex::headers::{Description, Headers, Outgoing};
use crate::obex::packet::{self, HEAD, Response};
use crate::obex::server::Intake;

use bytes::Bytes;
use std::time::Duration;

/// What is under way.
#[derive(Debug)]
pub(super) enum Operation {
    /// Nothing.
    Idle,
    /// CONNECT.
    Connecting {
        /// Whether a challenge has been answered.
        answered: bool,
    },
    /// PUT.
    Putting(Putting),
    /// GET.
    Getting(Getting),
    /// DISCONNECT or ABORT.
    Ending,
}

/// An object on its way.
#[derive(Debug)]
pub(super) struct Putting {
    outgoing: Outgoing,
    /// How often the peer was sent the last packet; a second time if it says Continue to it.
    last: u8,
}

/// An object that arrives.
#[derive(Debug)]
pub(super) struct Getting {
    request: Outgoing,
    /// Whether the whole request is out.
    asked: bool,
    intake: Intake,
}

impl Client {
    /// Sends an object; what describes it should have its Type and its Length.
    pub fn put(&mut self, descriptions: Vec<Description>, body: Bytes, now: Duration) {
        let putting = Putting {
            outgoing: Outgoing::new(descriptions, body),
            last: 0,
        };
        self.send_part(putting, Headers::of(self.connection), now);
    }

    fn send_part(&mut self, mut putting: Putting, leader: Headers, now: Duration) {
        let room = usize::from(self.send).saturating_sub(HEAD);
        let (headers, last) = match putting.outgoing.fill(leader, room) {
            Ok(filled) => filled,
            Err(error) => return self.fail(error.into()),
        };
        putting.last += u8::from(last);
        self.operation = Operation::Putting(putting);
        let opcode = Opcode::Put { last };
        self.transmit(packet::write(opcode.octet(), &[], &headers), now);
    }

    pub(super) fn putting(&mut self, mut putting: Putting, code: ResponseCode, now: Duration) {
        match (code, putting.last) {
            (ResponseCode::CONTINUE, 0) => self.send_part(putting, Headers::new(), now),
            (ResponseCode::CONTINUE, 1) => {
                // Seen from peers that count packets and not final bits.
                putting.last += 1;
                self.operation = Operation::Putting(putting);
                let opcode = Opcode::Put { last: true };
                self.transmit(packet::write(opcode.octet(), &[], &Headers::new()), now);
            }
            (ResponseCode::CONTINUE, _) => {
                let what = "the peer wants more of an object that has ended";
                self.fail(ClientFailure::Protocol(what));
            }
            (code, _) if !code.is_success() => self.done(ClientEvent::Refused(code)),
            (_, 0) => {
                let what = "the peer took an object before it had ended";
                self.fail(ClientFailure::Protocol(what));
            }
            _ => self.done(ClientEvent::Stored),
        }
    }

    /// Asks for an object; what describes it should have its Type.
    pub fn get(&mut self, descriptions: Vec<Description>, now: Duration) {
        let getting = Getting {
            request: Outgoing::new(descriptions, Bytes::new()),
            asked: false,
            intake: Intake::default(),
        };
        self.ask(getting, Headers::of(self.connection), now);
    }

    fn ask(&mut self, mut getting: Getting, leader: Headers, now: Duration) {
        let mut headers = leader;
        if !getting.asked {
            let room = usize::from(self.send).saturating_sub(HEAD);
            match getting.request.describe(headers, room) {
                Ok((filled, all)) => (headers, getting.asked) = (filled, all),
                Err(error) => return self.fail(error.into()),
            }
        }
        let opcode = Opcode::Get {
            last: getting.asked,
        };
        self.operation = Operation::Getting(getting);
        self.transmit(packet::write(opcode.octet(), &[], &headers), now);
    }

    pub(super) fn getting(&mut self, mut getting: Getting, response: Response, now: Duration) {
        let code = response.code;
        if code != ResponseCode::CONTINUE && !code.is_success() {
            return self.done(ClientEvent::Refused(code));
        }
        let limit = self.parameters.object;
        if getting.intake.take(response.headers, limit).is_err() {
            return self.fail(ClientFailure::TooLarge(limit));
        }
        if code == ResponseCode::CONTINUE {
            return self.ask(getting, Headers::new(), now);
        }
        // Success without a body is an empty object.
        self.done(ClientEvent::Got(
            getting.intake.finish().unwrap_or_default(),
        ));
    }
}
