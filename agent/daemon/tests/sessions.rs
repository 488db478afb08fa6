//! What a real `omadmd` does when sessions do not go as they should.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "test: listens as a server of its own"
)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use common::{Client, Home, PATIENCE, accept, account};
use nix::sys::signal::Signal;
use serde_json::json;

/// Gives the account another address.
fn add_address(client: &mut Client, name: &str, address: &str) {
    let place = format!("./DMAcc/lab/AppAddr/{name}");
    client
        .ask("SetNode", json!({ "uri": place, "format": "node" }))
        .unwrap();
    let leaf = json!({ "uri": format!("{place}/Addr"), "value": address });
    client.ask("SetNode", leaf).unwrap();
}

/// Reads a request with its body.
fn request(line: &mut TcpStream) -> String {
    let mut reader = BufReader::new(line);
    let mut text = String::new();
    let mut length = 0;
    while !text.ends_with("\r\n\r\n") {
        let from = text.len();
        reader.read_line(&mut text).unwrap();
        let field = text[from..].to_ascii_lowercase();
        if let Some(value) = field.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}

fn listen() -> (TcpListener, String) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    (server, address)
}

#[test]
fn a_session_that_loses_its_bearer_begins_anew_at_the_next_address() {
    let ((first, one), (second, two)) = (listen(), listen());
    let home = Home::new("[schedule]\ninterval = \"1d\"\n[retry]\ninitial = \"1h\"\nmax = \"1h\"");
    let _daemon = home.start();
    let mut client = home.connect();
    client.ask("AddAccount", account("lab", &one)).unwrap();
    add_address(&mut client, "2", &two);
    add_address(&mut client, "3", "http://127.0.0.1:1/dm");
    client.send(&json!({ "method": "io.omadm.Agent.RunSession", "parameters": {} }));
    for (server, address) in [(first, one), (second, two)] {
        // It takes the message and says nothing.
        let mut line = accept(&server, PATIENCE).expect("nobody calls");
        let text = request(&mut line);
        assert!(
            text.contains(&format!("<LocURI>{address}</LocURI>")),
            "{text}"
        );
        assert!(text.contains("<Data>1201</Data>"), "{text}");
    }
    let session = client.receive()["parameters"]["session"].clone();
    assert_eq!(session["result"], "bearer-failed", "{session}");
    let detail = session["detail"].as_str().unwrap();
    assert!(detail.contains("127.0.0.1:1"), "{detail}");
    assert_eq!(client.status()["accounts"][0]["failures"], 1);
}

#[test]
fn a_session_that_loses_its_only_bearer_is_recorded() {
    let (server, address) = listen();
    let home = Home::new("");
    let _daemon = home.start();
    let mut client = home.connect();
    client.ask("AddAccount", account("lab", &address)).unwrap();
    client.send(&json!({ "method": "io.omadm.Agent.RunSession", "parameters": {} }));
    let mut line = accept(&server, PATIENCE).expect("nobody calls");
    request(&mut line);
    // It would be sent again on a new connection.
    drop(server);
    drop(line);
    let session = client.receive()["parameters"]["session"].clone();
    assert_eq!(session["result"], "bearer-failed", "{session}");
    let status = client.status();
    assert_eq!(status["accounts"][0]["failures"], 1, "{status}");
    assert_eq!(status["session"], json!(null));
}

#[test]
fn the_best_prospect_of_several_addresses_counts() {
    let home = Home::new("[schedule]\ninterval = \"1d\"\n[retry]\ninitial = \"1s\"\nmax = \"2d\"");
    let _daemon = home.start();
    let mut client = home.connect();
    client
        .ask("AddAccount", account("lab", "http://127.0.0.1:1/dm"))
        .unwrap();
    // Nothing but a change mends this one; the other may be there in a second.
    add_address(&mut client, "2", "ftp://127.0.0.1/dm");
    let session = client.ask("RunSession", json!({})).unwrap()["session"].clone();
    let detail = session["detail"].as_str().unwrap();
    assert!(
        detail.contains("127.0.0.1:1") && detail.contains("ftp"),
        "{detail}"
    );
    let from = Instant::now();
    while client.status()["accounts"][0]["failures"].as_i64() < Some(2) {
        assert!(from.elapsed() < PATIENCE, "it waits for half a day");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_server_that_answers_late_is_told_that_the_agent_stops() {
    let (server, address) = listen();
    let home = Home::new("");
    let daemon = home.start();
    let mut client = home.connect();
    client.ask("AddAccount", account("lab", &address)).unwrap();
    client.send(&json!({ "method": "io.omadm.Agent.RunSession", "parameters": {} }));
    let mut line = accept(&server, PATIENCE).expect("nobody calls");
    assert!(request(&mut line).contains("<Data>1201</Data>"));
    daemon.signal(Signal::SIGTERM);
    home.until("STOPPING=1");
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.syncml.dm+xml\r\n\
                  Content-Length: 9\r\n\r\n<SyncML/>";
    line.write_all(answer.as_bytes()).unwrap();
    assert!(request(&mut line).contains("<Data>1223</Data>"));
    line.write_all(answer.as_bytes()).unwrap();
    let from = Instant::now();
    let (status, log) = daemon.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(from.elapsed() < Duration::from_secs(1), "{log}");
}

#[test]
fn clients_that_give_up_waiting_free_their_places() {
    // It takes the connection and never answers.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let home = Home::new("");
    let daemon = home.start();
    home.connect()
        .ask("AddAccount", account("lab", &address))
        .unwrap();
    let run = json!({ "method": "io.omadm.Agent.RunSession", "parameters": {} });
    for _ in 0..60 {
        let mut client = home.connect();
        client.send(&run);
        // It has been heard, or it would not be a client that waits.
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(home.connect().status()["session"]["account"], "lab");
    daemon.stop();
}
