//! `omadmd` as it is installed: a user of its own, no capability, and what takes more asked of
//! `omadm-helper`.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test: runs programs as other users in folders of its own"
)]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::unistd::{Gid, Group, Uid};
use omadm_tests::process::{Agent, Bench, SERVER_ID, Server, program};
use serde_json::{Value as Json, json};

/// Users that nobody else has.
const AGENT: u32 = 61_011;
const HELPER: u32 = 61_012;

/// The group of `nobody`, on any Linux system.
const GROUP: u32 = 65_534;

/// Passes standard input on as `sd_listen_fds(3)` has it; the process stays the same.
const PASS: &str = "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";

/// The group's name where this test can run.
fn group(test: &str) -> Option<String> {
    let setpriv = Command::new("setpriv").arg("--version").output();
    let group = Group::from_gid(Gid::from_raw(GROUP)).ok().flatten();
    if !Uid::effective().is_root() {
        println!("skipped: {test}: root is needed to become other users");
    } else if setpriv.is_err() {
        println!("skipped: {test}: setpriv is missing: apt install util-linux");
    } else if let Some(group) = group {
        return Some(group.name);
    } else {
        println!("skipped: {test}: there is no group {GROUP}");
    }
    None
}

/// Runs a program as this user with at most one capability.
fn setpriv(uid: u32, capability: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={uid}"));
    command.arg(format!("--regid={GROUP}"));
    command.args(["--clear-groups", "--no-new-privs"]);
    for set in ["inh-caps", "ambient-caps", "bounding-set"] {
        command.arg(format!("--{set}=-all{capability}"));
    }
    command.arg(program);
    command
}

/// A copy of a program where every user can run it.
fn copy(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    // In a process of its own: a child that another test forks meanwhile would hold the copy open
    // for writing, and nobody could run it.
    let copied = Command::new("cp").arg(program(name)).arg(&path).status();
    assert!(copied.unwrap().success());
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path
}

fn give(path: &Path) {
    chown(path, Some(AGENT), Some(GROUP)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

/// A server, and an agent that has no right but its user's.
fn bench(group: &str) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let own = folder.path().join("agent");
    let mut agent = Agent::start(&own, "");
    agent.stop();
    let file = own.join("agent.toml");
    let rights = own.join("rights");
    let control = format!("group = \"{group}\"\nrights-dir = \"{}\"", rights.display());
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("group = \"\"", &control)).unwrap();
    fs::create_dir(&rights).unwrap();
    give(&own);
    let omadmd = copy(folder.path(), "omadmd");
    agent.restart_in(setpriv(AGENT, "", &omadmd));
    let server = Server::start(&folder.path().join("server"), SERVER_ID, &[]);
    Bench::of(folder, server, agent, "wbxml")
}

/// A helper that is killed when this is dropped, and whose socket goes with it.
struct Helper(Child, PathBuf);

impl Helper {
    fn start(bench: &Bench) -> Self {
        let socket = bench.folder().join("agent/rights/pss");
        let listener = UnixListener::bind(&socket).unwrap();
        chown(&socket, Some(AGENT), None).unwrap();
        fs::set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
        let helper = copy(bench.folder(), "omadm-helper");
        let inner = setpriv(HELPER, ",+sys_ptrace", &helper);
        let mut command = Command::new("sh");
        command.args(["-c", PASS, "sh"]);
        command.arg(inner.get_program()).args(inner.get_args());
        command.args(["pss", "--for", &AGENT.to_string()]);
        command.stdin(Stdio::from(OwnedFd::from(listener)));
        Self(command.spawn().unwrap(), socket)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let _ = fs::remove_file(&self.1);
    }
}

/// Asks the daemon in JSON and NUL.
fn ask(bench: &Bench, method: &str, parameters: &Json) -> Json {
    let mut stream = UnixStream::connect(bench.agent.socket()).unwrap();
    let call = json!({ "method": format!("io.omadm.Agent.{method}"), "parameters": parameters });
    stream.write_all(format!("{call}\0").as_bytes()).unwrap();
    let mut reply = Vec::new();
    BufReader::new(stream).read_until(0, &mut reply).unwrap();
    reply.pop();
    serde_json::from_slice::<Json>(&reply).unwrap()["parameters"].take()
}

/// How many processes of others have a PSS, and the reasons of those that have none.
fn memory_of_others(bench: &Bench) -> (usize, Vec<String>) {
    let reply = ask(bench, "ReadKpis", &json!({ "patterns": ["process.pss"] }));
    let samples = reply["samples"].as_array().unwrap();
    let of_another = |sample: &&Json| {
        let pid = sample["instance"].as_str().unwrap_or_default();
        // The kernel tells what belongs to the asking user without any right.
        let process = fs::metadata(format!("/proc/{pid}"));
        sample["value"].is_f64() && process.is_ok_and(|found| found.uid() != AGENT)
    };
    let told = samples.iter().filter(of_another).count();
    let reasons = samples
        .iter()
        .filter_map(|sample| sample["reason"].as_str());
    (told, reasons.map(str::to_owned).collect())
}

/// The value of a KPI that the machine has once.
fn value(bench: &Bench, kpi: &str) -> f64 {
    let reply = ask(bench, "ReadKpis", &json!({ "patterns": [kpi] }));
    reply["samples"][0]["value"].as_f64().unwrap()
}

fn feature(bench: &Bench, name: &str) -> Json {
    let features = bench.agent.json(&["doctor"])["features"].take();
    let mut features = features.as_array().unwrap().iter();
    let found = features.find(|feature| feature["name"] == name);
    found.cloned().unwrap_or_default()
}

#[test]
fn a_daemon_without_capabilities_does_its_work() {
    let Some(group) = group("a_daemon_without_capabilities_does_its_work") else {
        return;
    };
    let mut bench = bench(&group);
    let pid = bench.agent.process().pid();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for line in ["CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let none = format!("{line}:\t0000000000000000\n");
        assert!(status.contains(&none), "{status}");
    }
    assert!(
        status.contains(&format!("Uid:\t{AGENT}\t{AGENT}\t{AGENT}")),
        "{status}"
    );
    assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");

    let job = bench.job(&["get", "./DiagMon/Memory/DiagMonData/Avail"]);
    let session = bench.session();
    assert_eq!(session["result"], "completed", "{session}");
    let shown = bench.server.json(&["job", "show", &job.to_string()]);
    assert_eq!(shown["state"], "done", "{shown}");
    assert!(value(&bench, "memory.total") > 0.0);

    let socket = fs::metadata(bench.agent.socket()).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o660);
    let found = feature(&bench, "control socket");
    assert_eq!(found["state"], "ok", "{found}");
    let found = feature(&bench, "privileges");
    assert!(
        found["detail"]
            .as_str()
            .unwrap()
            .contains("no capabilities"),
        "{found}"
    );
    let found = feature(&bench, "state");
    assert_eq!(found["state"], "ok", "{found}");
}

#[test]
fn the_doctor_sees_with_the_eyes_of_the_daemon() {
    let Some(group) = group("the_doctor_sees_with_the_eyes_of_the_daemon") else {
        return;
    };
    let bench = bench(&group);
    let ca = bench.folder().join("ca.pem");
    let own = rcgen::generate_simple_self_signed(["lab.example".to_owned()]).unwrap();
    fs::write(&ca, own.cert.pem()).unwrap();
    let path = ca.display().to_string();
    let secret = bench.folder().join("device.secret").display().to_string();
    let added = bench.agent.run(&[
        "account",
        "add",
        "lab",
        "--server-id",
        "lab.example",
        "--address",
        "https://lab.example/dm",
        "--ca-file",
        &path,
        "--client-secret-file",
        &secret,
        "--server-secret-file",
        &secret,
    ]);
    added.expect_success();
    let found = feature(&bench, "account files");
    assert_eq!(found["state"], "ok", "{found}");
    // Root, who asks, may still read it.
    fs::set_permissions(&ca, Permissions::from_mode(0o600)).unwrap();
    let found = feature(&bench, "account files");
    assert_eq!(found["state"], "missing", "{found}");
    assert!(
        found["detail"]
            .as_str()
            .unwrap()
            .starts_with("account lab: "),
        "{found}"
    );
    assert!(
        found["mend"]
            .as_str()
            .unwrap()
            .contains(&format!("chgrp omadm {path}")),
        "{found}"
    );

    let closed = bench.folder().join("agent");
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let found = feature(&bench, "control socket");
    assert_eq!(found["state"], "missing", "{found}");
    assert!(
        found["detail"].as_str().unwrap().contains("cannot pass"),
        "{found}"
    );
    let ended = bench.agent.run(&["doctor"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("-> chmod o+x "), "{}", ended.out);
}

#[test]
fn the_memory_of_others_comes_through_the_helper() {
    let Some(group) = group("the_memory_of_others_comes_through_the_helper") else {
        return;
    };
    let mut bench = bench(&group);
    let without = |bench: &Bench| {
        let (told, reasons) = memory_of_others(bench);
        assert_eq!(told, 0);
        let absent = |reason: &String| reason.starts_with("absent: ");
        assert!(reasons.iter().any(absent), "{reasons:?}");
        let found = feature(bench, "pss");
        assert_eq!(found["state"], "missing", "{found}");
        assert!(
            found["mend"]
                .as_str()
                .unwrap()
                .contains("omadm-helper-pss.socket")
        );
    };
    without(&bench);
    let helper = Helper::start(&bench);
    let (told, reasons) = memory_of_others(&bench);
    assert!(told > 0, "{reasons:?}");
    let found = feature(&bench, "pss");
    assert_eq!(found["state"], "ok", "{found}");
    drop(helper);
    for _ in 0..20 {
        without(&bench);
    }
    let log = bench.agent.process().log();
    let said = log.lines().filter(|line| line.contains("pss")).count();
    assert!(said <= 2, "{log}");
}
