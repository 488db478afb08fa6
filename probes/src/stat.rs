//! `/proc/stat`: processor time and counts of the scheduler. Readable by every user.

use crate::{
    Instance, KpiId, Probe,
    report::{Report, whole},
    text::TextProbe,
};

/// The kernel counts in ticks of `USER_HZ`, which is 100 wherever Debian runs.
const MILLISECONDS_PER_TICK: u64 = 10;

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
const CORE: &[Option<KpiId>] = &[
    Some(KpiId::CpuCoreUser),
    None,
    Some(KpiId::CpuCoreSystem),
    Some(KpiId::CpuCoreIdle),
    Some(KpiId::CpuCoreIowait),
    None,
    Some(KpiId::CpuCoreSoftirq),
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

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    let lines = LINES.iter().map(|(_, id)| *id);
    let cores = CORE.iter().flatten().copied();
    let kpis = TOTALS
        .iter()
        .copied()
        .chain(cores)
        .chain(lines)
        .chain([KpiId::CpuCount]);
    TextProbe::boxed("stat", "/proc/stat", kpis, parse)
}

fn parse(text: &str, report: &mut Report<'_>) {
    let mut cores = 0_u64;
    for (line, row) in text.lines().enumerate() {
        let (name, rest) = row.split_once(' ').unwrap_or((row, ""));
        match name.strip_prefix("cpu") {
            Some("") => totals(rest, line + 1, report),
            Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                cores += 1;
                core(name, rest, line + 1, report);
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

fn totals(rest: &str, line: usize, report: &mut Report<'_>) {
    for (id, ticks) in TOTALS.iter().zip(rest.split_ascii_whitespace()) {
        report.scaled(*id, line, Some(ticks), MILLISECONDS_PER_TICK);
    }
}

fn core(name: &str, rest: &str, line: usize, report: &mut Report<'_>) {
    if !CORE.iter().flatten().any(|id| report.wants(*id)) {
        return;
    }
    let instance = Instance::from(name);
    for (id, ticks) in CORE.iter().zip(rest.split_ascii_whitespace()) {
        let Some(id) = *id else { continue };
        match whole(Some(ticks), MILLISECONDS_PER_TICK) {
            Ok(time) => report.value_of(id, &instance, time),
            Err(reason) => report.failed_of(id, &instance, Some(line), &reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    const TEXT: &str = include_str!("../tests/fixtures/gateway/proc/stat");

    #[test]
    fn ticks_become_milliseconds() {
        let found = read("cpu  1 2 3 4\ncpu7 5 6 7\nctxt 8\n", parse);
        assert_eq!(
            found,
            [
                "cpu.user = 10",
                "cpu.nice = 20",
                "cpu.system = 30",
                "cpu.idle = 40",
                "cpu.core.user[cpu7] = 50",
                "cpu.core.system[cpu7] = 70",
                "cpu.context-switches = 8",
                "cpu.count = 1",
            ]
        );
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, probe().kpis(), parse);
    }
}
