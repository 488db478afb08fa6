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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    const TEXT: &str = include_str!("../tests/fixtures/gateway/proc/net/snmp");

    #[test]
    fn protocols_with_the_same_column_are_told_apart() {
        let text =
            "Tcp: InErrs RetransSegs\nTcp: 1 2\nIcmp: InErrors\nIcmp: 3\nUdp: InErrors\nUdp: 4\n";
        assert_eq!(
            read(text, parse),
            [
                "tcp.in.errors = 1",
                "tcp.segments.retransmitted = 2",
                "icmp.in.errors = 3",
                "udp.in.errors = 4",
            ]
        );
    }

    #[test]
    fn forwarding_is_one_or_two() {
        assert_eq!(
            read("Ip: Forwarding\nIp: 1\n", parse),
            ["ip.forwarding = true"]
        );
        assert_eq!(
            read("Ip: Forwarding\nIp: 2\n", parse),
            ["ip.forwarding = false"]
        );
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, probe().kpis(), parse);
    }
}
