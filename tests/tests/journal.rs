//! What the journal is told of real sessions: a socket of the test's own stands in the place of
//! the journal's, in a mount namespace.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "driver: runs the daemon in a namespace; a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use omadm_agent::event::Kind;
use omadm_tests::process::{Bench, PATIENCE, program};

/// An entry of the journal: its fields.
type Entry = BTreeMap<String, String>;

/// Reads an entry as it travels to the journal: `NAME=value` lines, or a name, the length in
/// eight octets and the value.
fn parse(mut datagram: &[u8]) -> Entry {
    let mut entry = Entry::new();
    while let Some(end) = datagram.iter().position(|octet| *octet == b'\n') {
        let line = String::from_utf8(datagram[..end].to_vec()).unwrap();
        datagram = &datagram[end + 1..];
        let (name, value) = if let Some((name, value)) = line.split_once('=') {
            (name.to_owned(), value.to_owned())
        } else {
            let length = u64::from_le_bytes(datagram[..8].try_into().unwrap());
            let length = usize::try_from(length).unwrap();
            let value = String::from_utf8(datagram[8..8 + length].to_vec()).unwrap();
            assert_eq!(datagram[8 + length], b'\n');
            datagram = &datagram[8 + length + 1..];
            (line, value)
        };
        assert_eq!(entry.insert(name.clone(), value), None, "{name} twice");
    }
    entry
}

/// The journal of one daemon.
struct Journal(UnixDatagram);

impl Journal {
    /// The entries up to the next of this kind, which is the last of them.
    fn until(&self, kind: Kind) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = self.0.recv(&mut buffer).unwrap_or_else(|error| {
                panic!("no {kind:?} in the journal: {error}; {entries:#?}");
            });
            // The first is empty: it only asks whether anybody listens.
            let entry = parse(&buffer[..length]);
            let wanted = entry.get("MESSAGE_ID").map(String::as_str) == Some(kind.message_id());
            entries.push(entry);
            if wanted {
                return entries;
            }
        }
    }

    fn next(&self, kind: Kind) -> Entry {
        self.until(kind).pop().unwrap()
    }
}

/// Whether this machine lets the test have a mount namespace.
fn may_unshare() -> bool {
    let tried = Command::new("unshare").args(["-m", "true"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}

/// Starts the daemon of the bench anew with a journal.
fn with_journal(bench: &mut Bench) -> Journal {
    bench.agent.stop();
    let folder = bench.folder().join("journal");
    fs::create_dir(&folder).unwrap();
    let socket = UnixDatagram::bind(folder.join("socket")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    // systemd names what standard error is connected to; the log file plays that part.
    let log = bench.folder().join("agent/omadmd.log");
    let log = File::open(log).unwrap().metadata().unwrap();
    let script = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && \
                  mount --bind \"$1\" /run/systemd/journal && shift && exec \"$@\"";
    let mut wrapped = Command::new("unshare");
    wrapped
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(&folder)
        .arg(program("omadmd"))
        .env("JOURNAL_STREAM", format!("{}:{}", log.dev(), log.ino()));
    bench.agent.restart_in(wrapped);
    Journal(socket)
}

fn field<'a>(entry: &'a Entry, name: &str) -> &'a str {
    entry.get(name).map_or("", String::as_str)
}

#[test]
fn a_session_is_found_by_its_fields() {
    if !may_unshare() {
        println!("skipped: a_session_is_found_by_its_fields: needs root for a mount namespace");
        return;
    }
    let mut bench = Bench::new("xml", "");
    let journal = with_journal(&mut bench);
    let ready = journal.next(Kind::Ready);
    assert_eq!(field(&ready, "PRIORITY"), "5");
    assert_eq!(field(&ready, "SYSLOG_IDENTIFIER"), "omadmd");
    assert!(field(&ready, "MESSAGE").contains(&bench.device));

    let state = bench.session();
    assert_eq!(state["result"], "completed", "{state}");
    let begun = journal.next(Kind::SessionBegun);
    let ended = journal.next(Kind::SessionEnded);
    for entry in [&begun, &ended] {
        assert_eq!(field(entry, "DM_SESSION_ID"), state["session_id"]);
        assert_eq!(field(entry, "DM_SERVER_ID"), "bench.example");
        assert_eq!(field(entry, "DM_BEARER"), "http");
        assert_eq!(entry.get("DM_STATUS"), None);
    }
    assert!(field(&ended, "MESSAGE").contains("completed"), "{ended:?}");

    bench
        .agent
        .run(&["account", "set", "bench", "--roaming", "deny"])
        .expect_success();
    let changed = journal.next(Kind::AccountChanged);
    assert_eq!(field(&changed, "DM_NODE_URI"), "./DMAcc/bench");
    assert_eq!(field(&changed, "DM_SERVER_ID"), "bench.example");
    bench
        .agent
        .run(&["account", "remove", "bench"])
        .expect_success();
    let removed = journal.next(Kind::AccountRemoved);
    assert_eq!(field(&removed, "DM_NODE_URI"), "./DMAcc/bench");
    bench.agent.configure("[session]\nwrong = 1\n");
    bench
        .agent
        .process()
        .signal(nix::sys::signal::Signal::SIGHUP);
    let refused = journal.next(Kind::ReloadRefused);
    assert_eq!(field(&refused, "PRIORITY"), "3");
    bench.agent.stop();
    journal.next(Kind::Stopped);
    assert!(
        journal
            .0
            .set_read_timeout(Some(Duration::from_millis(1)))
            .is_ok()
    );
    // The log on standard error stays empty from then on: nothing is said twice.
    let log = fs::read_to_string(bench.folder().join("agent/omadmd.log")).unwrap();
    assert!(!log.contains("begins"), "{log}");
}

#[test]
fn a_refused_device_is_found_by_its_status_and_no_secret_is_in_the_journal() {
    if !may_unshare() {
        println!(
            "skipped: a_refused_device_is_found_by_its_status: needs root for a mount namespace"
        );
        return;
    }
    let mut bench = Bench::new("wbxml", "");
    let wrong = bench.folder().join("wrong.secret");
    fs::write(&wrong, "wr0ng-secret\n").unwrap();
    let arguments = [
        "device",
        "add",
        &bench.device,
        "--replace",
        "--user",
        "device",
        "--secret-file",
        wrong.to_str().unwrap(),
        "--server-auth",
        "none",
    ];
    bench.server.run(&arguments).expect_success();
    let journal = with_journal(&mut bench);
    journal.next(Kind::Ready);
    let state = bench.session();
    assert_eq!(state["result"], "refused", "{state}");
    let entries = journal.until(Kind::SessionFailed);
    let refused = entries
        .iter()
        .find(|entry| field(entry, "MESSAGE_ID") == Kind::PeerRefused.message_id())
        .unwrap();
    assert_eq!(field(refused, "DM_STATUS"), "401");
    assert_eq!(field(refused, "DM_SERVER_ID"), "bench.example");
    assert_eq!(field(refused, "DM_SESSION_ID"), state["session_id"]);
    assert_eq!(field(refused, "PRIORITY"), "4");
    let all = format!("{entries:?}");
    for secret in ["device-s3cret", "server-s3cret", "wr0ng-secret"] {
        assert!(!all.contains(secret), "{all}");
    }
}
