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
    report.value(KpiId::LinkCount, links);
}
