//! The kernel lab: boots a real kernel with virtual devices as an ordinary process, runs a
//! scenario's `guest.sh` there as root with the programs of this workspace, and hands back what it
//! left. `tests/lab/README.md` says how a scenario is written.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "driver: runs guests for tests, which end when something is amiss"
)]

mod found;
mod machine;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::program;

pub use found::{Found, Step};
use machine::{Ended, Machine};

/// What is run in the guest, beside what its system has.
const PROGRAMS: [&str; 4] = ["omadmd", "omadm", "omadm-server", "omadm-helper"];

/// One test of a scenario, and the machine that it takes.
pub struct Guest {
    scenario: &'static str,
    test: &'static str,
    machine: Machine,
    files: Vec<(PathBuf, String)>,
}

impl Guest {
    /// For a test of the scenario in `tests/lab/SCENARIO`. `None`, with the reason said, where the
    /// lab is not asked for.
    pub fn of(scenario: &'static str, test: &'static str) -> Option<Self> {
        let guest = Self {
            scenario,
            test,
            machine: Machine::default(),
            files: Vec::new(),
        };
        if std::env::var_os("OMADM_LAB").is_some_and(|set| set == "1") {
            return Some(guest);
        }
        guest.skipped("boots a kernel: `make lab` runs it");
        None
    }

    /// Runs the scenario as a service of systemd, which takes half a minute more.
    #[must_use]
    pub fn with_systemd(mut self) -> Self {
        self.machine.init = Some("/sbin/init");
        self
    }

    /// Boots Debian's own kernel in QEMU, with these options for its devices, which find the share as
    /// their folder. Without acceleration, it takes ten times as long as the lab's kernel.
    #[must_use]
    pub fn with_stock_kernel(mut self, devices: &[&str]) -> Self {
        let devices = devices.iter().map(|option| (*option).to_owned());
        self.machine.stock = Some(devices.collect());
        self
    }

    /// Lets the guest's time pass only while nothing is to do: what it measures is the bus, and not the
    /// processor, which seems to be infinitely fast.
    #[must_use]
    pub fn with_time_travel(mut self) -> Self {
        self.machine.travels = true;
        self
    }

    /// Gives the guest so many mebibytes of memory instead of 512.
    #[must_use]
    pub fn with_memory(mut self, mebibytes: u32) -> Self {
        self.machine.mebibytes = mebibytes;
        self
    }

    /// Puts a file of the host on the share under a name, which may have folders.
    #[must_use]
    pub fn with_file(mut self, file: &Path, name: &str) -> Self {
        self.files.push((file.to_owned(), name.to_owned()));
        self
    }

    /// Boots the guest, lets it run `guest.sh ARGUMENTS`, and returns what it left. `None`, with
    /// the reason said, if this machine cannot boot it. The time is for all of it; what makes the
    /// kernel and the guest's system, where they are not there yet, has limits of its own.
    pub fn run(self, arguments: &[&str], limit: Duration) -> Option<Found> {
        let mut found = self.boot(arguments, limit)?;
        // Every wait in a scenario has an end, so it is the kernel that stands still, as User Mode
        // Linux does once in a while. Twice is no accident.
        if !found.is_over() {
            self.say("frozen", "the guest stood still, and is booted again");
            found = self.boot(arguments, limit)?;
        }
        found.expect_to_the_end();
        Some(found)
    }

    fn boot(&self, arguments: &[&str], limit: Duration) -> Option<Found> {
        let share = tempfile::tempdir().expect("a temporary folder");
        self.fill(share.path(), arguments);
        match self.machine.run(share.path(), limit) {
            Ended::Ran(console) => {
                let name = format!("{}: {}", self.scenario, self.test);
                Some(Found::new(name, share, console))
            }
            Ended::Cannot(reason) => {
                self.skipped(&reason);
                None
            }
        }
    }

    /// Says on standard error that the test is skipped, and why; `make lab` lists it.
    pub fn skipped(&self, reason: &str) {
        self.say("skipped", reason);
    }

    fn say(&self, what: &str, reason: &str) {
        // Directly, since what a test that passes prints is not shown otherwise.
        let mut out = std::io::stderr().lock();
        let _ = writeln!(
            out,
            "{what}: lab {}: {}: {reason}",
            self.scenario, self.test
        );
    }

    fn fill(&self, share: &Path, arguments: &[&str]) {
        let bin = share.join("bin");
        fs::create_dir_all(&bin).expect("a folder");
        for name in PROGRAMS {
            put(&program(name), &bin.join(name));
        }
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab");
        for name in ["lib.sh", "bluetooth.sh", "answer.py"] {
            put(&lab.join("guest").join(name), &share.join(name));
        }
        let scenario = fs::read_dir(lab.join(self.scenario)).expect("a folder of this scenario");
        for file in scenario.flatten().filter(|file| file.path().is_file()) {
            put(&file.path(), &share.join(file.file_name()));
        }
        for (file, name) in &self.files {
            put(file, &share.join(name));
        }
        let lines: String = arguments.iter().flat_map(|line| [*line, "\n"]).collect();
        fs::write(share.join("arguments"), lines).expect("a file");
    }
}

/// A copy, since the guest may write to what it sees.
fn put(from: &Path, to: &Path) {
    let folder = to.parent().expect("a folder of the share");
    fs::create_dir_all(folder).expect("a folder");
    if let Err(error) = fs::copy(from, to) {
        panic!("{}: {error}", from.display());
    }
}
