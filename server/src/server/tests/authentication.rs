use super::*;

#[test]
fn the_worked_example_of_the_specification_is_accepted() {
    let mut device = Script::new();
    // MD5 of Bruce2, OhBehave and the nonce "Nonce", as OMA-TS-DM-Security prints it.
    device.cred = Some("Zz6EivR3yeaaENcRN6lpAQ==".into());
    let reply = device.send(&package_1());
    assert_eq!(reply.status("SyncHdr"), "212");
    assert_eq!(reply.status("Alert"), "200");
    assert_eq!(reply.status("Replace"), "200");
    assert_eq!(reply.commands(), Vec::<&Command>::new());
    assert!(reply.message.is_final);
    assert_eq!(reply.phase(), Phase::Ended);
    let shown = device.server.store().device(DEVICE).unwrap().unwrap();
    assert_eq!(shown.dev_info["Man"], "Acme");
    assert_eq!(shown.encoding.as_deref(), Some("xml"));
}

#[test]
fn a_device_without_credentials_is_challenged_and_nothing_is_believed() {
    let mut device = Script::new();
    let job = device.get("./DevInfo");
    let reply = device.send(&package_1());
    assert_eq!(reply.status("SyncHdr"), "407");
    assert_eq!(reply.status("Alert"), "407");
    assert_eq!(reply.status("Replace"), "407");
    let chal = reply.chal().unwrap();
    assert_eq!(chal.type_.as_deref(), Some("syncml:auth-md5"));
    assert_eq!(chal.format.as_deref(), Some("b64"));
    assert!(reply.nonce().unwrap().len() >= 16);
    assert!(reply.names().is_empty() && reply.message.is_final);
    let shown = device.server.store().device(DEVICE).unwrap().unwrap();
    assert!(shown.dev_info.is_empty());
    assert_eq!(shown.failed_logins, 0, "it could not know");

    // The same session goes on with the new nonce.
    let reply = device.begin();
    assert_eq!(reply.status("SyncHdr"), "212");
    assert_eq!(reply.message.header.msg_id, "2");
    let session = device.server.store().session(1).unwrap().unwrap();
    assert!(session.authenticated);
    assert_eq!(session.detail, None, "a challenge is no fault");
    assert_eq!(reply.names(), ["Get"]);
    assert_eq!(device.state(job), JobState::Sent);
}

#[test]
fn the_nonce_of_212_serves_the_next_session_and_the_old_one_does_not() {
    let mut device = Script::new();
    let first = device.nonce.clone();
    assert_eq!(device.begin().status("SyncHdr"), "212");
    let next = device.nonce.clone();
    assert_ne!(first, next);
    device.hang_up();
    assert_eq!(device.begin().status("SyncHdr"), "212");
    device.hang_up().nonce = next;
    assert_eq!(device.begin().status("SyncHdr"), "401");
}

#[test]
fn the_nonce_may_be_hashed_as_its_base64_text() {
    let mut device = Script::new();
    device.nonce = b"Tm9uY2U=".to_vec();
    assert_eq!(device.begin().status("SyncHdr"), "212");
}

#[test]
fn a_wrong_secret_gets_two_challenges_and_no_third() {
    let mut device = Script::new();
    for expected in [true, true, false] {
        device.cred = Some("AAAAAAAAAAAAAAAAAAAAAA==".into());
        let reply = device.send(&package_1());
        assert_eq!(reply.status("SyncHdr"), "401");
        assert_eq!(reply.status("Replace"), "401");
        assert_eq!(reply.chal().is_some(), expected);
    }
    let session = device.server.store().sessions(None).unwrap().remove(0);
    assert_eq!(session.phase, "refused");
    assert_eq!(
        session.detail.as_deref(),
        Some("wrong secret (the nonce was fresh)")
    );
    let shown = device.server.store().device(DEVICE).unwrap().unwrap();
    assert_eq!(
        shown.failed_logins, 2,
        "the first may have been a stale nonce"
    );
    // Good credentials come too late for this session.
    let reply = device.begin();
    assert_eq!(reply.status("SyncHdr"), "401");
    assert!(reply.chal().is_none());
}

#[test]
fn a_first_contact_is_not_taken_for_a_wrong_secret() {
    let mut client = credential(AuthScheme::Md5, USER, PASSWORD);
    client.nonce.clear();
    let mut device = Script::registered(client, None);
    assert_eq!(device.begin().status("SyncHdr"), "401");
    let session = device.server.store().session(1).unwrap().unwrap();
    let detail = session.detail.unwrap();
    assert_eq!(detail, "the device has no nonce of this server yet");
    assert_eq!(device.begin().status("SyncHdr"), "212");
    let session = device.server.store().session(1).unwrap().unwrap();
    assert_eq!(session.refusals, []);
}

#[test]
fn an_unknown_device_is_answered_as_one_with_a_wrong_secret() {
    let mut known = Script::new();
    let mut unknown = Script::new();
    assert!(unknown.server.store().remove_device(DEVICE).unwrap());
    for round in 0..4 {
        let mut answers = Vec::new();
        for device in [&mut known, &mut unknown] {
            if round > 0 {
                device.cred = Some("AAAAAAAAAAAAAAAAAAAAAA==".into());
            }
            answers.push(device.send(&package_1()).answer.body);
        }
        assert_eq!(
            String::from_utf8_lossy(&answers[0]),
            String::from_utf8_lossy(&answers[1])
        );
    }
}

#[test]
fn basic_credentials_are_checked_and_another_scheme_is_not_taken() {
    let mut device = Script::with(AuthScheme::Basic, None);
    device.cred = Some("QnJ1Y2UyOk9oQmVoYXZl".into());
    let reply = device.send(&package_1());
    assert_eq!(reply.status("SyncHdr"), "212");
    assert!(reply.chal().is_none());

    let mut device = Script::new();
    device.scheme = AuthScheme::Basic;
    let reply = device.begin();
    assert_eq!(reply.status("SyncHdr"), "401");
    assert_eq!(
        reply.chal().unwrap().type_.as_deref(),
        Some("syncml:auth-md5")
    );
    // A challenge that is answered with another type ends the session.
    let reply = device.begin();
    assert_eq!(reply.status("SyncHdr"), "401");
    assert!(reply.chal().is_none());
    assert_eq!(reply.phase(), Phase::Refused);
}

#[test]
fn the_server_proves_itself_to_a_device_that_is_proven() {
    let server = credential(AuthScheme::Md5, USER, PASSWORD);
    let mut device = Script::with(AuthScheme::Md5, Some(server));
    device.get("./A");
    assert!(device.send(&package_1()).cred().is_none());
    let reply = device.begin();
    // The server's stored nonce is "Nonce" too.
    assert_eq!(*reply.cred().unwrap().data, "Zz6EivR3yeaaENcRN6lpAQ==");
    assert_eq!(reply.message.header.source.name.as_deref(), Some(USER));
    let reply = device.obey(&reply, 200);
    assert!(reply.cred().is_none(), "212 is for the whole session");
}

/// A Status for the server's header with a challenge.
fn refusal(code: u16, nonce: &str) -> String {
    format!(
        "<Status><CmdID>9</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>\
         <Chal><Meta><Type xmlns='syncml:metinf'>syncml:auth-md5</Type>\
         <Format xmlns='syncml:metinf'>b64</Format>\
         <NextNonce xmlns='syncml:metinf'>{nonce}</NextNonce></Meta></Chal>\
         <Data>{code}</Data></Status>"
    )
}

#[test]
fn a_device_that_challenges_the_server_gets_the_same_commands_again() {
    let server = credential(AuthScheme::Md5, USER, PASSWORD);
    let mut device = Script::with(AuthScheme::Md5, Some(server));
    let job = device.get("./A");
    let reply = device.begin();
    assert_eq!(reply.names(), ["Get"]);
    let cmd_id = reply.commands()[0].cmd_id().into_owned();
    let body = refusal(407, "LG3iZQhhdmKNHg==") + &status("1", &cmd_id, "Get", 407) + "<Final/>";
    let reply = device.send(&body);
    // Bruce2, OhBehave and the octets of LG3iZQhhdmKNHg==.
    assert_eq!(*reply.cred().unwrap().data, "LAK2i25Fh0nxxGGaAzRRpg==");
    assert_eq!(reply.names(), ["Get"]);
    let reply = device.obey(&reply, 200);
    assert_eq!(reply.phase(), Phase::Ended);
    assert_eq!(device.state(job), JobState::Done);
}

#[test]
fn the_nonce_a_device_gives_with_212_is_used_next_time() {
    let server = credential(AuthScheme::Md5, USER, PASSWORD);
    let mut device = Script::with(AuthScheme::Md5, Some(server));
    device.get("./A");
    device.begin();
    let body = refusal(212, "AAAAAA==") + &status("1", "4", "Get", 200) + "<Final/>";
    device.send(&body);
    device.hang_up();
    let reply = device.begin();
    assert_eq!(*reply.cred().unwrap().data, "cnPI6nO9RgujiHU0y58kNA==");
}

#[test]
fn a_device_that_refuses_the_server_for_good_ends_the_session() {
    let server = credential(AuthScheme::Md5, USER, PASSWORD);
    let mut device = Script::with(AuthScheme::Md5, Some(server));
    let job = device.get("./A");
    device.begin();
    for nonce in ["AAAA", "BBBB"] {
        let reply = device.send(&(refusal(401, nonce) + "<Final/>"));
        assert_eq!(reply.names(), ["Get"]);
    }
    let event = "<Alert><CmdID>5</CmdID><Data>1224</Data><Item><Meta>\
        <Type xmlns='syncml:metinf'>t</Type></Meta><Data>1</Data></Item></Alert><Final/>";
    let reply = device.send(&(refusal(401, "CCCC") + event));
    assert_eq!(reply.alert(), Some("1223"));
    assert_eq!(reply.status("Alert"), "200");
    let kept = device.server.store().device(DEVICE).unwrap().unwrap();
    assert_eq!(kept.alerts.len(), 1, "what is answered for is kept");
    assert_eq!(reply.phase(), Phase::Aborted);
    let shown = device.show(job);
    assert_eq!(shown.summary.state, JobState::Queued);
    assert_eq!(shown.summary.broken_sessions, 0);
    let session = device.server.store().sessions(None).unwrap().remove(0);
    let detail = session.detail.unwrap();
    assert!(detail.contains("refuses the server"), "{detail}");
}

#[test]
fn the_server_says_when_it_has_no_credentials_to_show() {
    let mut device = Script::new();
    device.get("./A");
    device.begin();
    let reply = device.send(&(refusal(407, "AAAA") + "<Final/>"));
    assert_eq!(reply.alert(), Some("1223"));
    let session = device.server.store().sessions(None).unwrap().remove(0);
    assert!(session.detail.unwrap().contains("none are registered"));
}

#[test]
fn the_secret_never_goes_where_a_digest_is_registered() {
    let server = credential(AuthScheme::Md5, USER, PASSWORD);
    let mut device = Script::with(AuthScheme::Md5, Some(server));
    device.get("./A");
    device.begin();
    let wants_basic = refusal(407, "AAAA").replace("auth-md5", "auth-basic") + "<Final/>";
    let reply = device.send(&wants_basic);
    assert!(reply.cred().is_none());
    assert_eq!(reply.alert(), Some("1223"));
}

/// What a device of the worked example sends beside a document.
fn signed(nonce: &[u8], document: &str) -> HmacHeader {
    let password = Secret::from_text(PASSWORD);
    HmacHeader {
        user: USER.into(),
        mac: auth::hmac(USER, &password, nonce, document.as_bytes()),
    }
}

fn hmac_script() -> Script {
    let server = credential(AuthScheme::Hmac, USER, PASSWORD);
    Script::with(AuthScheme::Hmac, Some(server))
}

/// Sends a document with a digest made with `nonce`.
fn send_signed(device: &mut Script, nonce: &[u8], body: &str) -> Reply {
    device.msg_id += 1;
    let document = device.document(body);
    let header = signed(nonce, &document);
    device
        .post_signed(document.as_bytes(), Some(&header))
        .unwrap()
}

/// Whether the answer is signed with this nonce, and nothing of it stands in the message.
fn is_signed(reply: &Reply, nonce: &[u8]) -> bool {
    let header = reply.answer.hmac.as_ref().expect("a digest");
    assert!(reply.cred().is_none());
    assert_eq!(
        reply.message.header.source.name.as_ref(),
        Some(&header.user)
    );
    let password = Secret::from_text(PASSWORD);
    auth::verify_hmac(&header.mac, USER, &password, nonce, &reply.answer.body)
}

/// The device's Status for the server's header, with the next nonce of the server.
fn answered(reply: &Reply, nonce: &str) -> String {
    let body = refusal(200, nonce).replace("auth-md5", "auth-MAC");
    let msg_ref = &reply.message.header.msg_id;
    body.replace("<MsgRef>1</MsgRef>", &format!("<MsgRef>{msg_ref}</MsgRef>"))
}

#[test]
fn each_message_is_proven_with_a_nonce_of_its_own() {
    let mut device = hmac_script();
    let job = device.get("./A");
    let reply = send_signed(&mut device, b"Nonce", &package_1());
    assert_eq!(reply.status("SyncHdr"), "200", "not 212");
    assert_eq!(
        reply.chal().unwrap().type_.as_deref(),
        Some("syncml:auth-MAC")
    );
    assert!(is_signed(&reply, b"Nonce"));
    let first = reply.nonce().unwrap();
    let get = reply.commands()[0].cmd_id().into_owned();
    let body = answered(&reply, "b25l") + &status("1", &get, "Get", 200) + "<Final/>";
    let reply = send_signed(&mut device, &first, &body);
    assert_eq!(reply.status("SyncHdr"), "200");
    assert_ne!(reply.nonce().unwrap(), first);
    assert!(is_signed(&reply, b"one"));
    assert_eq!(device.state(job), JobState::Done);
    // The next session goes on with the last nonces.
    let next = device.hang_up().nonce.clone();
    let reply = send_signed(&mut device, &next, &package_1());
    assert_eq!(reply.status("SyncHdr"), "200");
    assert!(is_signed(&reply, b"one"));
}

#[test]
fn a_message_of_a_proven_device_that_proves_nothing_is_refused() {
    for forged in [None, Some(signed(b"Nonce", "another message"))] {
        let mut device = hmac_script();
        let job = device.get("./A");
        let reply = send_signed(&mut device, b"Nonce", &package_1());
        let nonce = reply.nonce().unwrap();
        device.msg_id += 1;
        let get = reply.commands()[0].cmd_id().into_owned();
        let document = device.document(&(status("1", &get, "Get", 404) + "<Final/>"));
        let reply = device
            .post_signed(document.as_bytes(), forged.as_ref())
            .unwrap();
        assert_eq!(reply.status("SyncHdr"), "401");
        assert_ne!(reply.nonce().unwrap(), nonce);
        assert_eq!(reply.phase(), Phase::Authenticating);
        assert_eq!(
            device.state(job),
            JobState::Queued,
            "its Status is not believed"
        );
        let fresh = reply.nonce().unwrap();
        let reply = send_signed(&mut device, &fresh, &package_1());
        assert_eq!(reply.names(), ["Get"]);
    }
}

#[test]
fn a_session_takes_three_challenges_and_no_fourth() {
    let mut device = hmac_script();
    let mut nonce = b"Nonce".to_vec();
    for round in 0..4 {
        let reply = send_signed(&mut device, &nonce, &package_1());
        assert_eq!(reply.status("SyncHdr"), "200", "{round}");
        let reply = device.send(&package_1());
        assert_eq!(reply.status("SyncHdr"), "401", "{round}");
        assert_eq!(reply.chal().is_some(), round < 3, "{round}");
        nonce = reply.nonce().unwrap_or_default();
    }
    let session = device.server.store().session(1).unwrap().unwrap();
    assert_eq!(session.phase, "refused");
    assert!(!session.refusals.last().unwrap().overcome);
}

#[test]
fn an_answer_said_again_is_signed_again() {
    let mut device = hmac_script();
    device.msg_id += 1;
    let document = device.document(&package_1());
    let header = signed(b"Nonce", &document);
    let first = device
        .post_signed(document.as_bytes(), Some(&header))
        .unwrap();
    let again = device
        .post_signed(document.as_bytes(), Some(&header))
        .unwrap();
    assert_eq!(again.answer.body, first.answer.body);
    assert_eq!(again.answer.hmac, first.answer.hmac);
    // Without its digest it is another message.
    let other = device.post_signed(document.as_bytes(), None).unwrap();
    assert_ne!(other.answer.body, first.answer.body);
}

#[test]
fn a_nonce_without_end_is_not_kept() {
    let mut device = hmac_script();
    device.get("./A");
    let reply = send_signed(&mut device, b"Nonce", &package_1());
    let nonce = "bm9u".repeat(2_000);
    let next = device.nonce.clone();
    let reply = send_signed(&mut device, &next, &answered(&reply, &nonce));
    assert!(is_signed(&reply, b"Nonce"));
}
