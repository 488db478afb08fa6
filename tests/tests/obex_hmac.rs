//! Whole sessions over OBEX on a line that turns over one bit, at every octet of it: with a digest
//! over each message, the tree is never another one than somebody wanted.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and its length is asked of the environment"
)]

use bytes::Bytes;
use omadm_bindings::obex::{
    Client, ClientEvent, ClientOutput, ClientParameters, ClientTimeouts, Description, Framing,
    Object, Server, ServerAnswer, ServerEvent, ServerOutput, ServerParameters, ServerTimeouts,
    TARGET_DM, describe_message, read_message,
};
use omadm_dm::{Authority, Snapshot, operation};
use omadm_syncml::auth::{AuthScheme, HmacHeader};
use omadm_syncml::{Address, Envelope, MediaType, UriLimits};
use omadm_tests::ask::replace;
use omadm_tests::pair::{Direction, GATEWAY, Line, Pair, Passage, Proofs};
use std::time::Duration;

const NAME: &str = "./DMAcc/dms/Name";

/// Carries each message as an object: the server's as a PUT, the device's as the answer to a GET.
struct Obex {
    media_type: MediaType,
    /// Octets on the line so far, both directions together.
    passed: usize,
    /// Which octet is damaged, and how.
    flip: Option<(usize, u8)>,
    /// Messages that the receiver could not read.
    unread: usize,
}

impl Obex {
    fn new(media_type: MediaType, flip: Option<(usize, u8)>) -> Self {
        Self {
            media_type,
            passed: 0,
            flip,
            unread: 0,
        }
    }

    fn wire(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut octets = octets.to_vec();
        if let Some((at, bits)) = self.flip
            && let Some(octet) = at
                .checked_sub(self.passed)
                .and_then(|at| octets.get_mut(at))
        {
            *octet ^= bits;
        }
        self.passed += octets.len();
        octets
    }

    /// An object from one end to the other; `None` if the line broke over it.
    fn object(&mut self, direction: Direction, envelope: &Envelope) -> Option<Object> {
        let mut client = Client::new(client());
        let mut server = Server::new(server(), Duration::ZERO);
        let mut received = None;
        client.connect(Duration::ZERO);
        let mut connected = false;
        // A line that breaks falls silent, and the ends give up.
        for _ in 0..1000 {
            match client.poll_output() {
                Some(ClientOutput::Transmit(packet)) => {
                    let packet = self.wire(&packet);
                    server.handle_input(&packet, Duration::ZERO);
                }
                Some(ClientOutput::Done(ClientEvent::Connected)) if !connected => {
                    connected = true;
                    self.ask(&mut client, direction, envelope);
                }
                Some(ClientOutput::Done(ClientEvent::Stored)) => return received,
                Some(ClientOutput::Done(ClientEvent::Got(object))) => return Some(object),
                Some(ClientOutput::Done(_)) => return None,
                None => {}
            }
            while let Some(output) = server.poll_output() {
                match output {
                    ServerOutput::Transmit(packet) => {
                        let packet = self.wire(&packet);
                        client.handle_input(&packet, Duration::ZERO);
                    }
                    ServerOutput::Event(ServerEvent::Put(object)) => {
                        received = Some(object);
                        let code = omadm_bindings::obex::ResponseCode::SUCCESS;
                        server.answer(ServerAnswer::Code(code));
                    }
                    ServerOutput::Event(ServerEvent::Get(_)) => {
                        server.answer(ServerAnswer::Object {
                            descriptions: describe_message(envelope, false),
                            body: envelope.body.clone(),
                        });
                    }
                    ServerOutput::Event(_) => {}
                    // What has been taken has been taken, whether the peer knows it or not.
                    ServerOutput::Close(_) => return received,
                }
            }
        }
        received
    }

    fn ask(&self, client: &mut Client, direction: Direction, envelope: &Envelope) {
        match direction {
            Direction::Down => {
                let descriptions = describe_message(envelope, true);
                client.put(descriptions, envelope.body.clone(), Duration::ZERO);
            }
            Direction::Up => {
                let kind = Description::Type(self.media_type.as_str().to_owned());
                client.get(vec![kind], Duration::ZERO);
            }
        }
    }
}

impl Line for Obex {
    fn pass(&mut self, _: Direction, _: &mut Vec<u8>) -> Passage {
        panic!("a message passes with its digest");
    }

    fn carry(
        &mut self,
        direction: Direction,
        message: &mut Vec<u8>,
        digest: &mut Option<HmacHeader>,
    ) -> Passage {
        let envelope = Envelope {
            to: None,
            media_type: self.media_type,
            body: Bytes::from(message.clone()),
            hmac: digest.clone(),
        };
        let object = self.object(direction, &envelope);
        let read = object.map(|object| read_message(object, self.media_type));
        let Some(Ok(received)) = read else {
            self.unread += 1;
            return Passage::Lost;
        };
        *message = received.body.to_vec();
        *digest = received.hmac;
        Passage::Arrives
    }
}

fn client() -> ClientParameters {
    ClientParameters {
        framing: Framing::Stream,
        receive: 1024,
        send: 1024,
        object: 1 << 20,
        target: Some(Bytes::from_static(TARGET_DM)),
        credential: None,
        challenge: None,
        timeouts: ClientTimeouts::default(),
    }
}

fn server() -> ServerParameters {
    ServerParameters {
        framing: Framing::Stream,
        receive: 1024,
        send: 1024,
        object: 1 << 20,
        targets: &[TARGET_DM],
        admit: |_| Ok(()),
        noisy: true,
        credentials: Vec::new(),
        seed: [1; 32],
        timeouts: ServerTimeouts::default(),
    }
}

/// All that the tree says, but for what each session renews.
fn tree(pair: &Pair) -> Vec<(String, String)> {
    let all = Address::parse("./DMAcc?list=StructData", &UriLimits::NONE).unwrap();
    let view = pair.tree.view(Snapshot::empty());
    let items = operation::get(&view, Authority::Local, &all).unwrap();
    let shown = items
        .iter()
        .map(|item| (item.uri.to_string(), format!("{:?}", item.data)));
    shown
        .filter(|(uri, _)| !uri.ends_with("AAuthData"))
        .collect()
}

fn name(pair: &Pair) -> String {
    let address = Address::parse(NAME, &UriLimits::NONE).unwrap();
    let view = pair.tree.view(Snapshot::empty());
    let items = operation::get(&view, Authority::Local, &address).unwrap();
    items[0].data.as_text().unwrap().into_owned()
}

/// Every octet takes a minute; the short form takes every fourth.
fn step() -> usize {
    if std::env::var_os("OMADM_LONG").is_some() {
        1
    } else {
        4
    }
}

fn pair(media_type: MediaType, scheme: AuthScheme) -> Pair {
    let proofs = Proofs {
        client: scheme,
        server: scheme,
        nonce_text: false,
    };
    Pair::with_proofs(media_type, GATEWAY, proofs).unwrap()
}

fn every_octet(media_type: MediaType) {
    let mut pair = pair(media_type, AuthScheme::Hmac);
    let mut perfect = Obex::new(media_type, None);
    pair.queue(&[replace(NAME, "value-0000")]).unwrap();
    pair.run(&mut perfect).unwrap();
    assert_eq!(name(&pair), "value-0000", "the line carries a session");
    // From here on each session is alike, because both ends know each other's nonces.
    let mut perfect = Obex::new(media_type, None);
    pair.queue(&[replace(NAME, "value-0001")]).unwrap();
    pair.run(&mut perfect).unwrap();
    let length = perfect.passed;
    assert!(length > 1000, "{length}");
    let rest: Vec<_> = without_name(&pair);
    let (mut unread, mut undone) = (0, 0);
    for at in (0..length).step_by(step()) {
        let before = name(&pair);
        let wanted = format!("value-{at:04}");
        pair.queue(&[replace(NAME, &wanted)]).unwrap();
        let bits = 1 << (at / step() % 8);
        let mut damaged = Obex::new(media_type, Some((at, bits)));
        pair.run(&mut damaged).unwrap();
        let after = name(&pair);
        assert!(after == before || after == wanted, "octet {at}: {after:?}");
        assert_eq!(without_name(&pair), rest, "octet {at}");
        unread += damaged.unread;
        undone += usize::from(after == before);
        // Whatever was broken off is taken up again over a sound line.
        let mut tries = 0;
        while name(&pair) != wanted {
            pair.run(&mut Obex::new(media_type, None)).unwrap();
            tries += 1;
            assert!(tries < 4, "octet {at}: the ends do not find together again");
        }
    }
    // Most bits of the message with the command stop it; those of what comes after do not.
    println!("{length} octets: {unread} messages unreadable, {undone} commands not executed");
    assert!(
        undone > length / step() / 5 && unread > 0,
        "{undone} of {length}"
    );
}

fn without_name(pair: &Pair) -> Vec<(String, String)> {
    let mut all = tree(pair);
    all.retain(|(uri, _)| !uri.ends_with("/Name"));
    all
}

#[test]
fn with_a_digest_no_bit_of_a_session_in_wbxml_changes_the_tree() {
    every_octet(MediaType::DmWbxml);
}

#[test]
fn with_a_digest_no_bit_of_a_session_in_xml_changes_the_tree() {
    every_octet(MediaType::DmXml);
}

#[test]
fn without_one_some_bit_does() {
    let mut pair = pair(MediaType::DmXml, AuthScheme::Md5);
    let strange = (0..3000).step_by(4).find(|at| {
        pair.queue(&[replace(NAME, "value")]).unwrap();
        let mut damaged = Obex::new(MediaType::DmXml, Some((*at, 4)));
        pair.run(&mut damaged).unwrap();
        let found = name(&pair);
        pair.run(&mut Obex::new(MediaType::DmXml, None)).unwrap();
        !found.is_empty() && found != "value" && !found.contains("dms")
    });
    assert!(strange.is_some(), "the line damages nothing");
}
