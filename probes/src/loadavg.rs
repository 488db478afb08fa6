//! `/proc/loadavg`: how many tasks run or wait. Readable by every user.

use crate::{KpiId, Probe, report::Report, text::TextProbe};

const KPIS: [KpiId; 5] = [
    KpiId::SystemLoad1,
    KpiId::SystemLoad5,
    KpiId::SystemLoad15,
    KpiId::SystemTasksRunnable,
    KpiId::SystemTasks,
];

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    TextProbe::boxed("loadavg", "/proc/loadavg", KPIS, parse)
}

/// `0.00 0.10 0.12 1/96 9375`: three means, runnable tasks of all tasks, the newest process.
fn parse(text: &str, report: &mut Report<'_>) {
    let mut words = text.split_ascii_whitespace();
    for id in [KpiId::SystemLoad1, KpiId::SystemLoad5, KpiId::SystemLoad15] {
        report.real(id, 1, words.next());
    }
    let (runnable, all) = words.next().and_then(|word| word.split_once('/')).unzip();
    report.number(KpiId::SystemTasksRunnable, 1, runnable);
    report.number(KpiId::SystemTasks, 1, all);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    const TEXT: &str = "0.00 0.10 12.34 1/96 9375\n";

    #[test]
    fn means_and_tasks() {
        assert_eq!(
            read(TEXT, parse),
            [
                "system.load.1m = 0",
                "system.load.5m = 0.1",
                "system.load.15m = 12.34",
                "system.tasks.runnable = 1",
                "system.tasks = 96",
            ]
        );
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, probe().kpis(), parse);
    }
}
