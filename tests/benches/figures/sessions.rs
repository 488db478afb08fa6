//! Sessions a second of the server, memory of the agent after a thousand sessions, and how often
//! it wakes when nothing is due.

#![expect(
    clippy::disallowed_types,
    reason = "driver: the devices that load the server"
)]

use omadm_agent::mo::dmacc;
use omadm_dm::session::{Output, Session, SessionCause, SessionEnd, SessionStart};
use omadm_dm::{Account, Tree};
use omadm_syncml::{Envelope, MediaType, Now, PeerProof, Wall};
use omadm_tests::pair::{DEVICE_SECRET, GATEWAY, SERVER_ID, SERVER_SECRET, account, device_tree};
use omadm_tests::process::{Agent, Bench, Server};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long the server is asked, with each number of devices at a time.
const LOAD: Duration = Duration::from_secs(5);

/// How many sessions the agent holds.
const MANY: usize = 1_000;

/// How long the agent is left alone.
const IDLE: Duration = Duration::from_mins(1);

/// A device that holds one session after the other over a connection that stays open.
struct Device {
    tree: Tree,
    policy: dmacc::AccountPolicy,
    line: BufReader<TcpStream>,
    host: String,
    begun: Instant,
    sessions: u32,
    messages: u32,
}

impl Device {
    fn new(id: &str, url: &str) -> Self {
        let mut tree = device_tree(id, GATEWAY).unwrap();
        let begun = Instant::now();
        let new = account(MediaType::DmWbxml, url);
        let (writes, policy) = dmacc::add(&tree, &new, id, now(begun)).unwrap();
        tree.apply(&writes);
        let host = url.split('/').nth(2).unwrap().to_owned();
        let stream = TcpStream::connect(&host).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            tree,
            policy,
            line: BufReader::new(stream),
            host,
            begun,
            sessions: 0,
            messages: 0,
        }
    }

    fn account(&self) -> Account {
        let mut all = dmacc::accounts(&self.tree, std::slice::from_ref(&self.policy));
        all.pop().unwrap().unwrap().account
    }

    /// One session, to its end.
    fn session(&mut self) {
        self.sessions += 1;
        let mut seed = [0; 32];
        File::open("/dev/urandom")
            .unwrap()
            .read_exact(&mut seed)
            .unwrap();
        let start = SessionStart::new(self.account(), SessionCause::User, PeerProof::None, seed);
        let mut session = Session::start(start, &self.tree, now(self.begun));
        loop {
            match session.poll_output() {
                Output::Collect(wanted) => {
                    let live = self.tree.collect(&wanted);
                    session.handle_live(&live, &self.tree, now(self.begun));
                }
                Output::Commit(writes) => {
                    self.tree.apply(&writes.nodes);
                    session.handle_committed(Ok(()), now(self.begun));
                }
                Output::Transmit(envelope) => {
                    let answer = self.post(&envelope);
                    session.handle_message(&answer, &self.tree, now(self.begun));
                }
                Output::Wait(_) => panic!("the server owes no answer"),
                Output::Closed(outcome) => {
                    assert_eq!(outcome.end, SessionEnd::Completed);
                    return;
                }
            }
        }
    }

    fn post(&mut self, envelope: &Envelope) -> Envelope {
        self.messages += 1;
        let path = envelope.to.as_ref().map_or("/dm", |to| {
            let start = to.0.find("/dm").unwrap();
            &to.0[start..]
        });
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            self.host,
            envelope.media_type,
            envelope.body.len()
        )
        .into_bytes();
        request.extend_from_slice(&envelope.body);
        self.line.get_mut().write_all(&request).unwrap();
        let mut length = 0;
        loop {
            let mut head = String::new();
            self.line.read_line(&mut head).unwrap();
            let head = head.trim_end().to_ascii_lowercase();
            if let Some(value) = head.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if head.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.line.read_exact(&mut body).unwrap();
        Envelope {
            to: None,
            media_type: envelope.media_type,
            body: body.into(),
            hmac: None,
        }
    }
}

fn now(begun: Instant) -> Now {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Now {
        boot: begun.elapsed() + Duration::from_mins(1),
        wall: since.ok().map(Wall),
    }
}

/// Sessions and messages a second with so many devices at a time.
fn load(server: &Server, devices: usize) -> (f64, f64) {
    let url = server.url();
    let ends = (0..devices).map(|number| {
        let (id, url) = (device_id(number), url.clone());
        thread::spawn(move || {
            let mut device = Device::new(&id, &url);
            // The first is challenged.
            device.session();
            device.session();
            let (sessions, messages) = (device.sessions, device.messages);
            let from = Instant::now();
            while from.elapsed() < LOAD {
                device.session();
            }
            let seconds = from.elapsed().as_secs_f64();
            (
                f64::from(device.sessions - sessions) / seconds,
                f64::from(device.messages - messages) / seconds,
            )
        })
    });
    let ends: Vec<_> = ends.collect();
    ends.into_iter()
        .map(|end| end.join().unwrap())
        .fold((0.0, 0.0), |sum, rates| (sum.0 + rates.0, sum.1 + rates.1))
}

fn device_id(number: usize) -> String {
    format!("urn:uuid:00000000-0000-4000-8000-{number:012}")
}

fn register(server: &Server, folder: &Path, devices: usize) {
    let [own, theirs] = [("own", DEVICE_SECRET), ("theirs", SERVER_SECRET)].map(|(name, text)| {
        let path = folder.join(name);
        fs::write(&path, format!("{text}\n")).unwrap();
        path.display().to_string()
    });
    for number in 0..devices {
        let id = device_id(number);
        let add = ["device", "add", &id];
        let secrets = ["--secret-file", &own, "--server-secret-file", &theirs];
        server.run(&[&add[..], &secrets].concat()).expect_success();
    }
}

/// Appends of 4 KiB a second, each synced: what a disk allows one writer that commits each time.
fn synced_appends(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("appends")).unwrap();
    let from = Instant::now();
    let mut count = 0.0;
    while from.elapsed() < Duration::from_secs(2) {
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
        count += 1.0;
    }
    count / from.elapsed().as_secs_f64()
}

fn server_rates() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("server"), SERVER_ID, &[]);
    register(&server, folder.path(), 8);
    let limit = synced_appends(folder.path());
    println!("omadm-server: sessions a second in which nothing is asked (MD5 both ways, WBXML)");
    println!(
        "  {:<28}{:>9}{:>10}{:>9}",
        "", "sessions", "messages", "ratio"
    );
    for devices in [1, 8] {
        let (sessions, messages) = load(&server, devices);
        let name = format!("{devices} at a time");
        let ratio = messages / limit;
        println!("  {name:<28}{sessions:>9.0}{messages:>10.0}{ratio:>9.2}");
    }
    println!(
        "  {:<28}{:>9}{limit:>10.0}{:>9.2}",
        "limit: synced 4 KiB appends", "-", 1.0
    );
    println!("  Each message is one transaction, synced before it is answered.");
    println!();
}

/// The sum of a counter over all threads of a process.
fn switches(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let count = |task: fs::DirEntry| {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        let of = |line: &str| {
            line.split_whitespace()
                .nth(1)
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.map(of).sum::<u64>()
    };
    tasks.map(|task| count(task.unwrap())).sum()
}

fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    kib / 1_024.0
}

fn agent_after_many() {
    let mut bench = Bench::new("wbxml", "");
    let pid = bench.agent.process().pid();
    let fresh = resident(pid);
    for _ in 0..20 {
        bench.session();
    }
    let warm = resident(pid);
    for _ in 20..MANY {
        bench.session();
    }
    let soaked = resident(pid);
    println!("omadmd over {MANY} sessions, resident");
    println!("  {:<28}{:>9}{:>10}", "", "", "ratio");
    for (name, value) in [("fresh", fresh), ("after 20", warm), ("after 1000", soaked)] {
        println!("  {name:<28}{value:>9.1}{:>10.2}  MiB", value / fresh);
    }
    println!();
}

fn idle_wakes() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::start(&folder.path().join("agent"), "");
    let pid = agent.process().pid();
    thread::sleep(Duration::from_secs(2));
    let before = switches(pid);
    thread::sleep(IDLE);
    let woken = switches(pid) - before;
    println!("omadmd with nothing due, a minute");
    println!(
        "  {:<28}{woken:>9}  context switches (a process that sleeps: 0)",
        "wake-ups"
    );
    println!();
}

pub(super) fn print() {
    server_rates();
    agent_after_many();
    idle_wakes();
}
