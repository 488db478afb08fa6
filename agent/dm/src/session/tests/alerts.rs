//! Generic Alerts on their way to the server.

use super::*;
use omadm_syncml::{AlertId, Mark};

fn alert(id: u64, data: &str) -> GenericAlert {
    GenericAlert {
        id: AlertId(id),
        source: Some(uri("./Ops/Start")),
        alert_type: "org.example.done".to_owned(),
        format: Format::Chr,
        mark: Mark::Informational,
        correlator: None,
        data: Value::from(data),
    }
}

fn with_alerts(account: Account, proof: PeerProof, alerts: Vec<GenericAlert>) -> Bench {
    let mut start = start(account, proof);
    start.alerts = alerts;
    Bench::with(start)
}

fn acknowledged(bench: &Bench) -> Vec<u64> {
    let all = bench.commits.iter().flat_map(|writes| &writes.acknowledged);
    all.map(|id| id.0).collect()
}

#[test]
fn alerts_leave_the_queue_only_when_the_server_has_answered_them() {
    let alerts = vec![alert(7, "a"), alert(8, "b"), alert(9, "c")];
    let mut bench = with_alerts(proven_account(), TLS, alerts);
    assert_eq!(
        bench.says(),
        [
            "Alert 1201",
            "Replace 5",
            "Alert 1226",
            "Alert 1226",
            "Alert 1226",
            "Final"
        ]
    );
    let body =
        package_1_accepted(1, 200) + &status(1, "3", "Alert", 200) + &status(1, "5", "Alert", 415);
    bench.serve(&body);
    assert_eq!(acknowledged(&bench), [7, 9]);
    let outcome = bench.outcome();
    assert_eq!(outcome.counts.alerts_acknowledged, 2);
    let refused = Note::AlertRefused(AlertId(9), StatusCode::UNSUPPORTED_FORMAT);
    assert_eq!(outcome.notes, [refused]);
}

#[test]
fn a_stranger_cannot_make_the_device_forget_an_alert() {
    let mut bench = with_alerts(account(), PeerProof::None, vec![alert(7, "a")]);
    bench.serve(&(package_1_accepted(1, 212) + &status(1, "3", "Alert", 200)));
    assert_eq!(acknowledged(&bench), Vec::<u64>::new());
}

/// A server whose nonce is stale and which has nothing to ask would else never get an alert: it
/// is only challenged when the device has something to say.
#[test]
fn what_a_stranger_has_answered_is_said_again_with_the_challenge() {
    let mut bench = with_alerts(account(), PeerProof::None, vec![alert(7, "a")]);
    let body = package_1_accepted(1, 212) + &status(1, "3", "Alert", 200);
    bench.serve_with(&server_cred(b"stale"), &body);
    assert_eq!(bench.says(), ["0 SyncHdr 401 Chal", "Alert 1226", "Final"]);
    assert_eq!(acknowledged(&bench), Vec::<u64>::new());
    let nonce = nonce_of(&bench.last());
    let body = status(2, "0", "SyncHdr", 200) + &status(2, "2", "Alert", 200);
    bench.serve_with(&server_cred(&nonce), &body);
    assert_eq!(acknowledged(&bench), [7]);
    assert!(bench.outcome().is_success(), "{}", bench.outcome());

    // Nobody is asked for ever.
    let mut bench = with_alerts(account(), PeerProof::None, vec![alert(7, "a")]);
    for msg_id in 1..5 {
        let body: String = (1..5)
            .map(|id| status(msg_id, &id.to_string(), "Alert", 200))
            .collect();
        bench.serve(&body);
    }
    assert!(bench.sent.len() <= 4);
    let source = URL.to_owned();
    let refusal = Refusal::ServerCredentialMissing { source };
    assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal));
    assert_eq!(acknowledged(&bench), Vec::<u64>::new());
}

/// The digest of an empty nonce is the same in each session: whoever has seen one may show it.
#[test]
fn a_digest_that_anyone_could_repeat_takes_no_alert_from_the_device() {
    let mut account = account();
    for credential in [&mut account.client, &mut account.server] {
        credential.as_mut().unwrap().nonce.clear();
    }
    let mut bench = with_alerts(account, PeerProof::None, vec![alert(7, "a")]);
    let body = package_1_accepted(1, 212) + &status(1, "3", "Alert", 200);
    bench.serve_with(&server_cred(b""), &body);
    assert_eq!(acknowledged(&bench), Vec::<u64>::new());
    assert_eq!(bench.says(), ["0 SyncHdr 200 Chal", "Alert 1226", "Final"]);
    let nonce = nonce_of(&bench.last());
    let body = status(2, "0", "SyncHdr", 200) + &status(2, "2", "Alert", 200);
    bench.serve_with(&server_cred(&nonce), &body);
    assert_eq!(acknowledged(&bench), [7]);
    assert!(bench.outcome().is_success(), "{}", bench.outcome());
}

#[test]
fn a_challenge_repeats_them() {
    let mut bench = with_alerts(account(), PeerProof::None, vec![alert(7, "a")]);
    let body = challenge(1, 401, "AAAAAA==")
        + &status(1, "1", "Alert", 401)
        + &status(1, "2", "Replace", 401)
        + &status(1, "3", "Alert", 401);
    bench.serve_with(&server_cred(b"S-Nonce"), &body);
    assert_eq!(
        bench.says(),
        [
            "0 SyncHdr 212 Chal",
            "Alert 1201",
            "Replace 5",
            "Alert 1226",
            "Final"
        ]
    );
    bench.serve(&(status(2, "0", "SyncHdr", 212) + &status(2, "4", "Alert", 202)));
    assert_eq!(acknowledged(&bench), [7]);
    assert!(bench.outcome().is_success());
}

#[test]
fn an_alert_of_mid_session_keeps_the_session_open() {
    let mut bench = Bench::proven();
    bench.session.handle_alert(alert(5, "done"));
    bench.session.handle_alert(alert(5, "done"));
    bench.serve(&package_1_accepted(1, 200));
    assert_eq!(bench.says(), ["0 SyncHdr 200", "Alert 1226", "Final"]);
    bench.serve(&(status(2, "0", "SyncHdr", 200) + &status(2, "2", "Alert", 200)));
    assert_eq!(acknowledged(&bench), [5]);
    assert!(bench.outcome().is_success());
}

#[test]
fn an_alert_is_not_lost_when_the_store_fails() {
    let mut bench = with_alerts(proven_account(), TLS, vec![alert(7, "a")]);
    bench.store = Err(StoreError::Full);
    bench.serve(&(package_1_accepted(1, 200) + &status(1, "3", "Alert", 200)));
    assert_eq!(bench.outcome().counts.alerts_acknowledged, 0);
    let note = Note::NotStored("no room is left on the disk that holds the state".to_owned());
    assert_eq!(bench.outcome().notes, [note]);
}

#[test]
fn an_alert_that_no_message_can_hold_waits_for_another_session() {
    let alerts = vec![alert(1, &"x".repeat(70_000)), alert(2, "small")];
    let mut bench = with_alerts(proven_account(), TLS, alerts);
    assert_eq!(bench.says(), ["Alert 1201", "Replace 5"]);
    bench.serve_open(
        &(package_1_accepted(1, 200) + "<Alert><CmdID>9</CmdID><Data>1222</Data></Alert>"),
    );
    assert_eq!(
        bench.says(),
        ["0 SyncHdr 200", "Alert 1226", "9 Alert 200", "Final"]
    );
    bench.serve(&(status(2, "0", "SyncHdr", 200) + &status(2, "2", "Alert", 200)));
    assert_eq!(acknowledged(&bench), [2]);
    assert_eq!(bench.outcome().notes, [Note::AlertTooLarge(AlertId(1))]);
}
