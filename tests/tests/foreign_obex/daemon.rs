//! Whole sessions between a real `omadmd` and a real `omadm-server` that a foreign stack carries:
//! OBEX to the one, HTTP to the other.

use crate::stacks::{Desk, LIBOPENOBEX, PYOBEX, Stack};

use omadm_tests::canned;
use omadm_tests::process::{Bench, Ended, SERVER_ID};

const NAME: &str = "./DMAcc/bench/Name";

/// What the server proves itself with, as [`Bench`] has introduced it.
const SECRET: &str = "server-s3cret";

/// The nonce of a server that has lost the one that the device expects: nobody is told it yet.
const RESYNC: [u8; 4] = [0; 4];

fn session(desk: &Desk, bench: &Bench, line: &str, media_type: &str) -> Ended {
    let package_0 = canned::package_0(SERVER_ID, SECRET, &RESYNC, 0xA1);
    let package_0 = desk.write("package0", &package_0);
    let arguments = ["session", "--type", media_type, "--package0", &package_0];
    desk.run(
        line,
        1024,
        &[&arguments[..], &["--server", &bench.server.url()]].concat(),
    )
}

fn a_daemon(test: &str, stack: Stack, scheme: &str, encoding: &str) {
    let Some(desk) = Desk::new(test, stack) else {
        return;
    };
    let socket = desk.path("omadmd.sock").display().to_string();
    let config = format!("[obex]\nlisten = [\"unix+obex://{socket}\"]");
    let mut bench = Bench::proven_by(scheme, encoding);
    bench.agent.configure(&config);
    bench.agent.stop();
    bench.agent.restart();
    let job = bench.job(&["replace", NAME, "--value", "by OBEX"]);
    let read = bench.job(&["get", "./DevInfo?list=StructData"]);
    let media_type = format!("application/vnd.syncml.dm+{encoding}");
    let ended = session(&desk, &bench, &format!("unix:{socket}"), &media_type);
    let log = bench.agent.process().log();
    assert_eq!(ended.code, 0, "{ended:?}\n{log}");
    // A challenge, the commands, and their results.
    assert_eq!(ended.out.trim(), "rounds: 3", "{ended:?}\n{log}");
    let log = bench.agent.process().log();
    assert_eq!(bench.agent.value(NAME), "by OBEX", "{ended:?}\n{log}");
    assert!(!log.contains("(retry)"), "not over this line alone: {log}");
    for job in [job, read] {
        let shown = bench.server.json(&["job", "show", &job.to_string()]);
        assert_eq!(
            shown.get("state").and_then(|state| state.as_str()),
            Some("done"),
            "{shown}"
        );
    }
}

#[test]
fn libopenobex_carries_a_session_of_the_daemon() {
    let test = "libopenobex_carries_a_session_of_the_daemon";
    a_daemon(test, LIBOPENOBEX, "md5", "wbxml");
    a_daemon(test, LIBOPENOBEX, "md5", "xml");
}

#[test]
fn pyobex_carries_a_session_of_the_daemon() {
    a_daemon(
        "pyobex_carries_a_session_of_the_daemon",
        PYOBEX,
        "md5",
        "wbxml",
    );
}

/// The digests of both ends travel in HTTP headers, over OBEX as over HTTP.
#[test]
fn libopenobex_carries_digests_of_the_daemon() {
    let test = "libopenobex_carries_digests_of_the_daemon";
    a_daemon(test, LIBOPENOBEX, "hmac", "wbxml");
}

#[test]
fn pyobex_carries_digests_of_the_daemon() {
    let test = "pyobex_carries_digests_of_the_daemon";
    a_daemon(test, PYOBEX, "hmac", "xml");
}
