use super::*;
use crate::obex::ObexCredential;
use crate::obex::client::{Client, ClientEvent, ClientOutput, ClientParameters, ClientTimeouts};
use crate::obex::fixture::{at, parameters};
use crate::obex::headers::Description;
use crate::obex::{Framing, ServerTimeouts};

use omadm_syncml::HmacHeader;

const NOTIFICATION: &str = "application/vnd.syncml.notification";
const WBXML: &str = "application/vnd.syncml.dm+wbxml";
const XML: &str = "application/vnd.syncml.dm+xml";

fn device() -> Role {
    Role::Device {
        identity: Identity::default(),
        bootstraps: true,
    }
}

fn client(target: Option<&'static [u8]>) -> ClientParameters {
    ClientParameters {
        framing: Framing::Stream,
        receive: 512,
        send: 512,
        object: 65_536,
        target: target.map(Bytes::from_static),
        credential: None,
        challenge: None,
        timeouts: ClientTimeouts::default(),
    }
}

/// Both ends of a line without delay: an OBEX client and the binding.
struct Pair {
    client: Client,
    binding: Binding,
    /// What the binding has said, but for packets.
    said: Vec<String>,
}

impl Pair {
    fn new(role: Role) -> Self {
        let parameters = ServerParameters {
            timeouts: ServerTimeouts::default(),
            ..parameters()
        };
        let mut pair = Self {
            client: Client::new(client(Some(TARGET_DM))),
            binding: Binding::new(role, parameters, at(0)),
            said: Vec::new(),
        };
        pair.client.connect(at(0));
        assert!(matches!(pair.run(), Some(ClientEvent::Connected)));
        assert_eq!(pair.told(), ["Connected(true)"]);
        pair
    }

    fn device() -> Self {
        Self::new(device())
    }

    /// Carries packets to and fro until the request has ended, or waits for the session.
    fn run(&mut self) -> Option<ClientEvent> {
        loop {
            let mut moved = false;
            if let Some(output) = self.client.poll_output() {
                moved = true;
                match output {
                    ClientOutput::Transmit(packet) => self.binding.handle_input(&packet, at(1)),
                    ClientOutput::Done(event) => return Some(event),
                }
            }
            while let Some(output) = self.binding.poll_output() {
                moved = true;
                match output {
                    BindingOutput::Transmit(packet) => self.client.handle_input(&packet, at(1)),
                    BindingOutput::Message(envelope) => {
                        let text = String::from_utf8_lossy(&envelope.body).into_owned();
                        self.said
                            .push(format!("Message {:?}", &text[..text.len().min(8)]));
                    }
                    other => self.said.push(format!("{other:?}")),
                }
            }
            if !moved {
                return None;
            }
        }
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    fn put(&mut self, kind: &str, body: &[u8]) -> u8 {
        let kind = Description::Type(kind.to_owned());
        self.client
            .put(vec![kind], Bytes::copy_from_slice(body), at(1));
        code(self.run())
    }

    /// Begins to ask; `None` while the session has not answered.
    fn get(&mut self, kind: &str) -> Option<ClientEvent> {
        self.client
            .get(vec![Description::Type(kind.to_owned())], at(1));
        self.run()
    }

    fn get_code(&mut self, kind: &str) -> u8 {
        code(self.get(kind))
    }
}

fn code(event: Option<ClientEvent>) -> u8 {
    match event {
        Some(ClientEvent::Stored | ClientEvent::Got(_)) => 0xA0,
        Some(ClientEvent::Refused(code)) => code.octet(),
        other => panic!("{other:?}"),
    }
}

fn message(id: u8) -> Envelope {
    let xml = format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD>\
         <VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>{id}</MsgID></SyncHdr>\
         <SyncBody><Final/></SyncBody></SyncML>"
    );
    Envelope {
        to: None,
        media_type: MediaType::DmXml,
        body: xml.into(),
        hmac: None,
    }
}

#[test]
fn a_session_goes_on_in_turns_and_ends_without_a_word() {
    let mut pair = Pair::device();
    assert_eq!(pair.put(NOTIFICATION, b"package 0"), 0xA0);
    let opened = "Open { opening: Notification(9 octets), proven: None }";
    assert_eq!(pair.told(), [opened]);
    assert!(pair.get(XML).is_none(), "the session has not spoken yet");
    pair.binding.handle_message(message(1));
    let Some(ClientEvent::Got(object)) = pair.run() else {
        panic!("no message");
    };
    assert_eq!(object.body, message(1).body);
    assert_eq!(pair.put(XML, &message(2).body), 0xA0);
    assert_eq!(pair.told(), ["Message \"<SyncML \""]);
    // This one is made before it is asked for.
    pair.binding.handle_message(message(3));
    assert_eq!(pair.get_code(XML), 0xA0);
    assert_eq!(pair.put(XML, &message(4).body), 0xA0);
    pair.told();
    pair.binding.handle_end();
    // Nothing is due any more, and this is no first word either.
    assert_eq!(pair.get_code(XML), 0xD3);
    assert!(pair.told().is_empty());
    assert_eq!(pair.put(NOTIFICATION, b"another"), 0xA0);
}

#[test]
fn the_last_word_of_a_session_waits_to_be_asked_for() {
    let mut pair = Pair::device();
    pair.put(NOTIFICATION, b"package 0");
    pair.binding.handle_message(message(1));
    pair.binding.handle_end();
    assert!(!pair.binding.has_session());
    assert_eq!(pair.get_code(XML), 0xA0);
    assert_eq!(pair.get_code(XML), 0xD3);
    // The next session has its own.
    pair.put(NOTIFICATION, b"package 0");
    pair.binding.handle_message(message(2));
    pair.binding.handle_end();
    assert_eq!(pair.put(NOTIFICATION, b"package 0"), 0xA0);
    assert!(pair.get(XML).is_none());
}

#[test]
fn whoever_is_refused_hears_it_when_it_asks() {
    let mut pair = Pair::device();
    assert_eq!(pair.put(NOTIFICATION, b"bad"), 0xA0);
    assert!(pair.get(WBXML).is_none());
    pair.binding.handle_end();
    assert_eq!(code(pair.run()), 0xD3);
    assert_eq!(pair.told().len(), 1);
    assert_eq!(pair.put(NOTIFICATION, b"again"), 0xA0);
    pair.told();
    // Nor by asking after the refusal, when a peer that asks first would be obeyed.
    pair.binding.handle_end();
    assert_eq!(pair.get_code(WBXML), 0xD3);
    assert!(pair.told().is_empty());
}

#[test]
fn a_peer_may_ask_first() {
    let mut pair = Pair::device();
    assert!(pair.get(XML).is_none());
    assert_eq!(pair.told(), ["Open { opening: Poll, proven: None }"]);
    pair.binding.handle_message(message(1));
    assert_eq!(code(pair.run()), 0xA0);
}

#[test]
fn nobody_speaks_out_of_turn() {
    let mut pair = Pair::device();
    assert_eq!(pair.put(WBXML, &message(1).body), 0xCC);
    assert_eq!(pair.put(NOTIFICATION, b"package 0"), 0xA0);
    assert_eq!(pair.put(XML, &message(1).body), 0xD3);
    assert_eq!(pair.put(NOTIFICATION, b"package 0"), 0xD3);
    pair.binding.handle_message(message(1));
    assert_eq!(pair.get_code(XML), 0xA0);
    assert_eq!(pair.get_code(XML), 0xD3);
    assert_eq!(pair.put(NOTIFICATION, b"package 0"), 0xD3);
    // And the session is none the worse for it.
    assert_eq!(pair.put(XML, &message(2).body), 0xA0);
}

#[test]
fn a_damaged_message_may_be_sent_again() {
    let mut pair = Pair::device();
    pair.put(NOTIFICATION, b"package 0");
    pair.binding.handle_message(message(1));
    pair.get(XML);
    pair.told();
    assert_eq!(pair.put(XML, b"<SyncML><SyncHdr>"), 0xC0);
    assert_eq!(pair.put(WBXML, b"\x02\xA4\x01\x6A\x00\x6D"), 0xC0);
    assert!(pair.told().is_empty());
    assert_eq!(pair.put(XML, &message(2).body), 0xA0);
    assert_eq!(pair.told().len(), 1);
}

#[test]
fn what_is_no_business_of_this_service_is_told_so() {
    let mut pair = Pair::device();
    assert_eq!(pair.put("text/x-vcard", b"x"), 0xCF);
    assert_eq!(
        pair.put("application/vnd.syncml.ds.notification", b"x"),
        0xCF
    );
    assert_eq!(pair.put("", b"x"), 0xC0);
    assert_eq!(pair.get_code("text/x-vcard"), 0xCF);
    assert_eq!(pair.get_code(NOTIFICATION), 0xCF);
    assert_eq!(pair.get_code(""), 0xC0);
    let Some(ClientEvent::Got(object)) = pair.get("x-obex/capability") else {
        panic!("no capability object");
    };
    assert!(object.body.starts_with(b"<?xml"));
    assert!(pair.told().is_empty());
}

#[test]
fn without_the_target_there_is_the_capability_object_alone() {
    let mut pair = Pair::device();
    pair.client = Client::new(client(None));
    pair.client.connect(at(1));
    assert!(matches!(pair.run(), Some(ClientEvent::Connected)));
    assert_eq!(pair.put(NOTIFICATION, b"package 0"), 0xC3);
    assert_eq!(pair.get_code(XML), 0xC3);
    assert_eq!(pair.get_code("x-obex/capability"), 0xA0);
}

#[test]
fn a_bootstrap_comes_with_what_seals_it() {
    let mut pair = Pair::device();
    let kind = "Application/vnd.syncml.dm+wbxml; SEC=USERPIN; MAC=\"00FF\"";
    assert_eq!(pair.put(kind, b"document"), 0xA0);
    let told = pair.told();
    assert!(
        told[0].contains("media_type: \"application/vnd.syncml.dm+wbxml\""),
        "{told:?}"
    );
    assert!(
        told[0].contains("sec: Some(\"USERPIN\"), length: 8"),
        "{told:?}"
    );
}

#[test]
fn a_device_that_takes_no_bootstrap_says_so_and_hears_of_it() {
    let mut pair = Pair::new(Role::Device {
        identity: Identity::default(),
        bootstraps: false,
    });
    let kind = "application/vnd.syncml.dm+wbxml; SEC=USERPIN; MAC=00";
    assert_eq!(pair.put(kind, b"document"), 0xC3);
    assert!(pair.told()[0].starts_with("Open { opening: Bootstrap"));
    pair.binding.handle_end();
    assert_eq!(pair.put(NOTIFICATION, b"package 0"), 0xA0);
}

#[test]
fn what_breaks_a_session_is_told_once() {
    type Break = fn(&mut Pair);
    let breaks: [(Break, &str); 4] = [
        (|pair| pair.client.connect(at(1)), "Broken(Restarted)"),
        (|pair| pair.client.disconnect(at(1)), "Broken(Disconnected)"),
        (|pair| pair.client.abort(at(1)), "Broken(Aborted)"),
        (|pair| pair.binding.handle_hang_up(), "Broken(HungUp)"),
    ];
    for (how, expected) in breaks {
        let mut pair = Pair::device();
        pair.put(NOTIFICATION, b"package 0");
        // The session thinks while the peer waits for its message.
        pair.get(XML);
        pair.told();
        how(&mut pair);
        pair.run();
        pair.binding.handle_end();
        pair.run();
        let told = pair.told();
        let broken = told.iter().filter(|said| said.starts_with("Broken"));
        assert_eq!(broken.collect::<Vec<_>>(), [expected], "{told:?}");
    }
}

#[test]
fn a_peer_that_was_restarted_and_is_refused_has_no_session() {
    let credentials = vec![ObexCredential {
        user: String::new(),
        secret: omadm_syncml::Secret::from_text("secret"),
    }];
    let target = |name: &'static [u8]| ClientParameters {
        credential: Some(credentials[0].clone()),
        ..client(Some(name))
    };
    for (again, code) in [
        (target(b"SYNCML-DS"), 0xC4),
        (client(Some(TARGET_DM)), 0xC1),
    ] {
        let mut pair = Pair {
            client: Client::new(target(TARGET_DM)),
            binding: Binding::new(
                device(),
                ServerParameters {
                    credentials: credentials.clone(),
                    ..parameters()
                },
                at(0),
            ),
            said: Vec::new(),
        };
        pair.client.connect(at(0));
        assert!(matches!(pair.run(), Some(ClientEvent::Connected)));
        pair.put(NOTIFICATION, b"package 0");
        pair.get(XML);
        pair.told();
        pair.client = Client::new(again);
        pair.client.connect(at(1));
        let refused = pair.run();
        assert!(
            matches!(refused, Some(ClientEvent::Refused(found)) if found.octet() == code),
            "{refused:?}"
        );
        assert_eq!(pair.told(), ["Connected(false)", "Broken(Restarted)"]);
        assert!(!pair.binding.has_session());
    }
}

#[test]
fn the_capability_object_is_not_taken_for_the_message_of_a_session() {
    let mut pair = Pair::device();
    pair.put(NOTIFICATION, b"package 0");
    assert!(matches!(
        pair.get("x-obex/capability"),
        Some(ClientEvent::Got(_))
    ));
    pair.binding.handle_message(message(1));
    match pair.get(XML) {
        Some(ClientEvent::Got(object)) => assert_eq!(object.body, message(1).body),
        other => panic!("{other:?}"),
    }
    pair.get("x-obex/capability");
    assert_eq!(pair.put(XML, &message(2).body), 0xA0);
}

#[test]
fn an_abort_outside_of_an_operation_breaks_nothing() {
    let mut pair = Pair::device();
    pair.put(NOTIFICATION, b"package 0");
    pair.binding.handle_message(message(1));
    pair.get(XML);
    pair.client.abort(at(1));
    assert!(matches!(pair.run(), Some(ClientEvent::Ended)));
    assert_eq!(pair.put(XML, &message(2).body), 0xA0);
}

#[test]
fn a_digest_travels_beside_its_message_both_ways() {
    let mut pair = Pair::device();
    let header = HmacHeader::parse("username=\"lab\", mac=urdCeS3JUmjFgi8SX3webw==").unwrap();
    let signed = |id| Envelope {
        hmac: Some(header.clone()),
        ..message(id)
    };
    pair.put(NOTIFICATION, b"package 0");
    pair.binding.handle_message(signed(1));
    // It was asked for in WBXML, but what is signed stays as it is and says so.
    let Some(ClientEvent::Got(object)) = pair.get(WBXML) else {
        panic!("no message");
    };
    assert_eq!(object.kind.as_deref(), Some(XML));
    assert_eq!(message::hmac(&object.http), Some(header.clone()));
    let descriptions = message::describe(&signed(2), true);
    pair.client.put(descriptions, signed(2).body, at(1));
    let mut received = None;
    while let Some(output) = pair.client.poll_output() {
        if let ClientOutput::Transmit(packet) = output {
            pair.binding.handle_input(&packet, at(1));
        }
        while let Some(output) = pair.binding.poll_output() {
            match output {
                BindingOutput::Transmit(packet) => pair.client.handle_input(&packet, at(1)),
                BindingOutput::Message(envelope) => received = Some(envelope),
                _ => {}
            }
        }
    }
    assert_eq!(received, Some(signed(2)));
}

#[test]
fn a_system_is_begun_with_by_a_message() {
    let mut pair = Pair::new(Role::System);
    assert_eq!(pair.put(NOTIFICATION, b"x"), 0xCF);
    assert_eq!(pair.get_code(XML), 0xD3);
    assert_eq!(pair.get_code("x-obex/capability"), 0xCF);
    assert_eq!(pair.put(XML, &message(1).body), 0xA0);
    assert_eq!(
        pair.told(),
        [
            "Open { opening: Message, proven: None }",
            "Message \"<SyncML \""
        ]
    );
    assert!(pair.get(XML).is_none());
    pair.binding.handle_message(message(1));
    assert_eq!(code(pair.run()), 0xA0);
    assert_eq!(pair.put(XML, &message(2).body), 0xA0);
}
