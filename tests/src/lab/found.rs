//! What a guest left on its share.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

/// How much of a log is shown when a test fails.
const SHOWN: usize = 12_000;

/// The share of a guest that has been turned off. When a test panics that has it, it shows the
/// console and the logs.
pub struct Found {
    name: String,
    share: TempDir,
    console: String,
}

/// What came of one step of a scenario.
#[derive(Debug)]
pub struct Step {
    /// Its exit status.
    pub status: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Step {
    /// Its output, which has to be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Its output, without white space around it.
    pub fn text(&self) -> &str {
        self.out.trim()
    }
}

impl Found {
    pub(super) fn new(name: String, share: TempDir, console: String) -> Self {
        Self {
            name,
            share,
            console,
        }
    }

    /// Whether `guest.sh` has ended, one way or the other.
    pub(super) fn is_over(&self) -> bool {
        self.path("status").exists()
    }

    pub(super) fn expect_to_the_end(&self) {
        let status = fs::read_to_string(self.path("status"));
        let status = status.unwrap_or_else(|_| panic!("{}: did not come to its end", self.name));
        assert_eq!(status.trim(), "0", "{}: guest.sh failed", self.name);
    }

    /// What came of the step with this name.
    pub fn step(&self, name: &str) -> Step {
        let part = |part: &str| {
            let path = self.path(&format!("steps/{name}.{part}"));
            let read = fs::read(&path);
            let read = read.unwrap_or_else(|error| panic!("no step {name}: {error}"));
            String::from_utf8_lossy(&read).into_owned()
        };
        let status = part("status");
        Step {
            status: status.trim().parse().expect("an exit status"),
            out: part("out"),
            err: part("err"),
        }
    }

    /// The output, as JSON, of a step that has to have succeeded.
    pub fn json(&self, name: &str) -> Value {
        self.good(name).json()
    }

    /// The output of a step that has to have succeeded.
    pub fn text(&self, name: &str) -> String {
        self.good(name).text().to_owned()
    }

    /// The guest's `connect`, `served` for each of these rounds and `disconnect`: the jobs were done,
    /// the last session, which a notification of the server began, completed, and the agent ended well.
    pub fn expect_served(&self, rounds: &[&str]) {
        for round in rounds {
            let job = self.json(&format!("job-{round}"));
            assert_eq!(at(&job, "/state"), "done", "{job}");
            let name = self.text(&format!("name-{round}"));
            assert_eq!(name, format!("round {round}"), "{}", self.name);
        }
        let status = self.json("status");
        assert_eq!(at(&status, "/status/last_session/result"), "completed");
        let cause = at(&status, "/status/last_session/cause");
        assert!(cause.starts_with("notification "), "{cause}");
        self.text("stopped");
    }

    fn good(&self, name: &str) -> Step {
        let step = self.step(name);
        assert_eq!(step.status, 0, "{}: step {name}: {step:?}", self.name);
        step
    }

    /// The log that `logged NAME` of the guest left.
    pub fn log(&self, name: &str) -> String {
        let log = fs::read(self.path(&format!("log/{name}.log"))).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// All that the guest wrote to its console.
    pub fn console(&self) -> &str {
        &self.console
    }

    /// A file of the share.
    pub fn path(&self, name: &str) -> PathBuf {
        self.share.path().join(name)
    }
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no {pointer}: {value}"))
}

impl Drop for Found {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show("console", &self.console);
            for folder in ["log", "steps"] {
                show_all(&self.path(folder));
            }
        }
    }
}

fn show_all(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
    paths.sort();
    for path in paths {
        let text = fs::read(&path).unwrap_or_default();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        show(&name, &String::from_utf8_lossy(&text));
    }
}

/// The end of a text, by whole lines.
fn show(name: &str, text: &str) {
    let from = text.len().saturating_sub(SHOWN);
    let from = if from == 0 { 0 } else { next_line(text, from) };
    let end = text.get(from..).unwrap_or_default().trim_end();
    if !end.is_empty() {
        eprintln!("---- {name}\n{end}");
    }
}

fn next_line(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let line = rest.iter().position(|octet| *octet == b'\n');
    line.map_or(text.len(), |at| from + at + 1)
}
