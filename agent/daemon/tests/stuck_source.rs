//! A file of the kernel that does not answer, under a real `omadmd`: everything else goes on.
//!
//! In a mount namespace of the daemon a FIFO that nobody writes to lies over `/proc/meminfo`, so
//! that opening it blocks for good.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test: runs a daemon in a namespace of its own"
)]

mod common;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use common::{Client, Daemon, Home, refusal};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

const OVER: &str = "mount --bind \"$0\" /proc/meminfo";

/// Whether this machine lets us have mount namespaces.
fn can_mount(fifo: &PathBuf) -> bool {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", OVER]).arg(fifo);
    let output = command.output();
    if output.as_ref().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let why = output.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    println!("skipped: stuck_source: no mount namespace: {why}");
    false
}

fn fifo(home: &Home) -> PathBuf {
    let path = home.path("fifo");
    mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    path
}

/// Starts the daemon in a mount namespace of its own.
fn start(home: &Home) -> Daemon {
    let daemon = home.command();
    let mut command = Command::new("unshare");
    command.arg("--mount").arg(daemon.get_program());
    command.args(daemon.get_args());
    let environment = daemon.get_envs();
    for (key, value) in environment {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    home.start_with(command.stderr(std::process::Stdio::piped()))
}

/// Lays the FIFO over the file that the daemon sees.
fn jam(daemon: &Daemon, fifo: &PathBuf) {
    let pid = daemon.pid().to_string();
    let arguments = ["--mount", "--target", &pid, "sh", "-c", OVER].map(OsStr::new);
    let status = Command::new("nsenter").args(arguments).arg(fifo).status();
    assert!(status.unwrap().success());
}

fn kpi(client: &mut Client, name: &str) -> Value {
    let wanted = json!({ "patterns": ["memory.total", "system.uptime"] });
    let reply = client.ask("ReadKpis", wanted).unwrap();
    let samples = reply["samples"].as_array().unwrap();
    let mut found = samples.iter().filter(|sample| sample["id"] == name);
    found.next().unwrap().clone()
}

#[test]
fn a_stuck_source_keeps_nobody_waiting() {
    let home = Home::new("");
    let fifo = fifo(&home);
    if !can_mount(&fifo) {
        return;
    }
    let daemon = start(&home);
    jam(&daemon, &fifo);
    // This one needs what is stuck, and the loop goes on meanwhile.
    let mut slow = home.connect();
    slow.send(&json!({
        "method": "io.omadm.Agent.ListTree", "parameters": { "uri": "./DiagMon" },
    }));
    let mut client = home.connect();
    for _ in 0..20 {
        assert_eq!(client.status()["pid"], daemon.pid());
        let total = "./DiagMon/Links/DiagMonData/lo/MTU";
        let node = client.ask("GetNode", json!({ "uri": total })).unwrap();
        assert_eq!(node["node"]["value"], "65536");
    }
    let reply = slow.receive();
    let nodes = reply["parameters"]["nodes"].as_array().unwrap();
    let node = |end: &str| {
        let mut found = nodes
            .iter()
            .filter(|node| node["uri"].as_str().unwrap().ends_with(end));
        found
            .next()
            .unwrap_or_else(|| panic!("no {end}: {nodes:?}"))
            .clone()
    };
    assert_eq!(node("lo/MTU")["value"], "65536");
    assert_eq!(node("Memory/DiagMonData/Total")["status"], 500);

    assert!(kpi(&mut client, "system.uptime")["value"].as_f64().unwrap() > 0.0);
    let total = kpi(&mut client, "memory.total");
    assert_eq!(total.get("value"), None);
    assert!(
        total["reason"].as_str().unwrap().contains("overdue"),
        "{total}"
    );
    let total = json!({ "uri": "./DiagMon/Memory/DiagMonData/Total" });
    let answer = client.ask("GetNode", total).unwrap();
    assert_eq!(answer["node"]["status"], 500, "{answer}");
    let (name, _) = refusal(client.ask("GetNode", json!({ "uri": "./Nothing" })));
    assert_eq!(name, "io.omadm.Agent.Refused");
    daemon.stop();
}

#[test]
fn the_last_value_of_a_stuck_source_says_how_old_it_is() {
    let home = Home::new("");
    let fifo = fifo(&home);
    if !can_mount(&fifo) {
        return;
    }
    let daemon = start(&home);
    let mut client = home.connect();
    let before = kpi(&mut client, "memory.total");
    assert_eq!(before.get("age_seconds"), None);
    jam(&daemon, &fifo);
    for _ in 0..3 {
        let after = kpi(&mut client, "memory.total");
        assert_eq!(after["value"], before["value"]);
        assert!(after["age_seconds"].as_f64().unwrap() > 0.0, "{after}");
        assert!(
            after["reason"].as_str().unwrap().contains("overdue"),
            "{after}"
        );
        assert_eq!(kpi(&mut client, "system.uptime").get("age_seconds"), None);
    }
    daemon.stop();
}
