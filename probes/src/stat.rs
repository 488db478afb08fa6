//! `/proc/stat`: processor time and counts of the scheduler. Readable by every user.

use crate::{
    Instance, KpiId, KpiSet, Probe, Samples, Sources,
    report::{Report, ticks},
};

const PATH: &str = "/proc/stat";

/// The columns of the `cpu` line (Documentation/filesystems/proc.rst, 1.7).
const TOTALS: &[KpiId] = &[
    KpiId::CpuUser,
    KpiId::CpuNice,
    KpiId::CpuSystem,
    KpiId::CpuIdle,
    KpiId::CpuIowait,
    KpiId::CpuIrq,
    KpiId::CpuSoftirq,
    KpiId::CpuSteal,
    KpiId::CpuGuest,
    KpiId::CpuGuestNice,
];

/// The columns of a `cpu0` line that are taken.
const CORE: &[KpiId] = &[
    KpiId::CpuCoreUser,
    KpiId::CpuCoreNice,
    KpiId::CpuCoreSystem,
    KpiId::CpuCoreIdle,
    KpiId::CpuCoreIowait,
    KpiId::CpuCoreIrq,
    KpiId::CpuCoreSoftirq,
    KpiId::CpuCoreSteal,
];

/// The lines of one number; of the long lists of interrupts the first number is the sum.
const LINES: &[(&str, KpiId)] = &[
    ("intr", KpiId::CpuInterrupts),
    ("ctxt", KpiId::CpuContextSwitches),
    ("btime", KpiId::SystemBootTime),
    ("processes", KpiId::SystemForks),
    ("procs_blocked", KpiId::SystemTasksBlocked),
    ("softirq", KpiId::CpuSoftirqs),
];

/// Processor time, one instance per processor that is online at the moment.
struct Stat(KpiSet);

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    let lines = LINES.iter().map(|(_, id)| *id);
    let columns = TOTALS.iter().chain(CORE).copied();
    Box::new(Stat(
        columns.chain(lines).chain([KpiId::CpuCount]).collect(),
    ))
}

impl Probe for Stat {
    fn name(&self) -> &'static str {
        "stat"
    }

    fn kpis(&self) -> KpiSet {
        self.0
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let mut report = Report::new(PATH, wanted.intersection(&self.0), out);
        let per_second = from.fs.ticks_per_second();
        let read = |text: &str| parse(text, per_second, &mut report);
        match from.fs.with(PATH, read) {
            Ok(()) => report.finish(),
            Err(error) => report.unreadable(&error),
        }
    }
}

fn parse(text: &str, per_second: u64, report: &mut Report<'_>) {
    let mut cores = 0_u64;
    for (line, row) in text.lines().enumerate() {
        let (name, rest) = row.split_once(' ').unwrap_or((row, ""));
        match name.strip_prefix("cpu") {
            Some("") => totals(rest, line + 1, per_second, report),
            Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                cores += 1;
                core(name, rest, line + 1, per_second, report);
            }
            _ => {
                if let Some((_, id)) = LINES.iter().find(|(field, _)| *field == name) {
                    report.number(*id, line + 1, rest.split_ascii_whitespace().next());
                }
            }
        }
    }
    if cores > 0 {
        report.value(KpiId::CpuCount, cores);
    }
}

fn totals(rest: &str, line: usize, per_second: u64, report: &mut Report<'_>) {
    for (id, count) in TOTALS.iter().zip(rest.split_ascii_whitespace()) {
        match ticks(Some(count), per_second) {
            Ok(time) => report.value(*id, time),
            Err(reason) => report.failed(*id, line, &reason),
        }
    }
}

fn core(name: &str, rest: &str, line: usize, per_second: u64, report: &mut Report<'_>) {
    if !CORE.iter().any(|id| report.wants(*id)) {
        return;
    }
    let instance = Instance::from(name);
    for (id, count) in CORE.iter().zip(rest.split_ascii_whitespace()) {
        match ticks(Some(count), per_second) {
            Ok(time) => report.value_of(*id, &instance, time),
            Err(reason) => report.failed_of(*id, &instance, Some(line), &reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, recording, survives};

    const TEXT: &str = include_str!("../tests/fixtures/gateway/proc/stat");

    fn hundred(text: &str, report: &mut Report<'_>) {
        parse(text, 100, report);
    }

    #[test]
    fn ticks_become_milliseconds() {
        let found = read("cpu  1 2 3 4\ncpu7 5 6 7\nctxt 8\n", hundred);
        assert_eq!(
            found,
            [
                "cpu.user = 10",
                "cpu.nice = 20",
                "cpu.system = 30",
                "cpu.idle = 40",
                "cpu.core.user[cpu7] = 50",
                "cpu.core.nice[cpu7] = 60",
                "cpu.core.system[cpu7] = 70",
                "cpu.context-switches = 8",
                "cpu.count = 1",
            ]
        );
        let found = read("cpu  1024 3\n", |text, report| parse(text, 1024, report));
        assert_eq!(found, ["cpu.user = 1000", "cpu.nice = 2"]);
    }

    #[test]
    fn a_processor_that_goes_offline_takes_its_values_with_it() {
        let mut probe = probe();
        let wanted = [KpiId::CpuCoreUser, KpiId::CpuCount].into_iter().collect();
        let mut online = |text: &str| {
            let dir = recording(&[("proc/stat", text)]);
            let mut samples = Samples::new();
            probe.collect(&Sources::recorded(dir.path()), &wanted, &mut samples);
            let names = samples.of(KpiId::CpuCoreUser);
            let names: Vec<_> = names
                .map(|s| s.instance.clone().unwrap().to_string())
                .collect();
            let count = samples.get(KpiId::CpuCount, None).cloned();
            (names.join(" "), count.and_then(|count| count.as_u64()))
        };
        let all = online("cpu  3 0 0\ncpu0 1 0 0\ncpu1 1 0 0\ncpu2 1 0 0\n");
        assert_eq!(all, ("cpu0 cpu1 cpu2".to_owned(), Some(3)));
        let fewer = online("cpu  3 0 0\ncpu0 1 0 0\ncpu2 1 0 0\n");
        assert_eq!(fewer, ("cpu0 cpu2".to_owned(), Some(2)));
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, probe().kpis(), hundred);
    }
}
