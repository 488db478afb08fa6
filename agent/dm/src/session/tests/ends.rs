//! How sessions end.

use super::*;

#[test]
fn the_cause_decides_the_first_alert_and_the_session_id() {
    let mut start = start(proven_account(), TLS);
    start.cause = SessionCause::Notification { session_id: 0x00a1 };
    let bench = Bench::with(start);
    assert_eq!(bench.says()[0], "Alert 1200");
    assert_eq!(bench.last().header.session_id, "A1");
}

#[test]
fn a_server_that_asks_without_a_notification_lets_the_device_name_the_session() {
    let own = Bench::proven().last().header.session_id.clone();
    let mut start = start(proven_account(), TLS);
    start.cause = SessionCause::Poll;
    let bench = Bench::with(start);
    assert_eq!(bench.says()[0], "Alert 1200");
    assert_eq!(
        bench.last().header.session_id,
        own,
        "drawn as in any session"
    );
}

#[test]
fn alert_1223_of_the_server_is_not_answered() {
    let mut bench = Bench::proven();
    let body = package_1_accepted(1, 200)
        + &delete("4", "./Play/A")
        + "<Alert><CmdID>5</CmdID><Data>1223</Data></Alert>";
    bench.serve(&body);
    assert_eq!(bench.sent.len(), 1);
    assert_eq!(bench.outcome().end, SessionEnd::AbortedByServer);
    assert!(bench.value("./Play/A").is_some());
}

#[test]
fn the_device_says_1223_when_it_has_to_stop() {
    let mut bench = Bench::proven();
    bench.session.handle_cancel(Cancel::Shutdown, bench.now);
    bench.drive();
    assert_eq!(bench.says(), ["Alert 1223", "Final"]);
    assert_eq!(bench.last().header.msg_id, "2");
    let end = SessionEnd::Cancelled(Cancel::Shutdown);
    assert_eq!(bench.outcome().end, end);
    assert!(bench.outcome().to_string().contains("the agent stops"));
}

#[test]
fn a_session_that_has_said_nothing_stops_in_silence() {
    let tree = tree();
    let start = start(proven_account(), TLS);
    let mut session = Session::start(start, &tree, now(0));
    session.handle_cancel(Cancel::User, now(1));
    assert!(matches!(session.poll_output(), Output::Closed(_)));
}

#[test]
fn the_server_may_take_only_so_long() {
    let mut bench = Bench::proven();
    let deadline = bench.drive();
    assert_eq!(deadline, Some(Duration::from_mins(2)));
    bench.session.handle_timeout(now(119));
    assert_eq!(bench.drive(), deadline, "not yet");
    bench.session.handle_timeout(now(120));
    bench.drive();
    assert_eq!(bench.outcome().end, SessionEnd::NoAnswer);
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn a_session_may_last_only_so_long() {
    let mut bench = Bench::proven();
    bench.now = now(3_590);
    bench.serve(&(package_1_accepted(1, 200) + &get("1", "./Play/A")));
    assert_eq!(bench.drive(), Some(Duration::from_hours(1)));
    bench.session.handle_timeout(now(3_600));
    bench.drive();
    assert_eq!(bench.outcome().end, SessionEnd::TooLong);

    let mut bench = Bench::proven();
    bench.now = now(3_600);
    bench.serve(&(package_1_accepted(1, 200) + &delete("1", "./Play/A")));
    assert_eq!(bench.says(), ["Alert 1223", "Final"]);
    assert_eq!(bench.outcome().end, SessionEnd::TooLong);
}

#[test]
fn a_bearer_failure_is_told_in_its_own_words() {
    let mut bench = Bench::proven();
    bench
        .session
        .handle_failure(BearerFailure("connection refused".to_owned()));
    bench.drive();
    let words = bench.outcome().to_string();
    assert!(words.contains("connection refused"), "{words}");
    bench.serve(&get("1", "./Play/A"));
    assert_eq!(bench.sent.len(), 1, "a closed session stays closed");
}

#[test]
fn headers_that_do_not_fit_are_answered_and_end_the_session() {
    for (from, to, code, words) in [
        ("DM/1.2", "DM/1.1", 513, "VerProto"),
        ("<VerDTD>1.2", "<VerDTD>1.0", 505, "VerDTD"),
        (DEVICE, "IMEI:1", 404, "Target"),
    ] {
        let mut bench = Bench::proven();
        let id = bench.session.session_id().to_owned();
        let body = get("5", "./Play/A");
        let text = message(&id, 1, "", &body, true).replace(from, to);
        bench.receive(text.as_bytes());
        assert_eq!(
            bench.says(),
            [
                format!("0 SyncHdr {code}"),
                format!("5 Get {code}"),
                "Alert 1223".to_owned(),
                "Final".to_owned()
            ]
        );
        let outcome = bench.outcome().to_string();
        assert!(outcome.contains(words), "{outcome}");
    }
}

#[test]
fn a_foreign_session_id_is_refused_and_a_rewritten_one_is_not() {
    for (id, code) in [("ZZ", "400"), ("0", "200")] {
        let mut bench = Bench::proven();
        let text = message(id, 1, "", &get("5", "./Play/A"), true);
        bench.receive(text.as_bytes());
        assert_eq!(bench.says()[0], format!("0 SyncHdr {code}"));
    }
}

#[test]
fn the_server_refuses_the_header() {
    for (code, words) in [
        (404, "AppAddr"),
        (513, "DM/1.2"),
        (503, "service unavailable"),
    ] {
        let mut bench = Bench::proven();
        bench.serve(&status(1, "0", "SyncHdr", code));
        let outcome = bench.outcome();
        assert_eq!(outcome.end, SessionEnd::HeaderRefused(StatusCode(code)));
        assert!(outcome.to_string().contains(words), "{outcome}");
        assert_eq!(bench.sent.len(), 1);
    }
}

#[test]
fn what_cannot_be_read_ends_the_session_with_its_place() {
    let mut bench = Bench::proven();
    bench.receive(b"<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr>");
    assert_eq!(bench.says(), ["Alert 1223", "Final"]);
    let SessionEnd::Malformed(reason) = &bench.outcome().end else {
        panic!("{}", bench.outcome());
    };
    assert!(reason.contains("byte"), "{reason}");
}

#[test]
fn a_device_without_identity_says_nothing() {
    let tree = Tree::default();
    let start = start(proven_account(), TLS);
    let mut session = Session::start(start, &tree, now(0));
    let Output::Closed(outcome) = session.poll_output() else {
        panic!("there is nobody to speak for");
    };
    assert!(
        outcome.to_string().contains("./DevInfo/DevId gives 404"),
        "{outcome}"
    );
}

#[test]
fn a_session_takes_only_so_many_messages() {
    let mut start = start(proven_account(), TLS);
    start.parameters.messages = 3;
    let mut bench = Bench::with(start);
    for _ in 0..4 {
        bench.serve(&get("1", "./Play/A"));
    }
    assert_eq!(bench.says(), ["Alert 1223", "Final"]);
    assert!(matches!(bench.outcome().end, SessionEnd::Violation(_)));
}
