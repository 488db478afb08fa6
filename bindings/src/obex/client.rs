//! The OBEX client role as a state machine: whole objects in, octets out, and back. One request
//! is under way at a time (OBEX 1.5, 3).

mod operation;

use self::operation::Operation;
use super::auth::{self, Nonce, ObexCredential};
use super::code::{Opcode, ResponseCode};
use super::frame::{Deframer, FrameError, Framing};
use super::headers::{ConnectionId, Description, HeaderTooLong, Headers};
use super::packet::{self, ConnectFields, PacketError, Response, SMALLEST_MTU};
use super::server::Object;

use bytes::Bytes;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// What a client is and how patient it is.
#[derive(Debug, Clone)]
pub struct ClientParameters {
    /// How the transport delivers packets.
    pub framing: Framing,
    /// The largest packet that is taken, in octets, from 255 on.
    pub receive: u16,
    /// The largest packet that is sent, whatever the peer takes.
    pub send: u16,
    /// The largest object that is taken, in octets.
    pub object: usize,
    /// The service that is asked for; `None` for the default one.
    pub target: Option<Bytes>,
    /// What the client answers a challenge with.
    pub credential: Option<ObexCredential>,
    /// Octets of which the nonce of the client's own challenge is made: with them the server has
    /// to prove that it knows the credential as well.
    pub challenge: Option<[u8; 16]>,
    /// When what is waited for no longer.
    pub timeouts: ClientTimeouts,
}

/// Every timeout of the client role.
#[derive(Debug, Clone, Copy)]
pub struct ClientTimeouts {
    /// How long the peer may take to answer a CONNECT, about which there is nothing to think.
    pub connect: Duration,
    /// How long the peer may take to answer a packet. One that thinks may say so by empty parts.
    pub response: Duration,
    /// The longest pause within a packet.
    pub gap: Duration,
    /// How long the answer to DISCONNECT or ABORT may take, after which nothing is to come.
    pub end: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            response: Duration::from_mins(2),
            gap: Duration::from_secs(2),
            end: Duration::from_secs(5),
        }
    }
}

/// What the driver does next.
#[derive(Debug)]
pub enum ClientOutput {
    /// These octets go to the peer, in one piece.
    Transmit(Bytes),
    /// The request that was under way has ended.
    Done(ClientEvent),
}

/// How a request has ended.
#[derive(Debug)]
pub enum ClientEvent {
    /// The connection stands.
    Connected,
    /// The peer has taken the object.
    Stored,
    /// The object that was wanted.
    Got(Object),
    /// The connection, or the operation, has been ended in order.
    Ended,
    /// The peer refuses; the connection stands if it stood before.
    Refused(ResponseCode),
    /// The transport can carry nothing more.
    Failed(ClientFailure),
}

/// Why a line cannot be used any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFailure {
    /// The peer has not answered in time.
    Timeout(Duration),
    /// What arrived is no packet, on a line that may have lost some of it.
    Frame(FrameError),
    /// A packet broke off.
    Gap,
    /// A response cannot be read.
    Packet(PacketError),
    /// The peer has answered as no OBEX server does.
    Protocol(&'static str),
    /// The peer knows no secret that it was asked to prove.
    Unproven,
    /// The object is larger than is accepted, in octets.
    TooLarge(usize),
    /// A header is longer than a packet of the peer.
    Header,
}

impl fmt::Display for ClientFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(limit) => write!(f, "no answer within {limit:?}"),
            Self::Frame(error) => write!(f, "the peer does not answer in OBEX: {error}"),
            Self::Gap => f.write_str("an answer broke off"),
            Self::Packet(error) => write!(f, "an answer cannot be read: {error}"),
            Self::Protocol(what) => f.write_str(what),
            Self::Unproven => f.write_str("the peer did not prove that it knows the OBEX secret"),
            Self::TooLarge(limit) => write!(f, "the object is larger than {limit} octets"),
            Self::Header => f.write_str("a header is longer than a packet of the peer"),
        }
    }
}

impl From<HeaderTooLong> for ClientFailure {
    fn from(_: HeaderTooLong) -> Self {
        Self::Header
    }
}

/// The OBEX client of one transport.
///
/// One of [`connect`](Self::connect), [`put`](Self::put), [`get`](Self::get),
/// [`disconnect`](Self::disconnect) is started when none is under way; the driver then hands over
/// what arrives and the time until [`poll_output`](Self::poll_output) says how it has ended.
#[derive(Debug)]
pub struct Client {
    parameters: ClientParameters,
    deframer: Deframer,
    operation: Operation,
    connection: Option<ConnectionId>,
    /// The largest packet that is sent.
    send: u16,
    outputs: VecDeque<ClientOutput>,
    /// When the last octet came or went.
    moved: Duration,
}

impl Client {
    /// A client on a transport that has just been opened.
    pub fn new(parameters: ClientParameters) -> Self {
        let begins = |code| ResponseCode::of(code).is_some();
        Self {
            deframer: Deframer::new(
                parameters.framing,
                parameters.receive.max(SMALLEST_MTU),
                begins,
            ),
            parameters,
            operation: Operation::Idle,
            connection: None,
            send: SMALLEST_MTU,
            outputs: VecDeque::new(),
            moved: Duration::ZERO,
        }
    }

    /// What to do next; `None` when there is nothing until more arrives.
    pub fn poll_output(&mut self) -> Option<ClientOutput> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Duration {
        let timeouts = &self.parameters.timeouts;
        self.moved.saturating_add(match self.operation {
            Operation::Idle => return Duration::MAX,
            _ if self.deframer.is_partial() => timeouts.gap,
            Operation::Ending => timeouts.end,
            Operation::Connecting { .. } => timeouts.connect.min(timeouts.response),
            _ => timeouts.response,
        })
    }

    /// Opens the OBEX connection.
    pub fn connect(&mut self, now: Duration) {
        self.operation = Operation::Connecting { answered: false };
        self.send_connect(None, now);
    }

    fn send_connect(&mut self, response: Option<Description>, now: Duration) {
        let challenge = self.parameters.challenge.map(Nonce);
        let challenge =
            challenge.map(|nonce| Description::Challenge(auth::challenge(nonce, false)));
        let target = self.parameters.target.clone();
        let headers = target.map_or_else(Headers::new, Headers::for_target);
        let headers = headers.with_some(response).with_some(challenge);
        let fields = ConnectFields::new(self.parameters.receive.max(SMALLEST_MTU));
        self.transmit(
            packet::write_connect(Opcode::Connect.octet(), fields, &headers),
            now,
        );
    }

    /// Ends the OBEX connection.
    pub fn disconnect(&mut self, now: Duration) {
        self.end(Opcode::Disconnect, now);
    }

    /// Gives up the operation that is under way, after the peer's last answer.
    pub fn abort(&mut self, now: Duration) {
        self.end(Opcode::Abort, now);
    }

    fn end(&mut self, opcode: Opcode, now: Duration) {
        self.operation = Operation::Ending;
        let headers = Headers::of(self.connection);
        self.transmit(packet::write(opcode.octet(), &[], &headers), now);
    }

    /// Takes what has arrived.
    pub fn handle_input(&mut self, octets: &[u8], now: Duration) {
        self.moved = now;
        if matches!(self.operation, Operation::Idle) {
            // Nothing was asked: noise, or an answer that came too late.
            return;
        }
        if let Err(error) = self.deframer.push(octets) {
            return self.fail(ClientFailure::Frame(error));
        }
        match self.deframer.next_packet() {
            Ok(Some(packet)) => {
                // A server does not speak unasked: what follows its answer is noise.
                self.deframer.clear();
                self.response(&packet, now);
            }
            Ok(None) => {}
            Err(error) => self.fail(ClientFailure::Frame(error)),
        }
    }

    /// The time of the [`deadline`](Self::deadline) has come.
    pub fn handle_timeout(&mut self, now: Duration) {
        if now < self.deadline() {
            return;
        }
        if self.deframer.is_partial() {
            return self.fail(ClientFailure::Gap);
        }
        let limit = self.deadline().saturating_sub(self.moved);
        self.fail(ClientFailure::Timeout(limit));
    }

    fn response(&mut self, packet: &Bytes, now: Duration) {
        let connecting = matches!(self.operation, Operation::Connecting { .. });
        let response = match Response::parse(packet, connecting) {
            Ok(response) => response,
            // Peers that know no better answer CONNECT with a bare code.
            Err(PacketError::Short) if connecting => match Response::parse(packet, false) {
                Ok(response) if !response.code.is_success() => response,
                _ => return self.fail(ClientFailure::Packet(PacketError::Short)),
            },
            Err(error) => return self.fail(ClientFailure::Packet(error)),
        };
        match std::mem::replace(&mut self.operation, Operation::Idle) {
            Operation::Idle => {}
            Operation::Connecting { answered } => self.connecting(&response, answered, now),
            Operation::Putting(putting) => self.putting(putting, response.code, now),
            Operation::Getting(getting) => self.getting(getting, response, now),
            Operation::Ending => self.done(ClientEvent::Ended),
        }
    }

    fn connecting(&mut self, response: &Response, answered: bool, now: Duration) {
        let code = response.code;
        if code == ResponseCode::UNAUTHORIZED && !answered {
            return self.authenticate(response, now);
        }
        if !code.is_success() {
            return self.done(ClientEvent::Refused(code));
        }
        let Some(fields) = response.connect else {
            return self.fail(ClientFailure::Packet(PacketError::Short));
        };
        if let Err(failure) = self.check(response) {
            return self.fail(failure);
        }
        self.connection = response.headers.connection.and_then(ConnectionId::new);
        self.send = fields.mtu.max(SMALLEST_MTU).min(self.parameters.send);
        self.done(ClientEvent::Connected);
    }

    /// Whether the answer to CONNECT is that of the service that was asked for, and proves what
    /// it was asked to prove.
    fn check(&self, response: &Response) -> Result<(), ClientFailure> {
        let headers = &response.headers;
        if let Some(target) = &self.parameters.target {
            if headers.connection.and_then(ConnectionId::new).is_none() {
                return Err(ClientFailure::Protocol(
                    "the peer has opened no connection to the service (no ConnectionID)",
                ));
            }
            if headers.who.as_ref().is_some_and(|who| who != target) {
                return Err(ClientFailure::Protocol(
                    "another service has answered (Who)",
                ));
            }
        }
        let (Some(nonce), Some(credential)) =
            (self.parameters.challenge, &self.parameters.credential)
        else {
            return Ok(());
        };
        let shown = headers.response.as_ref();
        let proven = shown.is_some_and(|shown| auth::verify(shown, Nonce(nonce), credential));
        proven.then_some(()).ok_or(ClientFailure::Unproven)
    }

    fn authenticate(&mut self, response: &Response, now: Duration) {
        let challenge = response.headers.challenge.as_ref();
        let challenge = challenge.and_then(|value| auth::read_challenge(value));
        match (challenge, &self.parameters.credential) {
            // A digest has no direction: the answer to this end's own challenge would prove a
            // server that only hands it back.
            (Some((nonce, _)), Some(_)) if self.parameters.challenge == Some(nonce.0) => {
                self.fail(ClientFailure::Unproven);
            }
            (Some((nonce, _)), Some(credential)) => {
                let answer = Description::Response(auth::response(nonce, credential));
                self.operation = Operation::Connecting { answered: true };
                self.send_connect(Some(answer), now);
            }
            _ => self.done(ClientEvent::Refused(response.code)),
        }
    }

    fn transmit(&mut self, packet: Bytes, now: Duration) {
        self.moved = now;
        self.outputs.push_back(ClientOutput::Transmit(packet));
    }

    fn done(&mut self, event: ClientEvent) {
        self.outputs.push_back(ClientOutput::Done(event));
    }

    fn fail(&mut self, failure: ClientFailure) {
        self.deframer.clear();
        self.connection = None;
        self.operation = Operation::Idle;
        self.done(ClientEvent::Failed(failure));
    }
}

#[cfg(test)]
mod tests;
