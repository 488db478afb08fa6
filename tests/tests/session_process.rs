//! Whole sessions of a real `omadmd` with a real `omadm-server` over loopback.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test: reads and writes files of its own"
)]

use std::fs;
use std::path::Path;

use omadm_tests::process::{ACCOUNT, Agent, Bench, Server};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
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

#[test]
fn a_server_that_deletes_its_account_is_forgotten() {
    let mut bench = Bench::new("wbxml", "");
    let job = bench.job(&["delete", "./DMAcc/bench"]);
    let session = bench.session();
    assert_eq!(session["result"], "completed", "{session}");
    assert_eq!(state(&bench, job), "done");
    let accounts = |bench: &Bench| bench.agent.json(&["account", "list"])["accounts"].clone();
    assert_eq!(accounts(&bench), serde_json::json!([]));
    bench.agent.stop();
    for entry in fs::read_dir(bench.agent.state()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("server-s3cret"), "the secret is still there");
    }
    bench.agent.restart();
    assert_eq!(accounts(&bench), serde_json::json!([]));
    let log = bench.agent.process().log();
    assert!(!log.contains("kept but not shown"), "{log}");
}

/// A certificate authority's certificate, and a certificate and key for 127.0.0.1, in files.
fn authority(folder: &Path) -> [String; 3] {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    let key = KeyPair::generate().unwrap();
    let own = params.signed_by(&key, &issuer).unwrap();
    let file = |name: &str, text: String| {
        fs::write(folder.join(name), text).unwrap();
        folder.join(name).to_str().unwrap().to_owned()
    };
    [
        file("ca.pem", issuer.as_ref().pem()),
        file("cert.pem", own.pem()),
        file("key.pem", key.serialize_pem()),
    ]
}

/// Result and detail of a session of an account that is made with these options.
fn session_with(agent: &Agent, url: &str, secret: &str, more: &[&str]) -> (String, String) {
    let add = [
        "account",
        "add",
        "tls",
        "--server-id",
        "tls.example",
        "--address",
        url,
    ];
    let own = ["--client-name", "device", "--client-secret-file", secret];
    agent
        .run(&[&add[..], &own[..], more].concat())
        .expect_success();
    let report = agent.json(&["session"]);
    agent.run(&["account", "remove", "tls"]).expect_success();
    let text = |key: &str| {
        report["session"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (text("result"), text("detail"))
}

#[test]
fn tls_stands_in_for_the_server_only_where_the_account_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let [ca, cert, key] = authority(folder.path());
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    let server = Server::start(&folder.path().join("server"), "tls.example", &tls);
    let agent = Agent::start(&folder.path().join("agent"), "");
    let device = agent.device_id();
    let secret = folder.path().join("secret");
    fs::write(&secret, "device-s3cret\n").unwrap();
    let secret = secret.to_str().unwrap();
    let register = [
        "device",
        "add",
        &device,
        "--user",
        "device",
        "--secret-file",
        secret,
    ];
    let register = [&register[..], &["--server-auth", "none"]].concat();
    server.run(&register).expect_success();
    let job = server.json(&["job", "add", &device, "get", "./DevInfo?list=Struct"]);
    assert_eq!(job["job"], 1);

    let url = server.url();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let session = |more: &[&str]| session_with(&agent, &url, secret, more);
    // The machine's own authorities do not know this server.
    let (word, detail) = session(&["--accept-tls", "--server-auth", "none"]);
    assert_eq!(word, "bearer-failed");
    assert!(detail.contains("TLS"), "{detail}");
    // TLS proves the server, but this account wants its credentials all the same.
    let (word, detail) = session(&["--ca-file", &ca, "--server-secret-file", secret]);
    assert_eq!(word, "aborted-by-server", "{detail}");
    assert!(detail.contains("did not authenticate itself"), "{detail}");
    assert_ne!(server.json(&["job", "show", "1"])["state"], "done");
    // This one takes the certificate instead.
    let (word, detail) = session(&["--ca-file", &ca, "--accept-tls", "--server-auth", "none"]);
    assert_eq!(word, "completed", "{detail}");
    assert_eq!(server.json(&["job", "show", "1"])["state"], "done");
}
