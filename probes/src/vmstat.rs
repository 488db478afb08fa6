//! `/proc/vmstat`: what the memory management did. Readable by every user.

use crate::{
    KpiId, Probe,
    report::{Report, whole},
    text::TextProbe,
};

/// The kernel's names (mm/vmstat.c, `vmstat_text`) of the counters that are taken as they are.
///
/// Before Linux 5.9 there is one `workingset_refault` for files only.
const FIELDS: &[(&str, KpiId)] = &[
    ("pgfault", KpiId::MemoryFaults),
    ("pgmajfault", KpiId::MemoryFaultsMajor),
    ("pswpin", KpiId::MemorySwapIn),
    ("pswpout", KpiId::MemorySwapOut),
    ("compact_fail", KpiId::MemoryCompactionFailures),
    ("workingset_refault_anon", KpiId::MemoryRefaultsAnonymous),
    ("workingset_refault_file", KpiId::MemoryRefaultsFile),
    ("workingset_refault", KpiId::MemoryRefaultsFile),
    ("oom_kill", KpiId::MemoryOomKills),
];

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    let kpis = FIELDS
        .iter()
        .map(|(_, id)| *id)
        .chain([KpiId::MemoryAllocationStalls]);
    TextProbe::boxed("vmstat", "/proc/vmstat", kpis, parse)
}

/// `pgmajfault 12`; `allocstall_*` has a line per memory zone, which are added up.
fn parse(text: &str, report: &mut Report<'_>) {
    let mut stalls: Option<Result<u64, (usize, String)>> = None;
    for (line, row) in text.lines().enumerate() {
        let mut words = row.split_ascii_whitespace();
        let (Some(name), number) = (words.next(), words.next()) else {
            continue;
        };
        if name == "allocstall" || name.starts_with("allocstall_") {
            let number = whole(number, 1).map_err(|reason| (line + 1, reason));
            stalls = Some(match (stalls.unwrap_or(Ok(0)), number) {
                (Ok(sum), Ok(number)) => Ok(sum.saturating_add(number)),
                (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            });
        } else if let Some((_, id)) = FIELDS.iter().find(|(field, _)| *field == name) {
            report.number(*id, line + 1, number);
        }
    }
    match stalls {
        None => {}
        Some(Ok(sum)) => report.value(KpiId::MemoryAllocationStalls, sum),
        Some(Err((line, reason))) => report.failed(KpiId::MemoryAllocationStalls, line, &reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    const TEXT: &str = include_str!("../tests/fixtures/gateway/proc/vmstat");

    #[test]
    fn stalls_of_all_zones_are_added() {
        let text = "allocstall_dma 1\nallocstall_normal 20\nallocstall_movable 300\n";
        assert_eq!(read(text, parse), ["memory.allocation-stalls = 321"]);
    }

    #[test]
    fn a_sum_with_a_bad_part_is_none() {
        let text = "allocstall_dma 1\nallocstall_normal x\nallocstall_movable 3\n";
        let expected =
            "memory.allocation-stalls = failed: FILE, line 2: expected a number, found \"x\"";
        assert_eq!(read(text, parse), [expected]);
    }

    #[test]
    fn old_kernels_have_one_refault_counter() {
        assert_eq!(
            read("workingset_refault 9\n", parse),
            ["memory.refaults.file = 9"]
        );
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, probe().kpis(), parse);
    }
}
