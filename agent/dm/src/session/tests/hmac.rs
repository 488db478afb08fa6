//! Digests over whole messages in both directions.

use super::*;
use omadm_syncml::NonceForm;
use omadm_syncml::auth;

fn secret(text: &str) -> Secret {
    Secret::from_text(text)
}

/// The account of the other tests with other schemes.
fn account_of(client: AuthScheme, server: AuthScheme) -> Account {
    let mut account = account();
    account.client.as_mut().unwrap().scheme = client;
    account.server.as_mut().unwrap().scheme = server;
    account
}

fn hmac_bench() -> Bench {
    Bench::new(
        account_of(AuthScheme::Hmac, AuthScheme::Hmac),
        PeerProof::None,
    )
}

/// A message of the server, in octets.
fn written(bench: &mut Bench, header: &str, body: &str) -> Vec<u8> {
    bench.msg_id += 1;
    let session = bench.session.session_id();
    message(session, bench.msg_id, header, body, true).into_bytes()
}

/// What a server of this name sends beside it.
fn signed(user: &str, nonce: &[u8], octets: &[u8]) -> HmacHeader {
    HmacHeader {
        user: user.to_owned(),
        mac: auth::hmac(user, &secret("srvpass"), nonce, octets),
    }
}

/// A message that the server signs with `nonce`.
fn serve_signed(bench: &mut Bench, nonce: &[u8], body: &str) {
    let octets = written(bench, "", body);
    let header = signed("srv", nonce, &octets);
    bench.receive_signed(&octets, Some(header));
}

/// The statuses for package 1, with the nonce of the device's next message.
fn accepted(msg_ref: u32, nonce: &str) -> String {
    challenge(msg_ref, 200, nonce).replace("auth-md5", "auth-MAC")
}

fn stored(bench: &Bench, path: &str) -> Vec<u8> {
    let node = bench.tree.view(Snapshot::empty()).node(&uri(path)).unwrap();
    node.value().unwrap().as_bytes().unwrap().to_vec()
}

/// Whether the device's last message is signed with this nonce.
fn is_signed(bench: &Bench, nonce: &[u8]) -> bool {
    let envelope = bench.sent.last().unwrap();
    let header = envelope.hmac.as_ref().expect("a digest");
    assert_eq!(header.user, "Bruce2");
    assert_eq!(header.mac.len(), 24);
    auth::verify_hmac(
        &header.mac,
        "Bruce2",
        &secret("OhBehave"),
        nonce,
        &envelope.body,
    )
}

#[test]
fn each_message_is_signed_with_the_nonce_of_the_last_challenge() {
    let mut bench = hmac_bench();
    assert!(is_signed(&bench, b"Nonce"), "the stored one");
    let header = bench.last().header;
    assert_eq!(
        (header.cred, header.source.name.as_deref()),
        (None, Some("Bruce2"))
    );
    let body = accepted(1, "b25l") + &get("5", "./Play/A");
    serve_signed(&mut bench, b"S-Nonce", &body);
    assert!(is_signed(&bench, b"one"));
    assert_eq!(
        bench.says()[..2],
        ["0 SyncHdr 200 Chal", "5 Get 200 ./Play/A"]
    );
    assert_eq!(stored(&bench, "./Nonces/Client"), b"one");
    let nonce = nonce_of(&bench.last());
    assert_eq!(stored(&bench, "./Nonces/Server"), nonce);
    let body = accepted(2, "dHdv") + &get("6", "./Play/B");
    serve_signed(&mut bench, &nonce, &body);
    assert!(is_signed(&bench, b"two"));
    let nonce = nonce_of(&bench.last());
    // The end: the device has nothing to say, and nobody gets another nonce.
    serve_signed(&mut bench, &nonce, &accepted(3, "dGhyZWU="));
    assert!(bench.outcome().is_success(), "{}", bench.outcome());
    assert_eq!(bench.outcome().refusals, []);
    assert_eq!(bench.sent.len(), 3);
    assert_eq!(stored(&bench, "./Nonces/Client"), b"three");
    assert_eq!(stored(&bench, "./Nonces/Server"), nonce);
}

#[test]
fn a_server_that_says_212_gets_digests_all_the_same() {
    let mut bench = hmac_bench();
    let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
    serve_signed(&mut bench, b"S-Nonce", &body);
    assert!(is_signed(&bench, b"Nonce"), "it gave no other");
}

#[test]
fn both_forms_of_a_digest_are_taken() {
    let mut bench = hmac_bench();
    let body = accepted(1, "b25l") + &get("5", "./Play/A");
    let octets = written(&mut bench, "", &body);
    let mut header = signed("srv", b"S-Nonce", &octets);
    // The base64 of the hexadecimal text, as the specification's sample has it.
    let hex: String = decode64(&header.mac)
        .iter()
        .flat_map(|octet| format!("{octet:02x}").chars().collect::<Vec<_>>())
        .collect();
    header.mac = encode64(hex.as_bytes());
    bench.receive_signed(&octets, Some(header));
    assert_eq!(bench.says()[0], "0 SyncHdr 200 Chal");
}

fn encode64(octets: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

fn decode64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

#[test]
fn what_is_not_signed_is_not_obeyed() {
    let body = accepted(1, "b25l") + &write("Replace", "5", "./Play/A", "evil");
    let unreadable = HmacHeader::of_fields([b"".as_slice()]);
    let mut md5 = hmac_bench();
    let octets = written(&mut md5, &server_cred(b"S-Nonce"), &body);
    md5.receive(&octets);
    let mut absent = hmac_bench();
    let octets = written(&mut absent, "", &body);
    absent.receive(&octets);
    let mut malformed = hmac_bench();
    let octets = written(&mut malformed, "", &body);
    malformed.receive_signed(&octets, unreadable);
    for mut bench in [md5, absent, malformed] {
        assert_eq!(
            bench.says(),
            ["0 SyncHdr 401 Chal", "5 Replace 401", "Final"]
        );
        assert!(bench.commits.is_empty(), "no nonce of a stranger is stored");
        assert!(is_signed(&bench, b"one"), "and yet it is used");
        let chal = bench.last().commands[0].clone();
        let Command::Status(status) = chal else {
            panic!("the header is answered first")
        };
        assert_eq!(
            status.chal.unwrap().type_.as_deref(),
            Some("syncml:auth-MAC")
        );
        let nonce = nonce_of(&bench.last());
        let body = accepted(2, "dHdv") + &write("Replace", "6", "./Play/A", "good");
        serve_signed(&mut bench, &nonce, &body);
        assert_eq!(bench.value("./Play/A").as_deref(), Some("good"));
    }
}

#[test]
fn no_octet_of_a_message_may_change() {
    let body = accepted(1, "b25l") + &write("Replace", "5", "./Play/A", "evil");
    let mut bench = hmac_bench();
    let octets = written(&mut bench, "", &body);
    let header = signed("srv", b"S-Nonce", &octets);
    for at in (0..octets.len()).step_by(9) {
        let mut bench = hmac_bench();
        let mut altered = octets.clone();
        altered[at] ^= 1;
        bench.receive_signed(&altered, Some(header.clone()));
        assert_eq!(bench.value("./Play/A").as_deref(), Some("one"), "{at}");
        assert!(bench.commits.is_empty(), "{at}");
    }
    bench.receive_signed(&octets, Some(header));
    assert_eq!(bench.value("./Play/A").as_deref(), Some("evil"));
}

/// The first two exchanges of a session, and the first message of the server with its digest.
fn proven_twice() -> (Bench, Vec<u8>, HmacHeader) {
    let mut bench = hmac_bench();
    let body = accepted(1, "b25l") + &delete("5", "./Play/B");
    let octets = written(&mut bench, "", &body);
    let header = signed("srv", b"S-Nonce", &octets);
    bench.receive_signed(&octets, Some(header.clone()));
    let nonce = nonce_of(&bench.last());
    serve_signed(
        &mut bench,
        &nonce,
        &(accepted(2, "dHdv") + &get("6", "./Play/A")),
    );
    assert_eq!(bench.says()[0], "0 SyncHdr 200 Chal");
    (bench, octets, header)
}

#[test]
fn a_replayed_message_is_refused_for_its_nonce() {
    let (mut bench, octets, header) = proven_twice();
    bench.receive_signed(&octets, Some(header.clone()));
    assert_eq!(
        bench.says()[..2],
        ["0 SyncHdr 401 Chal", "5 Delete 401"],
        "the command is not executed again"
    );
    bench.receive_signed(b"<SyncML/>", None);
    let (mut bench, octets, header) = proven_twice();
    bench.receive_signed(&octets, Some(header.clone()));
    let later = String::from_utf8(octets).unwrap() + " ";
    bench.receive_signed(
        later.as_bytes(),
        Some(signed("srv", b"S-Nonce", later.as_bytes())),
    );
    let refusal = Refusal::ServerNonce { renewed: false };
    assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal.clone()));
    assert_eq!(
        (refusal.by(), refusal.subject()),
        (Party::Device, Subject::Nonce)
    );
}

#[test]
fn a_digest_that_stops_fitting_is_told_apart_from_a_wrong_secret() {
    let (mut bench, ..) = proven_twice();
    let octets = written(&mut bench, "", &get("7", "./Play/A"));
    let mut header = signed("srv", &nonce_of(&bench.last()), &octets);
    header.mac = encode64(&[0; 16]);
    bench.receive_signed(&octets, Some(header));
    assert_eq!(bench.answers(), ["7 Get 401"]);
    let nonce = nonce_of(&bench.last());
    serve_signed(&mut bench, &nonce, &get("8", "./Play/A"));
    let nonce = nonce_of(&bench.last());
    serve_signed(&mut bench, &nonce, "");
    let altered = Refusal::ServerMac { overcome: true };
    assert_eq!(bench.outcome().refusals, [altered]);
    assert!(bench.outcome().is_success());
}

#[test]
fn nobody_moves_a_signed_session_elsewhere() {
    let (mut bench, ..) = proven_twice();
    let resp = "<RespURI>https://evil.example/dm</RespURI>";
    let octets = written(&mut bench, resp, &get("7", "./Play/A"));
    bench.receive(&octets);
    assert_eq!(bench.answers(), ["7 Get 401"]);
    assert_eq!(bench.sent.last().unwrap().to, None);
}

#[test]
fn the_schemes_of_both_ends_may_differ() {
    // HMAC for the device, MD5 for the server.
    let mut bench = Bench::new(
        account_of(AuthScheme::Hmac, AuthScheme::Md5),
        PeerProof::None,
    );
    let body = accepted(1, "b25l") + &get("5", "./Play/A");
    bench.serve_with(&server_cred(b"S-Nonce"), &body);
    assert_eq!(bench.says()[0], "0 SyncHdr 212 Chal");
    assert!(is_signed(&bench, b"one"));
    bench.serve(&(accepted(2, "dHdv") + &get("6", "./Play/A")));
    assert_eq!(bench.says()[0], "0 SyncHdr 200");
    assert!(is_signed(&bench, b"two"));
    // MD5 for the device, HMAC for the server.
    let mut bench = Bench::new(
        account_of(AuthScheme::Md5, AuthScheme::Hmac),
        PeerProof::None,
    );
    assert!(bench.sent[0].hmac.is_none());
    let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
    serve_signed(&mut bench, b"S-Nonce", &body);
    assert_eq!(bench.says()[0], "0 SyncHdr 200 Chal");
    assert!(bench.last().header.cred.is_none());
    bench.serve(&get("6", "./Play/A"));
    assert_eq!(bench.answers(), ["6 Get 401"], "each message is proven");
}

#[test]
fn a_challenge_may_ask_for_more_and_never_for_less() {
    let asks = |scheme: &str| challenge(1, 401, "b25l").replace("auth-md5", scheme);
    for scheme in [AuthScheme::Basic, AuthScheme::Md5] {
        let mut bench = Bench::new(account_of(scheme, AuthScheme::Md5), PeerProof::None);
        bench.serve(&asks("auth-MAC"));
        assert!(is_signed(&bench, b"one"));
        assert_eq!(bench.last().header.cred, None);
    }
    for weaker in ["auth-md5", "auth-basic", "auth-X509"] {
        let mut bench = hmac_bench();
        bench.serve(&asks(weaker));
        assert_eq!(bench.sent.len(), 1);
        let asked = format!("syncml:{weaker}");
        let allowed = AuthScheme::Hmac;
        let refusal = Refusal::Scheme { asked, allowed };
        assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal));
    }
}

#[test]
fn either_end_takes_up_three_challenges_and_no_fourth() {
    let mut bench = hmac_bench();
    for round in 0..4 {
        let sent = u32::try_from(bench.sent.len()).unwrap();
        let nonce = if round == 0 {
            b"S-Nonce".to_vec()
        } else {
            nonce_of(&bench.last())
        };
        let body = challenge(sent, 401, "b25l").replace("auth-md5", "auth-MAC");
        serve_signed(&mut bench, &nonce, &body);
        if round < 3 {
            let nonce = nonce_of(&bench.last());
            let sent = u32::try_from(bench.sent.len()).unwrap();
            let body = accepted(sent, "dHdv") + &get("5", "./Play/A");
            serve_signed(&mut bench, &nonce, &body);
        }
    }
    let refusal = Refusal::ClientNonce { renewed: false };
    assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal));

    let mut bench = hmac_bench();
    serve_signed(
        &mut bench,
        b"S-Nonce",
        &(accepted(1, "b25l") + &get("5", "./Play/A")),
    );
    for _ in 0..3 {
        bench.serve(&get("6", "./Play/A"));
        assert_eq!(bench.says()[0], "0 SyncHdr 401 Chal");
        let nonce = nonce_of(&bench.last());
        serve_signed(&mut bench, &nonce, &get("7", "./Play/A"));
        assert_eq!(bench.says()[0], "0 SyncHdr 200 Chal");
    }
    bench.serve(&get("6", "./Play/A"));
    assert_eq!(
        bench.says(),
        ["0 SyncHdr 401", "6 Get 401", "Alert 1223", "Final"]
    );
    assert!(matches!(
        bench.outcome().end,
        SessionEnd::Refused(Refusal::ServerCredentialMissing { .. })
    ));
}

#[test]
fn nonces_of_every_length_are_signed_with() {
    for length in 0..=34_u8 {
        let nonce: Vec<u8> = (0..length).map(|n| n.wrapping_mul(41) ^ 0xA5).collect();
        for form in [NonceForm::Decoded, NonceForm::Text] {
            let mut account = account_of(AuthScheme::Hmac, AuthScheme::Hmac);
            account.nonce_form = form;
            let mut bench = Bench::new(account, PeerProof::None);
            let text = encode64(&nonce);
            let body = accepted(1, &text) + &get("5", "./Play/A");
            serve_signed(&mut bench, b"S-Nonce", &body);
            let hashed = match form {
                NonceForm::Decoded => nonce.clone(),
                NonceForm::Text => text.into_bytes(),
            };
            if !hashed.is_empty() {
                assert!(is_signed(&bench, &hashed), "{length} {form:?}");
            }
        }
    }
}

#[test]
fn the_text_of_a_nonce_may_be_signed_with_by_the_server_too() {
    let mut account = account_of(AuthScheme::Hmac, AuthScheme::Hmac);
    account.nonce_form = NonceForm::Text;
    let mut bench = Bench::new(account, PeerProof::None);
    let body = accepted(1, "b25l") + &get("5", "./Play/A");
    serve_signed(&mut bench, b"S-Nonce", &body);
    let nonce = encode64(&nonce_of(&bench.last()));
    serve_signed(&mut bench, nonce.as_bytes(), &get("6", "./Play/A"));
    assert_eq!(bench.says()[0], "0 SyncHdr 200 Chal");
}

#[test]
fn an_empty_nonce_signs_nothing_that_asks_for_something() {
    let mut account = account_of(AuthScheme::Hmac, AuthScheme::Hmac);
    account.server.as_mut().unwrap().nonce.clear();
    let mut bench = Bench::new(account.clone(), PeerProof::None);
    let body = accepted(1, "b25l") + &get("5", "./Play/A");
    serve_signed(&mut bench, b"", &body);
    assert_eq!(bench.says()[0], "0 SyncHdr 401 Chal");
    let mut bench = Bench::new(account, PeerProof::None);
    serve_signed(&mut bench, b"", &accepted(1, "b25l"));
    assert!(bench.outcome().is_success(), "{}", bench.outcome());
}

#[test]
fn a_store_that_fails_takes_no_nonce_from_the_session() {
    let mut bench = hmac_bench();
    bench.store = Err(StoreError::Full);
    let body = accepted(1, "b25l") + &get("5", "./Play/A");
    serve_signed(&mut bench, b"S-Nonce", &body);
    assert_eq!(bench.says()[0], "0 SyncHdr 200 Chal");
    let nonce = nonce_of(&bench.last());
    serve_signed(
        &mut bench,
        &nonce,
        &(accepted(2, "dHdv") + &get("6", "./Play/A")),
    );
    assert_eq!(bench.says()[0], "0 SyncHdr 200 Chal");
    assert!(is_signed(&bench, b"two"));
}

#[test]
fn the_name_that_a_wrong_digest_is_shown_under_is_told() {
    let mut bench = hmac_bench();
    for nonce in [b"S-Nonce".to_vec(), b"x".to_vec()] {
        let octets = written(&mut bench, "", &get("5", "./Play/A"));
        let header = signed("someone else", &nonce, &octets);
        bench.receive_signed(&octets, Some(header));
    }
    let (expected, shown) = ("srv".to_owned(), "someone else".to_owned());
    let refusal = Refusal::ServerName { expected, shown };
    assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal.clone()));
    assert_eq!(refusal.subject(), Subject::ServerId);
}
