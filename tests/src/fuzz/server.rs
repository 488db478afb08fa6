//! Courses of the server role.

use super::{Course, OBJECT, check_memory, check_packet, packet_octets, pause};

use omadm_bindings::obex::{
    Framing, ObexCredential, Opcode, ResponseCode, Server, ServerAnswer, ServerEvent, ServerOutput,
    ServerParameters, ServerTimeouts, TARGET_DM,
};
use omadm_syncml::Secret;
use std::time::Duration;

/// Runs a course of the server role.
///
/// The first two octets are settings; a step is its kind and what belongs to it: 0 octets that
/// arrive, 1 time that passes, 2 an answer to a GET, 3 whether another session runs.
pub fn server(course: &[u8]) {
    let mut course = Course(course);
    let (first, second) = (course.octet().unwrap_or(0), course.octet().unwrap_or(0));
    let mut line = Line::new(first, second);
    while let Some(kind) = course.octet() {
        match kind & 3 {
            0 => line.hear(course.piece()),
            1 => line.wait(pause(course.octet().unwrap_or(0))),
            2 => line.answer(course.octet().unwrap_or(0)),
            _ => line.server.set_busy(kind & 4 != 0),
        }
    }
    check_memory(&format!("{:?}", line.server));
    line.fall_silent();
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a line"
)]
struct Line {
    server: Server,
    framing: Framing,
    receive: u16,
    noisy: bool,
    now: Duration,
    /// What arrived of a packet, as this end sees it.
    packet: Vec<u8>,
    /// Whether an object is being waited for.
    waiting: bool,
    /// Nothing that arrives can be understood.
    deaf: bool,
    closed: bool,
}

impl Line {
    fn new(first: u8, second: u8) -> Self {
        let framing = if first & 1 == 0 {
            Framing::Stream
        } else {
            Framing::Packet
        };
        let noisy = first & 2 != 0;
        let known = ObexCredential {
            user: "dm".to_owned(),
            secret: Secret::from_text("secret"),
        };
        let receive = packet_octets(first >> 3);
        let parameters = ServerParameters {
            framing,
            receive,
            send: packet_octets(second),
            object: OBJECT,
            targets: &[TARGET_DM],
            admit: |headers| match &headers.kind {
                Some(kind) if kind.is_empty() => Err(ResponseCode::BAD_REQUEST),
                _ => Ok(()),
            },
            noisy,
            credentials: if first & 4 == 0 { vec![] } else { vec![known] },
            seed: [second; 32],
            timeouts: ServerTimeouts::default(),
        };
        Self {
            server: Server::new(parameters, Duration::ZERO),
            framing,
            receive,
            noisy,
            now: Duration::ZERO,
            packet: Vec::new(),
            waiting: false,
            deaf: false,
            closed: false,
        }
    }

    /// Octets arrive; those of a stream so that at most one packet ends with each piece.
    fn hear(&mut self, mut octets: &[u8]) {
        if self.framing == Framing::Packet {
            return self.datagram(octets);
        }
        while !octets.is_empty() {
            let missing = self.missing().clamp(1, octets.len());
            let (piece, rest) = octets.split_at(missing);
            octets = rest;
            self.packet.extend(piece);
            let waited = self.waiting;
            let whole = (!self.is_deaf()).then(|| self.whole()).flatten();
            self.server.handle_input(piece, self.now);
            let sent = self.carry_out();
            match whole {
                Some(opcode) => self.check_answer(opcode, waited, sent),
                None => assert_eq!(sent, 0, "an answer to no request"),
            }
        }
    }

    fn datagram(&mut self, octets: &[u8]) {
        self.server.handle_input(octets, self.now);
        let sent = self.carry_out();
        assert!(sent <= 1, "{sent} answers to a datagram");
    }

    fn is_deaf(&self) -> bool {
        self.deaf || self.closed
    }

    /// Octets until this packet's length is known, or until it ends.
    fn missing(&self) -> usize {
        match self.packet.as_slice() {
            [_, high, low, ..] => {
                let stated = usize::from(u16::from_be_bytes([*high, *low]));
                stated.saturating_sub(self.packet.len())
            }
            short => 3 - short.len(),
        }
    }

    /// Takes a packet that has ended; its opcode, if it is a packet that can be answered.
    fn whole(&mut self) -> Option<Opcode> {
        let [code, high, low, ..] = *self.packet.as_slice() else {
            return None;
        };
        let stated = usize::from(u16::from_be_bytes([high, low]));
        let sound = (3..=usize::from(self.receive)).contains(&stated);
        if self.packet.len() < stated || !sound {
            return None;
        }
        self.packet.clear();
        Opcode::of(code)
    }

    /// Each request has one answer, except one for an object that is not made yet.
    fn check_answer(&self, opcode: Opcode, waited: bool, sent: usize) {
        if self.is_deaf() {
            return assert!(sent <= 1, "{sent} answers");
        }
        let gets = matches!(opcode, Opcode::Get { .. });
        if gets && (waited || self.waiting) {
            assert!(sent <= 1, "{sent} answers to {}", opcode.name());
        } else {
            assert_eq!(sent, 1, "answers to {}", opcode.name());
        }
    }

    fn wait(&mut self, pause: Duration) {
        self.now += pause;
        self.check_deadline();
    }

    /// What is due is done, and then something else is due, later.
    fn check_deadline(&mut self) {
        for _ in 0..4 {
            if self.server.deadline() > self.now {
                return;
            }
            self.server.handle_timeout(self.now);
            let sent = self.carry_out();
            assert!(sent <= 1, "{sent} packets at once without a request");
            // Silence ends noise.
            if self.noisy && self.server.deadline() > self.now {
                self.hear_again();
            }
        }
        panic!("the deadline stays in the past");
    }

    fn hear_again(&mut self) {
        if self.deaf {
            self.deaf = false;
            self.packet.clear();
        }
    }

    fn answer(&mut self, choice: u8) {
        let size = usize::from(choice) * 40;
        self.server.answer(if choice & 1 == 0 {
            ServerAnswer::Code(ResponseCode::NOT_FOUND)
        } else {
            ServerAnswer::Object {
                descriptions: Vec::new(),
                body: vec![choice; size].into(),
            }
        });
        self.waiting = false;
        let sent = self.carry_out();
        assert!(sent <= 1, "{sent} answers to a GET");
    }

    /// Does what the server says; returns how many packets it has sent.
    fn carry_out(&mut self) -> usize {
        let mut sent = 0;
        while let Some(output) = self.server.poll_output() {
            assert!(!self.closed, "something follows the end");
            match output {
                ServerOutput::Transmit(packet) => {
                    check_packet(&packet, u16::MAX);
                    let code = packet.first().copied().and_then(ResponseCode::of);
                    assert!(code.is_some(), "{packet:02x?}");
                    sent += 1;
                }
                ServerOutput::Event(event) => self.event(event),
                ServerOutput::Close(_) => self.closed = true,
            }
        }
        sent
    }

    fn event(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Put(object) => {
                assert!(object.body.len() <= OBJECT);
                let answer = ServerAnswer::Code(ResponseCode::SUCCESS);
                self.server.answer(answer);
            }
            ServerEvent::Get(_) => self.waiting = true,
            ServerEvent::Disturbed(_) => {
                assert!(self.noisy, "a line without noise is disturbed");
                self.deaf = true;
                self.waiting = false;
                self.receive = (self.receive / 2).max(255);
            }
            ServerEvent::Connected { .. }
            | ServerEvent::Refused
            | ServerEvent::Aborted
            | ServerEvent::Disconnected => {
                self.waiting = false;
            }
            ServerEvent::Sent => {}
        }
    }

    /// Whatever has happened: a line that is silent for long is given up, unless an object is
    /// still being made, and a noisy one takes a new CONNECT before that.
    fn fall_silent(&mut self) {
        if self.noisy && !self.closed {
            self.now += Duration::from_secs(2);
            self.check_deadline();
            self.now += Duration::from_millis(500);
            self.check_deadline();
            self.server.set_busy(false);
            self.server
                .handle_input(b"\x80\0\x07\x10\0\x04\0", self.now);
            assert!(
                self.closed || self.carry_out() == 1,
                "CONNECT is not answered"
            );
        }
        self.answer(0);
        for _ in 0..8 {
            let due = self.server.deadline();
            if due == Duration::MAX {
                return;
            }
            self.now = self.now.max(due);
            self.check_deadline();
        }
        panic!("a silent line is never given up");
    }
}
