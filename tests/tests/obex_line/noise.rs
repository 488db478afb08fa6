//! A noisy line between both engines, in virtual time: it always comes back.

use omadm_bindings::obex::{
    Client, ClientEvent, ClientOutput, ClientTimeouts, Description, Framing, ResponseCode, Server,
    ServerAnswer, ServerEvent, ServerOutput, ServerParameters, ServerTimeouts, TARGET_DM,
};
use omadm_tests::line::{Fault, LineSettings, Noise, Wire};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const MTU: u16 = 255;
/// Whoever reads a packet can do nothing before its last octet.
const GRAIN: Duration = Duration::from_millis(8);
const KIND: &str = "application/vnd.syncml.dm+wbxml";

/// How long whoever has failed waits before it connects anew.
const PAUSE: Duration = Duration::from_secs(3);

/// Both ends and the line between them.
struct Course {
    client: Client,
    server: Server,
    wires: [Wire; 2],
    spoke: usize,
    now: Duration,
    steps: u32,
    stored: Vec<Vec<u8>>,
}

/// How an operation ended.
type Ended = Result<Option<Vec<u8>>, String>;

fn client() -> Client {
    Client::new(omadm_bindings::obex::ClientParameters {
        timeouts: ClientTimeouts {
            response: Duration::from_secs(10),
            ..ClientTimeouts::default()
        },
        ..crate::parameters(MTU)
    })
}

fn server() -> Server {
    let parameters = ServerParameters {
        framing: Framing::Stream,
        receive: MTU,
        send: MTU,
        object: 1 << 20,
        targets: &[TARGET_DM],
        admit: |_| Ok(()),
        noisy: true,
        credentials: Vec::new(),
        seed: [1; 32],
        timeouts: ServerTimeouts::default(),
    };
    Server::new(parameters, Duration::ZERO)
}

impl Course {
    fn new(settings: &LineSettings) -> Self {
        Self {
            client: client(),
            server: server(),
            wires: [Wire::new(settings, 0), Wire::new(settings, 1)],
            spoke: 0,
            now: MS,
            steps: 0,
            stored: Vec::new(),
        }
    }

    fn send(&mut self, from: usize, packet: &[u8]) {
        let turned = std::mem::replace(&mut self.spoke, from) != from;
        self.wires[from].push(packet, self.now, turned);
    }

    /// Does what the server says.
    fn serve(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                ServerOutput::Transmit(packet) => self.send(1, &packet),
                ServerOutput::Event(ServerEvent::Put(object)) => {
                    self.stored.push(object.body.to_vec());
                    self.server
                        .answer(ServerAnswer::Code(ResponseCode::SUCCESS));
                }
                ServerOutput::Event(ServerEvent::Get(_)) => {
                    self.server.answer(ServerAnswer::Object {
                        descriptions: Vec::new(),
                        body: message().into(),
                    });
                }
                ServerOutput::Event(_) => {}
                ServerOutput::Close(end) => panic!("a noisy line is given up: {end}"),
            }
        }
    }

    /// Carries octets and time until the operation that is under way has ended.
    fn finish(&mut self) -> Ended {
        loop {
            while let Some(output) = self.client.poll_output() {
                match output {
                    ClientOutput::Transmit(packet) => self.send(0, &packet),
                    ClientOutput::Done(event) => return ended(event),
                }
            }
            self.step(Duration::MAX);
        }
    }

    /// The next thing that happens, at `until` at the latest.
    fn step(&mut self, until: Duration) {
        self.steps += 1;
        assert!(self.steps < 100_000, "it spins");
        let due = [
            self.wires[0].wake(self.now, GRAIN),
            self.wires[1].wake(self.now, GRAIN),
            Some(self.client.deadline()),
            Some(self.server.deadline()),
        ];
        let due = due.into_iter().flatten().min().unwrap();
        self.now = self.now.max(due.min(until));
        let mut octets = Vec::new();
        self.wires[0].pull(self.now, &mut octets);
        if !octets.is_empty() {
            self.server.handle_input(&octets, self.now);
        }
        self.server.handle_timeout(self.now);
        self.serve();
        octets.clear();
        self.wires[1].pull(self.now, &mut octets);
        if !octets.is_empty() {
            self.client.handle_input(&octets, self.now);
        }
        self.client.handle_timeout(self.now);
    }

    /// Connects anew, after a pause, and stores and fetches a message.
    fn attempt(&mut self) -> Result<(), String> {
        let until = self.now + PAUSE;
        while self.now < until {
            self.step(until);
        }
        self.client = client();
        self.client.connect(self.now);
        self.finish()?;
        let kind = || vec![Description::Type(KIND.to_owned())];
        self.client.put(kind(), message().into(), self.now);
        self.finish()?;
        self.client.get(kind(), self.now);
        match self.finish()? {
            Some(body) if body == message() => {}
            other => return Err(format!("another message: {other:?}")),
        }
        if self
            .stored
            .last()
            .is_some_and(|stored| *stored == message())
        {
            return Ok(());
        }
        Err("another message was stored".to_owned())
    }
}

fn message() -> Vec<u8> {
    (0..500_u32).map(|at| at.to_le_bytes()[0] ^ 0x5A).collect()
}

fn ended(event: ClientEvent) -> Ended {
    match event {
        ClientEvent::Got(object) => Ok(Some(object.body.to_vec())),
        ClientEvent::Connected | ClientEvent::Stored | ClientEvent::Ended => Ok(None),
        ClientEvent::Refused(code) => Err(code.to_string()),
        ClientEvent::Failed(failure) => Err(failure.to_string()),
    }
}

fn line() -> LineSettings {
    LineSettings {
        rate: 115_200,
        turnaround: [MS, MS],
        ..LineSettings::default()
    }
}

/// However often it fails, it is sound again soon after the line is.
fn comes_back(course: &mut Course, context: &str) {
    // One attempt may run into what noise has left behind, the next one may not.
    if course.attempt().is_err() {
        assert_eq!(course.attempt(), Ok(()), "{context}");
    }
}

#[test]
fn a_line_with_chance_noise_comes_back() {
    let mut failed = 0;
    for seed in 0..300 {
        let noise = Noise {
            lost: 300,
            flipped: 300,
            exactly: Vec::new(),
        };
        let settings = LineSettings {
            noise: [noise.clone(), noise],
            seed,
            ..line()
        };
        let mut course = Course::new(&settings);
        for _ in 0..6 {
            failed += u32::from(course.attempt().is_err());
        }
        course.wires = [Wire::new(&line(), 0), Wire::new(&line(), 1)];
        comes_back(&mut course, &format!("seed {seed}"));
    }
    assert!(failed > 300, "{failed} attempts failed: there was no noise");
}

/// Octets that an attempt takes in each direction, and some more.
fn lengths() -> [u64; 2] {
    // What leads and describes the message in three packets, and CONNECT or its answer.
    let size = message().len() as u64;
    [size + 140, size + 60]
}

#[test]
fn a_line_comes_back_after_a_fault_at_any_octet() {
    for (direction, length) in lengths().into_iter().enumerate() {
        for place in 0..length {
            for fault in [Fault::Lost, Fault::Flipped(1 << (place % 8))] {
                let mut settings = line();
                settings.noise[direction].exactly = vec![(place, fault)];
                let mut course = Course::new(&settings);
                let context = format!("{fault:?} at {place} of direction {direction}");
                drop(course.attempt());
                comes_back(&mut course, &context);
            }
        }
    }
}

#[test]
fn a_line_on_which_others_talk_comes_back() {
    let mut course = Course::new(&line());
    for noise in [
        &b"\r\n+CREG: 1\r\n"[..],
        b"\x82",
        b"\x82\x01",
        b"\x80\x00\x13\x10",
        &[0xFF; 600],
    ] {
        course.send(0, noise);
        comes_back(&mut course, &format!("{noise:02x?}"));
    }
}
