//! `/proc/sys/net/netfilter/nf_conntrack_{count,max}`: how full the connection tracking table is.
//! Readable by every user; absent while no rule tracks connections.

use crate::{KpiId, Probe, report::Report, text::TextProbe};

pub(crate) fn entries() -> Box<dyn Probe + Send> {
    TextProbe::boxed(
        "conntrack-count",
        "/proc/sys/net/netfilter/nf_conntrack_count",
        [KpiId::IpConntrackEntries],
        |text, report| parse(text, KpiId::IpConntrackEntries, report),
    )
}

pub(crate) fn limit() -> Box<dyn Probe + Send> {
    TextProbe::boxed(
        "conntrack-max",
        "/proc/sys/net/netfilter/nf_conntrack_max",
        [KpiId::IpConntrackLimit],
        |text, report| parse(text, KpiId::IpConntrackLimit, report),
    )
}

fn parse(text: &str, id: KpiId, report: &mut Report<'_>) {
    report.number(id, 1, text.split_ascii_whitespace().next());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    fn limit_of(text: &str, report: &mut Report<'_>) {
        parse(text, KpiId::IpConntrackLimit, report);
    }

    #[test]
    fn one_number() {
        assert_eq!(read("7680\n", limit_of), ["ip.conntrack.limit = 7680"]);
    }

    #[test]
    fn damage_is_survived() {
        survives("7680\n", limit().kpis(), limit_of);
    }
}
