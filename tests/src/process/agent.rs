//! `omadmd` in a folder, and `omadm` that asks it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::program;
use super::running::{Ended, Running, run, until};

/// An agent with its folders; its process can be killed and started again.
pub struct Agent {
    folder: PathBuf,
    process: Option<Running>,
}

impl Agent {
    /// Makes the folder, writes a configuration that ends with `config`, and starts the daemon.
    pub fn start(folder: &Path, config: &str) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let mut agent = Self {
            folder: folder.to_owned(),
            process: None,
        };
        agent.configure(config);
        agent.restart();
        agent
    }

    /// Writes the configuration anew; the daemon is not told. Nothing starts by itself unless
    /// `config` says so.
    pub fn configure(&self, config: &str) {
        let schedule = if config.contains("[schedule]") {
            ""
        } else {
            "[schedule]\ninterval = \"off\"\n"
        };
        let text = format!(
            "state-dir = \"{}\"\nlog-level = \"debug\"\n{schedule}[control]\nsocket = \"{}\"\n\
             group = \"\"\n[ddf]\ndirectories = []\n{config}\n",
            self.state().display(),
            self.socket().display(),
        );
        fs::write(self.folder.join("agent.toml"), text).expect("a configuration");
    }

    /// Where it keeps its state.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("control")
    }

    /// Starts the daemon and waits until it says that it is ready.
    pub fn restart(&mut self) {
        let mut command = Command::new(program("omadmd"));
        command.env_remove("JOURNAL_STREAM");
        self.restart_in(command);
    }

    /// Starts the daemon by this command, which is given the configuration, and waits until it
    /// says that it is ready.
    pub fn restart_in(&mut self, mut command: Command) {
        drop(self.process.take());
        let place = self.folder.join("notify");
        // A socket of the time before, which nobody listens on any more.
        let _ = fs::remove_file(&place);
        let notify = UnixDatagram::bind(&place).expect("a socket");
        // The daemon may run as another user.
        let open = fs::Permissions::from_mode(0o666);
        fs::set_permissions(&place, open).expect("a socket of our own");
        notify
            .set_read_timeout(Some(Duration::from_millis(20)))
            .expect("a socket");
        command.arg("--config").arg(self.folder.join("agent.toml"));
        command.env("NOTIFY_SOCKET", &place);
        command.stdout(Stdio::null());
        let mut process = Running::start(&mut command, &self.folder.join("omadmd.log"));
        until("omadmd to be ready", || {
            let mut buffer = [0; 4096];
            let length = notify.recv(&mut buffer).unwrap_or(0);
            let told = String::from_utf8_lossy(buffer.get(..length)?).contains("READY=1");
            let ended = !told && process.has_ended();
            assert!(!ended, "omadmd has ended: {}", process.log());
            told.then_some(())
        });
        self.process = Some(process);
    }

    /// The daemon's process.
    pub fn process(&mut self) -> &mut Running {
        self.process.as_mut().expect("the daemon runs")
    }

    /// Stops the daemon in the regular way; it has to end well.
    pub fn stop(&mut self) {
        let code = self.process().stop();
        assert_eq!(code, 0, "{}", self.process().log());
        self.process = None;
    }

    /// Ends the daemon as a power cut would.
    pub fn kill(&mut self) {
        self.process().kill();
        self.process = None;
    }

    /// `omadm ARGUMENTS`, not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("omadm"));
        command.arg("--socket").arg(self.socket()).args(arguments);
        command.env("NO_COLOR", "1");
        command
    }

    /// Runs `omadm ARGUMENTS`.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(&mut self.command(arguments))
    }

    /// What `omadm ARGUMENTS --json` prints; it may fail as long as it prints.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        let parsed = serde_json::from_str(&ended.out);
        parsed.unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    /// The value of a leaf.
    pub fn value(&self, uri: &str) -> String {
        let report = self.json(&["get", uri]);
        let value = report
            .pointer("/nodes/0/value")
            .and_then(serde_json::Value::as_str);
        value
            .unwrap_or_else(|| panic!("{uri}: {report}"))
            .to_owned()
    }

    /// Its `DevId`.
    pub fn device_id(&self) -> String {
        self.value("./DevInfo/DevId")
    }
}
