//! `/proc/meminfo`: how main memory and swap are used. Readable by every user.

use crate::{KpiId, Probe, report::Report, text::TextProbe};

/// The kernel's names (Documentation/filesystems/proc.rst, meminfo).
const FIELDS: &[(&str, KpiId)] = &[
    ("MemTotal", KpiId::MemoryTotal),
    ("MemFree", KpiId::MemoryFree),
    ("MemAvailable", KpiId::MemoryAvailable),
    ("Buffers", KpiId::MemoryBuffers),
    ("Cached", KpiId::MemoryCached),
    ("SwapCached", KpiId::MemorySwapCached),
    ("Active", KpiId::MemoryActive),
    ("Inactive", KpiId::MemoryInactive),
    ("Unevictable", KpiId::MemoryUnevictable),
    ("SwapTotal", KpiId::MemorySwapTotal),
    ("SwapFree", KpiId::MemorySwapFree),
    ("Zswap", KpiId::MemoryZswap),
    ("Dirty", KpiId::MemoryDirty),
    ("Writeback", KpiId::MemoryWriteback),
    ("AnonPages", KpiId::MemoryAnonymous),
    ("Mapped", KpiId::MemoryMapped),
    ("Shmem", KpiId::MemoryShared),
    ("Slab", KpiId::MemorySlab),
    ("SReclaimable", KpiId::MemorySlabReclaimable),
    ("SUnreclaim", KpiId::MemorySlabUnreclaimable),
    ("KernelStack", KpiId::MemoryKernelStack),
    ("PageTables", KpiId::MemoryPageTables),
    ("CommitLimit", KpiId::MemoryCommitLimit),
    ("Committed_AS", KpiId::MemoryCommitted),
    ("Percpu", KpiId::MemoryPercpu),
];

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    let kpis = FIELDS.iter().map(|(_, id)| *id);
    TextProbe::boxed("meminfo", "/proc/meminfo", kpis, parse)
}

/// `MemTotal:       24684096 kB`; the unit is 1024 octets whatever its sign says.
fn parse(text: &str, report: &mut Report<'_>) {
    for (line, row) in text.lines().enumerate() {
        let Some((name, rest)) = row.split_once(':') else {
            continue;
        };
        let Some((_, id)) = FIELDS.iter().find(|(field, _)| *field == name) else {
            continue;
        };
        let mut words = rest.split_ascii_whitespace();
        let number = words.next();
        match words.next() {
            Some("kB") => report.scaled(*id, line + 1, number, 1024),
            _ => report.failed(*id, line + 1, "expected a number and `kB`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    const TEXT: &str = include_str!("../tests/fixtures/gateway/proc/meminfo");

    #[test]
    fn kilobytes_become_bytes() {
        let found = read("MemTotal:       24684096 kB\nSlab: 1 kB\n", parse);
        assert_eq!(found, ["memory.total = 25276514304", "memory.slab = 1024"]);
    }

    #[test]
    fn one_bad_line_costs_one_value() {
        let found = read("MemTotal: ? kB\nMemFree: 2 kB\nDirty: 3\n", parse);
        assert_eq!(
            found,
            [
                "memory.total = failed: FILE, line 1: expected a number, found \"?\"",
                "memory.free = 2048",
                "memory.dirty = failed: FILE, line 3: expected a number and `kB`",
            ]
        );
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, probe().kpis(), parse);
    }
}
