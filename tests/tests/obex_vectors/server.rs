//! Requests to our server.

use crate::{MS, cut_within, pieces};

use omadm_bindings::obex::{
    Framing, Received, ResponseCode, Server, ServerAnswer, ServerEvent, ServerOutput,
    ServerParameters, ServerTimeouts, TARGET_DM,
};
use omadm_tests::vectors::{self, ServerVector, hex, octets};
use std::time::Duration;

const TYPES: [&str; 3] = [
    "application/vnd.syncml.notification",
    "application/vnd.syncml.dm+wbxml",
    "application/vnd.syncml.dm+xml",
];

/// As the binding judges objects.
fn admit(headers: &Received) -> Result<(), ResponseCode> {
    let kind = headers.kind.as_deref().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if kind.is_empty() {
        Err(ResponseCode::BAD_REQUEST)
    } else if TYPES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(essence))
    {
        Ok(())
    } else {
        Err(ResponseCode::UNSUPPORTED_MEDIA_TYPE)
    }
}

/// A server and what has come of it.
struct Subject<'a> {
    vector: &'a ServerVector,
    server: Server,
    now: Duration,
    sent: Vec<Vec<u8>>,
    puts: Vec<(String, Vec<u8>)>,
    asked: usize,
    disturbed: bool,
    closed: bool,
}

impl<'a> Subject<'a> {
    fn new(vector: &'a ServerVector, framing: Framing, noisy: bool) -> Self {
        let parameters = ServerParameters {
            framing,
            receive: vector.receive,
            send: u16::MAX,
            object: vector.object,
            targets: &[TARGET_DM],
            admit: if vector.admits_any { |_| Ok(()) } else { admit },
            noisy,
            credentials: Vec::new(),
            seed: [7; 32],
            timeouts: ServerTimeouts::default(),
        };
        Self {
            vector,
            server: Server::new(parameters, Duration::ZERO),
            now: Duration::ZERO,
            sent: Vec::new(),
            puts: Vec::new(),
            asked: 0,
            disturbed: false,
            closed: false,
        }
    }

    fn hear(&mut self, octets: &[u8]) {
        self.now += MS;
        self.server.handle_input(octets, self.now);
        while let Some(output) = self.server.poll_output() {
            assert!(!self.closed, "nothing follows the end");
            match output {
                ServerOutput::Transmit(packet) => self.sent.push(packet.to_vec()),
                ServerOutput::Event(event) => self.event(event),
                ServerOutput::Close(_) => self.closed = true,
            }
        }
    }

    fn event(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Put(object) => {
                let kind = object.kind.unwrap_or_default();
                self.puts.push((kind, object.body.to_vec()));
                self.server
                    .answer(ServerAnswer::Code(ResponseCode::SUCCESS));
            }
            ServerEvent::Get(_) => {
                let object = self.vector.objects.get(self.asked);
                self.asked += 1;
                self.server.answer(match object {
                    Some(body) => ServerAnswer::Object {
                        descriptions: Vec::new(),
                        body: body.clone().into(),
                    },
                    None => ServerAnswer::Code(ResponseCode::NOT_FOUND),
                });
            }
            ServerEvent::Disturbed(_) => self.disturbed = true,
            _ => {}
        }
    }

    /// One request, and its answer when its last octet is there.
    fn step(&mut self, pieces: &[&[u8]], expected: &[u8], context: &str) {
        for piece in pieces {
            assert!(
                self.sent.is_empty(),
                "{context}: an answer to half a packet"
            );
            self.hear(piece);
        }
        let sent: Vec<_> = self.sent.drain(..).map(|packet| hex(&packet)).collect();
        let expected: Vec<_> = [expected]
            .iter()
            .filter(|packet| !packet.is_empty())
            .map(|packet| hex(packet))
            .collect();
        assert_eq!(sent, expected, "{context}");
    }
}

fn run(vector: &ServerVector, framing: Framing, noisy: bool, cut: usize) {
    let context = format!("{}, {framing:?}, cut at {cut}, noisy: {noisy}", vector.name);
    let lengths: Vec<_> = vector
        .talk
        .iter()
        .map(|(request, _)| request.len())
        .collect();
    let mut subject = Subject::new(vector, framing, noisy);
    for (step, (request, answer)) in vector.talk.iter().enumerate() {
        let context = format!("{context}, step {step} {}", hex(request));
        let pieces = pieces(request, cut_within(&lengths, step, cut));
        subject.step(&pieces, answer, &context);
    }
    assert_eq!(subject.puts, vector.puts, "{context}");
    assert_eq!(subject.closed, vector.disturbs && !noisy, "{context}");
    assert_eq!(subject.disturbed, vector.disturbs && noisy, "{context}");
    if subject.disturbed {
        back_after_silence(&mut subject, &context);
    }
}

/// A disturbed line hears nothing until it was silent, and then begins anew.
fn back_after_silence(subject: &mut Subject<'_>, context: &str) {
    let connect = octets("80000710001000");
    subject.step(&[&connect], &[], context);
    subject.now = subject.server.deadline();
    subject.server.handle_timeout(subject.now);
    subject.hear(&connect);
    let [answer] = subject.sent.as_slice() else {
        panic!("{context}: {:?}", subject.sent);
    };
    assert_eq!(answer[0], 0xA0, "{context}");
}

#[test]
fn every_request_is_answered_wherever_the_stream_is_cut() {
    for vector in vectors::server().iter().filter(|vector| !vector.datagrams) {
        let length: usize = vector.talk.iter().map(|(request, _)| request.len()).sum();
        for cut in 0..length {
            for noisy in [false, true] {
                run(vector, Framing::Stream, noisy, cut);
            }
        }
    }
}

#[test]
fn every_request_is_answered_octet_by_octet() {
    for vector in vectors::server().iter().filter(|vector| !vector.datagrams) {
        let mut subject = Subject::new(vector, Framing::Stream, false);
        for (request, answer) in &vector.talk {
            let pieces: Vec<_> = request.chunks(1).collect();
            subject.step(&pieces, answer, &vector.name);
        }
        assert_eq!(subject.puts, vector.puts, "{}", vector.name);
    }
}

#[test]
fn every_request_is_answered_as_a_datagram() {
    for vector in vectors::server() {
        run(&vector, Framing::Packet, false, 0);
    }
}
