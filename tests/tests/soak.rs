//! Hundreds of sessions that come to nothing: the daemon holds on to neither descriptors nor
//! memory, goes on trying, and still answers.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "driver: servers that behave badly, and what the system says of a process"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use omadm_tests::process::{Agent, PATIENCE};

/// How many sessions of each account, and how many before anything is compared.
const SESSIONS: i64 = 100;
const WARM: i64 = 20;

/// How many KiB the allocator may keep beyond what it had when it was warm: a few blocks, not
/// something for each session.
const SPARE: i64 = 1024;

const CONFIG: &str = "[session]\nconnect-timeout = \"10ms\"\nresponse-timeout = \"10ms\"\n\
                      [schedule]\ninterval = \"1d\"\n[retry]\ninitial = \"1ms\"\nmax = \"2ms\"";

/// A server that takes every connection, and what it does with one.
fn serve(each: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        for stream in listener.incoming() {
            spawn(move || each(stream.unwrap()));
        }
    });
    address.to_string()
}

/// Says nothing until the device has gone.
fn mute(mut stream: TcpStream) {
    while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
}

/// Answers without an end, an octet at a time.
fn drip(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    let mut answer = b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec();
    while stream.write_all(&answer).is_ok() {
        answer = b"x".to_vec();
        sleep(Duration::from_millis(1));
    }
}

fn add(agent: &Agent, name: &str, address: &str) {
    let secret = agent.state().with_file_name("secret");
    fs::write(&secret, "s3cret\n").unwrap();
    let secret = secret.to_str().unwrap();
    let server = format!("{name}.example");
    let add = ["account", "add", name, "--server-id", &server];
    let more = ["--address", address, "--allow-http", "--client-name", "d"];
    let own = ["--client-secret-file", secret];
    let theirs = ["--server-secret-file", secret];
    agent
        .run(&[&add[..], &more, &own, &theirs].concat())
        .expect_success();
}

/// Waits until every account has failed this often; `omadm status` answers all the while.
fn wait_for(agent: &Agent, failures: i64) {
    let from = Instant::now();
    loop {
        let report = agent.json(&["status"]);
        let accounts = report["status"]["accounts"].as_array().unwrap();
        let failed = |account: &serde_json::Value| account["failures"].as_i64();
        if accounts
            .iter()
            .all(|account| failed(account) >= Some(failures))
        {
            return;
        }
        assert!(from.elapsed() < PATIENCE, "it gave up: {report}");
        sleep(Duration::from_millis(50));
    }
}

/// Descriptors, threads and resident KiB of a process, the least of some looks: a session may be
/// under way.
fn held(pid: u32) -> [i64; 3] {
    let look = || {
        let count = |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.unwrap().split_whitespace().next().unwrap();
        sleep(Duration::from_millis(2));
        let [files, threads] = [count("fd"), count("task")].map(|count| count.try_into().unwrap());
        [files, threads, resident.parse().unwrap()]
    };
    let least = |a: [i64; 3], b: [i64; 3]| [a[0].min(b[0]), a[1].min(b[1]), a[2].min(b[2])];
    (0..50).map(|_| look()).reduce(least).unwrap()
}

#[test]
fn sessions_that_come_to_nothing_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::start(folder.path(), CONFIG);
    let silent = serve(mute);
    add(&agent, "mute", &format!("http://{silent}/dm"));
    add(&agent, "tls", &format!("https://{silent}/dm"));
    add(&agent, "drip", &format!("http://{}/dm", serve(drip)));
    for account in ["mute", "tls", "drip"] {
        let ended = agent.run(&["session", "--account", account]);
        assert!(ended.out.contains("bearer-failed"), "{ended:?}");
    }
    let pid = agent.process().pid();
    wait_for(&agent, WARM);
    let warm = held(pid);
    let from = Instant::now();
    wait_for(&agent, SESSIONS);
    let soaked = held(pid);
    println!(
        "descriptors, threads, KiB: {warm:?} after {WARM} sessions of each account, {soaked:?} \
         after {SESSIONS}, {:?} later",
        from.elapsed()
    );
    assert!(soaked[0] <= warm[0], "descriptors leak");
    assert!(soaked[1] <= warm[1] + 1, "threads leak");
    assert!(soaked[2] <= warm[2] + SPARE, "memory leaks");
    // In the middle of a session, which cannot say goodbye to a server that says nothing.
    let from = Instant::now();
    agent.stop();
    assert!(from.elapsed() < Duration::from_secs(8));
}
