//! Courses of the client role.

use super::{Course, OBJECT, check_memory, check_packet, packet_octets, pause};

use omadm_bindings::obex::{
    Client, ClientEvent, ClientOutput, ClientParameters, ClientTimeouts, Description, Framing,
    ObexCredential, Opcode, TARGET_DM,
};
use omadm_syncml::Secret;
use std::time::Duration;

/// Runs a course of the client role.
///
/// The first two octets are settings; a step is its kind and what belongs to it: 0 octets that
/// arrive, 1 time that passes, 2 and 3 what is done next, when the last has ended.
pub fn client(course: &[u8]) {
    let mut course = Course(course);
    let (first, second) = (course.octet().unwrap_or(0), course.octet().unwrap_or(0));
    let mut line = Line::new(first, second);
    line.start(Client::connect);
    while let Some(kind) = course.octet() {
        match kind & 3 {
            0 => line.hear(course.piece()),
            1 => line.wait(pause(course.octet().unwrap_or(0))),
            _ if line.under_way => {}
            _ => line.act(kind, course.octet().unwrap_or(0)),
        }
    }
    check_memory(&format!("{:?}", line.client));
    line.fall_silent();
}

struct Line {
    client: Client,
    now: Duration,
    under_way: bool,
    largest: u16,
}

impl Line {
    fn new(first: u8, second: u8) -> Self {
        let known = ObexCredential {
            user: "dm".to_owned(),
            secret: Secret::from_text("secret"),
        };
        let send = packet_octets(second);
        Self {
            client: Client::new(ClientParameters {
                framing: if first & 1 == 0 {
                    Framing::Stream
                } else {
                    Framing::Packet
                },
                receive: packet_octets(first >> 3),
                send,
                object: OBJECT,
                target: (first & 2 == 0).then(|| TARGET_DM.into()),
                credential: (first & 4 != 0).then_some(known),
                challenge: (first & 0x20 != 0).then_some([second; 16]),
                timeouts: ClientTimeouts::default(),
            }),
            now: Duration::ZERO,
            under_way: false,
            largest: send.max(255),
        }
    }

    fn start(&mut self, begin: impl FnOnce(&mut Client, Duration)) {
        self.under_way = true;
        begin(&mut self.client, self.now);
        self.carry_out();
    }

    fn act(&mut self, kind: u8, size: u8) {
        let body = vec![size; usize::from(size) * 20];
        let descriptions = vec![Description::Type("a/b".to_owned())];
        self.start(|client, now| match kind >> 2 & 7 {
            0 => client.connect(now),
            1 => client.disconnect(now),
            2 => client.abort(now),
            3 | 4 => client.get(descriptions, now),
            _ => client.put(descriptions, body.into(), now),
        });
    }

    fn hear(&mut self, octets: &[u8]) {
        let before = self.under_way;
        self.client.handle_input(octets, self.now);
        let sent = self.carry_out();
        assert!(sent <= usize::from(before), "{sent} packets for one answer");
    }

    fn wait(&mut self, pause: Duration) {
        self.now += pause;
        if self.client.deadline() <= self.now {
            self.client.handle_timeout(self.now);
            assert_eq!(self.carry_out(), 0, "a packet at a timeout");
            let ended = self.client.deadline() == Duration::MAX && !self.under_way;
            assert!(ended, "a timeout ends nothing");
        }
    }

    /// Does what the client says; returns how many packets it has sent.
    fn carry_out(&mut self) -> usize {
        let mut sent = 0;
        while let Some(output) = self.client.poll_output() {
            assert!(self.under_way, "something follows the end");
            match output {
                ClientOutput::Transmit(packet) => {
                    check_packet(&packet, self.largest);
                    let code = packet.first().copied().and_then(Opcode::of);
                    assert!(code.is_some(), "{packet:02x?}");
                    sent += 1;
                }
                ClientOutput::Done(event) => {
                    if let ClientEvent::Got(object) = &event {
                        assert!(object.body.len() <= OBJECT);
                    }
                    self.under_way = false;
                }
            }
        }
        let waits = self.client.deadline() != Duration::MAX;
        assert_eq!(waits, self.under_way, "waits and has ended, or neither");
        sent
    }

    /// Whatever has happened, a peer that says nothing more is given up.
    fn fall_silent(&mut self) {
        if self.under_way {
            self.now = self.now.max(self.client.deadline());
            self.wait(Duration::ZERO);
        }
        assert!(!self.under_way);
    }
}
