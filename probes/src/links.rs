//! `RTM_GETLINK`: network interfaces, their state and their counters. Readable by every user; of
//! the network namespace of this process. Where netlink is refused, `/proc/net/dev` gives a part.

mod net_dev;
mod parse;

use netlink_packet_route::link::{LinkFlags, Stats64};

use crate::{
    Absence, Instance, KpiId, KpiSet, Probe, Samples, Sources, Value,
    netlink::{DumpError, Table, gather},
    report::Report,
};

pub(crate) use self::parse::{Link, take};

/// A counter in `struct rtnl_link_stats64` (`linux/if_link.h`), and its place among the others:
/// older kernels send fewer.
struct Counter {
    id: KpiId,
    place: usize,
    read: fn(&Stats64) -> u64,
}

macro_rules! counters {
    ($($id:ident $place:literal $field:ident)+) => {
        &[$(Counter { id: KpiId::$id, place: $place, read: |stats| stats.$field }),+]
    };
}

const COUNTERS: &[Counter] = counters! {
    LinkRxBytes 2 rx_bytes
    LinkRxPackets 0 rx_packets
    LinkRxErrors 4 rx_errors
    LinkRxDropped 6 rx_dropped
    LinkRxMulticast 8 multicast
    LinkRxLengthErrors 10 rx_length_errors
    LinkRxOverErrors 11 rx_over_errors
    LinkRxCrcErrors 12 rx_crc_errors
    LinkRxFrameErrors 13 rx_frame_errors
    LinkRxFifoErrors 14 rx_fifo_errors
    LinkRxMissedErrors 15 rx_missed_errors
    LinkRxNoHandler 23 rx_nohandler
    LinkRxOtherHostDropped 24 rx_otherhost_dropped
    LinkTxBytes 3 tx_bytes
    LinkTxPackets 1 tx_packets
    LinkTxErrors 5 tx_errors
    LinkTxDropped 7 tx_dropped
    LinkTxAbortedErrors 16 tx_aborted_errors
    LinkTxCarrierErrors 17 tx_carrier_errors
    LinkTxFifoErrors 18 tx_fifo_errors
    LinkTxHeartbeatErrors 19 tx_heartbeat_errors
    LinkTxWindowErrors 20 tx_window_errors
    LinkCollisions 9 collisions
};

const FACTS: [KpiId; 8] = [
    KpiId::LinkCount,
    KpiId::LinkState,
    KpiId::LinkEnabled,
    KpiId::LinkCarrier,
    KpiId::LinkCarrierChanges,
    KpiId::LinkMtu,
    KpiId::LinkKind,
    KpiId::LinkAddress,
];

struct Links;

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Links)
}

impl Probe for Links {
    fn name(&self) -> &'static str {
        "links"
    }

    fn kpis(&self) -> KpiSet {
        COUNTERS
            .iter()
            .map(|counter| counter.id)
            .chain(FACTS)
            .collect()
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let wanted = wanted.intersection(&self.kpis());
        let report = Report::new(Table::Links.name(), wanted, out);
        let counted = COUNTERS.iter().any(|counter| wanted.contains(counter.id));
        let table = if counted {
            Table::Links
        } else {
            Table::LinkNames
        };
        match gather(&*from.netlink, table, take) {
            Ok(links) => note(&links, from, report),
            Err(error) => fall_back(&error, from, report),
        }
    }
}

fn note(links: &[Link], from: &Sources, mut report: Report<'_>) {
    report.value(KpiId::LinkCount, links.len() as u64);
    if links.is_empty() {
        return report.without("this network namespace has no interface");
    }
    for link in links {
        let instance = Instance::from(&*link.name);
        facts(link, &instance, &mut report);
        if report.wants(KpiId::LinkKind) {
            report.value_of(KpiId::LinkKind, &instance, kind(link, from));
        }
        stats(link, &instance, &mut report);
    }
    report.finish();
}

/// What the driver calls itself, else what sysfs calls the device, else its framing.
fn kind(link: &Link, from: &Sources) -> String {
    if let Some(kind) = &link.kind {
        return kind.clone();
    }
    // The kernel admits no `/` in a name; one that has it must not become a path.
    let path = format!("/sys/class/net/{}/uevent", link.name.replace('/', "_"));
    let device = |text: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix("DEVTYPE="))
            .map(str::to_owned)
    };
    let of_sysfs = from.fs.with(&path, device).ok().flatten();
    of_sysfs.unwrap_or_else(|| link.framing.clone())
}

fn fall_back(error: &DumpError, from: &Sources, mut report: Report<'_>) {
    // Where that is missing too, the refusal of netlink is what matters.
    let _ = from.fs.with(net_dev::PATH, |text| {
        report.turn_to(net_dev::PATH);
        net_dev::parse(text, &mut report);
    });
    report.unreadable(&error.of(Table::Links));
}

fn facts(link: &Link, instance: &Instance, report: &mut Report<'_>) {
    let enabled = link.flags.contains(LinkFlags::Up);
    report.value_of(KpiId::LinkEnabled, instance, enabled);
    fact(KpiId::LinkState, instance, link.state.as_ref(), report);
    fact(KpiId::LinkCarrier, instance, link.carrier.as_ref(), report);
    let changes = link.carrier_changes.as_ref();
    fact(KpiId::LinkCarrierChanges, instance, changes, report);
    fact(KpiId::LinkMtu, instance, link.mtu.as_ref(), report);
    if let Some(address) = &link.address {
        report.value_of(KpiId::LinkAddress, instance, &**address);
    } else {
        let absence = Absence::NoSubject("the interface has no hardware address".into());
        report.absent_of(KpiId::LinkAddress, instance, absence);
    }
}

fn fact<T: Clone + Into<Value>>(
    id: KpiId,
    instance: &Instance,
    attribute: Option<&Result<T, String>>,
    report: &mut Report<'_>,
) {
    match attribute {
        Some(Ok(value)) => report.value_of(id, instance, value.clone()),
        Some(Err(reason)) => report.failed_of(id, instance, None, reason),
        None => report.absent_of(id, instance, Absence::NoField(Table::Links.name().into())),
    }
}

fn stats(link: &Link, instance: &Instance, report: &mut Report<'_>) {
    for Counter { id, place, read } in COUNTERS {
        let counter = match &link.stats {
            Some(Ok(counters)) if *place >= counters.sent => None,
            Some(Ok(counters)) => Some(Ok(read(&counters.stats))),
            Some(Err(reason)) => Some(Err(reason.clone())),
            None => None,
        };
        fact(*id, instance, counter.as_ref(), report);
    }
}
