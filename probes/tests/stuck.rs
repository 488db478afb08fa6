//! A source that does not answer costs its own KPIs and nothing else.
//!
//! A FIFO that nobody writes to stands for a file of a dead device: opening it blocks for good.
//! One test alone in its program: it counts the threads of the process.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: makes the tree that is read"
)]

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use omadm_probes::{Collector, KpiId, KpiSet, Probes, Sample, Samples, Sources, Value, collect};

/// What the collector waits for a source.
const DEADLINE: Duration = Duration::from_secs(2);

/// Files of one source each.
const FILES: [&str; 6] = [
    "proc/vmstat",
    "proc/loadavg",
    "proc/net/softnet_stat",
    "proc/self/mountinfo",
    "sys/class/power_supply/battery/uevent",
    "sys/class/thermal/thermal_zone0/temp",
];

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// A machine whose files can get stuck and come back.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let gateway = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gateway");
        copy(&gateway, dir.path())?;
        Ok(Self(dir))
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn aside(&self, file: &str) -> PathBuf {
        self.0.path().join(file.replace('/', "-"))
    }

    fn jam(&self, file: &str) -> io::Result<()> {
        fs::rename(self.path(file), self.aside(file))?;
        Ok(mkfifo(&self.path(file), Mode::from_bits_truncate(0o600))?)
    }

    /// Puts the file back and lets those go that wait for it.
    fn free(&self, file: &str) -> io::Result<()> {
        let fifo = self.path("fifo");
        fs::rename(self.path(file), &fifo)?;
        fs::rename(self.aside(file), self.path(file))?;
        drop(OpenOptions::new().write(true).open(fifo)?);
        Ok(())
    }

    fn collector(&self) -> Collector {
        let dir = self.0.path().to_owned();
        Collector::new(move || Sources::recorded(&dir))
    }
}

fn meminfo() -> KpiSet {
    let probes = Probes::all();
    let found = probes.iter().find(|(name, _)| *name == "meminfo");
    found.map_or(KpiSet::EMPTY, |(_, kpis)| kpis)
}

fn threads() -> io::Result<usize> {
    let is_ours = |task: io::Result<fs::DirEntry>| {
        let name = task.and_then(|task| fs::read_to_string(task.path().join("comm")));
        name.is_ok_and(|name| name == "kpi\n")
    };
    let tasks = fs::read_dir("/proc/self/task")?;
    Ok(tasks.map(is_ours).filter(|ours| *ours).count())
}

/// Waits until this many threads are left: an ended one is seen a moment longer.
fn settle(expected: usize) -> io::Result<()> {
    for _ in 0..2_000 {
        if threads()? == expected {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(threads()?, expected, "threads");
    Ok(())
}

fn without<'s>(samples: &'s Samples, left_out: &KpiSet) -> Vec<&'s Sample> {
    let rest = samples.iter().filter(|s| !left_out.contains(s.id));
    rest.collect()
}

/// A collector whose sources get stuck and come back.
struct Course {
    machine: Machine,
    collector: Collector,
    samples: Samples,
    /// What is read while nothing is stuck.
    sound: Samples,
    meminfo: KpiSet,
}

impl Course {
    fn new() -> io::Result<Self> {
        let machine = Machine::new()?;
        let sources = Sources::recorded(machine.0.path());
        Ok(Self {
            collector: machine.collector(),
            samples: Samples::new(),
            sound: collect(&mut Probes::all(), &sources, &KpiSet::all()),
            meminfo: meminfo(),
            machine,
        })
    }

    fn collect(&mut self, threads_left: usize) -> io::Result<()> {
        self.collector
            .collect_into(&KpiSet::all(), &mut self.samples);
        settle(threads_left)
    }

    fn assert_the_rest_is_whole(&self) {
        let (found, sound) = (&self.samples, &self.sound);
        assert_eq!(without(found, &self.meminfo), without(sound, &self.meminfo));
    }

    /// Again and again, with one thread left behind and not one more.
    fn never_read_before(&mut self) -> io::Result<()> {
        self.machine.jam("proc/meminfo")?;
        for _ in 0..20 {
            self.collect(1)?;
            self.assert_the_rest_is_whole();
            for id in self.meminfo.iter() {
                let reading = self.samples.reading(id, None);
                let text = reading.map(ToString::to_string).unwrap_or_default();
                assert!(text.starts_with("failed: meminfo: overdue"), "{id}: {text}");
            }
        }
        Ok(())
    }

    fn come_back(&mut self) -> io::Result<()> {
        self.machine.free("proc/meminfo")?;
        settle(0)?;
        self.collect(0)?;
        assert_eq!(self.samples, self.sound);
        Ok(())
    }

    fn read_before(&mut self) -> io::Result<()> {
        self.machine.jam("proc/meminfo")?;
        for _ in 0..3 {
            self.collect(1)?;
            self.assert_the_rest_is_whole();
            assert_eq!(self.samples.len(), self.sound.len());
            for id in self.meminfo.iter() {
                let found: Vec<_> = self.samples.of(id).collect();
                let [sample] = found.as_slice() else {
                    unreachable!("{id}: {found:?}");
                };
                assert_eq!(Some(&sample.reading), self.sound.reading(id, None));
                let overdue = sample.overdue.unwrap_or_default();
                assert!(overdue.waiting >= DEADLINE, "{id}: {overdue:?}");
                assert!(overdue.age >= overdue.waiting, "{id}: {overdue:?}");
            }
        }
        Ok(())
    }

    /// As many threads as stuck sources.
    fn several_at_once(&mut self) -> io::Result<()> {
        for file in FILES {
            self.machine.jam(file)?;
        }
        for _ in 0..3 {
            self.collect(1 + FILES.len())?;
            assert_eq!(self.samples.len(), self.sound.len());
            let uptime = self.samples.of(KpiId::SystemUptime);
            assert!(uptime.map(|sample| sample.overdue).eq([None]));
            let id = KpiId::ThermalTemperature;
            let temperature = self.samples.get(id, Some("thermal_zone0"));
            assert_eq!(temperature, Some(&Value::Real(48.312)));
        }
        for file in FILES {
            self.machine.free(file)?;
        }
        self.come_back()
    }
}

#[test]
fn a_stuck_source_costs_its_own_kpis() -> io::Result<()> {
    let mut course = Course::new()?;
    course.never_read_before()?;
    course.come_back()?;
    course.read_before()?;
    course.several_at_once()
}
