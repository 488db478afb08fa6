//! `RTM_GETNEIGH`: how many hosts each interface knows, by the state of their entry (ARP, NDP).
//! Readable by every user; of the network namespace of this process.

use std::collections::BTreeMap;

use netlink_packet_route::{
    AddressFamily,
    link::LinkFlags,
    neighbour::{NeighbourHeader, NeighbourState},
};

use crate::{
    Instance, KpiId, KpiSet, Probe, Samples, Sources,
    netlink::{DumpError, Table, gather, names},
    report::Report,
};

const STATES: [(NeighbourState, KpiId); 7] = [
    (NeighbourState::Reachable, KpiId::NeighbourReachable),
    (NeighbourState::Stale, KpiId::NeighbourStale),
    (NeighbourState::Delay, KpiId::NeighbourDelay),
    (NeighbourState::Probe, KpiId::NeighbourProbe),
    (NeighbourState::Incomplete, KpiId::NeighbourIncomplete),
    (NeighbourState::Failed, KpiId::NeighbourFailed),
    (NeighbourState::Permanent, KpiId::NeighbourPermanent),
];

struct Neighbours;

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Neighbours)
}

impl Probe for Neighbours {
    fn name(&self) -> &'static str {
        "neighbours"
    }

    fn kpis(&self) -> KpiSet {
        STATES.iter().map(|(_, id)| *id).collect()
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let wanted = wanted.intersection(&self.kpis());
        let mut report = Report::new(Table::Neighbours.name(), wanted, out);
        match read(from) {
            Ok(links) if links.is_empty() => {
                report.without("no interface that is up looks for neighbours");
            }
            Ok(links) => {
                for (instance, counts) in &links {
                    for ((_, id), count) in STATES.iter().zip(counts) {
                        report.value_of(*id, instance, *count);
                    }
                }
            }
            Err(error) => report.unreadable(&error.of(Table::Neighbours)),
        }
    }
}

/// How many entries there are in each of [`STATES`].
type Counts = [u64; STATES.len()];

/// The counts of each interface that is up and resolves addresses: there a zero is true.
fn read(from: &Sources) -> Result<Vec<(Instance, Counts)>, DumpError> {
    let names = names(&*from.netlink)?;
    let mut counts = gather(&*from.netlink, Table::Neighbours, take)?;
    Ok(names
        .into_iter()
        .filter(|(_, name)| name.flags.contains(LinkFlags::Up))
        .filter(|(_, name)| {
            !name
                .flags
                .intersects(LinkFlags::Loopback | LinkFlags::Noarp)
        })
        .map(|(index, name)| (name.instance, counts.remove(&index).unwrap_or_default()))
        .collect())
}

/// Counts one message.
fn take(links: &mut BTreeMap<u32, Counts>, body: &[u8]) -> Result<(), String> {
    let header = NeighbourHeader::parse(body).map_err(|error| error.to_string())?;
    if !matches!(header.family, AddressFamily::Inet | AddressFamily::Inet6) {
        return Ok(());
    }
    let counts = links.entry(header.ifindex).or_default();
    for ((state, _), count) in STATES.iter().zip(counts) {
        *count += u64::from(*state == header.state);
    }
    Ok(())
}
