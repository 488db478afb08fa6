//! Credentials and challenges in both directions.

use super::*;

fn own_cred(bench: &Bench) -> Option<String> {
    let cred = bench.last().header.cred?;
    assert_eq!(cred.meta.type_.as_deref(), Some("syncml:auth-md5"));
    assert_eq!(cred.meta.format.as_deref(), Some("b64"));
    Some(cred.data.to_string())
}

/// What the device has stored, as text.
fn stored(bench: &Bench, path: &str) -> Vec<u8> {
    let node = bench.tree.view(Snapshot::empty()).node(&uri(path)).unwrap();
    node.value().unwrap().as_bytes().unwrap().to_vec()
}

fn md5_bench() -> Bench {
    Bench::new(account(), PeerProof::None)
}

#[test]
fn package_1_carries_the_digest_of_the_stored_nonce() {
    let bench = md5_bench();
    assert_eq!(
        own_cred(&bench).as_deref(),
        Some("Zz6EivR3yeaaENcRN6lpAQ==")
    );
    let source = bench.last().header.source;
    assert_eq!(
        (&*source.uri, source.name.as_deref()),
        (DEVICE, Some("Bruce2"))
    );
}

#[test]
fn an_account_may_wait_for_the_challenge() {
    let mut account = account();
    account.offers_credentials = false;
    let mut bench = Bench::new(account, PeerProof::None);
    assert_eq!(own_cred(&bench), None);
    assert_eq!(bench.last().header.source.name, None);
    let body = challenge(1, 407, "LG3iZQhhdmKNHg==");
    bench.serve_with(&server_cred(b"S-Nonce"), &body);
    assert_eq!(
        own_cred(&bench).as_deref(),
        Some("LAK2i25Fh0nxxGGaAzRRpg==")
    );
    assert_eq!(
        bench.says(),
        ["0 SyncHdr 212 Chal", "Alert 1201", "Replace 5", "Final"]
    );
    assert_eq!(bench.last().header.msg_id, "2");
    assert!(bench.last().header.meta.max_msg_size.is_some());
}

#[test]
fn both_ends_are_challenged_and_both_nonces_are_stored() {
    let mut bench = md5_bench();
    // The server does not accept the stored nonce and shows nothing itself.
    bench.serve(&challenge(1, 401, "LG3iZQhhdmKNHg=="));
    assert_eq!(
        bench.says(),
        ["0 SyncHdr 407 Chal", "Alert 1201", "Replace 5", "Final"]
    );
    assert_eq!(
        own_cred(&bench).as_deref(),
        Some("LAK2i25Fh0nxxGGaAzRRpg==")
    );
    assert!(bench.commits.is_empty(), "nobody has authenticated itself");
    let nonce = nonce_of(&bench.last());
    let body = format!(
        "<Status><CmdID>1</CmdID><MsgRef>2</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>{}\
         <Data>212</Data></Status>{}",
        chal("bmV4dA=="),
        get("5", "./Play/A")
    );
    bench.serve_with(&server_cred(&nonce), &body);
    assert_eq!(
        bench.says()[..2],
        [
            "0 SyncHdr 212 Chal".to_owned(),
            "5 Get 200 ./Play/A".to_owned()
        ]
    );
    assert_eq!(own_cred(&bench), None, "212 is for the whole session");
    assert_eq!(stored(&bench, "./Nonces/Client"), b"next");
    assert_eq!(stored(&bench, "./Nonces/Server"), nonce_of(&bench.last()));
    assert_ne!(stored(&bench, "./Nonces/Server"), nonce);
    bench.serve(&status(3, "0", "SyncHdr", 200));
    let outcome = bench.outcome();
    assert!(outcome.is_success(), "{outcome}");
    assert_eq!(outcome.refusals, [Refusal::ClientNonce { renewed: true }]);
    assert_eq!(outcome.notes, []);
}

#[test]
fn a_status_200_wants_credentials_in_each_message() {
    let mut bench = md5_bench();
    let body = format!(
        "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>{}\
         <Data>200</Data></Status>{}",
        chal("LG3iZQhhdmKNHg=="),
        get("5", "./Play/A")
    );
    bench.serve_with(&server_cred(b"S-Nonce"), &body);
    assert_eq!(
        own_cred(&bench).as_deref(),
        Some("LAK2i25Fh0nxxGGaAzRRpg==")
    );
}

#[test]
fn a_challenge_closes_whatever_package_was_open() {
    let mut bench = md5_bench();
    bench.serve_open(&challenge(1, 401, "LG3iZQhhdmKNHg=="));
    assert_eq!(
        bench.says(),
        ["0 SyncHdr 407 Chal", "Alert 1201", "Replace 5", "Final"]
    );
}

#[test]
fn a_wrong_secret_is_told_apart_from_a_stale_nonce() {
    let mut bench = md5_bench();
    bench.serve(&challenge(1, 401, "LG3iZQhhdmKNHg=="));
    bench.serve(&challenge(2, 401, "AAAAAA=="));
    assert_eq!(bench.sent.len(), 2, "no third try");
    let outcome = bench.outcome();
    let name = "Bruce2".to_owned();
    assert_eq!(
        outcome.end,
        SessionEnd::Refused(Refusal::ClientSecret { name })
    );
    let words = outcome.to_string();
    for part in [
        "\"Bruce2\"",
        "CLCRED",
        SERVER,
        "\"bench\"",
        "nonce was fresh",
    ] {
        assert!(words.contains(part), "{words}");
    }
    assert_eq!(
        stored(&bench, "./Nonces/Client"),
        b"",
        "not from a stranger"
    );
}

#[test]
fn a_refusal_without_a_challenge_ends_the_session() {
    let mut bench = md5_bench();
    bench.serve(&status(1, "0", "SyncHdr", 401));
    let name = "Bruce2".to_owned();
    let refusal = Refusal::ClientUnchallenged { name };
    assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal));
}

#[test]
fn a_server_that_asks_for_what_the_account_lacks_is_named() {
    let mut account = account();
    account.client = None;
    let mut bench = Bench::new(account, PeerProof::None);
    bench.serve(&challenge(1, 407, "AAAAAA=="));
    let end = &bench.outcome().end;
    assert_eq!(*end, SessionEnd::Refused(Refusal::ClientCredentialMissing));
}

#[test]
fn a_password_is_never_shown_in_clear_to_a_server_that_should_hash() {
    let mut bench = md5_bench();
    let body = challenge(1, 401, "AAAAAA==").replace("auth-md5", "auth-basic");
    bench.serve(&body);
    assert_eq!(bench.sent.len(), 1);
    let refusal = Refusal::Scheme {
        asked: "syncml:auth-basic".to_owned(),
        allowed: AuthScheme::Md5,
    };
    assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal));
}

#[test]
fn basic_credentials_are_shown_where_the_account_says_so() {
    let mut account = account();
    if let Some(client) = &mut account.client {
        client.scheme = AuthScheme::Basic;
    }
    let mut bench = Bench::new(account, PeerProof::None);
    let cred = bench.last().header.cred.unwrap();
    assert_eq!(&**cred.data, "QnJ1Y2UyOk9oQmVoYXZl");
    // A server may want the better scheme.
    bench.serve(&challenge(1, 401, "Tm9uY2U="));
    assert_eq!(
        own_cred(&bench).as_deref(),
        Some("Zz6EivR3yeaaENcRN6lpAQ==")
    );
}

#[test]
fn a_server_without_credentials_is_challenged_and_then_obeyed() {
    let mut bench = md5_bench();
    let body = package_1_accepted(1, 212) + &write("Replace", "5", "./Play/A", "evil");
    bench.serve(&body);
    assert_eq!(
        bench.says(),
        ["0 SyncHdr 407 Chal", "5 Replace 407", "Final"]
    );
    assert_eq!(bench.value("./Play/A").as_deref(), Some("one"));
    let nonce = nonce_of(&bench.last());
    let body = status(2, "0", "SyncHdr", 200) + &write("Replace", "5", "./Play/A", "good");
    bench.serve_with(&server_cred(&nonce), &body);
    assert_eq!(
        bench.says(),
        ["0 SyncHdr 212 Chal", "5 Replace 200 ./Play/A", "Final"]
    );
    assert_eq!(bench.value("./Play/A").as_deref(), Some("good"));
    // From now on the server needs no credentials.
    bench.serve(&(status(3, "0", "SyncHdr", 200) + &get("6", "./Play/A")));
    assert_eq!(bench.answers()[1], "6 Results ./Play/A=chr:good");
    assert_eq!(bench.says()[0], "0 SyncHdr 200");
}

#[test]
fn no_command_of_a_stranger_is_obeyed_in_containers_either() {
    let mut bench = md5_bench();
    let body = package_1_accepted(1, 212)
        + "<Atomic><CmdID>5</CmdID>"
        + &delete("6", "./Play/A")
        + "</Atomic><Sequence><CmdID>7</CmdID>"
        + &delete("8", "./Play/B")
        + "</Sequence><Exec><CmdID>9</CmdID><Item><Target><LocURI>./Ops/Start</LocURI></Target>\
           </Item></Exec>";
    bench.serve_with(&cred("AAAA"), &body);
    assert_eq!(
        bench.says(),
        [
            "0 SyncHdr 401 Chal",
            "5 Atomic 401",
            "6 Delete 401",
            "7 Sequence 401",
            "8 Delete 401",
            "9 Exec 401",
            "Final"
        ]
    );
    assert!(bench.commits.is_empty());
    assert!(bench.value("./Play/A").is_some());
}

#[test]
fn a_stale_nonce_of_the_server_gets_one_more_challenge_and_a_wrong_secret_no_other() {
    let mut bench = md5_bench();
    let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
    bench.serve_with(&server_cred(b"stale"), &body);
    assert_eq!(bench.says()[0], "0 SyncHdr 401 Chal");
    let nonce = nonce_of(&bench.last());
    let mut honest = md5_bench();
    honest.serve_with(&server_cred(b"stale"), &body);
    honest.serve_with(&server_cred(&nonce), &get("6", "./Play/A"));
    honest.serve("");
    let renewed = Refusal::ServerNonce { renewed: true };
    assert_eq!(honest.outcome().refusals, [renewed]);

    bench.serve_with(&cred("AAAAAAAAAAAAAAAAAAAAAA=="), &body);
    assert_eq!(
        bench.says(),
        ["0 SyncHdr 401", "5 Get 401", "Alert 1223", "Final"]
    );
    let refusal = Refusal::ServerSecret {
        expected: "srv".to_owned(),
        source: URL.to_owned(),
    };
    assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal));
    assert_eq!(stored(&bench, "./Nonces/Server"), b"");
}

/// The digests of all sessions that resynchronise are the same: whoever has overheard one may show
/// it in the next.
#[test]
fn the_nonce_that_everyone_knows_proves_no_server() {
    for known in [[0; 4].as_slice(), b"0x00000000"] {
        let mut account = account();
        account.server.as_mut().unwrap().nonce = known.to_vec();
        let mut bench = Bench::with(start(account, PeerProof::None));
        let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
        bench.serve_with(&server_cred(known), &body);
        assert_eq!(bench.says(), ["0 SyncHdr 401 Chal", "5 Get 401", "Final"]);
        let nonce = nonce_of(&bench.last());
        bench.serve_with(&server_cred(&nonce), &get("6", "./Play/A"));
        assert_eq!(
            bench.says()[..2],
            ["0 SyncHdr 212 Chal", "6 Get 200 ./Play/A"]
        );
        let next = nonce_of(&bench.last());
        assert_eq!(stored(&bench, "./Nonces/Server"), next);
    }
}

#[test]
fn a_server_that_never_shows_credentials_is_given_up() {
    let mut bench = md5_bench();
    bench.serve(&(package_1_accepted(1, 212) + &get("5", "./Play/A")));
    bench.serve(&get("6", "./Play/A"));
    assert_eq!(bench.says()[0], "0 SyncHdr 407 Chal");
    bench.serve(&get("7", "./Play/A"));
    assert_eq!(bench.says()[2], "Alert 1223");
    let source = URL.to_owned();
    let refusal = Refusal::ServerCredentialMissing { source };
    assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal));
}

/// A new account: no nonce was ever exchanged.
fn new_account() -> Account {
    let mut account = account();
    for credential in [&mut account.client, &mut account.server] {
        credential.as_mut().unwrap().nonce.clear();
    }
    account
}

#[test]
fn an_empty_nonce_is_not_enough_for_commands() {
    let mut bench = Bench::new(new_account(), PeerProof::None);
    assert_eq!(
        own_cred(&bench).as_deref(),
        Some("lEf25jyjHbCcTbj4p/1pUw==")
    );
    let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
    bench.serve_with(&server_cred(b""), &body);
    assert_eq!(bench.says()[0], "0 SyncHdr 401 Chal");
    let nonce = nonce_of(&bench.last());
    bench.serve_with(&server_cred(&nonce), &get("6", "./Play/A"));
    assert_eq!(bench.says()[0], "0 SyncHdr 212 Chal");
    bench.serve("");
    assert_eq!(
        bench.outcome().refusals,
        [],
        "there was no nonce to be stale"
    );
    assert_eq!(bench.outcome().counts.commands, 1);
}

#[test]
fn an_empty_nonce_is_enough_for_a_server_that_asks_for_nothing() {
    let accepted = |chal: &str| {
        format!(
            "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>{chal}\
             <Data>212</Data></Status>"
        )
    };
    let mut bench = Bench::new(new_account(), PeerProof::None);
    bench.serve_with(&server_cred(b""), &accepted(&chal("bmV4dA==")));
    assert!(bench.outcome().is_success(), "{}", bench.outcome());
    assert_eq!(stored(&bench, "./Nonces/Client"), b"next");

    // Whoever has seen that digest still cannot command.
    let mut bench = Bench::new(new_account(), PeerProof::None);
    bench.session.handle_alert(GenericAlert {
        id: omadm_syncml::AlertId(1),
        source: None,
        alert_type: "org.example".to_owned(),
        format: Format::Chr,
        mark: omadm_syncml::Mark::default(),
        correlator: None,
        data: Value::EMPTY,
    });
    bench.serve_with(&server_cred(b""), &accepted(""));
    assert_eq!(bench.says(), ["0 SyncHdr 200 Chal", "Alert 1226", "Final"]);
    let nonce = nonce_of(&bench.last());
    assert_eq!(stored(&bench, "./Nonces/Server"), nonce);
    bench.serve(&delete("5", "./Play/A"));
    assert_eq!(bench.answers(), ["5 Delete 407"]);
    bench.serve_with(&server_cred(b""), &delete("6", "./Play/A"));
    assert_eq!(bench.answers(), ["6 Delete 401"]);
}

#[test]
fn a_nonce_of_a_challenge_outlasts_the_session_that_ends_with_it() {
    let mut bench = md5_bench();
    bench.serve(&challenge(1, 401, "LG3iZQhhdmKNHg=="));
    let nonce = nonce_of(&bench.last());
    bench.serve_with(&server_cred(&nonce), &package_1_accepted(2, 212));
    assert!(bench.outcome().is_success());
    assert_eq!(bench.sent.len(), 2, "no way to give it another one");
    assert_eq!(stored(&bench, "./Nonces/Server"), nonce);
}

#[test]
fn the_server_id_may_stand_in_for_the_name() {
    let mut bench = md5_bench();
    let data = omadm_syncml::auth::md5(SERVER, &Secret::from_text("srvpass"), b"S-Nonce");
    let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
    bench.serve_with(&cred(&data), &body);
    assert_eq!(bench.says()[0], "0 SyncHdr 212 Chal");
    bench.serve("");
    assert_eq!(bench.outcome().notes, [Note::ServerIdAsName]);
}

#[test]
fn nonces_may_be_hashed_as_text() {
    let mut account = account();
    account.nonce_form = omadm_syncml::NonceForm::Text;
    let mut bench = Bench::new(account, PeerProof::None);
    bench.serve(&(challenge(1, 401, "MzA5Mzc5MTU4MQ==") + &get("5", "./Play/A")));
    let secret = Secret::from_text("OhBehave");
    let expected = omadm_syncml::auth::md5("Bruce2", &secret, b"MzA5Mzc5MTU4MQ==");
    assert_eq!(own_cred(&bench), Some(expected.to_string()));
    let Command::Status(status) = &bench.last().commands[0] else {
        panic!("the header is answered first");
    };
    let nonce = text(status.chal.as_ref().unwrap().next_nonce.as_ref());
    bench.serve_with(&server_cred(nonce.as_bytes()), &get("6", "./Play/A"));
    assert_eq!(bench.says()[0], "0 SyncHdr 212 Chal");
}

#[test]
fn the_same_account_behaves_differently_over_another_transport() {
    let body = package_1_accepted(1, 200) + &get("5", "./Play/A");
    let mut account = account();
    account.accepts = vec![AcceptedProof::Tls];
    let mut secure = Bench::new(account.clone(), TLS);
    secure.serve(&body);
    assert_eq!(secure.says()[0], "0 SyncHdr 200");
    assert_eq!(secure.answers().len(), 2);
    let mut plain = Bench::new(account, PeerProof::None);
    plain.serve(&body);
    assert_eq!(plain.says(), ["0 SyncHdr 407 Chal", "5 Get 407", "Final"]);
}

#[test]
fn a_wrong_credential_over_an_accepted_transport_is_noted() {
    let mut account = account();
    account.accepts = vec![AcceptedProof::Tls];
    let mut bench = Bench::new(account, TLS);
    let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
    bench.serve_with(&cred("AAAA"), &body);
    assert_eq!(bench.answers().len(), 2);
    bench.serve("");
    assert_eq!(bench.outcome().refusals, [Refusal::CredentialIgnored]);
    assert!(bench.outcome().is_success());
}

#[test]
fn a_credential_that_the_account_has_nothing_to_compare_with_is_no_fault() {
    let mut account = account();
    account.accepts = vec![AcceptedProof::Tls];
    account.server = None;
    let mut bench = Bench::new(account, TLS);
    let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
    bench.serve_with(&cred("AAAA"), &body);
    assert_eq!(bench.answers().len(), 2);
    bench.serve("");
    assert_eq!(bench.outcome().refusals, []);
    assert!(bench.outcome().is_success());
}

#[test]
fn a_server_that_nothing_could_authenticate_hears_nothing() {
    let account = Account::new("bench", SERVER, URL);
    let bench = Bench::new(account, TLS);
    assert!(bench.sent.is_empty());
    let proof = TLS;
    let refusal = Refusal::ServerUnprovable { proof };
    assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal));
    assert!(bench.outcome().to_string().contains("no SRVCRED"));
}

#[test]
fn a_silent_stranger_is_not_challenged() {
    let mut bench = md5_bench();
    bench.serve(&package_1_accepted(1, 212));
    assert_eq!(
        bench.sent.len(),
        1,
        "OMA-TS-DM-Security 5.3: no reply only to challenge"
    );
    let outcome = bench.outcome();
    assert_eq!(outcome.end, SessionEnd::Completed);
    let source = URL.to_owned();
    assert_eq!(
        outcome.refusals,
        [Refusal::ServerCredentialMissing { source }]
    );
    assert!(!outcome.is_success());

    let mut bench = md5_bench();
    bench.serve_with(&cred("AAAA"), &package_1_accepted(1, 212));
    assert_eq!(bench.sent.len(), 1);
    let words = bench.outcome().to_string();
    assert!(words.contains("name, secret or nonce"), "{words}");
}

#[test]
fn a_nonce_that_is_not_sent_is_not_stored() {
    let mut bench = md5_bench();
    bench.serve_with(&server_cred(b"S-Nonce"), &package_1_accepted(1, 212));
    assert_eq!(bench.sent.len(), 1);
    assert!(bench.outcome().is_success());
    assert_eq!(
        stored(&bench, "./Nonces/Server"),
        b"",
        "the server has not got it"
    );
}

#[test]
fn a_later_wrong_credential_takes_the_trust_away() {
    let mut bench = md5_bench();
    let first = package_1_accepted(1, 212) + &get("5", "./Play/A");
    bench.serve_with(&server_cred(b"S-Nonce"), &first);
    bench.serve_with(&server_cred(b"S-Nonce"), &get("6", "./Play/A"));
    assert_eq!(
        bench.says()[0],
        "0 SyncHdr 212",
        "the same credential again"
    );
    bench.serve_with(&cred("AAAA"), &delete("7", "./Play/A"));
    assert_eq!(bench.says()[..2], ["0 SyncHdr 401 Chal", "7 Delete 401"]);
    bench.serve(&delete("8", "./Play/A"));
    assert_eq!(bench.answers(), ["8 Delete 407"]);
    assert!(bench.value("./Play/A").is_some());
}

/// Both nonces are kept below `./Play/Keys`, which the server may delete.
fn bench_with_keys() -> Bench {
    let mut account = account();
    if let Some(server) = &mut account.server {
        server.nonce_uri = Some(uri("./Play/Keys/Nonce"));
    }
    let mut bench = Bench::new(account, PeerProof::None);
    bench.tree.apply(&[NodeWrite::Put {
        uri: uri("./Play/Keys"),
        node: Node::interior(),
    }]);
    bench
}

#[test]
fn a_nonce_is_added_where_its_leaf_is_missing() {
    let mut bench = bench_with_keys();
    let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
    bench.serve_with(&server_cred(b"S-Nonce"), &body);
    let nonce = nonce_of(&bench.last());
    assert_eq!(stored(&bench, "./Play/Keys/Nonce"), nonce);
}

#[test]
fn a_nonce_does_not_bring_back_what_the_server_deletes_and_is_not_promised() {
    let mut bench = bench_with_keys();
    let body = package_1_accepted(1, 212) + &delete("5", "./Play/Keys");
    bench.serve_with(&server_cred(b"S-Nonce"), &body);
    assert_eq!(
        bench.says(),
        ["0 SyncHdr 212", "5 Delete 200 ./Play/Keys", "Final"]
    );
    assert!(
        bench
            .tree
            .view(Snapshot::empty())
            .node(&uri("./Play/Keys"))
            .is_none()
    );
    bench.serve(&(status(2, "0", "SyncHdr", 200) + &get("6", "./Play/A")));
    assert_eq!(bench.says()[0], "0 SyncHdr 200", "the session goes on");
}
