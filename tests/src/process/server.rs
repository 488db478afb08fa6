//! `omadm-server` in a folder, and its verbs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::program;
use super::running::{Ended, Running, run, until};

/// A server with its database; its process can be killed and started again.
pub struct Server {
    folder: PathBuf,
    arguments: Vec<String>,
    address: String,
    url: String,
    process: Option<Running>,
}

impl Server {
    /// Makes the folder and starts the server on a free port, with more `arguments` for `serve`.
    pub fn start(folder: &Path, server_id: &str, arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", folder, server_id, arguments)
    }

    /// Starts the server at an address.
    pub fn start_at(address: &str, folder: &Path, server_id: &str, arguments: &[&str]) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let mut all = vec!["--server-id".to_owned(), server_id.to_owned()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut server = Self {
            folder: folder.to_owned(),
            arguments: all,
            address: address.to_owned(),
            url: String::new(),
            process: None,
        };
        server.restart();
        server
    }

    /// Starts the server, on the same port if it has had one.
    pub fn restart(&mut self) {
        drop(self.process.take());
        let out = self.folder.join("server.out");
        let mut command = self.command(&["serve", "--listen", &self.address]);
        command.args(&self.arguments);
        command.stdout(File::create(&out).expect("a file"));
        let mut process = Running::start(&mut command, &self.folder.join("server.log"));
        let url = until("omadm-server to listen", || {
            let text = fs::read_to_string(&out).unwrap_or_default();
            let ended = process.has_ended();
            assert!(!ended, "omadm-server has ended: {}", process.log());
            let (line, _) = text.split_once('\n')?;
            Some(line.strip_prefix("listening on ")?.trim().to_owned())
        });
        let host = url
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        host.unwrap_or_default().clone_into(&mut self.address);
        self.url = url;
        self.process = Some(process);
    }

    /// Where devices post to.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The server's process.
    pub fn process(&mut self) -> &mut Running {
        self.process.as_mut().expect("the server runs")
    }

    /// Stops the server in the regular way.
    pub fn stop(&mut self) {
        self.process().stop();
        self.process = None;
    }

    /// `omadm-server ARGUMENTS`, not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("omadm-server"));
        command
            .args(arguments)
            .arg("--db")
            .arg(self.folder.join("server.db"));
        command
    }

    /// Runs `omadm-server ARGUMENTS`.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(&mut self.command(arguments))
    }

    /// What `omadm-server ARGUMENTS --json` prints; it may fail as long as it prints.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        let parsed = serde_json::from_str(&ended.out);
        parsed.unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }
}
