//! A folder with a database and the real server on a line.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: processes and files of the tests"
)]

use omadm_server::Store;
use omadm_server::job::{Content, Operation};
use omadm_server::store::JobState;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(crate) const DEVICE: &str = "IMEI:490154203237518";
pub(crate) const SERVER: &str = "lab.example";
pub(crate) const SECRET: &str = "OhBehave";
pub(crate) const SERVER_SECRET: &str = "srvpass";

/// Nothing here takes longer, or it hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    server: Option<Child>,
}

impl Site {
    /// With a registered device whose nonces are known on both sides.
    pub(crate) fn new() -> Self {
        Self::with(&["--server-nonce", "TjE="])
    }

    pub(crate) fn with(options: &[&str]) -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            server: None,
        };
        let words = [
            &["device", "add", DEVICE, "--secret", SECRET],
            &["--server-secret", SERVER_SECRET, "--server-user", SERVER][..],
            &["--nonce", "TjA="],
            options,
        ];
        let output = site.run(&words.concat());
        assert!(output.status.success(), "{output:?}");
        // What `serve` leaves for the other verbs.
        site.store().set_meta("server-id", SERVER).unwrap();
        site
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.folder.path().join("omadm-server.db")).unwrap()
    }

    /// The line that device and server share.
    pub(crate) fn address(&self, name: &str) -> String {
        format!("unix+obex://{}/{name}", self.folder.path().display())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_omadm-server"));
        command.current_dir(self.folder.path()).args(words);
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs a verb while the device does its part.
    pub(crate) async fn run_beside(&self, words: &[&str]) -> Output {
        let mut command = self.command(words);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        run.await.unwrap()
    }

    /// What a verb prints as JSON.
    pub(crate) fn json(&self, words: &[&str]) -> serde_json::Value {
        let output = self.run(&[words, &["--json"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn start(&mut self, options: &[&str]) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let child = self
            .command(&["serve", "--no-http", "--server-id", SERVER])
            .args(options)
            .env("RUST_LOG", "debug")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(child);
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.as_ref().unwrap().id()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn stop(&mut self, signal: &str) -> std::process::ExitStatus {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
        self.server.take().unwrap().wait().unwrap()
    }

    /// The process was killed by somebody else.
    pub(crate) fn reap(&mut self) {
        self.server.take().unwrap().wait().unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    pub(crate) fn give_obex(&self, user: &str, secret: &str) {
        std::fs::write(self.folder.path().join("secret"), secret).unwrap();
        let words = ["device", "set", DEVICE, "--obex-name", user];
        let output = self.run(&[&words[..], &["--obex-secret-file", "secret"]].concat());
        assert!(output.status.success(), "{output:?}");
    }

    pub(crate) fn get(&self, uri: &str) -> i64 {
        self.job(Operation::Get { uri: uri.into() })
    }

    pub(crate) fn replace(&self, uri: &str, value: String) -> i64 {
        self.job(Operation::Replace {
            uri: uri.into(),
            content: Content {
                text: Some(value),
                ..Content::default()
            },
        })
    }

    fn job(&self, operation: Operation) -> i64 {
        let now = omadm_server::clock::now();
        let kind = "test";
        self.store()
            .add_job(DEVICE, kind, &[operation], now)
            .unwrap()
    }

    pub(crate) fn state(&self, job: i64) -> JobState {
        self.store().job(job).unwrap().unwrap().summary.state
    }

    pub(crate) async fn until_done(&self, job: i64) {
        self.until("the job to be done", |site| {
            site.state(job) == JobState::Done
        })
        .await;
    }

    pub(crate) async fn until_said(&self, text: &str) {
        self.until(text, |site| site.log().contains(text)).await;
    }

    pub(crate) async fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + LIMIT;
        while !is_so(self) {
            assert!(Instant::now() < end, "waited for {what}:\n{}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Ends a process at once; says whether it was there.
pub(crate) fn kill(pid: &str) -> bool {
    Command::new("kill")
        .args(["-KILL", pid])
        .status()
        .unwrap()
        .success()
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
