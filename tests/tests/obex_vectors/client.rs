//! Answers to our client.

use crate::{MS, cut_within, pieces};

use omadm_bindings::obex::{
    Client, ClientEvent, ClientOutput, ClientParameters, ClientTimeouts, Description, Framing,
    ObexCredential, TARGET_DM,
};
use omadm_syncml::Secret;
use omadm_tests::vectors::{self, ClientVector, Deed, hex};
use std::time::Duration;

fn client(vector: &ClientVector, framing: Framing) -> Client {
    let credential = vector.secret.as_deref().map(|secret| ObexCredential {
        user: String::new(),
        secret: Secret::from_text(secret),
    });
    Client::new(ClientParameters {
        framing,
        receive: vector.receive,
        send: u16::MAX,
        object: vector.object,
        target: vector.has_target.then(|| TARGET_DM.into()),
        credential,
        challenge: None,
        timeouts: ClientTimeouts::default(),
    })
}

fn start(client: &mut Client, deed: &Deed, now: Duration) {
    match deed {
        Deed::Connect => client.connect(now),
        Deed::Put(kind, body) => {
            let length = u32::try_from(body.len()).unwrap();
            let descriptions = vec![Description::Type(kind.clone()), Description::Length(length)];
            client.put(descriptions, body.clone().into(), now);
        }
        Deed::Get(kind) => client.get(vec![Description::Type(kind.clone())], now),
        Deed::Disconnect => client.disconnect(now),
    }
}

fn told(event: &ClientEvent) -> String {
    match event {
        ClientEvent::Connected => "connected".to_owned(),
        ClientEvent::Stored => "stored".to_owned(),
        ClientEvent::Got(object) => format!("got {}", hex(&object.body)),
        ClientEvent::Ended => "ended".to_owned(),
        ClientEvent::Refused(code) => format!("refused {:02X}", code.octet()),
        ClientEvent::Failed(_) => "failed".to_owned(),
    }
}

/// What it sends, and how what it does has ended.
fn drain(client: &mut Client) -> (Vec<String>, Option<String>) {
    let (mut sent, mut end) = (Vec::new(), None);
    while let Some(output) = client.poll_output() {
        assert!(end.is_none(), "nothing follows the end");
        match output {
            ClientOutput::Transmit(packet) => sent.push(hex(&packet)),
            ClientOutput::Done(event) => end = Some(told(&event)),
        }
    }
    (sent, end)
}

fn run(vector: &ClientVector, framing: Framing, cut: usize) {
    let context = format!("{}, {framing:?}, cut at {cut}", vector.name);
    let talks = vector.deeds.iter().flat_map(|(_, talk, _)| talk);
    let lengths: Vec<_> = talks.map(|(_, answer)| answer.len()).collect();
    let mut subject = client(vector, framing);
    let (mut now, mut step) = (MS, 0);
    for (deed, talk, expected) in &vector.deeds {
        start(&mut subject, deed, now);
        let mut end = None;
        let mut sent = drain(&mut subject).0;
        for (request, answer) in talk {
            let context = format!("{context}, step {step}");
            assert_eq!(end, None, "{context}: too early");
            assert_eq!(sent, [hex(request)], "{context}");
            for piece in pieces(answer, cut_within(&lengths, step, cut)) {
                now += MS;
                subject.handle_input(piece, now);
                let (more, ended) = drain(&mut subject);
                sent = more;
                end = end.or(ended);
            }
            step += 1;
        }
        assert_eq!(end.as_ref(), Some(expected), "{context}, {deed:?}");
        assert_eq!(sent, Vec::<String>::new(), "{context}");
        assert_eq!(
            subject.deadline(),
            Duration::MAX,
            "{context}: it waits for something"
        );
    }
}

#[test]
fn every_answer_is_understood_wherever_the_stream_is_cut() {
    for vector in vectors::client() {
        let answers = vector.deeds.iter().flat_map(|(_, talk, _)| talk);
        let length: usize = answers.map(|(_, answer)| answer.len()).sum();
        for cut in 0..length {
            run(&vector, Framing::Stream, cut);
        }
    }
}

#[test]
fn every_answer_is_understood_as_a_datagram() {
    for vector in vectors::client().iter().filter(|vector| !vector.streams) {
        run(vector, Framing::Packet, 0);
    }
}
