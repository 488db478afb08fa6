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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bodies, damages};

    #[test]
    fn entries_are_counted_by_link_and_state() {
        let entry = |family: u8, link: u32, state: u16| {
            let mut body = vec![family, 0, 0, 0];
            body.extend(link.to_ne_bytes());
            body.extend(state.to_ne_bytes());
            body.extend([0, 1]);
            body
        };
        let mut links = BTreeMap::new();
        for (family, link, state) in [
            (2, 3, 0x02),
            (10, 3, 0x02),
            (2, 3, 0x04),
            (2, 4, 0x20),
            (2, 4, 0x40),
            (7, 4, 0x02),
        ] {
            take(&mut links, &entry(family, link, state)).unwrap();
        }
        assert_eq!(links[&3], [2, 1, 0, 0, 0, 0, 0]);
        assert_eq!(
            links[&4],
            [0, 0, 0, 0, 0, 1, 0],
            "neither NOARP nor a bridge's table"
        );
    }

    #[test]
    fn damage_is_survived() {
        for body in bodies(Table::Neighbours) {
            for damaged in damages(&body) {
                let _ = take(&mut BTreeMap::new(), &damaged);
            }
        }
    }
}
