//! What a local client can do with a real `omadmd`: nodes, KPIs, accounts, sessions that fail.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "test: listens as a server that never answers"
)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use common::{Client, Home, PATIENCE, SECRET, account, refusal};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

#[test]
fn the_tree_is_read_and_written_under_its_description() {
    let home = Home::new("");
    let daemon = home.start();
    let mut client = home.connect();
    let nodes = client.ask("ListTree", json!({})).unwrap();
    let nodes = nodes["nodes"].as_array().unwrap();
    assert_eq!(nodes[0]["uri"], ".");
    let find = |uri: &str| nodes.iter().find(|node| node["uri"] == uri);
    let total = find("./DevInfo/DevId").expect("live leaves are listed");
    assert_eq!(total["value"], client.status()["device_id"]);

    let lang = json!({ "uri": "./DevInfo/Lang", "value": "de" });
    client.ask("SetNode", lang.clone()).unwrap();
    let read = |client: &mut Client| {
        let node = client
            .ask("GetNode", json!({ "uri": "./DevInfo/Lang" }))
            .unwrap();
        node["node"]["value"].clone()
    };
    assert_eq!(read(&mut client), "de");
    let refused = |client: &mut Client, method, parameters| {
        let (name, status) = refusal(client.ask(method, parameters));
        assert_eq!(name, "io.omadm.Agent.Refused");
        status
    };
    let set = |uri: &str, value: &str| json!({ "uri": uri, "value": value });
    assert_eq!(
        refused(&mut client, "SetNode", set("./DevInfo/DevId", "x")),
        405
    );
    assert_eq!(
        refused(&mut client, "SetNode", set("./DevInfo/Lang", "no language")),
        415
    );
    assert_eq!(
        refused(&mut client, "GetNode", json!({ "uri": "./Nothing" })),
        404
    );
    assert_eq!(
        refused(&mut client, "DeleteNode", json!({ "uri": "./DevInfo" })),
        405
    );
    let (name, _) = refusal(client.ask("GetNode", json!({ "uri": "/DevInfo" })));
    assert_eq!(name, "io.omadm.Agent.InvalidRequest");

    daemon.signal(Signal::SIGKILL);
    daemon.end();
    let _daemon = home.start();
    assert_eq!(read(&mut home.connect()), "de");
}

#[test]
fn kpis_are_read() {
    let home = Home::new("");
    let _daemon = home.start();
    let mut client = home.connect();
    let samples = client
        .ask("ReadKpis", json!({ "patterns": ["memory.*"] }))
        .unwrap();
    let samples = samples["samples"].as_array().unwrap();
    assert!(samples.iter().all(|sample| sample["group"] == "memory"));
    assert!(
        samples
            .iter()
            .any(|sample| sample["value"].as_f64() > Some(0.0))
    );
    let (name, _) = refusal(client.ask("ReadKpis", json!({ "patterns": ["nonsense"] })));
    assert_eq!(name, "io.omadm.Agent.InvalidRequest");
    let all = client.ask("ReadKpis", json!({ "patterns": [] })).unwrap();
    assert!(all["samples"].as_array().unwrap().len() > samples.len());
}

#[test]
fn accounts_come_and_go_and_keep_their_secrets() {
    let home = Home::new("log-level = \"trace\"");
    let daemon = home.start();
    let mut client = home.connect();
    client
        .ask("AddAccount", account("lab", "http://127.0.0.1:1/dm"))
        .unwrap();
    let (name, _) = refusal(client.ask("AddAccount", account("lab", "http://127.0.0.1:1/dm")));
    assert_eq!(name, "io.omadm.Agent.InvalidRequest");
    drop(client);
    let before = daemon.stop();

    let daemon = home.start();
    let mut client = home.connect();
    let listed = client.ask("ListAccounts", json!({})).unwrap();
    let lab = &listed["accounts"][0];
    assert_eq!(lab["name"], "lab");
    assert_eq!(lab["server_id"], "lab.example");
    assert_eq!(lab["client_auth"], "md5");
    assert_eq!(lab["allows_http"], true);
    assert!(lab["next_attempt"].is_string());
    let tree = client.ask("ListTree", json!({ "uri": "./DMAcc" })).unwrap();
    assert!(tree["nodes"].as_array().unwrap().len() > 5);
    let secret = json!({ "uri": "./DMAcc/lab/AppAuth/1/AAuthSecret" });
    let node = client.ask("GetNode", secret).unwrap();
    assert_eq!(node["node"]["status"], 405);
    let status = client.status();
    for shown in [&listed, &tree, &node, &status] {
        assert!(!shown.to_string().contains(SECRET), "{shown}");
    }

    client
        .ask("RemoveAccount", json!({ "name": "lab" }))
        .unwrap();
    let (name, _) = refusal(client.ask("RemoveAccount", json!({ "name": "lab" })));
    assert_eq!(name, "io.omadm.Agent.NotFound");
    assert_eq!(client.status()["accounts"], json!([]));
    let after = daemon.stop();
    assert!(!before.contains(SECRET) && !after.contains(SECRET));
    for entry in fs::read_dir(home.path("state")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let found = bytes
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes());
        assert!(!found, "{} still holds the secret", path.display());
    }
}

#[test]
fn a_session_that_fails_is_explained_and_tried_again() {
    let home = Home::new("[schedule]\ninterval = \"1d\"\n[retry]\ninitial = \"1h\"\nmax = \"2h\"");
    let daemon = home.start();
    let mut client = home.connect();
    let (name, _) = refusal(client.ask("RunSession", json!({})));
    assert_eq!(name, "io.omadm.Agent.NotFound");
    client
        .ask("AddAccount", account("lab", "http://127.0.0.1:1/dm"))
        .unwrap();
    let reply = client.ask("RunSession", json!({})).unwrap();
    let session = &reply["session"];
    assert_eq!(session["result"], "bearer-failed");
    let detail = session["detail"].as_str().unwrap();
    assert!(detail.contains("127.0.0.1:1"), "{detail}");
    let account = client.status()["accounts"][0].clone();
    assert_eq!(account["failures"], 1);
    assert_eq!(account["last_result"], "bearer-failed");
    assert!(account["next_attempt"].is_string());
    daemon.stop();
    let _daemon = home.start();
    assert_eq!(home.connect().status()["accounts"][0]["failures"], 1);
}

#[test]
fn retries_go_on_by_themselves() {
    let home =
        Home::new("[schedule]\ninterval = \"1d\"\n[retry]\ninitial = \"20ms\"\nmax = \"50ms\"");
    let _daemon = home.start();
    let mut client = home.connect();
    client
        .ask("AddAccount", account("lab", "http://127.0.0.1:1/dm"))
        .unwrap();
    client.ask("RunSession", json!({})).unwrap();
    let from = Instant::now();
    while client.status()["accounts"][0]["failures"].as_i64() < Some(5) {
        assert!(from.elapsed() < PATIENCE, "it gave up");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(client.status()["last_session"]["cause"], "retry");
}

#[test]
fn sessions_of_one_account_wait_for_one_another() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let home = Home::new("");
    let daemon = home.start();
    home.connect()
        .ask("AddAccount", account("lab", &address))
        .unwrap();
    let run = json!({ "method": "io.omadm.Agent.RunSession", "parameters": {} });
    let mut waiting: Vec<Client> = (0..3).map(|_| home.connect()).collect();
    for client in &mut waiting {
        client.send(&run);
    }
    let (mut line, _) = server.accept().unwrap();
    let mut request = [0; 5];
    line.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"POST ");
    let mut client = home.connect();
    let session = client.status()["session"].clone();
    assert_eq!(session["account"], "lab");
    assert_eq!(session["messages_sent"], 1);
    assert!(!session["session_id"].as_str().unwrap().is_empty());
    // What the session holds on to cannot be taken from under it; all else goes on.
    let (name, _) = refusal(client.ask("RemoveAccount", json!({ "name": "lab" })));
    assert_eq!(name, "io.omadm.Agent.Busy");
    client
        .ask("SetNode", json!({ "uri": "./DevInfo/Lang", "value": "fr" }))
        .unwrap();

    let from = Instant::now();
    daemon.signal(Signal::SIGTERM);
    let mut results: Vec<Value> = waiting.iter_mut().map(Client::receive).collect();
    results.sort_by_key(|reply| reply.get("error").is_some());
    assert_eq!(results[0]["parameters"]["session"]["result"], "cancelled");
    for refused in &results[1..] {
        assert_eq!(refused["error"], "io.omadm.Agent.Failed", "{refused}");
    }
    let (status, log) = daemon.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        from.elapsed() < Duration::from_secs(4),
        "{:?}",
        from.elapsed()
    );
}

#[test]
fn a_trace_takes_a_client_that_wants_more() {
    let home = Home::new("");
    let _daemon = home.start();
    let mut client = home.connect();
    client
        .ask("AddAccount", account("lab", "http://127.0.0.1:1/dm"))
        .unwrap();
    let (name, _) = refusal(client.ask("RunSession", json!({ "trace": true })));
    assert_eq!(name, "io.omadm.Agent.InvalidRequest");
}

#[test]
fn connections_are_bounded_and_freed() {
    let home = Home::new("");
    let _daemon = home.start();
    // Sixteen for everybody, four more for whoever may write.
    let mut clients: Vec<Client> = (0..20).map(|_| home.connect()).collect();
    for client in &mut clients {
        client.status();
    }
    let mut refused = UnixStream::connect(home.socket()).unwrap();
    assert_eq!(refused.read(&mut [0]).unwrap(), 0, "one too many");
    drop(clients);
    let from = Instant::now();
    loop {
        let mut stream = UnixStream::connect(home.socket()).unwrap();
        let call = b"{\"method\":\"io.omadm.Agent.GetStatus\"}\0";
        let answered =
            stream.write_all(call).is_ok() && stream.read(&mut [0]).is_ok_and(|n| n == 1);
        if answered {
            return;
        }
        assert!(from.elapsed() < PATIENCE, "the places are never freed");
    }
}
