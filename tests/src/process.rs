//! The real programs on loopback: a server, an agent, and the commands that steer them, each in
//! folders of their own and on free ports, so that any number of them run side by side.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "driver: runs processes for tests, which end when something is amiss"
)]

mod agent;
mod build;
mod running;
mod server;

use std::fs;
use std::path::{Path, PathBuf};

pub use agent::Agent;
pub use build::program;
pub use running::{Ended, PATIENCE, Running, run};
pub use server::Server;

/// A server and an agent that know each other.
pub struct Bench {
    /// The server.
    pub server: Server,
    /// The agent.
    pub agent: Agent,
    /// The agent's `DevId`, which jobs are queued for.
    pub device: String,
    folder: tempfile::TempDir,
}

/// The account's name on the agent.
pub const ACCOUNT: &str = "bench";

/// The identifier of the server.
pub const SERVER_ID: &str = "bench.example";

impl Bench {
    /// Starts both with MD5 credentials in both directions. `encoding` is `xml` or `wbxml`,
    /// `config` is added to the agent's configuration.
    pub fn new(encoding: &str, config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = Server::start(&folder.path().join("server"), SERVER_ID, &[]);
        let agent = Agent::start(&folder.path().join("agent"), config);
        Self::of(folder, server, agent, encoding)
    }

    /// Starts both with credentials of this kind in both directions.
    pub fn proven_by(scheme: &str, encoding: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = Server::start(&folder.path().join("server"), SERVER_ID, &[]);
        let agent = Agent::start(&folder.path().join("agent"), "");
        Self::acquainted(folder, server, agent, encoding, scheme)
    }

    /// Makes a server and an agent that run already known to each other.
    pub fn of(folder: tempfile::TempDir, server: Server, agent: Agent, encoding: &str) -> Self {
        Self::acquainted(folder, server, agent, encoding, "md5")
    }

    /// The same with credentials of this kind in both directions.
    pub fn acquainted(
        folder: tempfile::TempDir,
        server: Server,
        agent: Agent,
        encoding: &str,
        scheme: &str,
    ) -> Self {
        let bench = Self::unacquainted(folder, server, agent);
        bench.introduce(encoding, scheme);
        bench
    }

    fn unacquainted(folder: tempfile::TempDir, server: Server, agent: Agent) -> Self {
        let device = agent.device_id();
        Self {
            server,
            agent,
            device,
            folder,
        }
    }

    /// The folder of everything, gone with this.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Queues a job for the device and returns its number.
    pub fn job(&self, arguments: &[&str]) -> i64 {
        let mut all = vec!["job", "add", self.device.as_str()];
        all.extend(arguments);
        let added = self.server.json(&all);
        let id = added.get("job");
        let number = id.and_then(serde_json::Value::as_i64);
        number.unwrap_or_else(|| panic!("job add answered {added}"))
    }

    /// Runs a session and returns its state as `omadm session --json` shows it.
    pub fn session(&self) -> serde_json::Value {
        let mut report = self.agent.json(&["session", "--account", ACCOUNT]);
        report
            .get_mut("session")
            .map(serde_json::Value::take)
            .unwrap_or_default()
    }

    fn introduce(&self, encoding: &str, scheme: &str) {
        let secret = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            fs::write(&path, format!("{text}\n")).expect("a secret in a file");
            path
        };
        let (own, theirs) = (
            secret("device.secret", "device-s3cret"),
            secret("server.secret", "server-s3cret"),
        );
        let device = path_arguments(&[("--secret-file", &own), ("--server-secret-file", &theirs)]);
        let mut arguments = vec!["device", "add", &self.device, "--user", "device"];
        arguments.extend(["--auth", scheme, "--server-auth", scheme]);
        arguments.extend(device.iter().map(String::as_str));
        self.server.run(&arguments).expect_success();
        let account = path_arguments(&[
            ("--client-secret-file", &own),
            ("--server-secret-file", &theirs),
        ]);
        let url = self.server.url();
        let mut arguments = vec![
            "account",
            "add",
            ACCOUNT,
            "--server-id",
            SERVER_ID,
            "--address",
            &url,
            "--allow-http",
            "--encoding",
            encoding,
            "--client-name",
            "device",
            "--client-auth",
            scheme,
            "--server-auth",
            scheme,
        ];
        arguments.extend(account.iter().map(String::as_str));
        self.agent.run(&arguments).expect_success();
    }
}

fn path_arguments(pairs: &[(&str, &PathBuf)]) -> Vec<String> {
    let texts = pairs
        .iter()
        .flat_map(|(option, path)| [(*option).to_owned(), path.display().to_string()]);
    texts.collect()
}
