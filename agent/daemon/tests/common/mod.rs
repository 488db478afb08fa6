//! A real `omadmd` in directories of its own, and what a client and a service manager see.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    unreachable_pub,
    reason = "test"
)]

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// How long anything may take before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Directories for a daemon.
pub struct Home {
    pub directory: tempfile::TempDir,
    notify: UnixDatagram,
}

impl Home {
    /// A home with this configuration after what every test needs.
    pub fn new(more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let notify = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        notify.set_read_timeout(Some(PATIENCE)).unwrap();
        let home = Self { directory, notify };
        home.configure(more);
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.path("run/io.omadm.Agent")
    }

    /// Writes the configuration anew.
    pub fn configure(&self, more: &str) {
        let own = format!(
            "state-dir = \"{}\"\n{more}\n[control]\nsocket = \"{}\"\ngroup = \"\"\n",
            self.path("state").display(),
            self.socket().display()
        );
        fs::write(self.path("agent.toml"), own).unwrap();
    }

    /// The daemon's command line, not started.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_omadmd"));
        command
            .arg("--config")
            .arg(self.path("agent.toml"))
            .env("NOTIFY_SOCKET", self.path("notify"))
            .env_remove("JOURNAL_STREAM")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the daemon and waits until it says that it is ready.
    pub fn start(&self) -> Daemon {
        self.start_with(&mut self.command())
    }

    pub fn start_with(&self, command: &mut Command) -> Daemon {
        let daemon = Daemon::spawn(command);
        self.until("READY=1");
        daemon
    }

    /// Runs the daemon to its end: exit code and log.
    pub fn fail(&self) -> (i32, String) {
        let output = self.command().output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), log)
    }

    /// The next notification that has `line` in it, with all its lines.
    pub fn until(&self, line: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = match self.notify.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => panic!("no notification with {line}: {error}"),
            };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.lines().any(|found| found.contains(line)) {
                return text;
            }
        }
    }

    pub fn connect(&self) -> Client {
        Client::connect(&self.socket())
    }
}

/// A running daemon; it is killed when the test ends.
pub struct Daemon {
    child: Child,
    log: Option<std::thread::JoinHandle<String>>,
}

impl Daemon {
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self {
            child,
            log: Some(log),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().try_into().unwrap()), signal).unwrap();
    }

    /// Waits for the end: how it ended, and the whole log.
    pub fn end(mut self) -> (ExitStatus, String) {
        let from = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = self.log.take().unwrap().join().unwrap();
                return (status, log);
            }
            assert!(from.elapsed() < PATIENCE, "the daemon does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops it in the regular way and returns its log.
    pub fn stop(self) -> String {
        self.signal(Signal::SIGTERM);
        let (status, log) = self.end();
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of the control socket that knows nothing but JSON and NUL.
pub struct Client(BufReader<UnixStream>);

impl Client {
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// Asks, and returns the parameters of the answer or the whole error.
    pub fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.send(&json!({
            "method": format!("io.omadm.Agent.{method}"),
            "parameters": parameters,
        }));
        let mut reply = self.receive();
        if reply.get("error").is_some() {
            return Err(reply);
        }
        Ok(reply["parameters"].take())
    }

    pub fn send(&mut self, call: &Value) {
        let mut bytes = call.to_string().into_bytes();
        bytes.push(0);
        self.0.get_mut().write_all(&bytes).unwrap();
    }

    pub fn receive(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.0.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the daemon hung up");
        serde_json::from_slice(&bytes).unwrap()
    }

    pub fn status(&mut self) -> Value {
        self.ask("GetStatus", json!({})).unwrap()["status"].take()
    }
}

/// The name of an error and its SyncML status, if it has one.
pub fn refusal(answer: Result<Value, Value>) -> (String, i64) {
    let error = answer.expect_err("accepted");
    let name = error["error"].as_str().unwrap().to_owned();
    (name, error["parameters"]["status"].as_i64().unwrap_or(0))
}

/// The secret of both ends of [`account`].
pub const SECRET: &str = "correct-horse-battery";

/// The parameters of `AddAccount`, for a server at this address.
pub fn account(name: &str, address: &str) -> Value {
    json!({ "account": {
        "name": name, "server_id": format!("{name}.example"), "address": address,
        "settings": { "encoding": "xml", "allows_http": true },
        "client_auth": "md5", "client_name": "device", "client_secret": SECRET,
        "server_auth": "md5", "server_name": "server", "server_secret": SECRET,
    }})
}

/// The next connection to a server of the test's own; nobody comes: `None`.
pub fn accept(server: &TcpListener, patience: Duration) -> Option<TcpStream> {
    server.set_nonblocking(true).unwrap();
    let from = Instant::now();
    while from.elapsed() < patience {
        if let Ok((line, _)) = server.accept() {
            line.set_nonblocking(false).unwrap();
            line.set_read_timeout(Some(PATIENCE)).unwrap();
            return Some(line);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}
