//! The life of a real `omadmd`: start, signals, notifications, instances, failures to start.
#![expect(clippy::disallowed_methods, reason = "test: writes configurations")]

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::Home;
use nix::sys::signal::Signal;
use serde_json::json;

#[test]
fn it_says_when_it_is_ready_and_answers_then() {
    let home = Home::new("");
    let from = Instant::now();
    let daemon = home.start();
    println!("ready after {:?}", from.elapsed());
    let mut client = home.connect();
    let status = client.status();
    assert_eq!(status["pid"], daemon.pid());
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        status["device_id"]
            .as_str()
            .unwrap()
            .starts_with("urn:uuid:")
    );
    assert_eq!(status["accounts"], json!([]));
    client.send(&json!({ "method": "org.varlink.service.GetInfo" }));
    let info = client.receive();
    assert!(
        info["parameters"]["interfaces"]
            .as_array()
            .unwrap()
            .contains(&json!("io.omadm.Agent"))
    );
    drop(daemon.stop());
    assert!(!home.socket().exists());
}

#[test]
fn a_second_one_is_refused_and_told_of_the_first() {
    let home = Home::new("");
    let daemon = home.start();
    let (code, log) = home.fail();
    assert_eq!(code, 75, "{log}");
    assert!(
        log.contains(&format!("another omadmd (pid {})", daemon.pid())),
        "{log}"
    );
    assert_eq!(home.connect().status()["pid"], daemon.pid());
    // Another state, the same socket.
    let own = fs::read_to_string(home.path("agent.toml")).unwrap();
    let other = own.replace("/state\"", "/other\"");
    fs::write(home.path("agent.toml"), other).unwrap();
    let (code, log) = home.fail();
    assert_eq!(code, 69, "{log}");
    assert!(log.contains("another daemon answers here"), "{log}");
    assert_eq!(home.connect().status()["pid"], daemon.pid());
}

#[test]
fn after_a_kill_the_next_one_takes_over() {
    let home = Home::new("");
    let daemon = home.start();
    let before = home.connect().status();
    daemon.signal(Signal::SIGKILL);
    daemon.end();
    assert!(home.socket().exists(), "nobody could remove it");
    let _daemon = home.start();
    let after = home.connect().status();
    assert_eq!(after["device_id"], before["device_id"]);
    assert_ne!(after["pid"], before["pid"]);
}

#[test]
fn sigterm_ends_it_and_the_manager_is_told() {
    let home = Home::new("");
    let daemon = home.start();
    // A client that hangs on must not hold up the end.
    let _client = home.connect();
    let from = Instant::now();
    daemon.signal(Signal::SIGTERM);
    home.until("STOPPING=1");
    let (status, log) = daemon.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(from.elapsed() < Duration::from_secs(4));
    assert!(log.contains("omadmd has stopped"), "{log}");
}

#[test]
fn sighup_reads_the_configuration_again() {
    let home = Home::new("log-level = \"info\"");
    let daemon = home.start();
    home.configure("log-level = \"inof\"");
    daemon.signal(Signal::SIGHUP);
    assert!(home.until("RELOADING=1").contains("MONOTONIC_USEC="));
    let told = home.until("READY=1");
    assert!(
        told.contains("STATUS=the new configuration is wrong"),
        "{told}"
    );
    let answer = home.connect().ask("Reload", json!({})).unwrap_err();
    let text = answer["parameters"]["message"].as_str().unwrap();
    assert!(text.contains("agent.toml:2:13: "), "{text}");
    home.configure("log-level = \"debug\"\n[session]\nmax-message-size = 4096");
    daemon.signal(Signal::SIGHUP);
    assert!(home.until("READY=1").contains("STATUS=idle"));
    let log = daemon.stop();
    assert!(log.contains("the old one stays"), "{log}");
    assert!(log.contains("the configuration was read again"), "{log}");
}

#[test]
fn keys_that_need_a_restart_are_named() {
    let home = Home::new("");
    let daemon = home.start();
    let own = fs::read_to_string(home.path("agent.toml")).unwrap();
    fs::write(home.path("agent.toml"), own.replace("/state\"", "/other\"")).unwrap();
    home.connect().ask("Reload", json!({})).unwrap();
    let state = home.connect().status()["state_directory"].clone();
    assert_eq!(state, home.path("state").to_str().unwrap());
    let log = daemon.stop();
    assert!(
        log.contains("state-dir has changed: restart omadmd"),
        "{log}"
    );
}

#[test]
fn the_watchdog_is_fed() {
    let home = Home::new("");
    let mut command = home.command();
    command.env("WATCHDOG_USEC", "200000");
    let _daemon = home.start_with(&mut command);
    let from = Instant::now();
    for _ in 0..5 {
        home.until("WATCHDOG=1");
    }
    assert!(
        from.elapsed() < Duration::from_secs(5),
        "{:?}",
        from.elapsed()
    );
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let home = Home::new("[device]\nid-kind = \"imei\"");
    let (code, log) = home.fail();
    assert_eq!(code, 78, "{log}");
    assert!(log.contains("agent.toml:3:1: id-kind: "), "{log}");

    let home = Home::new("unknown-key = 1");
    let (code, log) = home.fail();
    assert_eq!(code, 78, "{log}");
    assert!(
        log.contains("agent.toml:2:1: unknown key `unknown-key`"),
        "{log}"
    );

    let home = Home::new("");
    fs::create_dir(home.path("state")).unwrap();
    let damaged = "this was a database once ".repeat(100);
    fs::write(home.path("state/state.db"), &damaged).unwrap();
    let (code, log) = home.fail();
    assert_eq!(code, 74, "{log}");
    assert!(log.contains("state/state.db is damaged"), "{log}");
    assert_eq!(
        fs::read_to_string(home.path("state/state.db")).unwrap(),
        damaged
    );

    let home = Home::new("");
    fs::write(home.path("state"), "a file").unwrap();
    let (code, log) = home.fail();
    assert_eq!(code, 74, "{log}");

    let home = Home::new("");
    let output = home.command().arg("--no-such-option").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
}
