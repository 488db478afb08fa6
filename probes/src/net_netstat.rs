//! `/proc/net/netstat`: what Linux counts of TCP and IPv4 beyond RFC 1213. Readable by every user;
//! of the network namespace of this process.

use crate::{
    KpiId, Probe,
    columns::{self, Column},
    report::Report,
    text::TextProbe,
};

const COLUMNS: &[Column] = &[
    ("TcpExt", "TCPTimeouts", KpiId::TcpTimeouts),
    ("TcpExt", "TCPSpuriousRTOs", KpiId::TcpSpuriousTimeouts),
    ("TcpExt", "TCPLostRetransmit", KpiId::TcpLostRetransmits),
    ("TcpExt", "TCPFastRetrans", KpiId::TcpFastRetransmits),
    ("TcpExt", "TCPSynRetrans", KpiId::TcpSynRetransmits),
    ("TcpExt", "ListenOverflows", KpiId::TcpListenOverflows),
    ("TcpExt", "ListenDrops", KpiId::TcpListenDrops),
    ("TcpExt", "TCPAbortOnTimeout", KpiId::TcpAbortsOnTimeout),
    ("TcpExt", "TCPAbortOnMemory", KpiId::TcpAbortsOnMemory),
    ("TcpExt", "TCPMemoryPressures", KpiId::TcpMemoryPressures),
    ("IpExt", "InOctets", KpiId::IpInBytes),
    ("IpExt", "OutOctets", KpiId::IpOutBytes),
    ("IpExt", "InCEPkts", KpiId::IpInCongestion),
];

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    let kpis = COLUMNS.iter().map(|(_, _, id)| *id);
    TextProbe::boxed("net-netstat", "/proc/net/netstat", kpis, parse)
}

fn parse(text: &str, report: &mut Report<'_>) {
    columns::cells(text, |cell| cell.note(COLUMNS, report));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    const TEXT: &str = include_str!("../tests/fixtures/gateway/proc/net/netstat");

    #[test]
    fn both_protocols_are_read() {
        let text = "TcpExt: ListenDrops TCPTimeouts\nTcpExt: 1 2\nIpExt: InOctets\nIpExt: 3\n";
        assert_eq!(
            read(text, parse),
            [
                "tcp.listen.drops = 1",
                "tcp.timeouts = 2",
                "ip.in.bytes = 3"
            ]
        );
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, probe().kpis(), parse);
    }
}
