//! When a real `omadmd` starts sessions by itself.
#![expect(
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "driver: runs the daemon and listens as a server that never answers; a test may panic"
)]

mod common;

use std::net::TcpListener;

use common::{Home, PATIENCE, accept, account};
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
    let record = "INSERT INTO account_record VALUES ('lab', 3, 'bearer-failed', NULL, NULL)";
    store(&home, record);
    let _daemon = home.start();
    assert_eq!(home.connect().status()["pending_alerts"], 1);
    assert!(is_called(&server));
}
