use super::*;
use crate::obex::auth::{self, ObexCredential};
use crate::obex::fixture::{CONNECT, Said, ask, at, bytes, connected, parameters, said};

fn expect(server: &mut Server, request: &str, response: &str, events: &[&str]) {
    let Said {
        packets,
        events: seen,
    } = ask(server, request, at(1));
    assert_eq!(packets, bytes(response), "{request}: {packets:02x?}");
    assert_eq!(seen, events, "{request}");
}

fn object(body: &'static [u8]) -> ServerAnswer {
    ServerAnswer::Object {
        descriptions: Vec::new(),
        body: Bytes::from_static(body),
    }
}

#[test]
fn connect_names_service_connection_and_packet_size() {
    let mut server = Server::new(parameters(), at(0));
    let said = ask(&mut server, CONNECT, at(0));
    let answer = "A0 0018 10 00 0200 CB 00000001 4A 000C 53594E434D4C2D444D";
    assert_eq!(said.packets, bytes(answer));
    expect(
        &mut server,
        "81 0008 CB 00000001",
        "A0 0003",
        &["Disconnected"],
    );
    expect(&mut server, "83 0003", "D3 0003", &[]);
}

#[test]
fn the_default_service_has_no_who_and_an_unknown_one_is_not_found() {
    let mut server = Server::new(parameters(), at(0));
    // As obex_test sends it: Who in a request is passed over.
    let captured = "80 0010 10 00 0400 4A 0009 4C696E757800";
    expect(
        &mut server,
        captured,
        "A0 000C 10 00 0200 CB 00000001",
        &["Connected"],
    );
    let sync = "80 0015 10 00 0400 46 000E 53594E434D4C2D53594E43";
    expect(&mut server, sync, "C4 0007 10 00 0200", &["Refused"]);
    expect(&mut server, "80 0003", "C0 0007 10 00 0200", &[]);
}

#[test]
fn a_second_connect_begins_anew() {
    let mut server = connected(parameters());
    expect(&mut server, "02 0008 48 0005 6162", "90 0003", &[]);
    let said = ask(&mut server, CONNECT, at(1));
    assert_eq!(said.events, ["Connected"]);
    assert_eq!(said.packets[7..12], bytes("CB 00000002"));
    // What was half sent is gone with the connection before it.
    expect(&mut server, "82 0007 48 0004 63", "A0 0003", &["Put"]);
}

#[test]
fn a_put_ends_with_its_final_bit_whatever_its_last_part_is_called() {
    for last in ["48", "49"] {
        let mut server = connected(parameters());
        expect(
            &mut server,
            "02 000D CB 00000001 48 0005 6162",
            "90 0003",
            &[],
        );
        server.handle_input(&bytes(&format!("82 0007 {last} 0004 63")), at(1));
        let Some(ServerOutput::Event(ServerEvent::Put(object))) = server.poll_output() else {
            panic!("no object");
        };
        assert_eq!(object.body, "abc");
        server.answer(ServerAnswer::Code(ResponseCode::SUCCESS));
        assert_eq!(said(&mut server).packets, bytes("A0 0003"));
    }
}

#[test]
fn an_empty_object_is_one_and_no_object_is_a_deletion() {
    let mut server = connected(parameters());
    expect(&mut server, "82 0006 49 0003", "A0 0003", &["Put"]);
    expect(&mut server, "82 0003", "C3 0003", &[]);
}

#[test]
fn an_object_that_is_too_large_is_refused_when_it_says_so_or_grows_so() {
    let mut server = connected(ServerParameters {
        object: 4,
        ..parameters()
    });
    expect(&mut server, "02 000B C3 00000005 48 0003", "CD 0003", &[]);
    expect(&mut server, "02 0009 48 0006 616263", "90 0003", &[]);
    expect(&mut server, "02 0008 48 0005 6465", "CD 0003", &[]);
    // A wrong Length below the limit does not matter.
    expect(
        &mut server,
        "82 000F C3 00000001 48 0007 61626364",
        "A0 0003",
        &["Put"],
    );
}

#[test]
fn a_get_waits_for_its_object_and_is_cut_to_the_packets_of_the_peer() {
    let mut server = Server::new(parameters(), at(0));
    // The peer takes packets of 255 octets.
    ask(&mut server, &CONNECT.replace("0400", "00FF"), at(0));
    expect(&mut server, "83 0006 42 0003", "", &["Get"]);
    server.answer(ServerAnswer::Object {
        descriptions: vec![Description::Length(300)],
        body: vec![1; 300].into(),
    });
    let first = said(&mut server).packets;
    assert_eq!((first.len(), first[0]), (255, 0x90));
    assert_eq!(first[3..8], bytes("C3 0000012C"));
    let said = ask(&mut server, "83 0003", at(1));
    assert_eq!((said.packets[0], said.packets[3]), (0xA0, 0x49));
    assert_eq!(first.len() - 11 + said.packets.len() - 6, 300);
    assert_eq!(said.events, ["Sent"]);
}

#[test]
fn a_peer_that_waits_is_told_to_go_on_waiting() {
    let mut server = connected(parameters());
    expect(&mut server, "83 0006 42 0003", "", &["Get"]);
    assert_eq!(server.deadline(), at(6));
    server.handle_timeout(at(5));
    assert_eq!(said(&mut server), Said::default());
    server.handle_timeout(at(6));
    assert_eq!(said(&mut server).packets, bytes("90 0006 48 0003"));
    // The object is made before the peer has asked again.
    server.answer(object(b"x"));
    assert_eq!(said(&mut server), Said::default());
    expect(&mut server, "83 0003", "A0 0007 49 0004 78", &["Sent"]);
    // And this one after.
    expect(&mut server, "83 0006 42 0003", "", &["Get"]);
    server.handle_timeout(at(6));
    said(&mut server);
    expect(&mut server, "83 0003", "", &[]);
    server.answer(ServerAnswer::Code(ResponseCode::UNAVAILABLE));
    assert_eq!(said(&mut server).packets, bytes("D3 0003"));
}

#[test]
fn an_abort_forgets_what_was_under_way_and_nothing_else() {
    let mut server = connected(parameters());
    expect(&mut server, "FF 0003", "A0 0003", &[]);
    expect(&mut server, "02 0008 48 0005 6162", "90 0003", &[]);
    expect(&mut server, "FF 0003", "A0 0003", &["Aborted"]);
    expect(&mut server, "82 0007 48 0004 63", "A0 0003", &["Put"]);
    // The probe of obexftp: its ConnectionID spells "ATZ\r".
    expect(&mut server, "FF 0008 CB 41545A0D", "A0 0003", &[]);
}

#[test]
fn an_answer_to_what_was_given_up_goes_nowhere() {
    let mut server = connected(parameters());
    expect(&mut server, "83 0006 42 0003", "", &["Get"]);
    expect(&mut server, "FF 0003", "A0 0003", &["Aborted"]);
    server.answer(object(b"late"));
    assert_eq!(said(&mut server), Said::default());
}

#[test]
fn a_wrong_connection_and_one_that_is_not_there_are_told() {
    let mut server = connected(parameters());
    expect(&mut server, "83 0008 CB 000000FF", "D3 0003", &[]);
    expect(&mut server, "81 0008 CB 000000FF", "D3 0003", &[]);
    expect(&mut server, "81 0003", "A0 0003", &["Disconnected"]);
    expect(&mut server, "81 0003", "A0 0003", &["Disconnected"]);
    expect(&mut server, "82 0006 49 0003", "D3 0003", &[]);
}

#[test]
fn what_is_not_offered_is_told_and_setpath_is_taken() {
    let mut server = connected(parameters());
    expect(&mut server, "85 0005 02 00", "A0 0003", &[]);
    for request in [
        "86 0003", "06 0003", "87 0003", "04 0003", "84 0003", "9F 0003",
    ] {
        expect(&mut server, request, "D1 0003", &[]);
    }
}

#[test]
fn a_header_that_does_not_fit_costs_its_request_only() {
    let mut server = connected(parameters());
    expect(&mut server, "02 0008 48 0005 6162", "90 0003", &[]);
    expect(&mut server, "02 0008 48 0006 6162", "C0 0003", &["Aborted"]);
    expect(&mut server, "82 0006 49 0003", "A0 0003", &["Put"]);
}

#[test]
fn a_stream_that_is_no_obex_is_closed_and_a_noisy_line_is_waited_out() {
    let mut server = connected(parameters());
    let said_ = ask(&mut server, "82 FFFF", at(1));
    assert!(said_.events[0].starts_with("Close: "), "{said_:?}");
    assert_eq!(server.deadline(), Duration::MAX);

    let mut server = connected(ServerParameters {
        noisy: true,
        ..parameters()
    });
    expect(&mut server, "82 FFFF 00", "", &["Disturbed"]);
    // Within the noise, nothing is a packet.
    expect(&mut server, CONNECT, "", &[]);
    let quiet = at(1) + Duration::from_millis(500);
    assert_eq!(server.deadline(), quiet);
    server.handle_timeout(quiet);
    let told = ask(&mut server, "83 0003", at(2));
    assert_eq!(told.packets, bytes("D3 0003"));
    // The packets have become smaller.
    let told = ask(&mut server, CONNECT, at(2));
    assert_eq!(told.packets[3..7], bytes("10 00 0100"));
}

#[test]
fn silence_in_a_packet_is_a_disturbance_and_elsewhere_the_end() {
    let mut server = connected(ServerParameters {
        noisy: true,
        ..parameters()
    });
    ask(&mut server, "82 00", at(10));
    assert_eq!(server.deadline(), at(12));
    server.handle_timeout(at(12));
    assert_eq!(said(&mut server).events, ["Disturbed"]);
    server.handle_timeout(at(13));
    assert_eq!(server.deadline(), at(40));
    assert_eq!(ask(&mut server, CONNECT, at(39)).events, ["Connected"]);
    assert_eq!(server.deadline(), at(219));
    server.handle_timeout(at(219));
    assert_eq!(
        said(&mut server).events,
        ["Close: nothing has happened for too long"]
    );
}

#[test]
fn who_does_not_connect_is_let_go_whatever_it_sends() {
    let idle = ["Close: nothing has happened for too long"];
    let limit = ServerTimeouts::default().unconnected;
    // Whole requests, and octets of one that has no end.
    for (first, more) in [("FF 0003", "FF 0003"), ("82 01FF", "00")] {
        let mut server = Server::new(parameters(), at(0));
        ask(&mut server, first, at(0));
        let mut now = at(0);
        while now < limit {
            assert!(server.deadline() <= limit, "{more}");
            assert!(ask(&mut server, more, now).events.is_empty(), "{more}");
            now += at(1);
        }
        // Even if what arrives leaves no time to look at the clock.
        assert_eq!(ask(&mut server, more, limit).events, idle, "{more}");
    }
    let mut server = connected(parameters());
    ask(&mut server, "81 0003", at(60));
    ask(&mut server, "FF 0003", at(80));
    assert_eq!(server.deadline(), at(90));
    server.handle_timeout(at(90));
    assert_eq!(said(&mut server).events, idle);
}

#[test]
fn only_who_knows_the_secret_connects_and_nonces_are_shown_once() {
    let known = ObexCredential {
        user: "dm".to_owned(),
        secret: omadm_syncml::Secret::from_text("secret"),
    };
    let mut server = Server::new(
        ServerParameters {
            credentials: vec![known.clone()],
            ..parameters()
        },
        at(0),
    );
    let nonce_of = |said: &Said| {
        let value = said.packets.slice(10..);
        auth::read_challenge(&value).unwrap().0
    };
    let connect = |value: Bytes| {
        let headers = Headers::for_target(Bytes::from_static(b"SYNCML-DM"))
            .with(Description::Response(value));
        packet::write_connect(0x80, ConnectFields::new(0x400), &headers)
    };
    let first = ask(&mut server, CONNECT, at(0));
    assert_eq!(first.packets[0], 0xC1);
    let wrong = ObexCredential {
        user: "dm".to_owned(),
        secret: omadm_syncml::Secret::from_text("guess"),
    };
    server.handle_input(&connect(auth::response(nonce_of(&first), &wrong)), at(0));
    let second = said(&mut server);
    assert_ne!(nonce_of(&first), nonce_of(&second));
    // The first nonce is worth nothing any more, whoever answers it.
    server.handle_input(&connect(auth::response(nonce_of(&first), &known)), at(0));
    let third = said(&mut server);
    assert_eq!(third.packets[0], 0xC1);
    server.handle_input(&connect(auth::response(nonce_of(&third), &known)), at(0));
    let Said { packets, events } = said(&mut server);
    assert_eq!((packets[0], events), (0xA0, vec!["Connected".to_owned()]));
}

#[test]
fn a_peer_is_not_shown_the_answer_to_our_own_challenge() {
    let known = ObexCredential {
        user: "dm".to_owned(),
        secret: omadm_syncml::Secret::from_text("secret"),
    };
    let shown_for = |turned: bool| {
        let parameters = ServerParameters {
            credentials: vec![known.clone()],
            ..parameters()
        };
        let mut server = Server::new(parameters, at(0));
        let challenged = ask(&mut server, CONNECT, at(0)).packets.slice(10..);
        let nonce = auth::read_challenge(&challenged).unwrap().0;
        let other = if turned { nonce } else { Nonce([1; 16]) };
        let headers = Headers::new()
            .with(Description::Response(auth::response(nonce, &known)))
            .with(Description::Challenge(auth::challenge(other, false)));
        let again = packet::write_connect(0x80, ConnectFields::new(0x400), &headers);
        server.handle_input(&again, at(0));
        let Said { packets, events } = said(&mut server);
        assert_eq!(events, ["Connected"]);
        let answer = packet::Response::parse(&packets, true).unwrap();
        answer.headers.response.is_some()
    };
    assert!(shown_for(false));
    assert!(!shown_for(true));
}

#[test]
fn whoever_connects_anew_and_is_refused_has_left_its_connection() {
    let foreign = CONNECT.replace("444D", "4453");
    let mut server = connected(parameters());
    expect(&mut server, "83 0003", "", &["Get"]);
    expect(&mut server, &foreign, "C4 0007 10 00 0200", &["Refused"]);
    server.answer(object(b"late"));
    assert_eq!(said(&mut server), Said::default());
    expect(&mut server, "83 0003", "D3 0003", &[]);
    // Nobody has left anything the second time.
    expect(&mut server, &foreign, "C4 0007 10 00 0200", &[]);
    let mut server = connected(parameters());
    server.set_busy(true);
    expect(&mut server, "83 0003", "", &["Get"]);
    expect(&mut server, CONNECT, "D3 0007 10 00 0200", &["Refused"]);
}

#[test]
fn who_guesses_is_let_go() {
    let mut server = Server::new(
        ServerParameters {
            credentials: vec![ObexCredential {
                user: String::new(),
                secret: omadm_syncml::Secret::from_text("secret"),
            }],
            ..parameters()
        },
        at(0),
    );
    ask(&mut server, CONNECT, at(0));
    let guess = format!(
        "80 0033 10 00 0400 46 000C 53594E434D4C2D444D 4E 0020 0010 {} 0208 {}",
        "00".repeat(16),
        "00".repeat(9)
    );
    let guess = guess.replace("0208", "0209");
    let ended = (0..20).find(|_| !ask(&mut server, &guess, at(0)).events.is_empty());
    assert_eq!(ended, Some(7));
}

#[test]
fn a_busy_server_takes_no_new_connection_and_keeps_its_own() {
    let mut server = connected(parameters());
    server.set_busy(true);
    expect(&mut server, "82 0006 49 0003", "A0 0003", &["Put"]);
    expect(&mut server, CONNECT, "D3 0007 10 00 0200", &["Refused"]);
    server.set_busy(false);
    assert_eq!(ask(&mut server, CONNECT, at(1)).events, ["Connected"]);
}
