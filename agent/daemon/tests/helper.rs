//! A real `omadm-helper` on a passed socket: whom it serves, with which capability, and how it
//! ends. What needs other users than our own takes root and `setpriv`.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "driver: runs the program against sockets of its own; a test may panic"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use serde_json::{Value as Json, json};

/// How long anything may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// Users that nobody else has.
const HELPER: u32 = 61_001;
const AGENT: u32 = 61_002;
const STRANGER: u32 = 61_003;

/// Passes standard input on as `sd_listen_fds(3)` has it; the process stays the same.
const PASS: &str = "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";

/// A socket, as a unit would make it.
struct Place {
    directory: tempfile::TempDir,
    listener: UnixListener,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory.path(), open).unwrap();
        let path = directory.path().join("right");
        let listener = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        Self {
            directory,
            listener,
        }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("right")
    }

    /// A copy of a program where every user can run it.
    fn copy(&self, program: &str) -> PathBuf {
        let name = Path::new(program).file_name().unwrap();
        let path = self.directory.path().join(name);
        // In a process of its own: a child that another test forks meanwhile would hold the copy open
        // for writing, and nobody could run it.
        let copied = Command::new("cp").arg(program).arg(&path).status();
        assert!(copied.unwrap().success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Starts the helper with its own user's rights.
    fn start(&self, arguments: &[&str]) -> Helper {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_omadm-helper"));
        self.spawn(&[], &program, arguments)
    }

    /// Starts the helper as an unprivileged user with one capability, or none.
    fn start_with(&self, capability: Option<&str>, arguments: &[&str]) -> Helper {
        let program = self.copy(env!("CARGO_BIN_EXE_omadm-helper"));
        self.spawn(&unprivileged(HELPER, capability), &program, arguments)
    }

    fn spawn(&self, before: &[String], program: &Path, arguments: &[&str]) -> Helper {
        let passed = OwnedFd::from(self.listener.try_clone().unwrap());
        let mut command = Command::new("sh");
        command.args(["-c", PASS, "sh"]).args(before);
        command.arg(program).args(arguments);
        command.stdin(Stdio::from(passed)).stderr(Stdio::piped());
        Helper(command.spawn().unwrap())
    }

    fn ask(&self, method: &str, parameters: Json) -> Json {
        let mut line = Client::connect(&self.socket());
        line.call(method, parameters)
    }
}

/// `setpriv` with this user and this capability alone.
fn unprivileged(uid: u32, capability: Option<&str>) -> Vec<String> {
    let sets = match capability {
        Some(name) => format!("-all,+{name}"),
        None => "-all".to_owned(),
    };
    let mut line = vec!["setpriv".to_owned()];
    line.push(format!("--reuid={uid}"));
    line.push(format!("--regid={uid}"));
    line.push("--clear-groups".to_owned());
    for set in ["inh-caps", "ambient-caps", "bounding-set"] {
        line.push(format!("--{set}={sets}"));
    }
    line.push("--no-new-privs".to_owned());
    line
}

/// The helper's process; it is killed when the test ends.
struct Helper(Child);

impl Helper {
    /// Waits for its end: the exit code, and what it said.
    fn end(mut self) -> (Option<i32>, String) {
        let from = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(from.elapsed() < PATIENCE, "the helper does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut said = String::new();
        let mut stderr = self.0.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        (status.code(), said)
    }

    /// Stops it and returns what it said.
    fn stop(self) -> String {
        let pid = Pid::from_raw(self.0.id().try_into().unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        self.end().1
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A client that knows nothing but JSON and NUL.
struct Client(BufReader<UnixStream>);

impl Client {
    fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, octets: &[u8]) {
        self.0.get_mut().write_all(octets).unwrap();
    }

    fn call(&mut self, method: &str, parameters: Json) -> Json {
        let call = json!({ "method": method, "parameters": parameters });
        // Whoever is not served may be told so before it has asked.
        let _ = self.0.get_mut().write_all(format!("{call}\0").as_bytes());
        self.receive()
    }

    fn receive(&mut self) -> Json {
        let mut octets = Vec::new();
        self.0.read_until(0, &mut octets).unwrap();
        assert_eq!(octets.pop(), Some(0), "the helper hung up");
        serde_json::from_slice(&octets).unwrap()
    }

    /// Waits until the helper hangs up.
    fn is_left(&mut self) {
        let mut rest = Vec::new();
        // A helper that leaves words unread resets the connection.
        let _ = self.0.read_to_end(&mut rest);
        assert_eq!(rest, b"", "the helper has more to say");
    }
}

fn own_uid() -> String {
    Uid::effective().to_string()
}

/// Whether this process can become other users; says why when it cannot.
fn may_change_users(test: &str) -> bool {
    let setpriv = Command::new("setpriv").arg("--version").output();
    let why = if !Uid::effective().is_root() {
        "root is needed to become other users"
    } else if setpriv.is_err() {
        "setpriv is missing: apt install util-linux"
    } else {
        return true;
    };
    println!("skipped: {test}: {why}");
    false
}

const PSS: &str = "io.omadm.Rights.Pss.Read";

#[test]
fn the_memory_of_processes_is_told_and_absurd_ones_have_none() {
    let place = Place::new();
    let helper = place.start(&["pss", "--for", &own_uid()]);
    let mut client = Client::connect(&place.socket());
    let mut ended = Command::new("true").spawn().unwrap();
    let gone = ended.id();
    ended.wait().unwrap();
    let own = std::process::id();
    let reply = client.call(PSS, json!({ "pids": [own, gone, 0, u32::MAX] }));
    let processes = reply["parameters"]["processes"].as_array().unwrap();
    assert!(processes[0]["pss"].as_u64().unwrap() > 100_000, "{reply}");
    assert_eq!(processes[0]["pid"], own);
    assert_eq!(processes.len(), 4);
    for process in &processes[1..] {
        assert_eq!(process.as_object().unwrap().len(), 1, "{process}");
    }
    // The same connection can ask again, and what it is told describes itself.
    let info = client.call("org.varlink.service.GetInfo", json!({}));
    assert_eq!(info["parameters"]["product"], "omadm-helper");
    drop(client);
    assert_eq!(helper.stop(), "");
}

#[test]
fn bad_requests_are_refused_and_the_next_client_is_served() {
    let place = Place::new();
    let _helper = place.start(&["pss", "--for", &own_uid()]);
    let refused = |sent: &[u8]| {
        let mut client = Client::connect(&place.socket());
        client.send(sent);
        let reply = client.receive();
        let name = reply["error"].as_str().unwrap().to_owned();
        let words = reply["parameters"]["message"].to_string();
        (name, words, client)
    };
    let invalid = "io.omadm.Rights.Pss.InvalidRequest";
    let (name, words, mut client) = refused(&vec![b'x'; 100_000]);
    assert_eq!(
        (name.as_str(), words.contains("longer than")),
        (invalid, true)
    );
    client.is_left();
    let (name, words, mut client) = refused(b"rubbish\0");
    assert_eq!((name.as_str(), words.contains("Varlink")), (invalid, true));
    client.is_left();
    // Half a request: the helper does not wait for the rest for ever.
    let (name, _, mut client) = refused(b"{\"method\":");
    assert_eq!(name, invalid);
    client.is_left();
    let many: Vec<u32> = (1..=257).collect();
    let reply = place.ask(PSS, json!({ "pids": many }));
    assert_eq!(reply["error"], invalid);
    let reply = place.ask(PSS, json!({ "pids": [], "path": "/etc/shadow" }));
    assert_eq!(reply["error"], invalid);
    let reply = place.ask("io.omadm.Rights.Kmsg.Read", json!({}));
    assert_eq!(reply["error"], "org.varlink.service.InterfaceNotFound");
    let reply = place.ask(PSS, json!({ "pids": [std::process::id()] }));
    assert!(
        reply["parameters"]["processes"][0]["pss"].is_u64(),
        "{reply}"
    );
}

#[test]
fn it_ends_when_nobody_asks_and_the_socket_stays() {
    let place = Place::new();
    let arguments = ["pss", "--for", &own_uid(), "--idle", "1"];
    let (code, said) = place.start(&arguments).end();
    assert_eq!((code, said.as_str()), (Some(0), ""));
    // Whoever comes now waits in the socket until the next one is started.
    let mut client = Client::connect(&place.socket());
    let _next = place.start(&arguments);
    let reply = client.call(PSS, json!({ "pids": [std::process::id()] }));
    assert!(
        reply["parameters"]["processes"][0]["pss"].is_u64(),
        "{reply}"
    );
}

#[test]
fn without_a_socket_or_a_user_it_does_not_start() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_omadm-helper"));
        let output = command.args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    let (code, said) = run(&["pss"]);
    assert_eq!(code, Some(64), "{said}");
    assert!(
        said.contains("systemctl start omadm-helper-pss.socket"),
        "{said}"
    );
    let (code, said) = run(&["shell"]);
    assert_eq!(code, Some(64), "{said}");
    let place = Place::new();
    let (code, said) = place.start(&["pss", "--for", "no such user"]).end();
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("there is no such user"), "{said}");
}

#[test]
fn one_capability_is_enough_for_pss_and_without_it_nothing_is_told() {
    let test = "one_capability_is_enough_for_pss_and_without_it_nothing_is_told";
    if !may_change_users(test) {
        return;
    }
    // A process of root, with all that root has.
    let question = json!({ "pids": [std::process::id()] });
    for (capability, told) in [(Some("sys_ptrace"), true), (None, false)] {
        let place = Place::new();
        let _helper = place.start_with(capability, &["pss", "--for", &AGENT.to_string()]);
        let reply = place.ask(PSS, question.clone());
        let process = &reply["parameters"]["processes"][0];
        assert_eq!(process["pss"].is_u64(), told, "{reply}");
        assert_eq!(process["reason"].is_string(), !told, "{reply}");
    }
}

#[test]
fn the_log_of_the_kernel_takes_its_capability() {
    let test = "the_log_of_the_kernel_takes_its_capability";
    if !may_change_users(test) {
        return;
    }
    let restricted = fs::read_to_string("/proc/sys/kernel/dmesg_restrict").unwrap_or_default();
    if fs::File::open("/dev/kmsg").is_err() || restricted.trim() != "1" {
        return println!("skipped: {test}: /dev/kmsg is not there or open to all");
    }
    let method = "io.omadm.Rights.Kmsg.Read";
    let place = Place::new();
    let _helper = place.start_with(Some("syslog"), &["kmsg", "--for", &AGENT.to_string()]);
    let first = place.ask(method, json!({ "limit": 2 }));
    let records = first["parameters"]["records"].as_array().unwrap();
    assert!(!records.is_empty(), "{first}");
    let next = &first["parameters"]["next"];
    let second = place.ask(method, json!({ "since": next, "limit": 1 }));
    if let Some(record) = second["parameters"]["records"].get(0) {
        assert!(record["sequence"].as_u64() >= next.as_u64(), "{second}");
    }
    let place = Place::new();
    let _helper = place.start_with(None, &["kmsg", "--for", &AGENT.to_string()]);
    let reply = place.ask(method, json!({}));
    assert_eq!(reply["error"], "io.omadm.Rights.Kmsg.Failed");
    assert!(
        reply["parameters"]["message"]
            .to_string()
            .contains("/dev/kmsg")
    );
}

#[test]
fn records_of_crashes_take_their_capability() {
    let test = "records_of_crashes_take_their_capability";
    if !may_change_users(test) {
        return;
    }
    // What the kernel would mount there, with the modes that it and systemd give.
    let script = "
        mount -t tmpfs -o mode=0750 none /sys/fs/pstore &&
        echo 'Panic#1 Part1' > /sys/fs/pstore/dmesg-ramoops-0 &&
        chmod 0600 /sys/fs/pstore/dmesg-ramoops-0 && exec \"$@\"";
    let mount = ["unshare", "-m", "sh", "-c", script, "sh"].map(str::to_owned);
    let works = Command::new(&mount[0])
        .args(&mount[1..])
        .arg("true")
        .output();
    if !works.is_ok_and(|output| output.status.success()) {
        return println!("skipped: {test}: no file system can be mounted on /sys/fs/pstore here");
    }
    let method = "io.omadm.Rights.Pstore.Read";
    for (capability, told) in [(Some("dac_read_search"), true), (None, false)] {
        let place = Place::new();
        let program = place.copy(env!("CARGO_BIN_EXE_omadm-helper"));
        let before = [mount.to_vec(), unprivileged(HELPER, capability)].concat();
        let _helper = place.spawn(&before, &program, &["pstore", "--for", "0"]);
        let reply = place.ask(method, json!({}));
        if told {
            let records = reply["parameters"]["records"].as_array().unwrap();
            let record = records
                .iter()
                .find(|record| record["archived"] == false)
                .unwrap();
            assert_eq!(record["name"], "dmesg-ramoops-0");
            assert_eq!(record["text"], "Panic#1 Part1\n");
        } else {
            assert_eq!(reply["error"], "io.omadm.Rights.Pstore.Failed", "{reply}");
        }
    }
}

/// Runs this program again as another user, which then is [`client_of_another_user`].
fn ask_as(uid: u32, place: &Place) -> Json {
    let own = std::env::current_exe().unwrap();
    let program = place.copy(own.to_str().unwrap());
    let line = unprivileged(uid, None);
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).arg(program);
    command.args(["client_of_another_user", "--exact", "--nocapture"]);
    command.env("OMADM_TEST_SOCKET", place.socket());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let told = said.lines().find_map(|line| line.split_once("told: "));
    let told = told.unwrap_or_else(|| panic!("{said}")).1;
    serde_json::from_str(told).unwrap()
}

#[test]
fn client_of_another_user() {
    // Alone it has nothing to do: it is a part of the test below.
    if let Some(socket) = std::env::var_os("OMADM_TEST_SOCKET") {
        let mut client = Client::connect(Path::new(&socket));
        let root = std::os::unix::process::parent_id();
        println!("told: {}", client.call(PSS, json!({ "pids": [root] })));
    }
}

#[test]
fn only_the_agent_and_root_are_served() {
    if !may_change_users("only_the_agent_and_root_are_served") {
        return;
    }
    let place = Place::new();
    let helper = place.start_with(Some("sys_ptrace"), &["pss", "--for", &AGENT.to_string()]);
    let reply = ask_as(STRANGER, &place);
    assert_eq!(reply["error"], "io.omadm.Rights.Pss.PermissionDenied");
    // Not even the helper's own user.
    let reply = ask_as(HELPER, &place);
    assert_eq!(reply["error"], "io.omadm.Rights.Pss.PermissionDenied");
    for uid in [AGENT, 0] {
        let reply = ask_as(uid, &place);
        assert!(
            reply["parameters"]["processes"][0]["pss"].is_u64(),
            "{reply}"
        );
    }
    let said = helper.stop();
    assert!(said.contains("uid 61003 is not served"), "{said}");
}
