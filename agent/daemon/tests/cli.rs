//! The command `omadm` as a process: what it prints, what it asks a daemon for, how it exits.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "driver: runs the program against files and sockets of its own; a test may panic"
)]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

fn omadm(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_omadm"));
    command.args(arguments).env_remove("NO_COLOR");
    command.stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    omadm(arguments).output().unwrap()
}

/// Runs with this on standard input.
fn fed(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = omadm(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = feeder.join().unwrap();
    output
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

/// Asserts the exit code and that standard error is one sentence.
fn refused(output: &Output, code: i32, said: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(said), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("omadm: "), "{stderr}");
}

fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

fn vector(name: &str) -> Vec<u8> {
    let vectors: Json =
        serde_json::from_str(include_str!("../../../tests/vectors/wbxml.json")).unwrap();
    let value = vectors[name].as_str().unwrap();
    if value.starts_with('<') {
        return value.as_bytes().to_vec();
    }
    let digits: Vec<u32> = value
        .chars()
        .map(|digit| digit.to_digit(16).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

const PACKAGE_1: &str = "\
SyncML
  SyncHdr
    VerDTD 1.2
    VerProto DM/1.2
    SessionID 1
    MsgID 1
    Target
      LocURI http://s/dm
    Source
      LocURI IMEI:1
    Cred
      Meta
        Format b64
        Type syncml:auth-basic
      Data QnJ1Y2UyOk9oQmVoYXZl
    Meta
      MaxMsgSize 5000
  SyncBody
    Alert
      CmdID 1
      Data 1201 (client-initiated management)
    Replace
      CmdID 2
      Item
        Source
          LocURI ./DevInfo/DevId
        Data IMEI:1";

#[test]
fn a_message_of_either_encoding_is_printed_readably() {
    for (name, heading) in [
        ("V1_package1_wbxml12", "wbxml, 197 bytes"),
        ("V1_package1_wbxml13", "wbxml, 197 bytes"),
    ] {
        let printed = done(&fed(&["decode", "-"], &vector(name)));
        let expected = format!("{heading}\n{PACKAGE_1} (6 octets)\n    Final\n");
        assert_eq!(printed, expected, "{name}");
    }
    let printed = done(&fed(&["decode", "-"], &vector("V1_xml")));
    let (_, body) = printed.split_once('\n').unwrap();
    assert_eq!(body, format!("{PACKAGE_1}\n    Final\n"));
}

#[test]
fn a_document_inside_a_document_is_printed_too() {
    let printed = done(&fed(&["decode", "-"], &vector("V2_add_inbox_tnds")));
    assert!(
        printed.contains("Data (76 octets, a document:)\n"),
        "{printed}"
    );
    assert!(printed.contains("MgmtTree\n"), "{printed}");
    assert!(printed.contains("NodeName A\n"), "{printed}");
    let xml = text(
        &fed(
            &["encode", "--to", "xml", "-"],
            &vector("V2_add_inbox_tnds"),
        )
        .stdout,
    );
    assert!(xml.contains("application/vnd.syncml.dmtnds+xml"), "{xml}");
    assert!(xml.contains("<NodeName>A</NodeName>"), "{xml}");
    let json: Json = serde_json::from_str(&done(&fed(
        &["decode", "--json", "-"],
        &vector("V2_add_inbox_tnds"),
    )))
    .unwrap();
    let all = json.to_string();
    assert!(all.contains("\"opaque\":true"), "{all}");
    assert!(all.contains("\"namespace\":\"syncml:dmddf1.2\""), "{all}");
}

#[test]
fn documents_go_through_every_form_unchanged() {
    for name in ["V1_package1_wbxml12", "V1_xml", "V2_add_inbox_tnds"] {
        let json = fed(&["decode", "--json", "-"], &vector(name));
        let first: Json = serde_json::from_slice(&json.stdout).unwrap();
        for to in ["wbxml", "xml"] {
            let encoded = fed(&["encode", "--to", to, "-"], &json.stdout);
            done_octets(&encoded);
            let again = fed(&["decode", "--json", "-"], &encoded.stdout);
            let again: Json = serde_json::from_str(&done(&again)).unwrap();
            assert_eq!(again["encoding"], to);
            if to == "wbxml" || name == "V1_xml" {
                assert_eq!(
                    elements(&again["document"]),
                    elements(&first["document"]),
                    "{name} {to}"
                );
            }
        }
    }
}

fn done_octets(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// Every element's name and text, without what only the encodings differ in.
fn elements(element: &Json) -> Vec<String> {
    let mut found = vec![format!("{}{}", element["namespace"], element["name"])];
    for child in element["children"].as_array().unwrap() {
        if child.get("name").is_some() {
            found.extend(elements(child));
        } else if let Some(text) = child["text"].as_str() {
            found.extend(Some(text.trim().to_owned()).filter(|text| !text.is_empty()));
        } else {
            found.push(child["base64"].to_string());
        }
    }
    found
}

#[test]
fn bad_input_is_told_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.wbxml");
    std::fs::write(&path, &vector("V1_package1_wbxml12")[..40]).unwrap();
    refused(&run(&["decode", path.to_str().unwrap()]), 65, "byte 37");
    refused(
        &fed(&["decode", "-"], b"hello"),
        65,
        "neither XML nor WBXML",
    );
    refused(&fed(&["decode", "-"], b""), 65, "nothing in it");
    refused(&fed(&["decode", "-"], b"<a><b></a>"), 65, "byte");
    refused(
        &fed(&["encode", "--to", "xml", "-"], b"{\"a\": 1}"),
        65,
        "decode --json",
    );
    refused(
        &run(&["decode", "/nonexistent/file"]),
        66,
        "/nonexistent/file",
    );
    refused(&run(&["decode", "/"]), 66, "directory");
}

#[test]
fn a_strangers_document_cannot_steer_the_terminal() {
    let hostile = "<SyncML><x>\u{9b}2J &#x9;bell</x><y>\u{202e}abc</y></SyncML>";
    let printed = done(&fed(&["decode", "-"], hostile.as_bytes()));
    assert!(
        !printed.contains(['\u{9b}', '\t', '\u{202e}', '\u{1b}']),
        "{printed:?}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for arguments in [
        vec!["kpi", "--all"],
        vec!["kpi", "--openmetrics"],
        vec!["ddf", "export", "dmacc"],
        vec!["--help"],
    ] {
        let mut command = omadm(&arguments);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {:?}",
            output.status
        );
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: an_output_that_cannot_be_written_is_an_error: no /dev/full");
        return;
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = omadm(&["ddf", "list"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    refused(&output, 74, "cannot write the output");
}

#[test]
fn without_a_daemon_the_mend_is_told() {
    for arguments in [
        vec!["status"],
        vec!["session"],
        vec!["tree"],
        vec!["get", "./DevInfo/DevId"],
        vec!["set", "./DevInfo/Lang", "de"],
        vec!["delete", "./DMAcc/x"],
        vec!["account", "list"],
        vec!["account", "remove", "x"],
    ] {
        let arguments = [&["--socket", "/nonexistent/socket"], arguments.as_slice()].concat();
        refused(&run(&arguments), 69, "systemctl start omadmd");
    }
}

#[test]
fn help_is_there_for_every_verb_and_mistakes_are_usage_errors() {
    for verb in [
        "status", "session", "tree", "get", "set", "delete", "kpi", "account", "check", "decode",
        "encode", "ddf",
    ] {
        let help = done(&run(&[verb, "--help"]));
        assert!(help.contains("Usage:"), "{help}");
    }
    assert!(done(&run(&["--version"])).starts_with("omadm "));
    for wrong in [
        vec![],
        vec!["nonsense"],
        vec!["get"],
        vec!["kpi", "nonsense"],
        vec!["ddf", "export", "x"],
    ] {
        let output = run(&wrong);
        assert_eq!(output.status.code(), Some(64), "{wrong:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn kpis_are_read_from_this_machine() {
    let table = done(&run(&["kpi", "memory.total", "link.*"]));
    assert!(table.starts_with("KPI"), "{table}");
    assert!(
        table
            .lines()
            .any(|line| line.starts_with("memory.total ") && line.ends_with("iB")),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'));
    let json: Json = serde_json::from_str(&done(&run(&["kpi", "--json", "memory.total"]))).unwrap();
    let samples = json["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 1);
    assert!(samples[0]["value"].as_f64().unwrap() > 1e6, "{json}");
    let metrics = done(&run(&["kpi", "--openmetrics"]));
    assert!(metrics.ends_with("\n# EOF\n"));
    assert!(metrics.contains("\nomadm_memory_total_bytes "), "{metrics}");
}

#[test]
fn a_configuration_is_checked() {
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/agent.toml");
    let said = done(&run(&["check", "--config", good]));
    assert!(said.ends_with("the configuration is good\n"), "{said}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.toml");
    std::fs::write(&path, "log-levle = \"info\"\n").unwrap();
    let output = run(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78));
    let found = text(&output.stdout) + &text(&output.stderr);
    assert!(found.contains("agent.toml:1:1"), "{found}");
}

/// A daemon that gives one connection these answers and tells what it was asked.
struct Daemon {
    dir: TempDir,
    asked: JoinHandle<Vec<Json>>,
}

impl Daemon {
    fn that_answers(answers: Vec<Vec<Json>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("socket")).unwrap();
        let asked = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut asked = Vec::new();
            for replies in answers {
                let mut call = Vec::new();
                reader.read_until(0, &mut call).unwrap();
                assert_eq!(call.pop(), Some(0));
                asked.push(serde_json::from_slice(&call).unwrap());
                for reply in replies {
                    let mut message = serde_json::to_vec(&reply).unwrap();
                    message.push(0);
                    (&stream).write_all(&message).unwrap();
                }
            }
            asked
        });
        Self { dir, asked }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        let socket = self.socket();
        fed(
            &[&["--socket", socket.to_str().unwrap()], arguments].concat(),
            input,
        )
    }

    fn asked(self) -> Vec<Json> {
        self.asked.join().unwrap()
    }
}

fn reply(parameters: &Json) -> Vec<Json> {
    vec![json!({ "parameters": parameters })]
}

#[test]
fn an_account_is_made_with_secrets_from_files_and_standard_input() {
    let daemon = Daemon::that_answers(vec![reply(&json!({}))]);
    let secret = daemon.dir.path().join("secret");
    std::fs::write(&secret, "theirs\n").unwrap();
    let arguments = [
        "account",
        "add",
        "lab",
        "--server-id",
        "lab.example",
        "--address",
        "http://192.0.2.1/dm",
        "--allow-http",
        "--secret-file",
        "-",
        "--server-secret-file",
        secret.to_str().unwrap(),
        "--server-auth",
        "basic",
    ];
    done(&daemon.run(&arguments, b"mine\n"));
    let asked = daemon.asked();
    assert_eq!(asked[0]["method"], "io.omadm.Agent.AddAccount");
    let account = &asked[0]["parameters"]["account"];
    assert_eq!(account["client_secret"], "mine");
    assert_eq!(account["server_secret"], "theirs");
    assert_eq!(
        (&account["client_auth"], &account["server_auth"]),
        (&json!("md5"), &json!("basic"))
    );
    assert_eq!(account["settings"], json!({ "allows_http": true }));
}

#[test]
fn without_a_terminal_a_missing_secret_is_a_usage_error() {
    let output = run(&[
        "account",
        "add",
        "lab",
        "--server-id",
        "x",
        "--address",
        "https://x/",
    ]);
    refused(&output, 64, "--client-secret-file");
}

#[test]
fn refusals_of_the_daemon_have_their_exit_codes() {
    for (name, parameters, code, said) in [
        (
            "PermissionDenied",
            json!({"message": "only root may do this"}),
            77,
            "only root may do this",
        ),
        (
            "Busy",
            json!({"message": "a session runs"}),
            75,
            "a session runs",
        ),
        (
            "Refused",
            json!({"status": 405, "uri": "./DevInfo/DevId", "message": "command not allowed"}),
            1,
            "405",
        ),
    ] {
        let name = format!("io.omadm.Agent.{name}");
        let daemon =
            Daemon::that_answers(vec![vec![json!({"error": name, "parameters": parameters})]]);
        let output = daemon.run(&["set", "./DevInfo/DevId", "x"], b"");
        refused(&output, code, said);
        assert_eq!(
            daemon.asked()[0]["parameters"],
            json!({"uri": "./DevInfo/DevId", "value": "x"})
        );
    }
}

fn session_replies(result: &str) -> Vec<Json> {
    let xml = text(&vector("V1_xml"));
    let entry = json!({"direction": "sent", "package": 1, "media_type": "application/vnd.syncml.dm+xml",
        "bytes": 999, "xml": xml});
    let session = json!({"account": "lab", "server_id": "s", "session_id": "7", "cause": "user", "seconds": 0.5,
        "messages_sent": 1, "messages_received": 0, "bytes_sent": 999, "bytes_received": 0, "commands": 0,
        "result": result});
    vec![
        json!({"continues": true, "parameters": {"entry": entry}}),
        json!({"parameters": {"session": session}}),
    ]
}

#[test]
fn a_session_is_traced_on_the_terminal_in_a_file_and_in_json() {
    let daemon = Daemon::that_answers(vec![session_replies("completed")]);
    let printed = done(&daemon.run(&["session", "--account", "lab", "--trace"], b""));
    assert!(
        printed.starts_with(
            "Pkg 1 ->  999 bytes, application/vnd.syncml.dm+xml\n  SyncHdr  session 1"
        ),
        "{printed}"
    );
    assert!(
        printed.contains("\n  Alert 1  1201 (client-initiated management)\n"),
        "{printed}"
    );
    assert!(
        printed.contains("\n    ./DevInfo/DevId = IMEI:1\n"),
        "{printed}"
    );
    assert!(
        printed.contains("\nsession 7 with lab (user), completed in 0.500 s"),
        "{printed}"
    );
    let asked = daemon.asked();
    assert_eq!(asked[0]["more"], true);
    assert_eq!(
        asked[0]["parameters"],
        json!({"account": "lab", "trace": true})
    );

    let daemon = Daemon::that_answers(vec![session_replies("completed")]);
    let file = daemon.dir.path().join("trace.txt");
    let printed = done(&daemon.run(&["session", "--trace", file.to_str().unwrap()], b""));
    assert!(printed.starts_with("session 7"), "{printed}");
    let trace = std::fs::read_to_string(&file).unwrap();
    assert!(
        trace.contains("      Data 1201 (client-initiated management)\n"),
        "{trace}"
    );

    let daemon = Daemon::that_answers(vec![session_replies("completed")]);
    let printed = done(&daemon.run(&["session", "--trace", "--json"], b""));
    let json: Json = serde_json::from_str(&printed).unwrap();
    assert_eq!(json["entries"][0]["package"], 1);
    assert_eq!(json["session"]["result"], "completed");
}

#[test]
fn a_session_that_fails_is_a_failure() {
    let daemon = Daemon::that_answers(vec![session_replies("bearer-failed")]);
    let output = daemon.run(&["session"], b"");
    refused(&output, 1, "the session was not completed: bearer-failed");
}

#[test]
fn values_are_printed_alone_for_scripts() {
    let node =
        |value: &str| reply(&json!({"node": {"uri": "./x", "format": "chr", "value": value}}));
    let daemon = Daemon::that_answers(vec![node("one"), node("two\nlines")]);
    let printed = done(&daemon.run(&["get", "--value", "./a", "./b"], b""));
    assert_eq!(printed, "one\ntwo\nlines\n");
    let asked = daemon.asked();
    assert_eq!(asked[1]["parameters"], json!({"uri": "./b"}));
}

#[test]
fn descriptions_are_exported_in_both_encodings() {
    let list: Json = serde_json::from_str(&done(&run(&["ddf", "list", "--json"]))).unwrap();
    for ddf in list["ddfs"].as_array().unwrap() {
        let name = ddf["name"].as_str().unwrap();
        let xml = run(&["ddf", "export", name]);
        let wbxml = run(&["ddf", "export", name, "--to", "wbxml"]);
        let decoded = |input: &[u8]| {
            let json: Json =
                serde_json::from_str(&done(&fed(&["decode", "--json", "-"], input))).unwrap();
            elements(&json["document"])
        };
        assert_eq!(decoded(&wbxml.stdout), decoded(&xml.stdout), "{name}");
        assert!(wbxml.stdout.len() * 2 < xml.stdout.len(), "{name}");
    }
}

#[test]
fn a_copied_device_gets_an_identity_of_its_own_by_command() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("agent.toml");
    let state = dir.path().join("state");
    std::fs::write(&config, format!("state-dir = {state:?}\n")).unwrap();
    let choose = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_omadmd"));
        let output = command
            .args(["--new-device-id", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        done_octets(&output);
        text(&output.stdout).trim().to_owned()
    };
    assert!(choose().starts_with("urn:uuid:"));
    let stored = || rusqlite::Connection::open(state.join("state.db")).unwrap();
    let sql = "UPDATE meta SET value = 'urn:uuid:of-the-original' WHERE key = 'dev-id'";
    assert_eq!(stored().execute(sql, []).unwrap(), 1);
    let chosen = choose();
    assert!(!chosen.contains("original"), "{chosen}");
    let second = choose();
    assert_ne!(second, chosen, "the machine-id may be a copy as well");
    let third = choose();
    assert!(third != second && third != chosen, "{third}");
    let chosen = third;
    let sql = "SELECT value FROM meta WHERE key = 'dev-id'";
    let kept: String = stored().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, chosen);
}
