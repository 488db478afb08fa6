//! A store that fails, servers that deviate, and messages that are damaged.

use super::*;

#[test]
fn what_is_not_stored_is_not_claimed() {
    let body = get("1", "./Play/B")
        + &write("Replace", "2", "./Play/A", "x")
        + &get("3", "./Play/A")
        + &write("Replace", "4", "./Play/Nowhere", "x")
        + "<Atomic><CmdID>5</CmdID>"
        + &delete("6", "./Play/B")
        + "</Atomic><Exec><CmdID>7</CmdID><Correlator>c</Correlator><Item><Target>\
           <LocURI>./Ops/Start</LocURI></Target></Item></Exec>";
    for (error, code) in [
        (StoreError::Full, 420),
        (StoreError::Failed("disk gone".to_owned()), 510),
    ] {
        let mut bench = Bench::proven();
        bench.store = Err(error);
        bench.serve(&(package_1_accepted(1, 200) + &body));
        assert_eq!(
            bench.answers(),
            [
                "1 Get 200 ./Play/B".to_owned(),
                "1 Results ./Play/B=chr:two".to_owned(),
                format!("2 Replace {code} ./Play/A"),
                format!("3 Get {code} ./Play/A"),
                "4 Replace 404 ./Play/Nowhere".to_owned(),
                "5 Atomic 507".to_owned(),
                format!("6 Delete {code} ./Play/B"),
                format!("7 Exec {code} ./Ops/Start"),
            ]
        );
        assert_eq!(bench.value("./Play/A").as_deref(), Some("one"));
        bench.store = Ok(());
        bench.serve(&body);
        assert_eq!(bench.answers()[2], "2 Replace 200 ./Play/A");
        assert_eq!(bench.answers().last().unwrap(), "7 Exec 202 ./Ops/Start");
    }
}

#[test]
fn a_nonce_that_is_not_stored_is_not_promised() {
    let mut bench = Bench::new(account(), PeerProof::None);
    bench.store = Err(StoreError::Full);
    let body = package_1_accepted(1, 212) + &get("1", "./Play/A");
    bench.serve_with(&server_cred(b"S-Nonce"), &body);
    assert_eq!(bench.says()[0], "0 SyncHdr 212");
    assert_eq!(bench.answers().len(), 2, "the Get has changed nothing");
}

#[test]
fn resp_uri_leads_the_next_messages() {
    let mut bench = Bench::proven();
    let uri = "<RespURI>https://dm.example.com/dm?sid=4;x=%2F</RespURI>";
    bench.serve_with(uri, &(package_1_accepted(1, 200) + &get("1", "./Play/A")));
    let to = |bench: &Bench| bench.sent.last().unwrap().to.clone().map(|to| to.0);
    let expected = Some("https://dm.example.com/dm?sid=4;x=%2F".to_owned());
    assert_eq!(to(&bench), expected);
    assert_eq!(bench.last().header.target.uri, URL);
    bench.serve(&get("2", "./Play/A"));
    assert_eq!(to(&bench), expected, "until it changes");
    bench.serve_with("<RespURI>/dm?sid=5</RespURI>", &get("3", "./Play/A"));
    assert_eq!(to(&bench), Some("/dm?sid=5".to_owned()));
}

#[test]
fn the_server_may_count_from_anywhere() {
    let mut bench = Bench::proven();
    bench.msg_id = 40;
    bench.serve(&(package_1_accepted(1, 200) + &get("0A-ff", "./Play/A")));
    assert_eq!(bench.answers()[0], "0A-ff Get 200 ./Play/A");
    let Command::Status(status) = &bench.last().commands[1] else {
        panic!("a status comes first");
    };
    assert_eq!(status.msg_ref, "41");
    bench.msg_id = 2;
    bench.serve(&get("1", "./Play/A"));
    assert_eq!(bench.answers().len(), 2);
}

#[test]
fn statuses_may_have_any_order_and_lack_references() {
    let mut bench = Bench::new(account(), PeerProof::None);
    let body = format!(
        "<Status><Data>401</Data>{}<Cmd>SyncHdr</Cmd><MsgRef>1</MsgRef><CmdID>1</CmdID></Status>",
        chal("LG3iZQhhdmKNHg==")
    );
    bench.serve(&body);
    let cred = bench.last().header.cred.unwrap();
    assert_eq!(&**cred.data, "LAK2i25Fh0nxxGGaAzRRpg==");
    // A Status that answers nothing is nobody's business.
    bench.serve_with(
        &server_cred(&nonce_of(&bench.last())),
        &(status(77, "3", "Alert", 500)
            + &status(2, "0", "SyncHdr", 212)
            + &status(2, "9", "Frob", 200)
            + &get("1", "./Play/A")),
    );
    assert_eq!(bench.answers().len(), 2);
}

#[test]
fn a_repeated_message_is_answered_with_the_same_octets_and_not_executed_again() {
    let mut bench = Bench::proven();
    let id = bench.session.session_id().to_owned();
    let body = package_1_accepted(1, 200) + &write("Add", "1", "./Play/Sub/N", "x");
    let text = message(&id, 1, "", &body, true);
    bench.receive(text.as_bytes());
    bench.receive(text.as_bytes());
    assert_eq!(bench.sent.len(), 3);
    assert_eq!(bench.sent[1], bench.sent[2]);
    assert_eq!(bench.commits.len(), 1);
    assert_eq!(bench.answers(), ["1 Add 200 ./Play/Sub/N"]);
}

#[test]
fn a_server_that_only_repeats_itself_is_left() {
    let mut bench = Bench::proven();
    let id = bench.session.session_id().to_owned();
    let body = package_1_accepted(1, 200) + &get("1", "./Play/A");
    let text = message(&id, 1, "", &body, true);
    for _ in 0..20 {
        bench.receive(text.as_bytes());
    }
    assert!(bench.sent.len() < 8, "{} messages", bench.sent.len());
    let words = bench.outcome().to_string();
    assert!(words.contains("same message"), "{words}");

    // Each message may be lost once.
    let mut bench = Bench::proven();
    for msg_id in 1..10 {
        let text = message(&id, msg_id, "", &get("1", "./Play/A"), true);
        bench.receive(text.as_bytes());
        bench.receive(text.as_bytes());
    }
    assert_eq!(bench.outcome, None);
}

#[test]
fn a_server_that_forgets_final_is_asked_twice_and_let_go() {
    let mut bench = Bench::proven();
    bench.serve_open(&package_1_accepted(1, 200));
    assert_eq!(bench.says(), ["0 SyncHdr 200", "Alert 1222"]);
    bench.serve_open(&status(2, "0", "SyncHdr", 200));
    assert_eq!(bench.says(), ["0 SyncHdr 200", "Alert 1222"]);
    bench.serve_open(&status(3, "0", "SyncHdr", 200));
    assert_eq!(bench.sent.len(), 3);
    assert!(bench.outcome().is_success());
}

#[test]
fn a_server_that_asks_for_more_than_there_is_is_left() {
    let mut bench = Bench::proven();
    bench.serve(&(package_1_accepted(1, 200) + &get("1", "./Play/A")));
    assert_eq!(bench.says().last().unwrap(), "Final");
    let more = "<Alert><CmdID>n</CmdID><Data>1222</Data></Alert>";
    for msg_id in 2..40 {
        bench.serve_open(&(status(msg_id, "0", "SyncHdr", 200) + more));
    }
    assert!(bench.sent.len() < 15, "{} messages", bench.sent.len());
    let words = bench.outcome().to_string();
    assert!(words.contains("asks for more"), "{words}");
}

#[test]
fn a_message_out_of_turn_is_passed_over() {
    let tree = tree();
    let start = start(proven_account(), TLS);
    let mut session = Session::start(start, &tree, now(0));
    let body = get("1", "./Play/A");
    let text = message(session.session_id(), 1, "", &body, true);
    let envelope = Envelope {
        to: None,
        media_type: MediaType::DmXml,
        body: text.into(),
        hmac: None,
    };
    session.handle_message(&envelope, &tree, now(0));
    session.handle_committed(Ok(()), now(0));
    assert!(matches!(session.poll_output(), Output::Collect(_)));
    assert!(matches!(session.poll_output(), Output::Wait(_)));
}

/// A small generator of our own: the same damage on every machine.
struct Damage(u64);

impl Damage {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    fn spoil(&mut self, octets: &mut Vec<u8>) {
        for _ in 0..=self.next(6) {
            let at = self.next(octets.len());
            let length = self.next(24).min(octets.len() - at);
            match self.next(5) {
                0 => octets[at] = u8::try_from(self.next(256)).unwrap(),
                1 => octets[at] ^= 1 << self.next(8),
                2 => {
                    octets.drain(at..at + length);
                }
                3 => {
                    let piece = octets[at..at + length].to_vec();
                    let to = self.next(octets.len());
                    octets.splice(to..to, piece);
                }
                _ => octets.truncate(at.max(1)),
            }
            if octets.is_empty() {
                octets.push(b'<');
            }
        }
    }
}

#[test]
fn damaged_messages_end_in_an_answer_or_a_clean_end() {
    let mut bench = Bench::proven();
    let body = package_1_accepted(1, 200)
        + &get("10", "./Play?list=StructData")
        + &write("Replace", "11", "./Play/A", "uno")
        + "<Atomic><CmdID>12</CmdID>"
        + &delete("13", "./Play/Sub")
        + "</Atomic><Sequence><CmdID>14</CmdID>"
        + &get("15", "./DevInfo/Man")
        + "</Sequence><Alert><CmdID>16</CmdID><Data>1101</Data></Alert>";
    let header =
        "<RespURI>/x</RespURI><Meta><MaxMsgSize xmlns='syncml:metinf'>4000</MaxMsgSize></Meta>";
    let text = message(bench.session.session_id(), 1, header, &body, true);
    let plain = decode(MediaType::DmXml, text.as_bytes(), &Limits::default()).unwrap();
    let wbxml = omadm_syncml::encode(MediaType::DmWbxml, &plain).unwrap();
    bench.receive(text.as_bytes());
    assert!(bench.outcome.is_none());

    let mut damage = Damage(42);
    for round in 0..2_000 {
        let mut octets = if round % 2 == 0 {
            text.clone().into_bytes()
        } else {
            wbxml.clone()
        };
        damage.spoil(&mut octets);
        let mut bench = Bench::proven();
        bench.receive(&octets);
        let answered = bench.sent.len() == 2;
        assert!(answered || bench.outcome.is_some(), "round {round}");
        // What is left of the session still understands what is whole.
        bench.receive(text.as_bytes());
        let answered = bench.sent.len() >= 3;
        assert!(answered || bench.outcome.is_some(), "round {round}");
        for envelope in &bench.sent {
            decode(envelope.media_type, &envelope.body, &Limits::default()).unwrap();
        }
    }
}
