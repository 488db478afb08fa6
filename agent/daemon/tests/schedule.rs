//! When a real `omadmd` starts sessions by itself.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "driver: runs the daemon and listens as a server that never answers; a test may panic"
)]

mod common;

use std::net::TcpListener;

use common::{Daemon, Home, PATIENCE, accept, account};
use nix::sys::signal::Signal;
use serde_json::json;

/// Changes what the daemon finds at its next start.
fn store(home: &Home, sql: &str) {
    let database = rusqlite::Connection::open(home.path("state/state.db")).unwrap();
    assert_eq!(database.execute(sql, []).unwrap(), 1);
}

fn is_called(server: &TcpListener) -> bool {
    accept(server, PATIENCE / 10).is_some()
}

#[test]
fn a_boot_starts_a_session_where_it_is_wanted() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    for interval in ["off", "1d"] {
        let home = Home::new(&format!(
            "[schedule]\nat-boot = true\njitter = \"0s\"\ninterval = \"{interval}\""
        ));
        let daemon = home.start();
        let mut client = home.connect();
        client.ask("AddAccount", account("lab", &address)).unwrap();
        assert_eq!(client.status()["session"], json!(null));
        daemon.stop();
        // As if the machine had been booted since.
        store(&home, "UPDATE meta SET value = 'x' WHERE key = 'boot'");
        let daemon = home.start();
        assert!(is_called(&server), "interval {interval}");
        daemon.stop();
        // A start of the daemon alone is no boot.
        let _daemon = home.start();
        let session = home.connect().status()["session"].clone();
        assert_eq!(session, json!(null), "interval {interval}");
    }
}

#[test]
fn alerts_that_failed_to_leave_are_tried_again_after_a_restart() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let home =
        Home::new("[schedule]\ninterval = \"off\"\n[retry]\ninitial = \"10ms\"\nmax = \"100ms\"");
    let daemon = home.start();
    let mut client = home.connect();
    client.ask("AddAccount", account("lab", &address)).unwrap();
    daemon.stop();
    let alert = "INSERT INTO alert VALUES (1, NULL, 't', 'chr', 'critical', NULL, X'78')";
    store(&home, alert);
    let record = "UPDATE account_record SET failures = 3, result = 'bearer-failed'";
    store(&home, record);
    let _daemon = home.start();
    assert_eq!(home.connect().status()["pending_alerts"], 1);
    assert!(is_called(&server));
}

#[test]
fn alerts_of_an_account_that_is_removed_go_to_the_next_server() {
    let (gone, next) = (
        TcpListener::bind("127.0.0.1:0").unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let home = Home::new("[schedule]\ninterval = \"off\"\n[retry]\ninitial = \"1d\"\nmax = \"1d\"");
    let daemon = home.start();
    let mut client = home.connect();
    for (name, server) in [("a", &gone), ("b", &next)] {
        let address = format!("http://{}/dm", server.local_addr().unwrap());
        client.ask("AddAccount", account(name, &address)).unwrap();
    }
    daemon.stop();
    let alert = "INSERT INTO alert VALUES (1, NULL, 't', 'chr', 'critical', NULL, X'78')";
    store(&home, alert);
    let _daemon = home.start();
    let line = accept(&gone, PATIENCE);
    assert!(line.is_some(), "the first account has the first turn");
    drop((line, gone));
    let mut client = home.connect();
    while client.status()["session"] != json!(null) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    client.ask("RemoveAccount", json!({ "name": "a" })).unwrap();
    assert!(accept(&next, PATIENCE).is_some(), "and then the next one");
}

/// Starts the daemon anew after it was killed in the middle of a session.
fn killed_in_session(home: &Home, daemon: Daemon, server: &TcpListener, which: &str) -> Daemon {
    let line = accept(server, PATIENCE);
    assert!(line.is_some(), "{which} session");
    daemon.signal(Signal::SIGKILL);
    daemon.end();
    home.start()
}

#[test]
fn a_session_that_ends_the_daemon_three_times_is_dropped() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let home = Home::new(
        "[schedule]\ninterval = \"1s\"\njitter = \"0s\"\n\
         [retry]\ninitial = \"10ms\"\nmax = \"1h\"",
    );
    let mut daemon = home.start();
    home.connect()
        .ask("AddAccount", account("lab", &address))
        .unwrap();
    for which in ["first", "second", "third"] {
        daemon = killed_in_session(&home, daemon, &server, which);
        let lab = home.connect().status()["accounts"][0].clone();
        assert_eq!(lab["last_result"], "crashed", "{which}");
    }
    let lab = home.connect().status()["accounts"][0].clone();
    assert_eq!(lab["crashes"], 3);
    let waiting = lab["waiting"].as_str().unwrap();
    assert!(waiting.contains("did not survive 3 sessions"), "{waiting}");
    assert!(lab["next_seconds"].as_f64().unwrap() > 3000.0, "{lab}");
    assert!(!is_called(&server));
    // A start in the regular way forgets nothing of it.
    let log = daemon.stop();
    assert!(log.contains("what caused them is dropped"), "{log}");
    let daemon = home.start();
    assert!(!is_called(&server));
    // Whoever asks for a session gets one.
    home.connect()
        .send(&json!({ "method": "io.omadm.Agent.RunSession" }));
    assert!(accept(&server, PATIENCE).is_some());
    daemon.stop();
}

#[test]
fn a_session_that_the_power_ended_is_no_crash() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let home = Home::new(
        "[schedule]\ninterval = \"1s\"\njitter = \"0s\"\n\
         [retry]\ninitial = \"10ms\"\nmax = \"1h\"",
    );
    let daemon = home.start();
    home.connect()
        .ask("AddAccount", account("lab", &address))
        .unwrap();
    assert!(accept(&server, PATIENCE).is_some());
    daemon.signal(Signal::SIGKILL);
    daemon.end();
    store(&home, "UPDATE meta SET value = 'x' WHERE key = 'boot'");
    // The note names the boot of the machine that it was made in.
    store(
        &home,
        "UPDATE meta SET value = replace(value, '\"boot\":\"', '\"boot\":\"x') \
         WHERE key = 'in-session'",
    );
    let _daemon = home.start();
    let lab = home.connect().status()["accounts"][0].clone();
    assert_eq!(lab["crashes"], 0);
    assert!(is_called(&server));
}

#[test]
fn what_the_calendar_names_while_the_daemon_is_off_is_made_up_for_once() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let home = Home::new(
        "[schedule]\ninterval = \"off\"\njitter = \"0s\"\ncalendar = [\"@daily\"]\n\
         timezone = \"UTC\"",
    );
    let daemon = home.start();
    home.connect()
        .ask("AddAccount", account("lab", &address))
        .unwrap();
    let lab = home.connect().status()["accounts"][0].clone();
    assert_eq!(lab["next_causes"], json!(["calendar"]));
    let next = lab["next_attempt"].as_str().unwrap();
    // The two clocks of the machine do not run quite alike.
    assert!(
        next.contains("T00:00:0") || next.contains("T23:59:59"),
        "{next}"
    );
    daemon.stop();
    // As if the account had been made two days ago, in an earlier boot.
    store(
        &home,
        "UPDATE account_record SET anchor_wall = anchor_wall - 172800000000, anchor_power_on = 0",
    );
    let daemon = home.start();
    assert!(is_called(&server));
    let session = home.connect().status()["session"].clone();
    assert_eq!(session["causes"], json!(["calendar"]));
    daemon.stop();
}

#[test]
fn sessions_over_tls_wait_for_a_clock_that_is_wrong() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}/dm", server.local_addr().unwrap());
    let boot = "[schedule]\nat-boot = true\njitter = \"0s\"\ninterval = \"off\"\n";
    let home = Home::new(&format!("{boot}[clock]\nwait = \"366d\""));
    let daemon = home.start();
    home.connect()
        .ask("AddAccount", account("lab", &address))
        .unwrap();
    daemon.stop();
    // The last time that was known is a year ahead of what the clock says.
    store(
        &home,
        "UPDATE meta SET value = json_set(value, '$.wall', unixepoch() + 31536000) \
         WHERE key = 'clock'",
    );
    let new_boot = || store(&home, "UPDATE meta SET value = 'x' WHERE key = 'boot'");
    new_boot();
    let daemon = home.start();
    assert!(!is_called(&server));
    let lab = home.connect().status()["accounts"][0].clone();
    assert_eq!(lab["next_causes"], json!(["boot"]));
    let waiting = lab["waiting"].as_str().unwrap();
    assert!(
        waiting.starts_with("the clock is wrong: it says 20"),
        "{waiting}"
    );
    let log = daemon.stop();
    assert!(log.contains("sessions over TLS wait for it"), "{log}");
    // The bound has passed.
    home.configure(&format!("{boot}[clock]\nwait = \"0s\""));
    new_boot();
    let daemon = home.start();
    assert!(is_called(&server));
    let log = daemon.stop();
    assert!(log.contains("sessions are tried all the same"), "{log}");
}
