//! `/proc/<pid>/{statm,stat}`: the processes that hold the most memory.
//!
//! Readable by every user, unless `/proc` is mounted with `hidepid`, which leaves a user's own
//! processes. One pass over all processes keeps a bounded list. PSS is shown by the kernel to those
//! who may trace the process: it is asked of [`Privileged`](crate::Privileged) where there is one,
//! else read with the rights at hand.

use std::{fmt::Write as _, io, os::fd::OwnedFd};

use nix::errno::Errno;

use crate::{
    Absence, Failure, Instance, KpiId, KpiSet, Probe, ReadError, Samples, Sources,
    fs::{Folder, read_below},
    report::{Report, ticks, whole},
};

const PATH: &str = "/proc";

/// How many processes are reported.
const TOP: usize = 10;

const DETAILS: [KpiId; 3] = [
    KpiId::ProcessName,
    KpiId::ProcessCpuTime,
    KpiId::ProcessThreads,
];

const TOP_KPIS: [KpiId; 5] = [
    KpiId::ProcessName,
    KpiId::ProcessRss,
    KpiId::ProcessPss,
    KpiId::ProcessCpuTime,
    KpiId::ProcessThreads,
];

#[derive(Default)]
struct Processes {
    buffer: Vec<u8>,
    path: String,
}

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Processes::default())
}

impl Probe for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn kpis(&self) -> KpiSet {
        TOP_KPIS.into_iter().chain([KpiId::ProcessCount]).collect()
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let wanted = wanted.intersection(&self.kpis());
        let mut report = Report::new(PATH, wanted, out);
        let mut top = Top::default();
        let mut folder = match from.fs.folder(PATH) {
            Ok(folder) => folder,
            Err(error) => return report.unreadable(&error),
        };
        let read_all = wanted.contains_any(&TOP_KPIS);
        let mut count = 0_u64;
        let walked = folder.each(|proc, name| {
            let Some(pid) = number(name) else { return };
            count += 1;
            if read_all && let Some(pages) = self.resident(proc, pid) {
                top.offer(pid, pages);
            }
        });
        if let Err(errno) = walked {
            return report.unreadable(&ReadError::Failed(failure(&errno.to_string())));
        }
        if count == 0 {
            return report.without("/proc shows no process");
        }
        report.value(KpiId::ProcessCount, count);
        self.details(from, &wanted, &folder, top, &mut report);
        report.finish();
    }
}

impl Processes {
    /// Pages resident: the second number of `statm`. Threads of the kernel have none, and a
    /// process that has just ended has no file.
    fn resident(&mut self, proc: &OwnedFd, pid: u32) -> Option<u64> {
        let text = self.read(proc, pid, "statm").ok()?;
        let text = std::str::from_utf8(text).ok()?;
        let pages = whole(text.split_ascii_whitespace().nth(1), 1).ok()?;
        (pages > 0).then_some(pages)
    }

    fn details(
        &mut self,
        from: &Sources,
        wanted: &KpiSet,
        proc: &Folder,
        top: Top,
        report: &mut Report<'_>,
    ) {
        let page = from.fs.page_size();
        let per_second = from.fs.ticks_per_second();
        let mut pids = Vec::new();
        for (pages, pid) in top.0 {
            let instance = Instance::from(&*pid.to_string());
            if wanted.contains_any(&DETAILS) {
                let Ok(text) = self.read(proc.below(), pid, "stat") else {
                    continue;
                };
                stat(
                    &String::from_utf8_lossy(text),
                    per_second,
                    &instance,
                    report,
                );
            }
            report.value_of(KpiId::ProcessRss, &instance, pages.saturating_mul(page));
            pids.push(pid);
        }
        if wanted.contains(KpiId::ProcessPss) {
            self.shares(from, proc.below(), &pids, report);
        }
    }

    fn shares(&mut self, from: &Sources, proc: &OwnedFd, pids: &[u32], report: &mut Report<'_>) {
        let asked = from.privileged.as_ref().map(|helper| helper.pss(pids));
        match asked {
            Some(Ok(sizes)) => {
                for pid in pids {
                    let found = sizes.iter().find(|(of, _)| of == pid);
                    let found = found.and_then(|(_, size)| *size);
                    share(*pid, found.ok_or(Errno::ESRCH), report);
                }
            }
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                let error = ReadError::Failed(failure(&format!("PSS: {error}")));
                report.refused(KpiId::ProcessPss, &error);
            }
            _ => {
                for pid in pids {
                    let size = self.read(proc, *pid, "smaps_rollup");
                    let size = size.and_then(|text| rollup(&String::from_utf8_lossy(text)));
                    share(*pid, size, report);
                }
            }
        }
    }

    fn read(&mut self, proc: &OwnedFd, pid: u32, file: &str) -> Result<&[u8], Errno> {
        self.path.clear();
        let _ = write!(self.path, "{pid}/{file}");
        read_below(proc, &self.path, &mut self.buffer)
    }
}

/// The largest so far, largest first; of equals the older process.
#[derive(Default)]
struct Top(Vec<(u64, u32)>);

impl Top {
    fn offer(&mut self, pid: u32, pages: u64) {
        let full = self.0.len() == TOP;
        if full && self.0.last().is_some_and(|(least, _)| *least >= pages) {
            return;
        }
        self.0.truncate(TOP - 1);
        let at = self.0.partition_point(|(more, _)| *more >= pages);
        self.0.insert(at, (pages, pid));
    }
}

fn number(name: &str) -> Option<u32> {
    let digits = name.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| name.parse().ok()).flatten()
}

/// `pid (comm) state …`: the name may have blanks and brackets, so the last bracket ends it
/// (`proc_pid_stat(5)`); fields 14 and 15 are processor time, field 20 counts threads.
fn stat(text: &str, per_second: u64, instance: &Instance, report: &mut Report<'_>) {
    let named = text
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'));
    let file = || format!("{PATH}/{instance}/stat");
    let Some((name, rest)) = named else {
        for id in DETAILS {
            report.failed_in(&file(), id, instance, 1, "expected a name in brackets");
        }
        return;
    };
    report.value_of(KpiId::ProcessName, instance, name);
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user = ticks(fields.next(), per_second);
    let system = ticks(fields.next(), per_second);
    match user.and_then(|user| Ok(user.saturating_add(system?))) {
        Ok(time) => report.value_of(KpiId::ProcessCpuTime, instance, time),
        Err(reason) => report.failed_in(&file(), KpiId::ProcessCpuTime, instance, 1, &reason),
    }
    match whole(fields.nth(4), 1) {
        Ok(threads) => report.value_of(KpiId::ProcessThreads, instance, threads),
        Err(reason) => report.failed_in(&file(), KpiId::ProcessThreads, instance, 1, &reason),
    }
}

/// `Pss:                 123 kB`
fn rollup(text: &str) -> Result<u64, Errno> {
    let size = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let size = size.and_then(|size| size.split_ascii_whitespace().next());
    whole(size, 1024).map_err(|_| Errno::ENODATA)
}

fn share(pid: u32, size: Result<u64, Errno>, report: &mut Report<'_>) {
    let instance = Instance::from(&*pid.to_string());
    let id = KpiId::ProcessPss;
    let reason = match size {
        Ok(size) => return report.value_of(id, &instance, size),
        Err(Errno::EACCES | Errno::EPERM) => "this user may not see the PSS of this process",
        Err(Errno::ENOENT | Errno::ESRCH) => "the process has ended, or its PSS is not counted",
        Err(_) => "the kernel does not tell the PSS of this process",
    };
    report.absent_of(id, &instance, Absence::NoSubject(reason.into()));
}

fn failure(reason: &str) -> Failure {
    Failure {
        source: PATH.into(),
        line: None,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Privileged, Value,
        testing::{collected, damages, read, recording},
    };

    const STAT: &str =
        "812 (a) b (c) S 1 812 812 0 -1 4194560 111 0 0 0 250 31 7 7 20 0 4 0 9 1 2\n";

    #[test]
    fn names_may_have_anything_in_them() {
        let instance = Instance::from("812");
        let found = read(STAT, |text, report| stat(text, 100, &instance, report));
        assert_eq!(
            found,
            [
                "process.name[812] = a) b (c",
                "process.cpu-time[812] = 2810",
                "process.threads[812] = 4",
            ]
        );
        for damaged in damages(STAT.as_bytes()) {
            let text = String::from_utf8_lossy(&damaged);
            read(&text, |text, report| stat(text, 100, &instance, report));
        }
    }

    #[test]
    fn the_list_is_bounded_and_in_order() {
        let mut top = Top::default();
        for pid in 1..1000 {
            top.offer(pid, u64::from(pid * 7919 % 1000));
        }
        let pages: Vec<u64> = top.0.iter().map(|(pages, _)| *pages).collect();
        assert_eq!(pages, (990..1000).rev().collect::<Vec<_>>());
        let mut equal = Top::default();
        for pid in 1..100 {
            equal.offer(pid, 5);
        }
        assert_eq!(equal.0.last(), Some(&(5, 10)));
    }

    fn machine() -> Vec<(&'static str, &'static str)> {
        vec![
            ("proc/812/statm", "100 20 3 1 0 4 0\n"),
            ("proc/812/stat", STAT),
            ("proc/2/statm", "0 0 0 0 0 0 0\n"),
            (
                "proc/2/stat",
                "2 (kthreadd) S 0 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1\n",
            ),
            ("proc/90/statm", "7 -1 x\n"),
            ("proc/self/statm", "1 1\n"),
            ("proc/99999999999/statm", "1 1\n"),
        ]
    }

    #[test]
    fn processes_without_memory_are_counted_and_not_listed() {
        let found = collected(&mut Processes::default(), &machine());
        assert_eq!(
            found,
            [
                "process.count = 3",
                "process.name[812] = a) b (c",
                "process.cpu-time[812] = 2810",
                "process.threads[812] = 4",
                "process.rss[812] = 81920",
                "process.pss[812] = absent: the process has ended, or its PSS is not counted",
            ]
        );
    }

    #[test]
    fn pss_is_read_with_the_rights_at_hand() {
        let mut files = machine();
        files.push((
            "proc/812/smaps_rollup",
            "55d0-7fff ---p 00:00 0 [rollup]\nRss: 80 kB\nPss: 55 kB\n",
        ));
        let found = collected(&mut Processes::default(), &files);
        assert_eq!(found.last().unwrap(), "process.pss[812] = 56320");
    }

    /// Answers the same to everybody.
    struct Helper(io::ErrorKind);

    impl Privileged for Helper {
        fn pss(&self, pids: &[u32]) -> io::Result<Vec<(u32, Option<u64>)>> {
            match self.0 {
                io::ErrorKind::Other => Ok(pids.iter().map(|pid| (*pid, Some(4242))).collect()),
                kind => Err(kind.into()),
            }
        }
    }

    #[test]
    fn pss_is_asked_of_whoever_has_the_right() {
        let dir = recording(&machine());
        let ask = |kind| {
            let mut sources = Sources::recorded(dir.path());
            sources.privileged = Some(Box::new(Helper(kind)));
            let mut samples = Samples::new();
            let wanted = [KpiId::ProcessPss].into_iter().collect();
            Processes::default().collect(&sources, &wanted, &mut samples);
            samples
        };
        let answered = ask(io::ErrorKind::Other);
        assert_eq!(
            answered.get(KpiId::ProcessPss, Some("812")),
            Some(&Value::Integer(4242))
        );
        let late = ask(io::ErrorKind::TimedOut);
        let reading = late.reading(KpiId::ProcessPss, None).unwrap().to_string();
        assert_eq!(reading, "failed: /proc: PSS: timed out");
        let nobody = ask(io::ErrorKind::NotFound);
        assert!(nobody.reading(KpiId::ProcessPss, Some("812")).is_some());
    }
}
