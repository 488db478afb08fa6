//! `/proc/net/netstat`: what Linux counts of TCP and IPv4 beyond RFC 1213. Readable by every user;
//! of the network namespace of this process.

use crate::{
    KpiId, Probe,
    columns::{self, Column},
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
    TextProbe::boxed("net-netstat", "/proc/net/netstat", kpis, |text, report| {
        columns::cells(text, |cell| cell.note(COLUMNS, report));
    })
}
