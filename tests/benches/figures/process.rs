//! Memory, start-up and size of the programs, beside the least that any program takes.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Resident memory of a process: all of it, and the part that is its own.
fn resident(child: &Child) -> (u64, u64) {
    let path = format!("/proc/{}/smaps_rollup", child.id());
    let text = fs::read_to_string(path).unwrap();
    let field = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("Rss:"), field("Private_Dirty:"))
}

fn programs() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    target.join("release")
}

/// A daemon of its own in a folder of its own.
struct Daemon {
    child: Child,
    ready: Duration,
}

impl Daemon {
    fn start(folder: &Path, round: usize) -> Self {
        let notify = folder.join("notify");
        let _ = fs::remove_file(&notify);
        let socket = UnixDatagram::bind(&notify).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let config = folder.join("agent.toml");
        let state = folder.join(format!("state{round}"));
        let control = folder.join("control");
        let text = format!(
            "state-dir = \"{}\"\n[control]\nsocket = \"{}\"\n",
            state.display(),
            control.display()
        );
        fs::write(&config, text).unwrap();
        let begin = Instant::now();
        let child = Command::new(programs().join("omadmd"))
            .arg("--config")
            .arg(&config)
            .env("NOTIFY_SOCKET", &notify)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut message = [0; 512];
        loop {
            let length = socket.recv(&mut message).unwrap();
            let text = String::from_utf8_lossy(&message[..length]).into_owned();
            if text.lines().any(|line| line == "READY=1") {
                break;
            }
        }
        Self {
            child,
            ready: begin.elapsed(),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

/// From start to end of a program that does nothing.
fn nothing() -> Duration {
    let begin = Instant::now();
    Command::new("true").status().unwrap();
    begin.elapsed()
}

fn sleeper() -> (u64, u64) {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let resident = resident(&child);
    child.kill().unwrap();
    child.wait().unwrap();
    resident
}

fn stripped(program: &str, folder: &Path) -> u64 {
    let to = folder.join(program);
    let strip = Command::new("strip")
        .arg("-o")
        .arg(&to)
        .arg(programs().join(program))
        .status();
    assert!(strip.unwrap().success());
    fs::metadata(to).unwrap().len()
}

pub(super) fn print() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Vec::new();
    let mut again = Vec::new();
    for round in 0..11 {
        first.push(Daemon::start(folder.path(), round).ready);
        again.push(Daemon::start(folder.path(), round).ready);
    }
    let floor = median((0..11).map(|_| nothing()).collect());
    let daemon = Daemon::start(folder.path(), 0);
    std::thread::sleep(Duration::from_secs(2));
    let (rss, own) = resident(&daemon.child);
    let (least, least_own) = sleeper();
    println!("omadmd");
    println!("  {:<28}{:>9}{:>10}", "", "", "ratio");
    let row = |name: &str, value: f64, unit: &str, ratio: f64| {
        println!("  {name:<28}{value:>9.1}{ratio:>10.1}  {unit}");
    };
    let mib = |kib: u64| kib as f64 / 1_024.0;
    row("idle, resident", mib(rss), "MiB", rss as f64 / least as f64);
    row(
        "idle, of its own",
        mib(own),
        "MiB",
        own as f64 / least_own as f64,
    );
    row("limit: sleep, resident", mib(least), "MiB", 1.0);
    row("limit: sleep, of its own", mib(least_own), "MiB", 1.0);
    let (first, again) = (median(first), median(again));
    row("first start to ready", first, "ms", first / floor);
    row("start to ready", again, "ms", again / floor);
    row("limit: true, start to end", floor, "ms", 1.0);
    println!("Stripped sizes");
    for program in ["omadmd", "omadm", "omadm-server"] {
        let size = stripped(program, folder.path());
        println!(
            "  {program:<28}{:>9.2}{:>10}  MiB",
            size as f64 / 1_048_576.0,
            ""
        );
    }
    println!();
}
