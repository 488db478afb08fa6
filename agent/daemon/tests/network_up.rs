//! A network that comes, in a network namespace of the test's own: what it starts and what it
//! brings forward.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "driver: makes networks, runs the daemon and listens as a server; a test may panic"
)]

mod common;

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Home, PATIENCE, accept, account};
use nix::sched::{CloneFlags, unshare};
use serde_json::json;

/// Moves this thread, and what it starts, into a network of its own that nobody else sees and
/// that ends with it. Without the right to do so the test is skipped.
fn own_network(test: &str) -> bool {
    if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
        eprintln!("skipped: {test}: no network namespace of its own: {error}");
        return false;
    }
    let made = tried("link add wan0 type veth peer name wan1");
    if let Err(reason) = &made {
        eprintln!("skipped: {test}: no link can be made with ip (iproute2): {reason}");
        return false;
    }
    ip("link set lo up");
    ip("link set wan1 up");
    true
}

fn tried(arguments: &str) -> Result<(), String> {
    let mut command = Command::new("ip");
    let output = command.args(arguments.split(' ')).output();
    let output = output.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(said)
}

fn ip(arguments: &str) {
    tried(arguments).unwrap();
}

/// Everything that makes an uplink.
fn network_comes() {
    ip("address add 192.0.2.7/24 dev wan0");
    ip("link set wan0 up");
    ip("route add default via 192.0.2.1");
}

fn server() -> (TcpListener, String) {
    let server = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = server.local_addr().unwrap().port();
    (server, format!("http://192.0.2.7:{port}/dm"))
}

#[test]
fn a_network_that_comes_starts_a_session_where_that_is_wanted() {
    if !own_network("a_network_that_comes_starts_a_session_where_that_is_wanted") {
        return;
    }
    let (server, address) = server();
    let home = Home::new(
        "[schedule]\njitter = \"0s\"\ninterval = \"off\"\n\
         [account.lab.schedule]\nat-network-up = true",
    );
    let _daemon = home.start();
    let mut client = home.connect();
    client.ask("AddAccount", account("lab", &address)).unwrap();
    client
        .ask("AddAccount", account("other", &address))
        .unwrap();
    // Only part of a network: it is looked at, and nothing comes of it.
    ip("link set wan0 up");
    assert!(accept(&server, PATIENCE / 5).is_none());
    network_comes();
    assert!(accept(&server, PATIENCE).is_some());
    let session = client.status()["session"].clone();
    assert_eq!(session["account"], "lab");
    assert_eq!(session["causes"], json!(["network up"]));
}

#[test]
fn a_network_that_comes_brings_a_retry_forward() {
    if !own_network("a_network_that_comes_brings_a_retry_forward") {
        return;
    }
    let (server, address) = server();
    let home = Home::new(
        "[schedule]\njitter = \"0s\"\ninterval = \"1d\"\n\
         [retry]\ninitial = \"100ms\"\nmax = \"6h\"",
    );
    let daemon = home.start();
    let mut client = home.connect();
    client.ask("AddAccount", account("lab", &address)).unwrap();
    daemon.stop();
    // As if it had failed all night.
    let database = rusqlite::Connection::open(home.path("state/state.db")).unwrap();
    let failed = "UPDATE account_record SET failures = 40, result = 'bearer-failed', \
                  not_before = NULL";
    assert_eq!(database.execute(failed, []).unwrap(), 1);
    let _daemon = home.start();
    let mut client = home.connect();
    let mut lab = client.status()["accounts"][0].clone();
    let seconds = lab["next_seconds"].as_f64().unwrap();
    assert_eq!(lab["next_causes"], json!(["retry"]));
    // Its first look may come a little after it is ready.
    let from = Instant::now();
    while !lab["waiting"].as_str().unwrap().contains("no link") {
        assert!(from.elapsed() < PATIENCE, "{lab}");
        std::thread::sleep(Duration::from_millis(5));
        lab = client.status()["accounts"][0].clone();
    }
    network_comes();
    assert!(
        accept(&server, PATIENCE).is_some(),
        "was due in {seconds} s"
    );
    assert_eq!(client.status()["session"]["causes"], json!(["retry"]));
}
