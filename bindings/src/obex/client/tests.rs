use super::*;
use crate::obex::fixture::{CONNECT, at, bytes};

fn parameters() -> ClientParameters {
    ClientParameters {
        framing: Framing::Stream,
        receive: 0x400,
        send: u16::MAX,
        object: 4096,
        target: Some(Bytes::from_static(b"SYNCML-DM")),
        credential: None,
        challenge: None,
        timeouts: ClientTimeouts::default(),
    }
}

fn sent(client: &mut Client) -> Bytes {
    match client.poll_output() {
        Some(ClientOutput::Transmit(packet)) => packet,
        other => panic!("no packet: {other:?}"),
    }
}

fn event(client: &mut Client) -> String {
    match client.poll_output() {
        Some(ClientOutput::Done(event)) => format!("{event:?}"),
        other => panic!("not done: {other:?}"),
    }
}

fn answer(client: &mut Client, hex: &str) {
    client.handle_input(&bytes(hex), at(1));
}

/// With packets of 512 octets, as captured from libopenobex.
fn connected() -> Client {
    let mut client = Client::new(parameters());
    client.connect(at(0));
    assert_eq!(sent(&mut client), bytes(CONNECT));
    answer(
        &mut client,
        "A0 0018 10 00 0200 CB 00000001 4A 000C 53594E434D4C2D444D",
    );
    assert_eq!(event(&mut client), "Connected");
    client
}

fn kind(text: &str) -> Vec<Description> {
    vec![Description::Type(text.to_owned())]
}

#[test]
fn an_object_goes_in_full_packets_and_ends_with_the_final_bit() {
    let mut client = connected();
    let mut descriptions = kind("application/vnd.syncml.dm+wbxml");
    descriptions.push(Description::Length(600));
    client.put(descriptions, vec![7; 600].into(), at(0));
    let first = sent(&mut client);
    assert_eq!((first.len(), first[0]), (512, 0x02));
    assert_eq!(first[3..8], bytes("CB 00000001"));
    answer(&mut client, "90 0003");
    let last = sent(&mut client);
    assert_eq!((last.len(), last[0], last[3]), (145, 0x82, 0x49));
    answer(&mut client, "A0 0003");
    assert_eq!(event(&mut client), "Stored");
}

#[test]
fn a_small_object_takes_one_round_trip_each_way() {
    let mut client = connected();
    client.put(kind("a/b"), Bytes::from_static(b"x"), at(0));
    assert_eq!(
        sent(&mut client),
        bytes("82 0013 CB 00000001 42 0007 612F6200 49 0004 78")
    );
    answer(&mut client, "A0 0003");
    assert_eq!(event(&mut client), "Stored");
    client.get(kind("a/b"), at(0));
    assert_eq!(
        sent(&mut client),
        bytes("83 000F CB 00000001 42 0007 612F6200")
    );
    answer(&mut client, "A0 0007 49 0004 78");
    assert!(event(&mut client).contains("body: b\"x\""));
}

#[test]
fn an_object_comes_in_parts_and_an_empty_part_is_a_sign_of_life() {
    let mut client = connected();
    client.get(kind("a/b"), at(0));
    sent(&mut client);
    for part in [
        "90 0006 48 0003",
        "90 0003",
        "90 0010 C3 0000000A 48 0008 3031323334",
    ] {
        answer(&mut client, part);
        assert_eq!(sent(&mut client), bytes("83 0003"), "{part}");
    }
    answer(&mut client, "A0 000B 49 0008 3536373839");
    assert!(event(&mut client).contains("0123456789"));
}

#[test]
fn what_the_peer_refuses_is_told_and_the_connection_stands() {
    let mut client = connected();
    client.get(kind("a/b"), at(0));
    sent(&mut client);
    answer(&mut client, "D3 0003");
    assert_eq!(event(&mut client), "Refused(ResponseCode(211))");
    client.put(kind("a/b"), vec![0; 600].into(), at(0));
    sent(&mut client);
    answer(&mut client, "CD 0003");
    assert_eq!(event(&mut client), "Refused(ResponseCode(205))");
    client.disconnect(at(0));
    assert_eq!(sent(&mut client), bytes("81 0008 CB 00000001"));
    answer(&mut client, "A0 0003");
    assert_eq!(event(&mut client), "Ended");
}

#[test]
fn a_continue_after_the_last_packet_is_answered_once() {
    let mut client = connected();
    client.put(kind("a/b"), Bytes::from_static(b"x"), at(0));
    sent(&mut client);
    answer(&mut client, "90 0003");
    assert_eq!(sent(&mut client), bytes("82 0003"));
    answer(&mut client, "90 0003");
    assert!(event(&mut client).starts_with("Failed(Protocol"));
}

#[test]
fn a_peer_without_a_connection_for_us_is_none() {
    for (response, expected) in [
        ("A0 0007 10 00 0200", "Failed(Protocol"),
        (
            "A0 0018 10 00 0200 CB FFFFFFFF 4A 000C 53594E434D4C2D444D",
            "Failed(Protocol",
        ),
        (
            "A0 0010 10 00 0200 CB 00000001 4A 0004 58",
            "Failed(Protocol",
        ),
        ("C4 0007 10 00 0200", "Refused"),
        ("C4 0003", "Refused"),
        ("A0 0003", "Failed(Packet(Short"),
        ("41 0003", "Refused"),
        ("7A", "Failed(Frame(Code(122"),
        ("A0 0002", "Failed(Frame(Length(2"),
        ("A0 0401", "Failed(Frame(Length(1025"),
    ] {
        let mut client = Client::new(parameters());
        client.connect(at(0));
        sent(&mut client);
        answer(&mut client, response);
        let event = event(&mut client);
        assert!(event.starts_with(expected), "{response}: {event}");
    }
}

#[test]
fn an_object_without_end_is_not_kept() {
    let mut client = connected();
    client.get(kind("a/b"), at(0));
    sent(&mut client);
    let part = format!("90 0206 48 0203 {}", "00".repeat(512));
    let ended = (0..100).find_map(|_| {
        answer(&mut client, &part);
        match client.poll_output() {
            Some(ClientOutput::Done(event)) => Some(format!("{event:?}")),
            _ => None,
        }
    });
    assert_eq!(ended.as_deref(), Some("Failed(TooLarge(4096))"));
}

#[test]
fn silence_ends_it_by_what_is_waited_for() {
    let mut client = connected();
    assert_eq!(client.deadline(), Duration::MAX);
    client.get(kind("a/b"), at(10));
    sent(&mut client);
    assert_eq!(client.deadline(), at(130));
    client.handle_input(&[0xA0], at(20));
    assert_eq!(client.deadline(), at(22));
    client.handle_timeout(at(22));
    assert_eq!(event(&mut client), "Failed(Gap)");
    client.get(kind("a/b"), at(30));
    sent(&mut client);
    client.handle_timeout(at(150));
    assert_eq!(event(&mut client), "Failed(Timeout(120s))");
}

#[test]
fn what_only_ends_something_is_not_waited_for_as_long_as_an_object() {
    let ends: [fn(&mut Client); 2] = [
        |client| client.disconnect(at(10)),
        |client| client.abort(at(10)),
    ];
    for end in ends {
        let mut client = connected();
        end(&mut client);
        sent(&mut client);
        assert_eq!(client.deadline(), at(15));
        client.handle_timeout(at(15));
        assert_eq!(event(&mut client), "Failed(Timeout(5s))");
    }
}

#[test]
fn both_ends_prove_that_they_know_the_secret() {
    let credential = ObexCredential {
        user: "dm".to_owned(),
        secret: omadm_syncml::Secret::from_text("secret"),
    };
    let own = Nonce([9; 16]);
    let mut client = Client::new(ClientParameters {
        credential: Some(credential.clone()),
        challenge: Some(own.0),
        ..parameters()
    });
    client.connect(at(0));
    assert!(
        sent(&mut client)
            .windows(3)
            .any(|head| head == [0x4D, 0, 24])
    );
    let nonce = Nonce([1; 16]);
    let headers = Headers::new().with(Description::Challenge(auth::challenge(nonce, true)));
    let fields = ConnectFields::new(0x200);
    client.handle_input(&packet::write_connect(0xC1, fields, &headers), at(0));
    let again = packet::Request::parse(&sent(&mut client)).unwrap();
    let shown = again.headers.response.unwrap();
    assert!(auth::verify(&shown, nonce, &credential));
    assert!(again.headers.challenge.is_some());
    let proof = |nonce| {
        let value = auth::response(nonce, &credential);
        let headers = Headers::of(ConnectionId::new(1)).with(Description::Response(value));
        packet::write_connect(0xA0, fields, &headers)
    };
    client.handle_input(&proof(own), at(0));
    assert_eq!(event(&mut client), "Connected");
    // A server that does not know the secret is not believed.
    client.connect(at(0));
    sent(&mut client);
    client.handle_input(&proof(nonce), at(0));
    assert_eq!(event(&mut client), "Failed(Unproven)");
}

#[test]
fn a_server_that_turns_our_challenge_round_is_told_nothing() {
    let own = Nonce([9; 16]);
    let mut client = Client::new(ClientParameters {
        credential: Some(ObexCredential {
            user: "dm".to_owned(),
            secret: omadm_syncml::Secret::from_text("secret"),
        }),
        challenge: Some(own.0),
        ..parameters()
    });
    client.connect(at(0));
    sent(&mut client);
    let headers = Headers::new().with(Description::Challenge(auth::challenge(own, true)));
    let turned = packet::write_connect(0xC1, ConnectFields::new(0x200), &headers);
    client.handle_input(&turned, at(0));
    assert_eq!(event(&mut client), "Failed(Unproven)");
}
