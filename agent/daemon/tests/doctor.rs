//! `omadm doctor` as a process where no daemon answers.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "driver: runs the program against files of its own; a test may panic"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use nix::unistd::Uid;
use serde_json::Value as Json;

/// Somebody without any right.
const NOBODY: &str = "65534";

fn configuration(directory: &Path, more: &str) -> String {
    let file = directory.join("agent.toml");
    let (state, socket) = (directory.join("state"), directory.join("control"));
    let text = format!(
        "state-dir = \"{}\"\n{more}\n[control]\nsocket = \"{}\"\nrights-dir = \"{}\"\n",
        state.display(),
        socket.display(),
        directory.display()
    );
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

fn doctor(directory: &Path, program: &mut Command, file: &str) -> Output {
    program.arg("--socket").arg(directory.join("control"));
    program.args(["doctor", "--json", "--config", file]);
    program.output().unwrap()
}

fn omadm() -> Command {
    Command::new(env!("CARGO_BIN_EXE_omadm"))
}

/// The state, the detail and the mend of a feature.
fn feature(output: &Output, name: &str) -> (String, String, String) {
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    let features = report["features"].as_array().unwrap();
    let found = features.iter().find(|feature| feature["name"] == name);
    let found = found.unwrap_or(&Json::Null);
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("detail"), text("mend"))
}

#[test]
fn without_a_daemon_it_says_so_and_looks_itself() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let file = configuration(directory.path(), "");
    let output = doctor(directory.path(), &mut omadm(), &file);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, b"");
    let (state, detail, mend) = feature(&output, "daemon");
    assert_eq!(state, "missing");
    assert!(detail.starts_with("nobody answers at "), "{detail}");
    assert!(mend.contains("systemctl start omadmd"), "{mend}");
    assert_eq!(feature(&output, "configuration").0, "ok");
    assert_eq!(feature(&output, "state").0, "missing");
    assert_eq!(feature(&output, "account files").0, "unseen");
    let (state, _, mend) = feature(&output, "pss");
    assert_eq!(
        (state.as_str(), mend.contains("enable --now")),
        ("missing", true)
    );
    assert_eq!(feature(&output, "kpi memory").0, "ok");
    assert_eq!(feature(&output, "packet capture").0, "unused");
}

#[test]
fn a_mistake_in_the_configuration_is_shown_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = configuration(directory.path(), "log-level = \"loud\"");
    let output = doctor(directory.path(), &mut omadm(), &file);
    let (state, detail, mend) = feature(&output, "configuration");
    assert_eq!(state, "missing");
    assert!(detail.contains("agent.toml:2:13: "), "{detail}");
    assert_eq!(mend, format!("omadm check --config {file}"));
}

#[test]
fn what_a_user_cannot_see_is_not_said_to_be_missing() {
    let setpriv = Command::new("setpriv").arg("--version").output();
    if !Uid::effective().is_root() || setpriv.is_err() {
        return println!(
            "skipped: what_a_user_cannot_see: needs root and setpriv to be another user"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let file = configuration(directory.path(), "");
    let program = directory.path().join("omadm");
    // In a process of its own: a child that another test forks meanwhile would hold the copy open
    // for writing, and nobody could run it.
    let mut cp = Command::new("cp");
    let copied = cp.arg(env!("CARGO_BIN_EXE_omadm")).arg(&program).status();
    assert!(copied.unwrap().success());
    // What belongs to the agent alone, as it is installed.
    let socket = directory.path().join("pss");
    let listener = std::os::unix::net::UnixListener::bind(&socket);
    fs::set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
    let hidden = directory.path().join("hidden");
    fs::create_dir(&hidden).unwrap();
    fs::set_permissions(&hidden, Permissions::from_mode(0o700)).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("/state\"", "/hidden/state\"")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    command
        .args(["--inh-caps=-all", "--bounding-set=-all"])
        .arg(&program);
    let output = doctor(directory.path(), &mut command, &file);
    let (state, detail, _) = feature(&output, "pss");
    assert_eq!(state, "unseen", "{detail}");
    let (state, detail, _) = feature(&output, "state");
    assert_eq!(state, "unseen", "{detail}");
    let (_, detail, _) = feature(&output, "privileges");
    assert!(detail.contains("looked at as user "), "{detail}");
    drop(listener);
}
