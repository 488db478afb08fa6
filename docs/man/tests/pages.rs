//! The pages as a reader meets them.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "driver: runs the generator and the readers of man pages; a test may panic"
)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const PAGES: [&str; 5] = [
    "agent.toml.5",
    "omadm-helper.8",
    "omadm-server.8",
    "omadm.1",
    "omadmd.8",
];

fn written() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut generator = Command::new(env!("CARGO_BIN_EXE_omadm-man"));
    generator.arg(directory.path());
    generator.env("SOURCE_DATE_EPOCH", "1767225600");
    assert!(generator.status().unwrap().success());
    directory
}

fn read(program: &str, arguments: &[&str], page: &PathBuf) -> Option<Output> {
    let mut reader = Command::new(program);
    reader.args(arguments).arg(page);
    // A page is never shown in a pager, and in the encoding that it is written in.
    reader.env("MANPAGER", "cat").env("MANWIDTH", "80");
    reader.env("LC_ALL", "C.UTF-8").output().ok()
}

#[test]
fn mandoc_finds_nothing_to_complain_about() {
    let directory = written();
    for page in PAGES {
        let path = directory.path().join(page);
        let Some(output) = read("mandoc", &["-T", "lint"], &path) else {
            println!("skipped: mandoc_finds_nothing: mandoc is not installed");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, "", "{page}");
        assert!(output.status.success());
    }
}

#[test]
fn man_shows_every_page() {
    let directory = written();
    for page in PAGES {
        let path = directory.path().join(page);
        let Some(output) = read("man", &["--warnings", "-l"], &path) else {
            println!("skipped: man_shows_every_page: man is not installed");
            return;
        };
        let shown = String::from_utf8(output.stdout).unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{page}");
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"] {
            let there = shown.lines().any(|line| line == heading);
            assert!(there, "{page}: no {heading} in {shown}");
        }
    }
}

#[test]
fn every_verb_option_and_event_is_described() {
    let directory = written();
    let page = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    let omadm = page("omadm.1");
    let command = omadm_agent::cli::command();
    for verb in command.get_subcommands() {
        let title = format!(".SS \"omadm {}\"\n", verb.get_name()).replace('-', "\\-");
        assert!(omadm.contains(&title), "{title}");
        for option in verb.get_arguments().filter_map(clap::Arg::get_long) {
            let term = format!("\\fB--{option}").replace('-', "\\-");
            assert!(omadm.contains(&term), "{title}: {option}");
        }
    }
    let (omadmd, catalog) = (page("omadmd.8"), page("omadm.catalog"));
    for kind in omadm_agent::event::Kind::ALL {
        assert!(omadmd.contains(kind.message_id()), "{kind:?}");
        let entry = format!("-- {}\nSubject: {}\n", kind.message_id(), kind.subject());
        assert!(catalog.contains(&entry), "{kind:?}");
    }
    assert!(
        omadmd.starts_with(".TH OMADMD 8 2026-01-01 "),
        "a date that can be set"
    );
}
