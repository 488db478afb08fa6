//! The store against a killed process and a full disk: this test runs itself as the writer.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test: runs processes and damages what they write"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use omadm_agent::store::{Change, Store};
use omadm_dm::session::StoreError;
use omadm_dm::{Node, NodeWrite};
use omadm_syncml::{Format, Value};

/// Names the database in the environment of the writer.
const STATE: &str = "OMADM_TEST_STATE";

/// Nodes that are always written together.
const NODES: u64 = 8;

fn put(name: &str, value: String) -> Change {
    Change::Node(NodeWrite::Put {
        uri: format!("./{name}").parse().unwrap(),
        node: Node::leaf(Format::Chr, Value::from(value)),
    })
}

/// What every node holds; fails when they differ.
fn generation(path: &Path) -> u64 {
    let (_, loaded) = Store::open(path).expect("the database is intact");
    let mut values = loaded.nodes.iter().map(|(_, node)| {
        let text = node.value.as_text().unwrap();
        text.trim_start().parse::<u64>().unwrap()
    });
    let Some(first) = values.next() else { return 0 };
    let same = values
        .inspect(|value| assert_eq!(*value, first, "half a transaction"))
        .count();
    assert_eq!(same as u64 + 1, NODES);
    first
}

/// Writes generation after generation and prints each once it is committed, until it is killed.
#[test]
fn writer() {
    let Ok(path) = std::env::var(STATE) else {
        return; // Only a part of the test below.
    };
    let (store, _) = Store::open(Path::new(&path)).unwrap();
    for n in generation(Path::new(&path)) + 1.. {
        // Some transactions span pages, so that a kill meets them half written.
        let value = format!(
            "{n:>width$}",
            width = 1 + usize::try_from(n % 7).unwrap() * 700
        );
        let changes = (0..NODES).map(|node| put(&format!("N{node}"), value.clone()));
        store
            .commit(changes.collect())
            .blocking_recv()
            .unwrap()
            .unwrap();
        println!("generation {n}");
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_was_told_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut random = 1;
    for round in 0..25 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--nocapture", "--test-threads=1"])
            .env(STATE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut generations = lines
            .map_while(Result::ok)
            .filter_map(|line| line.split("generation ").nth(1)?.trim().parse::<u64>().ok());
        // A fixed sequence of moments, so that a failure can be met again: after so many
        // transactions, and so many microseconds into the next ones.
        random = (random * 1_103_515_245 + 12_345) % 2_147_483_648_u64;
        let last = generations.nth(usize::try_from(random % 20).unwrap());
        std::thread::sleep(Duration::from_micros(random % 2_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = generations.last().or(last).expect("the writer writes");
        let stored = generation(&path);
        assert!(
            stored == acknowledged || stored == acknowledged + 1,
            "round {round}: {acknowledged} acknowledged, {stored} stored"
        );
    }
}

/// Runs in a mount namespace of its own with a small file system at the given place.
#[test]
fn writer_on_a_full_disk() {
    let Ok(path) = std::env::var(STATE) else {
        return; // Only a part of the test below.
    };
    let (store, _) = Store::open(Path::new(&path)).unwrap();
    let commit = |changes| store.commit(changes).blocking_recv().unwrap();
    commit(vec![put("Kept", "old".to_owned())]).unwrap();
    let full = (0..1000).find_map(|n| {
        let large = put(&format!("Large{n}"), "x".repeat(50_000));
        commit(vec![put("Kept", n.to_string()), large])
            .err()
            .map(|error| (n, error))
    });
    let (n, error) = full.expect("the disk never fills up");
    assert_eq!(error, StoreError::Full);
    assert!(n > 1);
    drop(store);
    let (_, loaded) = Store::open(Path::new(&path)).unwrap();
    let kept = &loaded.nodes[0];
    assert_eq!(kept.0.to_string(), "./Kept");
    assert_eq!(kept.1.value.as_text(), Some((n - 1).to_string().as_str()));
}

#[test]
fn a_full_file_system_is_reported_as_full() {
    let directory = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=1m none \"$1\" && shift && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(directory.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "writer_on_a_full_disk", "--nocapture"])
        .env(STATE, directory.path().join("state.db"))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return println!("skipped: a_full_file_system: unshare: {error}"),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if !text.contains("running 1 test") {
        return println!("skipped: a_full_file_system: no mount namespace: {text}");
    }
    assert!(output.status.success(), "{text}");
}
