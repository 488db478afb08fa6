//! Notifications that a local user hands to a real `omadmd`.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test: listens as a server of its own"
)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::{Client, Home, PATIENCE, SECRET, accept, account, refusal};
use omadm_syncml::{Initiator, Notification, Secret, UiMode};
use serde_json::{Value, json};

/// A notification of the server of account `lab`, for this session and with this nonce.
fn notification(session_id: u16, nonce: &[u8]) -> Vec<u8> {
    let notification = Notification {
        version: Notification::VERSION,
        ui_mode: UiMode::Background,
        initiator: Initiator::Server,
        session_id,
        server_id: "lab.example".to_owned(),
        vendor: Vec::new(),
    };
    let secret = Secret::from_text(SECRET);
    notification.seal("server", &secret, nonce).unwrap()
}

/// The account `lab`, whose server has been given the nonce `nonce`.
fn lab(client: &mut Client, address: &str) {
    let mut new = account("lab", address);
    new["account"]["server_nonce"] = json!(BASE64.encode("nonce"));
    client.ask("AddAccount", new).unwrap();
}

fn notify(client: &mut Client, octets: &[u8]) -> Result<Value, Value> {
    client.ask("Notify", json!({ "package": BASE64.encode(octets) }))
}

fn omadm(home: &Home, arguments: &[&str], file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_omadm"));
    command.arg("--socket").arg(home.socket());
    command.args(arguments).arg(file);
    command.output().unwrap()
}

/// The next message that comes to a server.
fn message(server: &TcpListener) -> String {
    let mut line = BufReader::new(accept(server, PATIENCE).expect("nobody calls"));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        line.read_line(&mut head).unwrap();
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
    line.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn a_notification_that_is_handed_over_begins_its_session_over_the_network() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let home = Home::new("[schedule]\ninterval = \"off\"");
    let _daemon = home.start();
    let mut client = home.connect();
    lab(&mut client, &address);
    let file = home.path("package0");
    fs::write(&file, notification(0xA1, b"nonce")).unwrap();
    let done = omadm(&home, &["notify", "--json"], &file);
    let error = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{error}");
    let reply: Value = serde_json::from_slice(&done.stdout).unwrap();
    let expected = json!({
        "account": "lab", "server_id": "lab.example", "session_id": "A1", "resynchronised": false,
    });
    assert_eq!(reply, expected);
    let first = message(&server);
    assert!(first.contains("<Data>1200</Data>"), "{first}");
    assert!(first.contains("<SessionID>A1</SessionID>"), "{first}");
    let status = client.status();
    assert_eq!(status["notifications"]["accepted"], 1, "{status}");
}

#[test]
fn a_local_user_is_told_why_a_notification_is_not_followed() {
    let home = Home::new("[schedule]\ninterval = \"off\"\n[retry]\ninitial = \"1h\"\nmax = \"1h\"");
    let daemon = home.start();
    let mut client = home.connect();
    let good = notification(7, b"nonce");
    let (name, _) = refusal(notify(&mut client, &good));
    assert_eq!(name, "io.omadm.Agent.NotFound");
    lab(&mut client, "http://127.0.0.1:1/dm");
    let (name, _) = refusal(notify(&mut client, b"rubbish"));
    assert_eq!(name, "io.omadm.Agent.InvalidRequest");
    let error = notify(&mut client, &notification(7, b"another")).unwrap_err();
    assert_eq!(error["error"], "io.omadm.Agent.Failed");
    assert!(
        error.to_string().contains("its digest fits neither"),
        "{error}"
    );
    let reply = notify(&mut client, &good).unwrap();
    assert_eq!(reply["session_id"], "7");
    // Over a crash it is known, whatever has become of its session.
    daemon.signal(nix::sys::signal::Signal::SIGKILL);
    let (_, log) = daemon.end();
    assert!(
        log.contains("does not prove") || log.contains("is ignored"),
        "{log}"
    );
    let _daemon = home.start();
    let mut client = home.connect();
    let error = notify(&mut client, &good).unwrap_err();
    assert!(error.to_string().contains("followed already"), "{error}");
    let file = home.path("package0");
    fs::write(&file, &good).unwrap();
    let done = omadm(&home, &["notify"], &file);
    assert_eq!(done.status.code(), Some(1));
    let text = String::from_utf8(done.stderr).unwrap();
    assert!(text.contains("account lab: it, or another one"), "{text}");
    let done = omadm(&home, &["status"], Path::new("--json"));
    let status: Value = serde_json::from_slice(&done.stdout).unwrap();
    let refused = &status["status"]["notifications"]["refused"];
    assert_eq!(*refused, json!([{ "reason": "repeated", "count": 2 }]));
    let done = Command::new(env!("CARGO_BIN_EXE_omadm"))
        .arg("--socket")
        .arg(home.socket())
        .arg("status")
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(
        text.contains("Notified      not followed: 2 repeated\n"),
        "{text}"
    );
}

#[test]
fn a_notification_does_not_wait_for_another_session() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let home = Home::new("[schedule]\ninterval = \"off\"");
    let _daemon = home.start();
    let mut client = home.connect();
    lab(&mut client, &address);
    client.send(&json!({ "method": "io.omadm.Agent.RunSession", "parameters": {} }));
    let line = accept(&server, PATIENCE).expect("nobody calls");
    let mut other = home.connect();
    let (name, _) = refusal(notify(&mut other, &notification(7, b"nonce")));
    assert_eq!(name, "io.omadm.Agent.Busy");
    drop((line, server));
    client.receive();
    let reply = notify(&mut other, &notification(7, b"nonce")).unwrap();
    assert_eq!(reply["account"], "lab");
}

#[test]
fn a_line_that_cannot_be_waited_on_is_shown_and_no_hindrance() {
    let home =
        Home::new("[obex]\nlisten = [\"unix+obex:///proc/none/obex.sock\"]\nauthenticate = true");
    let _daemon = home.start();
    let mut client = home.connect();
    let lines = client.status()["lines"].clone();
    assert_eq!(lines[0]["address"], "unix+obex:///proc/none/obex.sock");
    assert_eq!(lines[0]["state"], "away");
    let detail = lines[0]["detail"].as_str().unwrap();
    assert!(detail.contains("--obex-secret-file"), "{detail}");
    // An account brings what was missing: now it is the folder.
    let mut new = account("lab", "http://127.0.0.1:1/dm");
    new["account"]["settings"]["obex_secret"] = json!("secret");
    client.ask("AddAccount", new).unwrap();
    let detail = (0..500).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        let line = client.status()["lines"][0].clone();
        line["detail"].as_str().map(str::to_owned)
    });
    let detail = detail.expect("the folder is there");
    assert!(!detail.contains("--obex-secret-file"), "{detail}");
    home.configure("");
    client.ask("Reload", json!({})).unwrap();
    assert_eq!(client.status()["lines"], json!([]));
}
