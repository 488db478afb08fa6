//! One full collection of KPIs beside a scrape of `prometheus-node-exporter` with the same
//! collectors: processor time, values and system calls.
#![expect(
    clippy::disallowed_types,
    reason = "driver: asks the exporter, writes to nowhere"
)]

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use omadm_probes::{Collector, KpiSet, Samples, Sources};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The argument with which this program is its own subject.
pub(super) const SUBJECT: &str = "--collect-kpis";

const EXPORTER: &str = "prometheus-node-exporter";

/// What both read.
const PATTERNS: [&str; 11] = [
    "memory.*",
    "pressure.*",
    "cpu.*",
    "system.*",
    "thermal.*",
    "power.*",
    "storage.*",
    "link.*",
    "softnet.*",
    "ip.*",
    "*cp.*",
];

const COLLECTORS: [&str; 13] = [
    "conntrack",
    "cpu",
    "filefd",
    "filesystem",
    "loadavg",
    "meminfo",
    "netdev",
    "netstat",
    "powersupplyclass",
    "pressure",
    "softnet",
    "stat",
    "thermal_zone",
];

/// The vmstat collector has no place in the list above because it comes last.
const LAST: &str = "vmstat";

/// Calls by which threads wait for each other; strace makes more of them than there are without it.
const WAITING: [&str; 6] = [
    "futex",
    "nanosleep",
    "epoll_pwait",
    "sched_yield",
    "tgkill",
    "rt_sigreturn",
];

/// Scrapes for processor time, and two counts for system calls: their difference has no start-up.
const SCRAPES: u32 = 400;
const FEW: u32 = 20;
const MANY: u32 = 120;

/// Collects as often as the argument says, and writes each collection as text.
pub(super) fn subject(count: &str) {
    let count: u32 = count.parse().unwrap();
    let wanted = wanted();
    let mut collector = Collector::new(Sources::system);
    let (mut samples, mut text) = (Samples::new(), String::new());
    let mut sink = fs::OpenOptions::new()
        .write(true)
        .open("/dev/null")
        .unwrap();
    for _ in 0..count {
        collector.collect_into(&wanted, &mut samples);
        text.clear();
        for sample in samples
            .iter()
            .filter(|sample| sample.reading.value().is_some())
        {
            let instance = sample.instance.as_deref().unwrap_or_default();
            writeln!(text, "{}{{{instance}}} {}", sample.id, sample.reading).unwrap();
        }
        sink.write_all(text.as_bytes()).unwrap();
    }
    println!("{}", text.lines().count());
}

fn wanted() -> KpiSet {
    let sets = PATTERNS
        .iter()
        .map(|pattern| KpiSet::matching(pattern).unwrap());
    sets.fold(KpiSet::EMPTY, |all, set| all.union(&set))
}

/// What one collection or scrape costs.
struct Cost {
    microseconds: f64,
    values: f64,
    /// System calls, and those of them that are not for waiting; `None` without strace.
    calls: Option<(f64, f64)>,
}

fn children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let spent = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(spent.try_into().unwrap())
}

fn ours() -> Cost {
    let run = |count: u32| {
        let before = children();
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program)
            .arg(SUBJECT)
            .arg(count.to_string())
            .output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        (
            children().saturating_sub(before),
            text.trim().parse::<f64>().unwrap(),
        )
    };
    let (start, _) = run(1);
    let (spent, values) = run(1 + SCRAPES);
    Cost {
        microseconds: (spent.saturating_sub(start)).as_secs_f64() * 1e6 / f64::from(SCRAPES),
        values,
        calls: per_scrape(|count, log| {
            let mut strace = strace(log);
            let program = std::env::current_exe().unwrap();
            strace.arg(program).arg(SUBJECT).arg(count.to_string());
            assert!(strace.stdout(Stdio::null()).status().unwrap().success());
        }),
    }
}

fn strace(log: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-o"]).arg(log);
    command
}

/// System calls for one scrape, of which a run makes as many as it is told.
fn per_scrape(run: impl Fn(u32, &Path)) -> Option<(f64, f64)> {
    if !is_installed("strace", "-V") {
        println!("skipped: system calls: strace is not installed");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let count = |scrapes| {
        let log = folder.path().join("log");
        run(scrapes, &log);
        calls(&summary(&log))
    };
    let (few, many) = (count(FEW), count(MANY));
    let mut all = 0.0;
    let mut working = 0.0;
    for (name, calls) in &many {
        let more = calls - few.get(name).copied().unwrap_or_default();
        all += more;
        if !WAITING.contains(&&**name) {
            working += more;
        }
    }
    let scrapes = f64::from(MANY - FEW);
    Some((all / scrapes, working / scrapes))
}

/// What strace writes when its subject has ended, or a moment later.
fn summary(log: &Path) -> String {
    let begin = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        if text.trim_end().ends_with("total") {
            fs::remove_file(log).unwrap();
            return text;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The calls in a summary of strace: `% time seconds usecs/call calls errors syscall`.
fn calls(summary: &str) -> BTreeMap<String, f64> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let calls: f64 = words.get(3)?.parse().ok()?;
        let name = words.last().filter(|name| **name != "total")?;
        words.first()?.parse::<f64>().ok()?;
        Some(((*name).to_owned(), calls))
    };
    summary.lines().filter_map(line).collect()
}

fn is_installed(program: &str, version: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg(version)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// An exporter on a port of its own.
struct Exporter {
    child: Child,
    port: u16,
}

impl Exporter {
    fn start(mut command: Command, before: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        command.args(before);
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.args([
            "--web.disable-exporter-metrics",
            "--collector.disable-defaults",
        ]);
        for collector in COLLECTORS.into_iter().chain([LAST]) {
            command.arg(format!("--collector.{collector}"));
        }
        let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = silent.spawn().unwrap();
        Self { child, port }
    }

    fn connect(&self) -> TcpStream {
        let begin = Instant::now();
        loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => return stream,
                Err(error) if begin.elapsed() > Duration::from_secs(20) => panic!("{error}"),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Scrapes over one connection, as Prometheus does; gives the values of the last.
    fn scrape(&self, count: u32) -> f64 {
        let mut stream = self.connect();
        stream.set_nodelay(true).unwrap();
        let mut text = String::new();
        for _ in 0..count {
            let request = "GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n";
            stream.write_all(request.as_bytes()).unwrap();
            text = answer(&mut stream);
        }
        let is_value = |line: &&str| !line.starts_with('#') && !line.starts_with("node_scrape");
        text.lines().filter(is_value).count() as f64
    }

    fn spent(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) * 1e4
    }
}

/// One answer with `Content-Length` or in chunks, whose frames are taken off.
fn answer(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet).unwrap();
        head.push(octet[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = Vec::new();
    if let Some(length) = length {
        body.resize(length.parse().unwrap(), 0);
        stream.read_exact(&mut body).unwrap();
        return String::from_utf8(body).unwrap();
    }
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            stream.read_exact(&mut octet).unwrap();
            line.push(octet[0]);
        }
        let length = usize::from_str_radix(String::from_utf8(line).unwrap().trim(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        stream.read_exact(&mut chunk).unwrap();
        body.extend(&chunk[..length]);
        if length == 0 {
            return String::from_utf8(body).unwrap();
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn theirs() -> Cost {
    let exporter = Exporter::start(Command::new(EXPORTER), &[]);
    let values = exporter.scrape(5);
    let before = exporter.spent();
    exporter.scrape(SCRAPES);
    let microseconds = (exporter.spent() - before) / f64::from(SCRAPES);
    drop(exporter);
    let calls = per_scrape(|count, log| {
        // Told to end, strace would let its subject go on: the exporter itself is told.
        let exporter = Exporter::start(strace(log), &["-D", EXPORTER]);
        exporter.scrape(count);
    });
    Cost {
        microseconds,
        values,
        calls,
    }
}

pub(super) fn print() {
    if !is_installed(EXPORTER, "--version") {
        println!("skipped: kpi: {EXPORTER} is not installed (tests/scripts/deps.sh bench)\n");
        return;
    }
    let (ours, theirs) = (ours(), theirs());
    println!("One collection of KPIs, with threads and text, beside a scrape");
    println!(
        "  {:<34}{:>10}{:>12}{:>8}",
        "", "omadm", "exporter", "ratio"
    );
    let row = |name: &str, ours: f64, theirs: f64| {
        println!(
            "  {name:<34}{ours:>10.1}{theirs:>12.1}{:>8.2}",
            ours / theirs
        );
    };
    row("values", ours.values, theirs.values);
    row("processor time, µs", ours.microseconds, theirs.microseconds);
    let per = |cost: &Cost, amount: f64| amount / cost.values;
    row(
        "processor time, µs a value",
        per(&ours, ours.microseconds),
        per(&theirs, theirs.microseconds),
    );
    if let (Some(own), Some(their)) = (ours.calls, theirs.calls) {
        row("system calls", own.0, their.0);
        row("system calls but for waiting", own.1, their.1);
        row(
            "the same, a value",
            per(&ours, own.1),
            per(&theirs, their.1),
        );
    }
    println!();
}
