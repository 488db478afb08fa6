//! `/proc/net/snmp`: the counters of IPv4, ICMP, TCP and UDP that RFC 1213 named. Readable by every
//! user; of the network namespace of this process.

use crate::{
    KpiId, Probe,
    columns::{self, Cell, Column},
    report::Report,
    text::TextProbe,
};

const COLUMNS: &[Column] = &[
    ("Ip", "InReceives", KpiId::IpIn),
    ("Ip", "InDelivers", KpiId::IpInDelivered),
    ("Ip", "InDiscards", KpiId::IpInDiscards),
    ("Ip", "InHdrErrors", KpiId::IpInHeaderErrors),
    ("Ip", "InAddrErrors", KpiId::IpInAddressErrors),
    ("Ip", "ForwDatagrams", KpiId::IpForwarded),
    ("Ip", "OutRequests", KpiId::IpOut),
    ("Ip", "OutDiscards", KpiId::IpOutDiscards),
    ("Ip", "OutNoRoutes", KpiId::IpOutNoRoutes),
    ("Ip", "ReasmFails", KpiId::IpReassemblyFailures),
    ("Ip", "FragFails", KpiId::IpFragmentationFailures),
    ("Icmp", "InMsgs", KpiId::IcmpIn),
    ("Icmp", "InErrors", KpiId::IcmpInErrors),
    ("Icmp", "InDestUnreachs", KpiId::IcmpInUnreachable),
    ("Icmp", "InTimeExcds", KpiId::IcmpInTimeExceeded),
    ("Icmp", "OutMsgs", KpiId::IcmpOut),
    ("Icmp", "OutDestUnreachs", KpiId::IcmpOutUnreachable),
    ("Tcp", "ActiveOpens", KpiId::TcpActiveOpens),
    ("Tcp", "PassiveOpens", KpiId::TcpPassiveOpens),
    ("Tcp", "AttemptFails", KpiId::TcpAttemptFailures),
    ("Tcp", "EstabResets", KpiId::TcpEstablishedResets),
    ("Tcp", "CurrEstab", KpiId::TcpEstablished),
    ("Tcp", "InSegs", KpiId::TcpSegmentsIn),
    ("Tcp", "OutSegs", KpiId::TcpSegmentsOut),
    ("Tcp", "RetransSegs", KpiId::TcpSegmentsRetransmitted),
    ("Tcp", "InErrs", KpiId::TcpInErrors),
    ("Tcp", "OutRsts", KpiId::TcpOutResets),
    ("Udp", "InDatagrams", KpiId::UdpIn),
    ("Udp", "InErrors", KpiId::UdpInErrors),
    ("Udp", "NoPorts", KpiId::UdpInNoPorts),
    ("Udp", "RcvbufErrors", KpiId::UdpInBufferErrors),
    ("Udp", "InCsumErrors", KpiId::UdpInChecksumErrors),
    ("Udp", "OutDatagrams", KpiId::UdpOut),
    ("Udp", "SndbufErrors", KpiId::UdpOutBufferErrors),
];

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    let kpis = COLUMNS
        .iter()
        .map(|(_, _, id)| *id)
        .chain([KpiId::IpForwarding]);
    TextProbe::boxed("net-snmp", "/proc/net/snmp", kpis, parse)
}

fn parse(text: &str, report: &mut Report<'_>) {
    columns::cells(text, |cell| {
        if (cell.protocol, cell.column) == ("Ip", "Forwarding") {
            forwarding(cell, report);
        } else {
            cell.note(COLUMNS, report);
        }
    });
}

/// 1 is forwarding, 2 is not (RFC 4293, ipForwarding).
fn forwarding(cell: Cell<'_>, report: &mut Report<'_>) {
    match cell.number {
        Some("1") => report.value(KpiId::IpForwarding, true),
        Some("2") => report.value(KpiId::IpForwarding, false),
        _ => report.failed(KpiId::IpForwarding, cell.line, "expected 1 or 2"),
    }
}
