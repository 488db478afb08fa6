//! `kill -9` of `omadmd` at a hundred random moments of a job list.
//!
//! What the server counts as done is on the device after each restart, no job is lost or refused,
//! and the two ends still agree on their nonces at the end.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "driver: runs processes and waits for them"
)]

use omadm_tests::dice::Dice;
use omadm_tests::process::{ACCOUNT, Bench};
use serde_json::Value;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What the server has been told of a job's value.
struct Written {
    job: i64,
    uri: String,
    value: String,
}

/// The jobs of a device, and what each is to leave behind.
struct Plan {
    bench: Bench,
    added: Vec<Written>,
    /// Jobs that rename the account, in order; the value is the number of the cut.
    renamed: Vec<(i64, usize)>,
}

impl Plan {
    fn new() -> Self {
        Self {
            bench: Bench::new("wbxml", ""),
            added: Vec::new(),
            renamed: Vec::new(),
        }
    }

    fn queue(&mut self, cut: usize) {
        let uri = format!("./DMAcc/{ACCOUNT}/Ext/Test/Note{cut}");
        let value = format!("value of cut {cut}");
        let job = self.bench.job(&["add", &uri, "--value", &value]);
        self.added.push(Written { job, uri, value });
        let name = format!("./DMAcc/{ACCOUNT}/Name");
        let job = self
            .bench
            .job(&["replace", &name, "--value", &cut.to_string()]);
        self.renamed.push((job, cut));
    }

    /// Starts a session in the background and kills the daemon after `delay`; says whether the
    /// session was still under way.
    fn cut(&mut self, delay: Duration) -> bool {
        let mut command = self
            .bench
            .agent
            .command(&["session", "--account", ACCOUNT, "--json"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut session = command.spawn().unwrap();
        sleep(delay);
        let under_way = session.try_wait().unwrap().is_none();
        self.bench.agent.kill();
        session.wait().unwrap();
        self.bench.agent.restart();
        under_way
    }

    /// Compares what the server believes with what the device has; gives the jobs still open.
    fn check(&self) -> usize {
        let jobs = self.bench.server.json(&["job", "list"]);
        let states = states(&jobs);
        // The server forgets the oldest of the jobs that are over; all of them were checked before.
        let state = |job: i64| {
            let found = states.iter().find(|(id, _)| *id == job);
            found.map_or("done", |(_, state)| state.as_str())
        };
        let tree = self
            .bench
            .agent
            .json(&["tree", &format!("./DMAcc/{ACCOUNT}")]);
        let nodes = values(&tree);
        let value = |uri: &str| {
            let node = nodes.iter().find(|(known, _)| known == uri);
            node.map(|(_, value)| value.as_str())
        };
        let mut open = 0;
        for Written {
            job,
            uri,
            value: written,
        } in &self.added
        {
            match state(*job) {
                "done" => assert_eq!(value(uri), Some(written.as_str()), "{uri} is lost"),
                "queued" | "sent" => open += 1,
                other => panic!("job {job} is {other}: {}", self.show(*job)),
            }
        }
        let name = value(&format!("./DMAcc/{ACCOUNT}/Name")).unwrap();
        for (job, cut) in &self.renamed {
            match state(*job) {
                "done" => assert!(
                    name.parse::<usize>().unwrap() >= *cut,
                    "the name is {name} after {cut} was acknowledged"
                ),
                "queued" | "sent" => open += 1,
                other => panic!("job {job} is {other}: {}", self.show(*job)),
            }
        }
        open
    }

    fn show(&self, job: i64) -> Value {
        self.bench.server.json(&["job", "show", &job.to_string()])
    }
}

fn states(list: &Value) -> Vec<(i64, String)> {
    let jobs = list.pointer("/jobs").unwrap_or(list);
    let jobs = jobs.as_array().unwrap();
    let one = |job: &Value| {
        let id = job.get("id").or(job.get("job"))?.as_i64()?;
        Some((id, job.get("state")?.as_str()?.to_owned()))
    };
    jobs.iter().map(|job| one(job).unwrap()).collect()
}

fn values(tree: &Value) -> Vec<(String, String)> {
    let nodes = tree.pointer("/nodes").unwrap().as_array().unwrap();
    let one = |node: &Value| {
        let value = node.get("value")?.as_str()?;
        Some((node.get("uri")?.as_str()?.to_owned(), value.to_owned()))
    };
    nodes.iter().filter_map(one).collect()
}

#[test]
fn nothing_acknowledged_is_lost_when_the_daemon_is_killed() {
    let cuts = if std::env::var_os("OMADM_LONG").is_some() {
        1_000
    } else {
        100
    };
    let mut plan = Plan::new();
    plan.queue(0);
    let begin = Instant::now();
    plan.bench.session();
    let session = begin.elapsed();
    assert_eq!(plan.check(), 0);
    let mut dice = Dice::new(
        std::env::var("SEED")
            .ok()
            .and_then(|s| s.parse().ok())
            .unwrap_or(20_260_101),
    );
    // A session after a cut is longer than the first: the nonces have to be agreed on again.
    let most = u64::try_from(session.as_micros()).unwrap() * 2;
    let (mut under_way, mut in_a_row) = (0, 0);
    for cut in 1..=cuts {
        plan.queue(cut);
        if plan.cut(Duration::from_micros(dice.roll(most))) {
            under_way += 1;
            in_a_row += 1;
        } else {
            in_a_row = 0;
        }
        plan.check();
        // The server gives a job up that always breaks its session; this one does not.
        if in_a_row == 5 {
            plan.bench.session();
            in_a_row = 0;
        }
    }
    println!("{under_way} of {cuts} sessions were under way, of {session:?} each");
    assert!(under_way > 0, "no session was cut: the test shows nothing");
    let end = plan.bench.session();
    assert_eq!(
        end.get("result").and_then(Value::as_str),
        Some("completed"),
        "{end}"
    );
    assert_eq!(plan.check(), 0, "jobs are left over");
}
