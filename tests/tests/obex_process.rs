//! The real programs over serial cables and sockets: who begins, what breaks, and who goes on.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test: reads and writes files of its own"
)]

use omadm_tests::line::{Cable, LineSettings};
use omadm_tests::process::{Agent, Bench, SERVER_ID, Server};
use serde_json::Value;
use std::thread::sleep;
use std::time::{Duration, Instant};

const NAME: &str = "./DMAcc/bench/Name";

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(1);

/// A server and an agent with a cable between them, on which the agent waits.
struct Cabled {
    bench: Bench,
    cable: Cable,
}

fn line(cable: &Cable, end: usize, query: &str) -> String {
    format!("tty+obex://{}?{query}", cable.path(end).display())
}

fn cabled(scheme: &str, settings: &LineSettings, query: &str) -> Cabled {
    let folder = tempfile::tempdir().unwrap();
    let cable = Cable::new(folder.path(), settings).unwrap();
    let serial = format!("{}?{query}", cable.path(0).display());
    let server = Server::start(
        &folder.path().join("server"),
        SERVER_ID,
        &["--serial", &serial],
    );
    let listen = format!("[obex]\nlisten = [{:?}]", line(&cable, 1, query));
    let agent = Agent::start(&folder.path().join("agent"), &listen);
    let bench = Bench::acquainted(folder, server, agent, "wbxml", scheme);
    Cabled { bench, cable }
}

/// Waits until `holds`; says what it is that did not come about.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let from = Instant::now();
    while !holds() {
        assert!(from.elapsed() < LIMIT, "gave up waiting for {what}");
        sleep(Duration::from_millis(50));
    }
}

fn state(bench: &Bench, job: i64) -> Value {
    bench.server.json(&["job", "show", &job.to_string()])["state"].clone()
}

fn done(bench: &mut Bench, job: i64) {
    let from = Instant::now();
    while state(bench, job) != "done" {
        if from.elapsed() > LIMIT {
            let job = bench.server.json(&["job", "show", &job.to_string()]);
            let (server, agent) = (bench.server.process().log(), bench.agent.process().log());
            assert!(from.elapsed() < LIMIT, "{job}\n{server}\n{agent}");
        }
        sleep(Duration::from_millis(50));
    }
}

fn status(bench: &Bench) -> Value {
    bench.agent.json(&["status"])["status"].clone()
}

fn last_session(bench: &Bench) -> Value {
    status(bench)["last_session"].clone()
}

#[test]
fn a_server_begins_sessions_over_a_cable_whenever_it_has_something_to_do() {
    for query in ["baud=115200&entry=at", "baud=115200&entry=raw"] {
        let settings = LineSettings::answering(115_200, Duration::from_millis(1));
        let Cabled {
            mut bench,
            cable: _cable,
        } = cabled("md5", &settings, query);
        for round in ["one", "two"] {
            let job = bench.job(&["replace", NAME, "--value", round]);
            done(&mut bench, job);
            assert_eq!(bench.agent.value(NAME), round);
        }
        eventually("the session to end", || {
            last_session(&bench)["result"] == "completed"
        });
        let session = last_session(&bench);
        let cause = session["cause"].as_str().unwrap();
        assert!(cause.starts_with("notification "), "{session}");
        let notified = status(&bench)["notifications"].clone();
        assert_eq!(notified["refused"], Value::Array(Vec::new()), "{notified}");
    }
}

#[test]
fn a_digest_over_each_message_travels_over_a_cable_both_ways() {
    let settings = LineSettings::default();
    let Cabled {
        mut bench,
        cable: _cable,
    } = cabled("hmac", &settings, "baud=921600");
    for round in ["one", "two", "three"] {
        let job = bench.job(&["replace", NAME, "--value", round]);
        done(&mut bench, job);
        assert_eq!(bench.agent.value(NAME), round);
    }
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_put_completes_when_it_is_back() {
    for query in ["baud=9600&entry=at", "baud=9600&entry=raw"] {
        let settings = LineSettings::answering(9_600, Duration::from_millis(1));
        let Cabled { mut bench, cable } = cabled("md5", &settings, query);
        // Let the first look at an empty list of jobs pass.
        eventually("a first session", || !last_session(&bench).is_null());
        let value = "x".repeat(4000);
        let before = cable.counts().octets[0];
        let job = bench.job(&["replace", NAME, "--value", &value]);
        // Package 0 and the like are short; the message with the value takes four seconds.
        eventually("the message to be under way", || {
            cable.counts().octets[0] > before + 1500
        });
        bench.server.process().kill();
        bench.server.restart();
        done(&mut bench, job);
        assert_eq!(bench.agent.value(NAME), value);
    }
}

#[test]
fn a_cable_that_is_pulled_out_and_plugged_in_again_goes_on() {
    let settings = LineSettings::default();
    let Cabled {
        mut bench,
        mut cable,
    } = cabled("md5", &settings, "baud=115200");
    let job = bench.job(&["replace", NAME, "--value", "before"]);
    done(&mut bench, job);
    cable.unplug();
    eventually("the line to be away", || {
        status(&bench)["lines"][0]["state"] == "away"
    });
    let job = bench.job(&["replace", NAME, "--value", "after"]);
    sleep(Duration::from_millis(500));
    cable.plug(&settings).unwrap();
    done(&mut bench, job);
    assert_eq!(bench.agent.value(NAME), "after");
    let log = bench.agent.process().log();
    assert_eq!(log.matches("waiting for it").count(), 1, "{log}");
    assert_eq!(log.matches("is back").count(), 1, "{log}");
}

#[test]
fn a_device_dials_a_server_that_waits() {
    let folder = tempfile::tempdir().unwrap();
    let cable = Cable::new(folder.path(), &LineSettings::default()).unwrap();
    let socket = format!("unix+obex://{}", folder.path().join("dm.sock").display());
    let waits = line(&cable, 1, "baud=115200");
    let listen = ["--obex-listen", &waits, "--obex-listen", &socket];
    let server = Server::start(&folder.path().join("server"), SERVER_ID, &listen);
    let agent = Agent::start(&folder.path().join("agent"), "");
    let mut bench = Bench::acquainted(folder, server, agent, "xml", "hmac");
    for address in [
        line(&cable, 0, "entry=at"),
        line(&cable, 0, "entry=raw"),
        socket,
    ] {
        let job = bench.job(&["replace", NAME, "--value", &address]);
        let set = ["account", "set", "bench", "--address", &address];
        bench.agent.run(&set).expect_success();
        let session = bench.session();
        assert_eq!(session["result"], "completed", "{address}: {session}");
        assert_eq!(state(&bench, job), "done");
        assert_eq!(bench.agent.value(NAME), address);
    }
    bench.agent.stop();
}

#[test]
fn an_account_goes_on_at_its_next_address_when_a_line_breaks() {
    let folder = tempfile::tempdir().unwrap();
    // It breaks in the middle of the device's second message.
    let settings = LineSettings {
        hang_up_at: Some(3000),
        ..LineSettings::default()
    };
    let cable = Cable::new(folder.path(), &settings).unwrap();
    let waits = line(&cable, 1, "baud=921600");
    let listen = ["--obex-listen", &waits];
    let server = Server::start(&folder.path().join("server"), SERVER_ID, &listen);
    let agent = Agent::start(&folder.path().join("agent"), "");
    let mut bench = Bench::acquainted(folder, server, agent, "xml", "md5");
    let dead = "tty+obex:///dev/no-such-line";
    let near = line(&cable, 0, "baud=921600");
    let url = bench.server.url();
    let set = [
        "account",
        "set",
        "bench",
        "--address",
        dead,
        "--address",
        &near,
        "--address",
        &url,
    ];
    bench.agent.run(&set).expect_success();
    let job = bench.job(&["replace", NAME, "--value", "arrived"]);
    let session = bench.session();
    assert_eq!(session["result"], "completed", "{session}");
    assert_eq!(state(&bench, job), "done");
    assert_eq!(bench.agent.value(NAME), "arrived");
    let log = bench.agent.process().log();
    assert!(cable.is_out(), "{log}");
    assert_eq!(log.matches(" begins (").count(), 2, "{log}");
}

#[test]
fn a_notification_in_a_file_is_followed_once() {
    let bench = Bench::new("wbxml", "");
    // Both ends know each other's nonces from here on.
    assert_eq!(bench.session()["result"], "completed");
    let file = bench.folder().join("package0");
    let file = file.to_str().unwrap();
    bench
        .server
        .run(&["notify", &bench.device, "--to", file])
        .expect_success();
    let decoded = bench.agent.run(&["decode", file]).expect_success();
    assert!(
        decoded.contains(&format!("server id: {SERVER_ID}")),
        "{decoded}"
    );
    let job = bench.job(&["replace", NAME, "--value", "called"]);
    let followed = bench.agent.json(&["notify", file]);
    assert_eq!(followed["account"], "bench", "{followed}");
    assert_eq!(followed["resynchronised"], false, "{followed}");
    eventually("the job to be done", || state(&bench, job) == "done");
    eventually("the session to end", || status(&bench)["session"].is_null());
    let session = last_session(&bench);
    let cause = session["cause"].as_str().unwrap();
    assert!(cause.starts_with("notification "), "{session}");
    let again = bench.agent.run(&["notify", file]);
    assert_ne!(again.code, 0, "{again:?}");
    assert!(again.err.contains("account bench"), "{again:?}");
}
