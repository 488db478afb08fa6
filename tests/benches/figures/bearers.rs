//! Goodput of the bearers that take a kernel with drivers, in a guest of the kernel lab: 1 MiB
//! beside a plain copy of the same octets over the same driver, and beside foreign programs.

use omadm_tests::lab::{Found, Guest};
use serde_json::Value;
use std::time::Duration;

/// What our share of a plain copy's rate has to be.
const SHARE: f64 = 0.9;
/// Of how many rounds the best counts: the guest has one processor for both ends and the drivers.
const ROUNDS: usize = 8;
const LIMIT: Duration = Duration::from_mins(6);
/// The best of several rounds.
struct Best {
    seconds: f64,
    cpu: f64,
    kibibytes: f64,
}

impl Best {
    /// Of the steps `NAME-ROUND`; `None` if each failed.
    fn of(found: &Found, name: &str) -> Option<Self> {
        let rounds = (1..=ROUNDS).map(|round| found.step(&format!("{name}-{round}")));
        let good: Vec<Value> = rounds
            .filter(|step| step.status == 0)
            .map(|step| step.json())
            .collect();
        let least = |key: &str| {
            let all = good.iter().filter_map(|row| row[key].as_f64());
            all.min_by(f64::total_cmp)
        };
        Some(Self {
            seconds: least("seconds")?,
            cpu: least("cpu_seconds")?,
            kibibytes: least("peak_kib")?,
        })
    }

    /// Without what a file of one octet takes.
    fn without(self, small: &Self) -> Self {
        Self {
            seconds: self.seconds - small.seconds,
            cpu: self.cpu - small.cpu,
            ..self
        }
    }
}

fn row(what: &str, best: Option<&Best>, copy: f64) {
    let Some(best) = best else {
        return println!("  {what:<44}       - did not get through");
    };
    println!(
        "  {what:<44}{:>8.3}{:>9.2} s{:>7.2} s{:>8.1} MiB",
        copy / best.seconds,
        best.seconds,
        best.cpu,
        best.kibibytes / 1024.0
    );
}

/// Prints one driver's table; whether PUT or GET leave too much of it unused.
fn table(found: &Found, driver: &str) -> bool {
    let copy = Best::of(found, &format!("{driver}-copy")).unwrap();
    let mut low = false;
    for deed in ["put", "get"] {
        let best = Best::of(found, &format!("{driver}-{deed}"));
        row(
            &format!("{driver}: {}", deed.to_uppercase()),
            best.as_ref(),
            copy.seconds,
        );
        low |= best.is_none_or(|best| copy.seconds / best.seconds < SHARE);
    }
    row(
        &format!("{driver}: limit: a plain copy"),
        Some(&copy),
        copy.seconds,
    );
    low
}

/// What the guest leaves that carries over `bearer`.
fn found(bearer: &'static str) -> Option<Found> {
    let own = std::env::current_exe().unwrap();
    let guest = Guest::of("figures", bearer)?.with_file(&own, "figures");
    guest.run(&[bearer, &ROUNDS.to_string()], LIMIT)
}

/// The difference to a file of one octet, since each file is a process and a connection.
fn foreign(found: &Found) -> Option<Best> {
    let small = Best::of(found, "foreign-small")?;
    Some(Best::of(found, "foreign")?.without(&small))
}

pub(super) fn print() {
    println!(
        "Bearers: 1 MiB in a guest with one processor, both ends in it: share of a plain copy's"
    );
    println!(
        "  rate (PUT and GET have to reach {SHARE:.1}), time, processor time and memory of both ends"
    );
    let mut low = false;
    if let Some(found) = found("bluetooth") {
        low |= table(&found, "rfcomm");
        let copy = Best::of(&found, "rfcomm-copy").unwrap();
        let what = "rfcomm: PUT by obexftp to obexd (memory: its)";
        row(what, foreign(&found).as_ref(), copy.seconds);
    }
    if let Some(found) = found("usb") {
        low |= table(&found, "usb");
    }
    println!();
    assert!(!low, "OBEX leaves too much of a bearer unused");
}
