//! `/proc/pressure/{cpu,io,memory}`: time lost for want of a resource. Readable by every user;
//! absent where the kernel has no pressure accounting (`CONFIG_PSI`) or starts with `psi=0`.

use crate::{KpiId, Probe, report::Report, text::TextProbe};

/// The KPIs of one line: `avg10`, `avg60`, `avg300`, `total`.
type Row = [KpiId; 4];

const CPU: [Row; 2] = [
    [
        KpiId::PressureCpuSomeAvg10,
        KpiId::PressureCpuSomeAvg60,
        KpiId::PressureCpuSomeAvg300,
        KpiId::PressureCpuSomeTotal,
    ],
    [
        KpiId::PressureCpuFullAvg10,
        KpiId::PressureCpuFullAvg60,
        KpiId::PressureCpuFullAvg300,
        KpiId::PressureCpuFullTotal,
    ],
];

const IO: [Row; 2] = [
    [
        KpiId::PressureIoSomeAvg10,
        KpiId::PressureIoSomeAvg60,
        KpiId::PressureIoSomeAvg300,
        KpiId::PressureIoSomeTotal,
    ],
    [
        KpiId::PressureIoFullAvg10,
        KpiId::PressureIoFullAvg60,
        KpiId::PressureIoFullAvg300,
        KpiId::PressureIoFullTotal,
    ],
];

const MEMORY: [Row; 2] = [
    [
        KpiId::PressureMemorySomeAvg10,
        KpiId::PressureMemorySomeAvg60,
        KpiId::PressureMemorySomeAvg300,
        KpiId::PressureMemorySomeTotal,
    ],
    [
        KpiId::PressureMemoryFullAvg10,
        KpiId::PressureMemoryFullAvg60,
        KpiId::PressureMemoryFullAvg300,
        KpiId::PressureMemoryFullTotal,
    ],
];

pub(crate) fn cpu() -> Box<dyn Probe + Send> {
    TextProbe::boxed(
        "pressure-cpu",
        "/proc/pressure/cpu",
        CPU.into_iter().flatten(),
        |text, report| {
            parse(text, &CPU, report);
        },
    )
}

pub(crate) fn io() -> Box<dyn Probe + Send> {
    TextProbe::boxed(
        "pressure-io",
        "/proc/pressure/io",
        IO.into_iter().flatten(),
        |text, report| {
            parse(text, &IO, report);
        },
    )
}

pub(crate) fn memory() -> Box<dyn Probe + Send> {
    TextProbe::boxed(
        "pressure-memory",
        "/proc/pressure/memory",
        MEMORY.into_iter().flatten(),
        |text, report| parse(text, &MEMORY, report),
    )
}

/// `some avg10=0.12 avg60=0.00 avg300=0.00 total=4321` (Documentation/accounting/psi.rst);
/// `full` of the processors is there since Linux 5.13.
fn parse(text: &str, [some, full]: &[Row; 2], report: &mut Report<'_>) {
    for (line, row) in text.lines().enumerate() {
        let mut words = row.split_ascii_whitespace();
        let [avg10, avg60, avg300, total] = match words.next() {
            Some("some") => some,
            Some("full") => full,
            _ => continue,
        };
        for (key, number) in words.filter_map(|word| word.split_once('=')) {
            match key {
                "avg10" => report.real(*avg10, line + 1, Some(number)),
                "avg60" => report.real(*avg60, line + 1, Some(number)),
                "avg300" => report.real(*avg300, line + 1, Some(number)),
                "total" => report.number(*total, line + 1, Some(number)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    const TEXT: &str = include_str!("../tests/fixtures/gateway/proc/pressure/memory");

    #[test]
    fn some_and_full_are_told_apart() {
        let text = "some avg10=0.12 avg60=1.00 avg300=99.99 total=4321\nfull avg10=0.01 total=7\n";
        assert_eq!(
            read(text, |text, report| parse(text, &MEMORY, report)),
            [
                "pressure.memory.some.avg10 = 0.12",
                "pressure.memory.some.avg60 = 1",
                "pressure.memory.some.avg300 = 99.99",
                "pressure.memory.some.total = 4321",
                "pressure.memory.full.avg10 = 0.01",
                "pressure.memory.full.total = 7",
            ]
        );
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, memory().kpis(), |text, report| {
            parse(text, &MEMORY, report);
        });
    }
}
