//! Goodput of the bearers that take a kernel with drivers, in a guest of the kernel lab: 1 MiB
//! beside a plain copy of the same octets over the same driver, and beside foreign programs.

use omadm_tests::lab::{Found, Guest};
use serde_json::Value;
use std::time::Duration;

/// What our share of a plain copy's rate has to be.
const SHARE: f64 = 0.9;
const LIMIT: Duration = Duration::from_mins(8);

/// What a guest has left of several rounds, of which the best counts: it has one processor for
/// both ends and the drivers.
struct Rounds {
    found: Found,
    count: usize,
}

/// The best of them.
struct Best {
    seconds: f64,
    cpu: f64,
    kibibytes: f64,
}

impl Rounds {
    /// What a guest leaves that is told to carry so often; `None` where there is none.
    fn of(guest: Option<Guest>, count: usize, arguments: [&str; 2]) -> Option<Self> {
        let own = std::env::current_exe().unwrap();
        let guest = guest?.with_file(&own, "figures");
        let [bearer, speed] = arguments;
        let found = guest.run(&[bearer, &count.to_string(), speed], LIMIT)?;
        Some(Self { found, count })
    }

    /// Of the steps `NAME-ROUND`; `None` if each failed.
    fn best(&self, name: &str) -> Option<Best> {
        let rounds = (1..=self.count).map(|round| self.found.step(&format!("{name}-{round}")));
        let good: Vec<Value> = rounds
            .filter(|step| step.status == 0)
            .map(|step| step.json())
            .collect();
        let least = |key: &str| {
            let all = good.iter().filter_map(|row| row[key].as_f64());
            all.min_by(f64::total_cmp)
        };
        Some(Best {
            seconds: least("seconds")?,
            cpu: least("cpu_seconds")?,
            kibibytes: least("peak_kib")?,
        })
    }

    /// Prints PUT and GET beside copies in the same directions; returns the smaller share of the two.
    fn table(&self, driver: &str, name: &str, copies: [&str; 2]) -> f64 {
        let deeds = ["put", "get"].into_iter().zip(copies);
        let shares = deeds.map(|(deed, copy)| {
            let limit = self.best(&format!("{driver}-{copy}"));
            let best = self.best(&format!("{driver}-{deed}"));
            let seconds = limit.as_ref().unwrap().seconds;
            let what = format!("{name}: {}", deed.to_uppercase());
            let share = line(&what, best.as_ref(), seconds);
            let what = format!("{name}: limit of it, a copy");
            line(&what, limit.as_ref(), seconds);
            share
        });
        shares.fold(f64::INFINITY, f64::min)
    }

    /// The difference to a file of one octet, since each file is a process and a connection.
    fn foreign(&self) -> Option<Best> {
        let (small, large) = (self.best("foreign-small")?, self.best("foreign")?);
        Some(Best {
            seconds: large.seconds - small.seconds,
            cpu: large.cpu - small.cpu,
            ..large
        })
    }
}

/// Prints a row; returns its share of the copy's rate.
fn line(what: &str, best: Option<&Best>, copy: f64) -> f64 {
    let Some(best) = best else {
        println!("  {what:<48}     - did not get through");
        return 0.0;
    };
    let share = copy / best.seconds;
    // Where time travels, the processor takes none.
    let cpu = match best.cpu {
        0.0 => "-  ".to_owned(),
        cpu => format!("{cpu:.2} s"),
    };
    println!(
        "  {what:<48}{share:>6.3}{:>8.2} s{cpu:>9}{:>7.1} MiB",
        best.seconds,
        best.kibibytes / 1024.0
    );
    share
}

pub(super) fn print() {
    println!(
        "Bearers: 1 MiB in a guest with one processor, both ends in it: share of the rate of a plain\n  \
         copy; time; processor time and memory (RFCOMM: of both ends, USB: of the host)"
    );
    let mut least = f64::INFINITY;
    let guest = Guest::of("figures", "bluetooth");
    if let Some(rounds) = Rounds::of(guest, 8, ["bluetooth", ""]) {
        least = least.min(rounds.table("rfcomm", "RFCOMM", ["copy", "copy"]));
        let copy = rounds.best("rfcomm-copy").unwrap().seconds;
        let what = "RFCOMM: PUT by obexftp to obexd (memory: its)";
        line(what, rounds.foreign().as_ref(), copy);
    }
    let copies = ["copy-out", "copy-in"];
    // The time is that of the bus, whose frames carry as much as those of a real one.
    let guest = Guest::of("figures", "usb, bus").map(Guest::with_time_travel);
    if let Some(rounds) = Rounds::of(guest, 1, ["usb", "full-speed"]) {
        least = least.min(rounds.table("usb", "USB, bus alone", copies));
    }
    // Its frames are far faster than real ones: the time is that of the guest's processor.
    let guest = Guest::of("figures", "usb, processor");
    if let Some(rounds) = Rounds::of(guest, 4, ["usb", "high-speed"]) {
        rounds.table("usb", "USB, processor alone", copies);
    }
    println!();
    assert!(
        least >= SHARE,
        "PUT and GET have to reach {SHARE} of a copy on RFCOMM and on the bus"
    );
}
