//! The real programs with a digest over each message, and what they say of refusals.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test: reads and writes files of its own"
)]

use std::fs;

use omadm_tests::process::Bench;
use serde_json::Value;

const NAME: &str = "./DMAcc/bench/Name";

#[test]
fn digests_travel_in_headers_of_http_both_ways() {
    for encoding in ["xml", "wbxml"] {
        let mut bench = Bench::proven_by("hmac", encoding);
        for round in ["one", "two", "three"] {
            bench.job(&["replace", NAME, "--value", round]);
            let session = bench.session();
            assert_eq!(session["result"], "completed", "{session}");
            assert_eq!(bench.agent.value(NAME), round);
            if round == "three" {
                assert_eq!(session["refusals"], Value::Array(Vec::new()), "{session}");
            }
            // What both ends remember survives the power.
            bench.agent.kill();
            bench.agent.restart();
        }
        let accounts = bench.agent.json(&["account", "list"]);
        let account = &accounts["accounts"][0];
        assert_eq!(
            (&account["client_auth"], &account["server_auth"]),
            (&"hmac".into(), &"hmac".into())
        );
        let device = bench.device.clone();
        let shown = bench.server.json(&["device", "show", &device]);
        assert_eq!(shown["client"]["auth"], "hmac", "{shown}");
    }
}

/// Text without the ends of lines that fold it.
fn unfolded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The device's secret is another one now.
fn estrange(bench: &Bench) {
    let wrong = bench.folder().join("wrong.secret");
    fs::write(&wrong, "wrong\n").unwrap();
    let server = bench.folder().join("server.secret");
    let (wrong, server) = (wrong.to_str().unwrap(), server.to_str().unwrap());
    let again = [
        "device",
        "add",
        &bench.device,
        "--replace",
        "--user",
        "device",
        "--auth",
        "hmac",
        "--server-auth",
        "hmac",
        "--secret-file",
        wrong,
        "--server-secret-file",
        server,
    ];
    let added = bench.server.json(&again);
    let command = added["command"].as_str().unwrap();
    assert!(
        command.contains("--client-auth hmac") && command.contains("--server-auth hmac"),
        "{command}"
    );
}

#[test]
fn both_programs_say_who_refused_what_and_how_to_mend_it() {
    let mut bench = Bench::proven_by("hmac", "xml");
    bench.job(&["replace", NAME, "--value", "one"]);
    assert_eq!(bench.session()["result"], "completed");
    estrange(&bench);
    let session = bench.session();
    assert_eq!(session["result"], "refused", "{session}");
    let refusal = &session["refusals"][0];
    assert_eq!(refusal["by"], "server", "{session}");
    assert_eq!(refusal["what"], "credential", "{session}");
    let mend = refusal["mend"].as_str().unwrap();
    assert!(mend.contains("CLCRED"), "{mend}");
    let status = bench.agent.json(&["status"]);
    assert_eq!(
        status["status"]["last_session"]["refusals"],
        session["refusals"]
    );
    let text = unfolded(&bench.agent.run(&["status"]).out);
    assert!(text.contains("server refuses credential: "), "{text}");
    assert!(text.contains(mend), "{text}");
    let log = bench.agent.process().log();
    assert!(
        log.contains("server refuses credential: ") && log.contains(mend),
        "{log}"
    );

    let sessions = bench.server.json(&["session", "list"]);
    let refused = sessions.as_array().unwrap().last().unwrap();
    assert_eq!(refused["refusals"][0]["by"], "server", "{refused}");
    assert_eq!(refused["refusals"][0]["what"], "credential", "{refused}");
    let number = refused["id"].to_string();
    let text = unfolded(&bench.server.run(&["session", "show", &number]).out);
    assert!(
        text.contains("server refuses credential: wrong secret (the nonce was fresh)"),
        "{text}"
    );
    let log = bench.server.process().log();
    assert!(log.contains("server refuses credential: "), "{log}");
}
