//! The scripts that complete command lines: the shells accept them, and bash completes by them.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "driver: runs shells; a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use omadm_tests::process::{program, run};

const PROGRAMS: [&str; 2] = ["omadm", "omadm-server"];

/// Writes the script of a program for a shell.
fn script(folder: &Path, name: &str, shell: &str) -> PathBuf {
    let script = run(Command::new(program(name)).args(["completions", shell])).expect_success();
    let path = folder.join(format!("{name}.{shell}"));
    fs::write(&path, script).unwrap();
    path
}

fn accepted_by(shell: &str) {
    if Command::new(shell).arg("--version").output().is_err() {
        println!("skipped: scripts_are_accepted_by_{shell}: {shell} is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in PROGRAMS {
        let path = script(folder.path(), name, shell);
        let checked = run(Command::new(shell).arg("-n").arg(&path));
        assert_eq!(checked.err, "", "{name} in {shell}");
        checked.expect_success();
    }
    let wrong = folder.path().join("wrong");
    fs::write(&wrong, "case (((\n").unwrap();
    let checked = run(Command::new(shell).arg("-n").arg(&wrong));
    assert_ne!(checked.code, 0, "{shell} -n accepts anything");
}

#[test]
fn scripts_are_accepted_by_bash() {
    accepted_by("bash");
}

#[test]
fn scripts_are_accepted_by_zsh() {
    accepted_by("zsh");
}

#[test]
fn scripts_are_accepted_by_fish() {
    accepted_by("fish");
}

/// What bash offers for the last of these words.
fn offered(script: &Path, words: &[&str]) -> Vec<String> {
    // As readline does it: the function that `complete -F` names, with the words in variables.
    const DRIVE: &str = r#"
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        compopt() { :; }
        spec=$(complete -p "$1") || exit 70
        spec=${spec#*-F }; function=${spec%% *}
        "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", DRIVE, "bash"]);
    let out = run(bash.arg(script).args(words)).expect_success();
    out.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_verbs_options_values_and_kpis() {
    let folder = tempfile::tempdir().unwrap();
    let omadm = script(folder.path(), "omadm", "bash");
    let offered_by_omadm = |words: &[&str]| offered(&omadm, words);
    assert_eq!(offered_by_omadm(&["omadm", "stat"]), ["status"]);
    assert_eq!(offered_by_omadm(&["omadm", "account", "rem"]), ["remove"]);
    assert_eq!(offered_by_omadm(&["omadm", "session", "--tr"]), ["--trace"]);
    assert_eq!(
        offered_by_omadm(&["omadm", "encode", "--to", ""]),
        ["wbxml", "xml"]
    );
    let shells = offered_by_omadm(&["omadm", "completions", ""]);
    assert!(
        ["bash", "zsh", "fish"]
            .iter()
            .all(|shell| shells.iter().any(|offer| offer == shell)),
        "{shells:?}"
    );
    let pressure = offered_by_omadm(&["omadm", "kpi", "pressure.memory.some."]);
    assert!(
        pressure.contains(&"pressure.memory.some.avg10".to_owned()),
        "{pressure:?}"
    );
    assert_eq!(
        offered_by_omadm(&["omadm", "kpi", "memory.*"]),
        ["memory.*"]
    );

    let server = script(folder.path(), "omadm-server", "bash");
    let words = ["omadm-server", "job", "can"];
    assert_eq!(offered(&server, &words), ["cancel"]);
    let words = ["omadm-server", "job", "list", "--state", "que"];
    assert_eq!(offered(&server, &words), ["queued"]);
}
