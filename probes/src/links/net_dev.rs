//! `/proc/net/dev`: a part of the counters, for sandboxes that refuse netlink.

use crate::{
    Instance, KpiId,
    report::{Report, whole},
};

pub(super) const PATH: &str = "/proc/net/dev";

/// The columns that stand for one counter each (net/core/net-procfs.c); the others are sums.
const COLUMNS: [Option<KpiId>; 16] = [
    Some(KpiId::LinkRxBytes),
    Some(KpiId::LinkRxPackets),
    Some(KpiId::LinkRxErrors),
    None,
    Some(KpiId::LinkRxFifoErrors),
    None,
    None,
    Some(KpiId::LinkRxMulticast),
    Some(KpiId::LinkTxBytes),
    Some(KpiId::LinkTxPackets),
    Some(KpiId::LinkTxErrors),
    Some(KpiId::LinkTxDropped),
    Some(KpiId::LinkTxFifoErrors),
    Some(KpiId::LinkCollisions),
    None,
    None,
];

/// `  eth0: 117842266 6709 0 0 0 0 0 0 541136 5107 0 0 0 0 0 0` below two lines of names.
pub(super) fn parse(text: &str, report: &mut Report<'_>) {
    let mut links = 0_u64;
    for (line, row) in text.lines().enumerate().skip(2) {
        // The counters hold no colon; the name of an alias may.
        let Some((name, numbers)) = row.rsplit_once(':') else {
            continue;
        };
        links += 1;
        let instance = Instance::from(name.trim());
        for (id, number) in COLUMNS.iter().zip(numbers.split_ascii_whitespace()) {
            let Some(id) = *id else { continue };
            match whole(Some(number), 1) {
                Ok(number) => report.value_of(id, &instance, number),
                Err(reason) => report.failed_of(id, &instance, Some(line + 1), &reason),
            }
        }
    }
    // A file without a single interface is no such file.
    if links > 0 {
        report.value(KpiId::LinkCount, links);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        KpiSet,
        testing::{read, survives},
    };

    const TEXT: &str = include_str!("../../tests/fixtures/broken/proc/net/dev");

    #[test]
    fn columns_that_are_sums_are_left_out() {
        let found = read("\n\nlo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", parse);
        assert_eq!(
            found,
            [
                "link.rx.bytes[lo] = 1",
                "link.rx.packets[lo] = 2",
                "link.rx.errors[lo] = 3",
                "link.rx.fifo-errors[lo] = 5",
                "link.rx.multicast[lo] = 8",
                "link.tx.bytes[lo] = 9",
                "link.tx.packets[lo] = 10",
                "link.tx.errors[lo] = 11",
                "link.tx.dropped[lo] = 12",
                "link.tx.fifo-errors[lo] = 13",
                "link.collisions[lo] = 14",
                "link.count = 1",
            ]
        );
    }

    #[test]
    fn damage_is_survived() {
        let kpis: KpiSet = COLUMNS
            .into_iter()
            .flatten()
            .chain([KpiId::LinkCount])
            .collect();
        survives(TEXT, kpis, parse);
    }
}
