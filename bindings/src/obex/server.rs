//! The OBEX server role as a state machine: octets in, octets and whole objects out. What objects
//! mean is left to the binding.

mod connect;
mod intake;
mod operation;
mod parameters;

use self::operation::Operation;
use super::auth::Nonce;
use super::code::{Opcode, ResponseCode};
use super::frame::{Deframer, FrameError};
use super::headers::{ConnectionId, Description, Headers, Received};
use super::packet::{self, ConnectFields, PacketError, Request, SMALLEST_MTU};

use bytes::Bytes;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

pub(super) use self::intake::Intake;
pub use self::intake::{Object, Wanted};
pub use self::parameters::{ServerParameters, ServerTimeouts};

/// What the driver does next.
#[derive(Debug)]
pub enum ServerOutput {
    /// These octets go to the peer, in one piece.
    Transmit(Bytes),
    /// Something happened.
    Event(ServerEvent),
    /// The transport is to be closed; nothing follows.
    Close(ServerEnd),
}

/// What has happened.
#[derive(Debug)]
pub enum ServerEvent {
    /// A peer has connected. Whatever it did in a connection before is void: it has restarted.
    Connected {
        /// The service that it asked for; `None` for the default one.
        target: Option<Bytes>,
        /// Which of the credentials it has proven, by its place in the parameters.
        proven: Option<usize>,
    },
    /// A peer has connected anew and is refused. Whatever it did in its connection before is void.
    Refused,
    /// An object has come: [`Server::answer`] is due at once.
    Put(Object),
    /// An object is wanted: [`Server::answer`] is due, and may take its time.
    Get(Wanted),
    /// The object that was wanted is on its way in full.
    Sent,
    /// The peer has given up what was under way.
    Aborted,
    /// The peer has ended the connection, or says that it has none.
    Disconnected,
    /// The line is disturbed, and the connection with it gone.
    Disturbed(Disturbance),
}

/// What was wrong on a noisy line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// It was no packet.
    Frame(FrameError),
    /// A packet broke off.
    Gap,
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Gap => f.write_str("a packet broke off"),
        }
    }
}

/// Why the server closes the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerEnd {
    /// Nothing has happened for too long.
    Idle,
    /// What arrived is no OBEX, on a transport that loses nothing.
    Disturbed(Disturbance),
    /// Too many failed authentications.
    Unauthorized,
}

impl fmt::Display for ServerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("nothing has happened for too long"),
            Self::Disturbed(what) => write!(f, "the peer does not speak OBEX: {what}"),
            Self::Unauthorized => f.write_str("the peer failed to authenticate too often"),
        }
    }
}

/// How an object is answered.
#[derive(Debug)]
pub enum ServerAnswer {
    /// By a code alone.
    Code(ResponseCode),
    /// A GET: by an object.
    Object {
        /// What describes it.
        descriptions: Vec<Description>,
        /// Its octets.
        body: Bytes,
    },
}

#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    /// The largest packet that is sent.
    send: u16,
}

/// What the line is in.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Packets come and go.
    Sound,
    /// Waits for silence.
    Noise,
    /// Closed.
    Closed,
}

/// The OBEX server of one transport.
///
/// The driver hands over what has arrived ([`handle_input`](Self::handle_input)) and the time
/// ([`handle_timeout`](Self::handle_timeout)), does what [`poll_output`](Self::poll_output) says
/// until it says nothing, and comes back at [`deadline`](Self::deadline) at the latest.
#[derive(Debug)]
pub struct Server {
    parameters: ServerParameters,
    /// What is taken at most, which disturbances make smaller.
    receive: u16,
    deframer: Deframer,
    line: Line,
    connection: Option<Connection>,
    last_id: u32,
    operation: Operation,
    /// The nonce of the challenge that waits for a response.
    challenge: Option<Nonce>,
    nonces: u64,
    failures: u8,
    busy: bool,
    outputs: VecDeque<ServerOutput>,
    /// When the last octet arrived.
    heard: Duration,
    /// Since when nobody is connected, if nobody is.
    alone: Duration,
}

impl Server {
    /// A server on a transport that has just been opened.
    pub fn new(parameters: ServerParameters, now: Duration) -> Self {
        let receive = parameters.receive.max(SMALLEST_MTU);
        let begins = |code| Opcode::of(code).is_some();
        Self {
            deframer: Deframer::new(parameters.framing, receive, begins),
            receive,
            parameters,
            line: Line::Sound,
            connection: None,
            last_id: 0,
            operation: Operation::Idle,
            challenge: None,
            nonces: 0,
            failures: 0,
            busy: false,
            outputs: VecDeque::new(),
            heard: now,
            alone: now,
        }
    }

    /// What to do next; `None` when there is nothing until more arrives.
    pub fn poll_output(&mut self) -> Option<ServerOutput> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Duration {
        let timeouts = &self.parameters.timeouts;
        let due = match (&self.line, &self.operation) {
            (Line::Closed, _) => return Duration::MAX,
            (Line::Noise, _) => self.heard.saturating_add(timeouts.quiet),
            (Line::Sound, _) if self.deframer.is_partial() => {
                self.heard.saturating_add(timeouts.gap)
            }
            (Line::Sound, Operation::Waiting { since }) => since.saturating_add(timeouts.thinking),
            (Line::Sound, _) => self.heard.saturating_add(timeouts.idle),
        };
        due.min(self.connect_by())
    }

    /// When somebody has to be connected, whatever else arrives: who keeps a line without it keeps
    /// it from others.
    fn connect_by(&self) -> Duration {
        match self.connection {
            Some(_) => Duration::MAX,
            None => self
                .alone
                .saturating_add(self.parameters.timeouts.unconnected),
        }
    }

    /// Refuses connections from now on (0xD3), or takes them again. One that stands goes on.
    pub fn set_busy(&mut self, busy: bool) {
        self.busy = busy;
    }

    /// Takes what has arrived.
    pub fn handle_input(&mut self, octets: &[u8], now: Duration) {
        self.hear(octets, now);
        // A peer that never pauses leaves the driver no time for the deadline.
        if self.line != Line::Closed && now >= self.connect_by() {
            self.close(ServerEnd::Idle);
        }
    }

    fn hear(&mut self, octets: &[u8], now: Duration) {
        let before = std::mem::replace(&mut self.heard, now);
        if self.line == Line::Noise && now >= before.saturating_add(self.parameters.timeouts.quiet)
        {
            self.line = Line::Sound;
        }
        if self.line != Line::Sound {
            return;
        }
        if let Err(error) = self.deframer.push(octets) {
            return self.disturbed(Disturbance::Frame(error));
        }
        while self.line == Line::Sound {
            match self.deframer.next_packet() {
                Ok(Some(packet)) => self.packet(&packet, now),
                Ok(None) => break,
                Err(error) => return self.disturbed(Disturbance::Frame(error)),
            }
        }
    }

    /// The time of the [`deadline`](Self::deadline) has come.
    pub fn handle_timeout(&mut self, now: Duration) {
        if now < self.deadline() {
            return;
        }
        match (&self.line, &self.operation) {
            (Line::Closed, _) => {}
            _ if now >= self.connect_by() => self.close(ServerEnd::Idle),
            (Line::Noise, _) => self.line = Line::Sound,
            (Line::Sound, _) if self.deframer.is_partial() => self.disturbed(Disturbance::Gap),
            (Line::Sound, Operation::Waiting { .. }) => self.keep_waiting(),
            (Line::Sound, _) => self.close(ServerEnd::Idle),
        }
    }

    fn close(&mut self, end: ServerEnd) {
        self.line = Line::Closed;
        self.connection = None;
        self.operation = Operation::Idle;
        self.deframer.clear();
        self.outputs.push_back(ServerOutput::Close(end));
    }

    /// Nothing that follows can be understood. On a noisy line nothing is answered, because the
    /// peer may still be sending; it has to connect anew, with smaller packets.
    fn disturbed(&mut self, what: Disturbance) {
        if !self.parameters.noisy {
            return self.close(ServerEnd::Disturbed(what));
        }
        self.line = Line::Noise;
        self.deframer.clear();
        self.drop_connection();
        self.operation = Operation::Idle;
        self.receive = (self.receive / 2).max(SMALLEST_MTU);
        self.deframer.limit(self.receive);
        self.event(ServerEvent::Disturbed(what));
    }

    fn packet(&mut self, packet: &Bytes, now: Duration) {
        let request = match Request::parse(packet) {
            Ok(request) => request,
            Err(error) => return self.unreadable(packet, error),
        };
        let headers = request.headers;
        match request.opcode {
            Opcode::Connect => self.connect(request.connect, &headers),
            Opcode::Disconnect => self.disconnect(&headers),
            Opcode::Abort => self.abort(),
            Opcode::Put { last } => self.operate(headers, now, |server, headers, _| {
                server.put(headers, last);
            }),
            Opcode::Get { last } => self.operate(headers, now, |server, headers, now| {
                server.get(headers, last, now);
            }),
            // Folders mean nothing here; S60 takes it as well.
            Opcode::SetPath => self.operate(headers, now, |server, _, _| {
                server.refuse(ResponseCode::SUCCESS);
            }),
            Opcode::Action | Opcode::Session | Opcode::Other(_) => {
                self.respond(ResponseCode::NOT_IMPLEMENTED);
            }
        }
    }

    fn unreadable(&mut self, packet: &Bytes, error: PacketError) {
        log::debug!("OBEX request refused: {error}");
        self.give_up_operation();
        if packet.first() == Some(&Opcode::Connect.octet()) {
            return self.answer_connect(ResponseCode::BAD_REQUEST, &Headers::new());
        }
        self.respond(ResponseCode::BAD_REQUEST);
    }

    fn disconnect(&mut self, headers: &Received) {
        if !self.names_connection(headers) {
            return self.respond(ResponseCode::UNAVAILABLE);
        }
        self.operation = Operation::Idle;
        self.respond(ResponseCode::SUCCESS);
        // Who was refused leaves by it as well.
        self.drop_connection();
        self.event(ServerEvent::Disconnected);
    }

    fn abort(&mut self) {
        let busy = !matches!(self.operation, Operation::Idle);
        self.operation = Operation::Idle;
        self.respond(ResponseCode::SUCCESS);
        if busy {
            self.event(ServerEvent::Aborted);
        }
    }

    /// Whether a request belongs to the connection; one that names none does.
    fn names_connection(&self, headers: &Received) -> bool {
        let own = self.connection.as_ref().map(|own| own.id.get());
        headers.connection.is_none_or(|named| Some(named) == own)
    }

    /// Carries out a request that needs the connection.
    fn operate(
        &mut self,
        headers: Received,
        now: Duration,
        with: impl FnOnce(&mut Self, Received, Duration),
    ) {
        if self.connection.is_some() && self.names_connection(&headers) {
            return with(self, headers, now);
        }
        self.refuse(ResponseCode::UNAVAILABLE);
    }

    /// Refuses a request; what was under way is over.
    fn refuse(&mut self, code: ResponseCode) {
        self.give_up_operation();
        self.respond(code);
    }

    fn give_up_operation(&mut self) {
        let before = std::mem::replace(&mut self.operation, Operation::Idle);
        if !matches!(before, Operation::Idle) {
            self.event(ServerEvent::Aborted);
        }
    }

    fn respond(&mut self, code: ResponseCode) {
        self.transmit(packet::write(code.octet(), &[], &Headers::new()));
    }

    fn answer_connect(&mut self, code: ResponseCode, headers: &Headers) {
        let fields = ConnectFields::new(self.receive);
        self.transmit(packet::write_connect(code.octet(), fields, headers));
    }

    fn transmit(&mut self, packet: Bytes) {
        self.outputs.push_back(ServerOutput::Transmit(packet));
    }

    fn event(&mut self, event: ServerEvent) {
        self.outputs.push_back(ServerOutput::Event(event));
    }
}

#[cfg(test)]
mod tests;
