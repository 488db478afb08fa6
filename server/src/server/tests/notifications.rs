//! Notifications, and the nonces of the sessions that they ask for.

use super::*;
use omadm_syncml::{Initiator, NonceUsed, Package0, UiMode};

/// The server's name and secret.
const SERVER: (&str, &str) = ("omadm-server", "srvpass");

fn wish() -> Wish {
    Wish {
        device: DEVICE.into(),
        ui_mode: UiMode::Informative,
        initiator: Initiator::Server,
        resync: false,
    }
}

fn script(server_nonce: &[u8]) -> Script {
    let server = Credential {
        nonce: server_nonce.to_vec(),
        ..credential(AuthScheme::Md5, SERVER.0, SERVER.1)
    };
    Script::with(AuthScheme::Md5, Some(server))
}

fn notify(script: &mut Script, random: u16) -> Notified {
    let now = script.now();
    let random = random.to_be_bytes();
    script.server.notify(&wish(), now, random).unwrap()
}

/// What the device makes of it when this is the nonce that it expects.
fn proof(notified: &Notified, nonce: &[u8]) -> Option<NonceUsed> {
    let package = Package0::parse(&notified.package).unwrap();
    package.verify(&[SERVER.0], &Secret::from_text(SERVER.1), nonce)
}

fn ignore(script: &mut Script, notified: &Notified) {
    let number = notified.notification.session_id;
    let store = script.server.store();
    store.notification_ignored(DEVICE, number).unwrap();
}

/// The device answers with this nonce and, if it is asked something, gives the server another.
fn follow(script: &mut Script, notified: &Notified, nonce: &[u8]) -> Reply {
    script.hang_up();
    script.session_id = notified.notification.session_text();
    script.nonce = nonce.to_vec();
    script.begin()
}

/// Says that the server's credentials are well, and what the next are made with.
fn content(reply: &Reply, next: &[u8]) -> String {
    let nonce = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, next);
    let chal = format!(
        "<Chal><Meta><Type xmlns='syncml:metinf'>syncml:auth-md5</Type>\
         <Format xmlns='syncml:metinf'>b64</Format>\
         <NextNonce xmlns='syncml:metinf'>{nonce}</NextNonce></Meta></Chal>"
    );
    obedience(reply, 200).replacen("<Data>212", &format!("{chal}<Data>212"), 1)
}

#[test]
fn a_notification_is_proven_with_the_nonce_that_the_device_has_given() {
    let mut script = script(b"N1");
    let notified = notify(&mut script, 0xA1);
    assert_eq!(proof(&notified, b"N1"), Some(NonceUsed::Stored));
    assert_eq!(notified.notification.session_text(), "A1");
    assert_eq!(notified.notification.server_id, "omadm-server");
    assert!(!notified.resync);
    // A session with a job brings the next one.
    script.get("./A");
    let reply = follow(&mut script, &notified, b"Nonce");
    assert_eq!(reply.status("SyncHdr"), "212");
    let body = content(&reply, b"N2");
    script.send(&body);
    let notified = notify(&mut script, 0xA2);
    assert_eq!(proof(&notified, b"N2"), Some(NonceUsed::Stored));
}

#[test]
fn a_number_is_not_used_again_for_64_notifications() {
    let mut script = script(b"N1");
    let mut numbers = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let notified = notify(&mut script, 5);
        assert!(numbers.insert(notified.notification.session_id));
    }
    assert_eq!(numbers.first(), Some(&5));
    assert_eq!(numbers.last(), Some(&68));
    // The first one is forgotten now.
    assert_eq!(notify(&mut script, 5).notification.session_id, 69);
    assert_eq!(notify(&mut script, 5).notification.session_id, 5);
    // Nor is one that the device chose itself.
    script.session_id = "1F4".into();
    script.begin();
    assert_eq!(notify(&mut script, 0x1F4).notification.session_id, 0x1F5);
}

#[test]
fn two_ignored_notifications_resynchronise_and_not_again_within_the_hour() {
    let mut script = script(b"N1");
    let mut made = Vec::new();
    for number in 1..=6 {
        let notified = notify(&mut script, number);
        ignore(&mut script, &notified);
        made.push(notified.resync);
        script.clock += 60;
    }
    assert_eq!(made, [false, false, true, false, false, false]);
    script.clock += 3_600;
    assert!(notify(&mut script, 7).resync);
}

#[test]
fn one_that_was_answered_in_between_is_no_reason() {
    let mut script = script(b"N1");
    let first = notify(&mut script, 1);
    ignore(&mut script, &first);
    let second = notify(&mut script, 2);
    follow(&mut script, &second, b"Nonce");
    let third = notify(&mut script, 3);
    ignore(&mut script, &third);
    assert!(!notify(&mut script, 4).resync);
}

#[test]
fn a_session_that_resynchronises_ends_with_fresh_nonces_on_both_sides() {
    let mut script = script(b"");
    let notified = notify(&mut script, 1);
    assert!(notified.resync, "there is no other nonce");
    assert_eq!(proof(&notified, b"N1"), Some(NonceUsed::ResyncOctets));
    let reply = follow(&mut script, &notified, &[0; 4]);
    assert_eq!(reply.status("SyncHdr"), "212");
    let cred = reply.cred().unwrap();
    let secret = Secret::from_text(SERVER.1);
    assert!(auth::verify(
        AuthScheme::Md5,
        cred,
        SERVER.0,
        &secret,
        &[0; 4]
    ));
    // Nothing waits, and yet the device is asked, so that it gives a nonce.
    assert_eq!(reply.names(), ["Get"]);
    assert_eq!(reply.phase(), Phase::Open);
    let body = content(&reply, b"N2");
    let last = script.send(&body);
    assert_eq!(last.phase(), Phase::Ended);
    assert!(last.names().is_empty());
    let next = notify(&mut script, 2);
    assert!(!next.resync);
    assert_eq!(proof(&next, b"N2"), Some(NonceUsed::Stored));
    // What the server asked for itself is in no listing.
    assert!(script.server.store().jobs(None, None).unwrap().is_empty());
    let fresh = script.nonce.clone();
    assert_eq!(follow(&mut script, &next, &fresh).status("SyncHdr"), "212");
}

/// A careful device takes no command of whoever proves nothing but the nonce that everyone knows.
fn wants_a_fresh_nonce(script: &mut Script) -> Reply {
    let notified = notify(script, 1);
    let reply = follow(script, &notified, &[0; 4]);
    assert_eq!(reply.names(), ["Get"]);
    let msg_ref = &reply.message.header.msg_id;
    let refused = content(&reply, b"fresh").replace("<Data>212", "<Data>401");
    let (header, _) = refused.split_once("</Status>").unwrap();
    let get = status(msg_ref, &reply.commands()[0].cmd_id(), "Get", 401);
    let reply = script.send(&format!("{header}</Status>{get}<Final/>"));
    let secret = Secret::from_text(SERVER.1);
    let proves = |nonce: &[u8]| {
        let cred = reply.cred().unwrap();
        auth::verify(AuthScheme::Md5, cred, SERVER.0, &secret, nonce)
    };
    assert!(proves(b"fresh") && !proves(&[0; 4]));
    reply
}

#[test]
fn a_device_that_wants_a_fresh_nonce_first_gets_it() {
    let mut script = script(b"");
    let job = script.get("./A");
    let reply = wants_a_fresh_nonce(&mut script);
    assert_eq!(reply.names(), ["Get"], "the job is sent again");
    let body = content(&reply, b"N2");
    assert_eq!(script.send(&body).phase(), Phase::Ended);
    assert_eq!(script.state(job), JobState::Done);
    let next = notify(&mut script, 2);
    assert_eq!(proof(&next, b"N2"), Some(NonceUsed::Stored));
}

#[test]
fn a_fresh_nonce_serves_where_no_job_waits() {
    let mut script = script(b"");
    let reply = wants_a_fresh_nonce(&mut script);
    assert_eq!(reply.phase(), Phase::Ended);
    let next = notify(&mut script, 2);
    assert!(!next.resync);
    assert_eq!(proof(&next, b"fresh"), Some(NonceUsed::Stored));
}

#[test]
fn a_device_that_gives_no_nonce_is_asked_once() {
    let mut script = script(b"");
    let notified = notify(&mut script, 1);
    let reply = follow(&mut script, &notified, &[0; 4]);
    let last = script.obey(&reply, 200);
    assert_eq!(last.phase(), Phase::Ended);
}

#[test]
fn the_nonce_that_everyone_knows_holds_for_one_session_and_an_hour() {
    let mut script = script(b"");
    let first = notify(&mut script, 1);
    // Without the notification's number it does not hold,
    script.session_id = "999".into();
    script.nonce = vec![0; 4];
    assert_eq!(script.begin().status("SyncHdr"), "401");
    // nor after an hour,
    script.clock += 3_601;
    assert_eq!(
        follow(&mut script, &first, &[0; 4]).status("SyncHdr"),
        "401"
    );
    // nor a second time.
    let second = notify(&mut script, 2);
    assert!(second.resync);
    let reply = follow(&mut script, &second, &[0; 4]);
    assert_eq!(reply.status("SyncHdr"), "212");
    script.obey(&reply, 200);
    script.clock += 120;
    script.session_id = "1".into();
    let again = follow(&mut script, &second, &[0; 4]);
    assert_eq!(again.status("SyncHdr"), "401");
}

#[test]
fn what_cannot_be_notified_says_why() {
    let mut script = Script::new();
    let now = script.now();
    let error = script.server.notify(&wish(), now, [0; 2]).unwrap_err();
    assert!(error.to_string().contains("--server-auth"), "{error}");
    let mut other = wish();
    other.device = "nobody".into();
    let error = script.server.notify(&other, now, [0; 2]).unwrap_err();
    assert!(error.to_string().contains("device add nobody"), "{error}");
    let mut script = self::script(b"N1");
    let mut forced = wish();
    forced.resync = true;
    assert!(script.server.notify(&forced, now, [0; 2]).unwrap().resync);
    let error = script.server.notify(&forced, now, [0; 2]).unwrap_err();
    assert_eq!(error.exit_code(), 75, "{error}");
}

#[test]
fn a_message_of_another_device_changes_nothing() {
    let mut script = script(b"N1");
    script.msg_id = 1;
    script.prove();
    let document = script.document(&package_1());
    let now = script.now();
    let request = Request {
        media_type: MediaType::DmXml,
        body: document.as_bytes(),
        hmac: None,
        token: None,
        address: "",
        now,
        random: [1; 34],
    };
    let fault = script.server.answer_from(Some("other"), &request);
    assert!(matches!(fault, Err(Fault::OtherDevice(found)) if found == DEVICE));
    assert!(script.server.store().sessions(None).unwrap().is_empty());
    // On a line there is no address to answer to, and a session all the same.
    let answer = script.server.answer_from(Some(DEVICE), &request).unwrap();
    let message = read(MediaType::DmXml, &answer.body);
    assert_eq!(message.header.resp_uri, None);
    assert_eq!(answer.token.len(), 32);
}
