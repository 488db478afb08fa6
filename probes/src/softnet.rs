//! `/proc/net/softnet_stat`: packets between the drivers and the network stack, per processor.
//! Readable by every user.

use crate::{
    Instance, KpiId, KpiSet, Probe, Samples, Sources,
    report::{Report, excerpt},
};

const PATH: &str = "/proc/net/softnet_stat";

/// The list of the processors that have a line, such as `0-3,5`.
const ONLINE: &str = "/sys/devices/system/cpu/online";

/// The columns that are taken (`softnet_seq_show` in the kernel's net/core/net-procfs.c). Linux
/// 2.6.23 has the first nine, the tenth came with 2.6.35, the eleventh with 3.11, the twelfth and
/// the number of the processor behind it with 5.10.
const COLUMNS: [(usize, KpiId); 6] = [
    (0, KpiId::SoftnetProcessed),
    (1, KpiId::SoftnetDropped),
    (2, KpiId::SoftnetSqueezed),
    (9, KpiId::SoftnetSteered),
    (10, KpiId::SoftnetFlowLimited),
    (11, KpiId::SoftnetBacklog),
];

/// Where the line says which processor it is about.
const PROCESSOR: usize = 12;

/// Nothing has so many processors.
const MOST: u32 = 8192;

struct Softnet;

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Softnet)
}

impl Probe for Softnet {
    fn name(&self) -> &'static str {
        "softnet"
    }

    fn kpis(&self) -> KpiSet {
        COLUMNS.into_iter().map(|(_, id)| id).collect()
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let mut report = Report::new(PATH, wanted.intersection(&self.kpis()), out);
        let online = || from.fs.with(ONLINE, list).unwrap_or_default();
        let outcome = from.fs.with(PATH, |text| parse(text, online, &mut report));
        match outcome {
            Ok(()) => report.finish(),
            Err(error) => report.unreadable(&error),
        }
    }
}

/// A line per processor that is online. Before Linux 5.10 it does not say which, so that the list
/// of those online has to be laid beside it.
fn parse(text: &str, online: impl FnOnce() -> Vec<u32>, report: &mut Report<'_>) {
    let mut lines = text.lines().peekable();
    let width = lines.peek().map_or(0, |row| row.split_whitespace().count());
    let beside = if width > PROCESSOR {
        Vec::new()
    } else {
        online()
    };
    let mut seen = Vec::new();
    for (line, row) in lines.enumerate() {
        let words: Vec<&str> = row.split_ascii_whitespace().collect();
        let number = match words.get(PROCESSOR) {
            Some(text) => hex(text).ok(),
            None => beside
                .get(line)
                .copied()
                .or_else(|| u32::try_from(line).ok()),
        };
        let Some(number) = number.filter(|number| *number < MOST && !seen.contains(number)) else {
            continue;
        };
        seen.push(number);
        columns(number, &words, line + 1, report);
    }
}

fn columns(number: u32, words: &[&str], line: usize, report: &mut Report<'_>) {
    let instance = Instance::from(&*format!("cpu{number}"));
    for (column, id) in COLUMNS {
        let Some(text) = words.get(column) else {
            return;
        };
        match hex(text) {
            Ok(count) => report.value_of(id, &instance, count),
            Err(reason) => report.failed_of(id, &instance, Some(line), &reason),
        }
    }
}

/// The kernel writes each number with `%08x`.
fn hex(text: &str) -> Result<u32, String> {
    let plain = text.bytes().all(|octet| octet.is_ascii_hexdigit());
    let number = plain.then(|| u32::from_str_radix(text, 16).ok()).flatten();
    number.ok_or_else(|| format!("expected a hexadecimal number, found {}", excerpt(text)))
}

/// A list of processors (Documentation/admin-guide/cputopology.rst): `0-3,5`.
fn list(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for range in text.trim_end().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            numbers.extend(first..=last.min(MOST));
        }
        numbers.truncate(MOST as usize);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{collected, read, survives};

    const TEXT: &str = include_str!("../tests/fixtures/gateway/proc/net/softnet_stat");

    fn none() -> Vec<u32> {
        Vec::new()
    }

    #[test]
    fn a_line_says_which_processor_it_is_about() {
        let text =
            "0000001f 00000001 00000002 0 0 0 0 0 0 00000003 00000004 00000005 00000007 0 0\n";
        assert_eq!(
            read(text, |text, report| parse(text, none, report)),
            [
                "softnet.processed[cpu7] = 31",
                "softnet.dropped[cpu7] = 1",
                "softnet.squeezed[cpu7] = 2",
                "softnet.steered[cpu7] = 3",
                "softnet.flow-limited[cpu7] = 4",
                "softnet.backlog[cpu7] = 5",
            ]
        );
    }

    #[test]
    fn an_old_kernel_needs_the_list_of_those_online() {
        let old = "00000010 0 0 0 0 0 0 0 0\n00000020 0 0 0 0 0 0 0 0\n";
        let found = collected(
            &mut Softnet,
            &[
                ("proc/net/softnet_stat", old),
                ("sys/devices/system/cpu/online", "0,3\n"),
            ],
        );
        assert_eq!(found[0], "softnet.processed[cpu0] = 16");
        assert_eq!(found[3], "softnet.processed[cpu3] = 32");
        let absent = "absent: /proc/net/softnet_stat has no such field on this kernel";
        assert_eq!(found[6], format!("softnet.steered = {absent}"));
        assert_eq!(found.len(), 9);
    }

    #[test]
    fn numbers_that_are_none_cost_themselves() {
        let text = "+0000001 -1 ffffffff\n";
        assert_eq!(
            read(text, |text, report| parse(text, none, report)),
            [
                "softnet.processed[cpu0] = failed: FILE, line 1: expected a hexadecimal number, found \"+0000001\"",
                "softnet.dropped[cpu0] = failed: FILE, line 1: expected a hexadecimal number, found \"-1\"",
                "softnet.squeezed[cpu0] = 4294967295",
            ]
        );
    }

    #[test]
    fn lists_of_processors_are_bounded() {
        assert_eq!(list("0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(list(""), []);
        assert_eq!(list("x,3-1,-,4294967295"), []);
        assert!(list("0-4294967295,0-4294967295").len() <= MOST as usize);
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, probe().kpis(), |text, report| {
            parse(text, || vec![0, 1, 2, 3], report);
        });
    }
}
