//! Whole sessions of a real `omadmd` with a real `omadm-server` over loopback.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test: reads and writes files of its own"
)]

use std::fs;

use omadm_tests::process::{ACCOUNT, Bench};
use serde_json::Value;

const NAME: &str = "./DMAcc/bench/Name";

fn state(bench: &Bench, job: i64) -> String {
    let shown = bench.server.json(&["job", "show", &job.to_string()]);
    shown["state"].as_str().unwrap().to_owned()
}

fn messages(session: &Value) -> i64 {
    session["messages_sent"].as_i64().unwrap()
}

/// Every kind of job, in one session.
fn jobs(bench: &Bench) -> Vec<(i64, &'static str)> {
    let atomic = bench.folder().join("atomic");
    let lines = format!("replace {NAME} --value no\nreplace ./DevInfo/DevId --value no\n");
    fs::write(&atomic, lines).unwrap();
    let note = "./DMAcc/bench/Ext/Test/Note";
    vec![
        (bench.job(&["get", "./DevInfo?list=StructData"]), "done"),
        (
            bench.job(&["get", "./DiagMon/Memory/DiagMonData/RAM/TotalKB"]),
            "done",
        ),
        (bench.job(&["get", "./Nothing"]), "failed"),
        (bench.job(&["replace", NAME, "--value", "Bench"]), "done"),
        (bench.job(&["atomic", atomic.to_str().unwrap()]), "failed"),
        (bench.job(&["add", note, "--value", "x"]), "done"),
        (
            bench.job(&["copy", note, "./DMAcc/bench/Ext/Test/Copy"]),
            "done",
        ),
        (bench.job(&["delete", note]), "done"),
    ]
}

fn a_whole_session(encoding: &str) {
    let mut bench = Bench::new(encoding, "");
    let jobs = jobs(&bench);
    let first = bench.session();
    assert_eq!(first["result"], "completed", "{first}");
    assert_eq!(first["cause"], "user");
    for (job, expected) in &jobs {
        assert_eq!(state(&bench, *job), *expected, "job {job}");
    }
    // The Atomic rolled back, the commands around it did not.
    assert_eq!(bench.agent.value(NAME), "Bench");
    assert_eq!(bench.agent.value("./DMAcc/bench/Ext/Test/Copy"), "x");
    let gone = bench.agent.run(&["get", "./DMAcc/bench/Ext/Test/Note"]);
    assert_ne!(gone.code, 0);
    let total = bench.server.json(&["job", "show", &jobs[1].0.to_string()]);
    let known = fs::read_to_string("/proc/meminfo").unwrap();
    let known = known.split_whitespace().nth(1).unwrap().to_owned();
    assert!(total["results"].to_string().contains(&known), "{total}");

    // Both ends kept their nonces: the next session needs no challenge.
    bench.agent.kill();
    bench.agent.restart();
    let second = bench.session();
    assert_eq!(second["result"], "completed", "{second}");
    assert!(messages(&second) < messages(&first), "{first} {second}");
    assert_eq!(bench.agent.value(NAME), "Bench");
    assert_ne!(first["session_id"], second["session_id"]);
}

#[test]
fn a_whole_session_in_xml() {
    a_whole_session("xml");
}

#[test]
fn a_whole_session_in_wbxml() {
    a_whole_session("wbxml");
}

#[test]
fn a_server_that_is_away_is_met_when_it_is_back() {
    let retry = "[schedule]\ninterval = \"1d\"\n[retry]\ninitial = \"50ms\"\nmax = \"200ms\"";
    let mut bench = Bench::new("wbxml", retry);
    let job = bench.job(&["replace", NAME, "--value", "late"]);
    bench.server.stop();
    let failed = bench.session();
    assert_eq!(failed["result"], "bearer-failed", "{failed}");
    bench.server.restart();
    let waited = bench
        .server
        .run(&["job", "wait", &job.to_string(), "--timeout", "20"]);
    waited.expect_success();
    assert_eq!(bench.agent.value(NAME), "late");
    let status = bench.agent.json(&["status"]);
    assert_eq!(status["status"]["accounts"][0]["failures"], 0, "{status}");
}

#[test]
fn a_wrong_secret_is_named_and_nothing_is_obeyed() {
    let bench = Bench::new("xml", "");
    let wrong = bench.folder().join("wrong.secret");
    fs::write(&wrong, "wrong\n").unwrap();
    let wrong = wrong.to_str().unwrap();
    let device = bench.device.as_str();
    let again = [
        "device",
        "add",
        device,
        "--replace",
        "--user",
        "device",
        "--server-secret-file",
        wrong,
    ];
    let own = bench.folder().join("device.secret");
    let own = own.to_str().unwrap();
    let arguments = [again.as_slice(), &["--secret-file", own]].concat();
    bench.server.run(&arguments).expect_success();
    let job = bench.job(&["replace", NAME, "--value", "obeyed"]);
    let session = bench.session();
    assert_eq!(session["result"], "refused", "{session}");
    let detail = session["detail"].as_str().unwrap();
    assert!(detail.contains("SRVCRED"), "{detail}");
    assert!(messages(&session) < 10, "{session}");
    assert_ne!(state(&bench, job), "done");
    assert_ne!(bench.agent.run(&["get", NAME]).out.trim(), "obeyed");
}

#[test]
fn secrets_are_in_no_trace_and_no_log() {
    let mut bench = Bench::new("xml", "");
    bench.job(&["get", "./DMAcc?list=StructData"]);
    bench.job(&["get", "./DMAcc/bench/AppAuth/1/AAuthSecret"]);
    let traced = bench
        .agent
        .run(&["session", "--account", ACCOUNT, "--trace", "--json"]);
    let report: Value = serde_json::from_str(&traced.out).unwrap();
    let entries = report["entries"].as_array().unwrap();
    assert!(entries.len() >= 4, "{}", traced.out);
    assert_eq!(entries[0]["direction"], "sent");
    assert_eq!(entries[0]["package"], 1);
    assert_eq!(entries[1]["package"], 2);
    let log = bench.agent.process().log();
    for text in [&traced.out, &log] {
        for secret in ["device-s3cret", "server-s3cret"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn an_agent_that_stops_says_so() {
    let mut bench = Bench::new("wbxml", "");
    bench.session();
    bench.agent.stop();
    assert!(!bench.agent.socket().exists());
    bench.agent.restart();
    assert_eq!(bench.agent.device_id(), bench.device);
}
