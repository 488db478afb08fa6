//! Takes the snapshot of the links: rtnetlink(7), which every user may read.

use std::collections::BTreeSet;

use omadm_probes::{Dump, DumpError, Table};

use super::resolve::{Link, Links};
use crate::rtnetlink::{
    AF_INET, AF_INET6, IFA_FLAGS, IFF_UP, IFLA_IFNAME, RT_SCOPE_LINK, RTA_MULTIPATH, RTA_OIF,
    RTN_UNICAST, attributes, next_hops, text, u32_at,
};

/// A change during a dump makes it worthless; after so many in a row, give up.
const ATTEMPTS: usize = 5;

// linux/if_link.h, linux/if_addr.h and linux/rtnetlink.h
const IFLA_MASTER: u16 = 10;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_CARRIER: u16 = 33;
const IF_OPER_UNKNOWN: u8 = 0;
const IF_OPER_UP: u8 = 6;
const IFA_F_DADFAILED: u32 = 0x08;
const IFA_F_TENTATIVE: u32 = 0x40;
const RT_TABLE_MAIN: u8 = 254;
const RTA_PRIORITY: u16 = 6;
const RTNH_F_DEAD: u32 = 1;
const RTNH_F_LINKDOWN: u32 = 16;

/// Reads all links, their addresses and the default routes.
pub fn read(netlink: &dyn Dump) -> Result<Links, DumpError> {
    let mut links = gather(netlink, Table::LinkNames, link)?;
    let addressed: BTreeSet<u32> = gather(netlink, Table::Addresses, address)?
        .into_iter()
        .collect();
    for link in &mut links {
        link.has_address = addressed.contains(&link.index);
    }
    let routes = gather(netlink, Table::Routes, route)?;
    Ok(Links {
        links,
        default: best(&routes),
    })
}

/// What is understood of a table. A message that is not is passed over: one odd device must not
/// hide the others.
fn gather<T>(
    netlink: &dyn Dump,
    table: Table,
    parse: impl Fn(&[u8]) -> Option<T>,
) -> Result<Vec<T>, DumpError> {
    let mut last = DumpError::Interrupted;
    for _ in 0..ATTEMPTS {
        let mut found = Vec::new();
        match netlink.dump(table, &mut |body| found.extend(parse(body))) {
            Ok(()) => return Ok(found),
            Err(DumpError::Interrupted) => {}
            Err(error) => {
                last = error;
                break;
            }
        }
    }
    Err(last)
}

/// `struct ifinfomsg` and its attributes.
fn link(body: &[u8]) -> Option<Link> {
    let mut link = Link {
        index: u32_at(body, 4)?,
        enabled: u32_at(body, 8)? & IFF_UP != 0,
        running: true,
        ..Link::default()
    };
    for (kind, value) in attributes(body, 16) {
        match kind {
            IFLA_IFNAME => link.name = text(value),
            IFLA_MASTER => link.controller = u32_at(value, 0),
            // Drivers without a notion of it say unknown, which RFC 2863 takes for usable.
            IFLA_OPERSTATE => {
                let state = value.first().copied();
                link.running &= matches!(state, Some(IF_OPER_UNKNOWN | IF_OPER_UP));
            }
            IFLA_CARRIER => link.running &= value.first() != Some(&0),
            IFLA_LINKINFO => {
                let mut info = attributes(value, 0);
                let kind = info.find(|(kind, _)| *kind == IFLA_INFO_KIND);
                link.kind = kind.map(|(_, value)| text(value)).unwrap_or_default();
            }
            _ => {}
        }
    }
    (!link.name.is_empty()).then_some(link)
}

/// `struct ifaddrmsg`: the link of an address that packets can leave with.
fn address(body: &[u8]) -> Option<u32> {
    let [family, _, flags, scope] = *body.first_chunk::<4>()?;
    let index = u32_at(body, 4)?;
    let long = attributes(body, 8).find(|(kind, _)| *kind == IFA_FLAGS);
    let flags = long
        .and_then(|(_, value)| u32_at(value, 0))
        .unwrap_or_else(|| flags.into());
    let usable = match family {
        AF_INET => true,
        // Every link makes a link-local one up; nobody is reached with it alone.
        AF_INET6 => scope < RT_SCOPE_LINK && flags & (IFA_F_DADFAILED | IFA_F_TENTATIVE) == 0,
        _ => false,
    };
    usable.then_some(index)
}

/// A default route.
struct Route {
    family: u8,
    metric: u32,
    /// The links that it may lead over; none that is dead.
    over: Vec<u32>,
    /// One of them has a carrier.
    runs: bool,
}

/// `struct rtmsg` and its attributes, for default routes of the main table.
fn route(body: &[u8]) -> Option<Route> {
    let [family, length, _, _, table, _, _, kind] = *body.first_chunk::<8>()?;
    if length != 0 || table != RT_TABLE_MAIN || kind != RTN_UNICAST {
        return None;
    }
    let flags = u32_at(body, 8)?;
    let (mut metric, mut hops) = (0, Vec::new());
    for (kind, value) in attributes(body, 12) {
        match kind {
            RTA_OIF => hops.extend(u32_at(value, 0).map(|index| (index, flags))),
            RTA_PRIORITY => metric = u32_at(value, 0).unwrap_or(0),
            RTA_MULTIPATH => {
                hops.extend(next_hops(value).map(|hop| (hop.index, u32::from(hop.flags))));
            }
            _ => {}
        }
    }
    hops.retain(|(_, flags)| flags & RTNH_F_DEAD == 0);
    Some(Route {
        family,
        metric,
        runs: hops.iter().any(|(_, flags)| flags & RTNH_F_LINKDOWN == 0),
        over: hops.into_iter().map(|(index, _)| index).collect(),
    })
}

/// The links of the default routes that the kernel takes: those of the lowest metric of each
/// family. One without a carrier is passed over or not, as `ignore_routes_with_linkdown` has it,
/// so that what comes after it counts as well.
fn best(routes: &[Route]) -> Vec<u32> {
    let mut found = BTreeSet::new();
    for family in [AF_INET, AF_INET6] {
        for down in [true, false] {
            let fits = |route: &&Route| {
                route.family == family && !route.over.is_empty() && (route.runs || down)
            };
            let own = || routes.iter().filter(fits);
            let lowest = own().map(|route| route.metric).min();
            let taken = own().filter(|route| Some(route.metric) == lowest);
            found.extend(taken.flat_map(|route| route.over.iter().copied()));
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_probes::{FsRoot, RecordedNetlink};

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn link_message(index: u32, flags: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let words = [0, index, flags, 0].map(u32::to_ne_bytes);
        [words.concat(), attributes.concat()].concat()
    }

    #[test]
    fn a_link_is_read_with_what_decides_about_it() {
        let body = link_message(
            7,
            1,
            &[
                attribute(IFLA_IFNAME, b"blue\0"),
                attribute(IFLA_OPERSTATE, &[6]),
                attribute(IFLA_CARRIER, &[1]),
                attribute(IFLA_MASTER, &3_u32.to_ne_bytes()),
                attribute(
                    IFLA_LINKINFO | 0x8000,
                    &[
                        attribute(IFLA_INFO_KIND, b"vrf\0"),
                        attribute(2, &[1, 2, 3, 4]),
                    ]
                    .concat(),
                ),
            ],
        );
        let expected = Link {
            index: 7,
            name: "blue".to_owned(),
            enabled: true,
            running: true,
            kind: "vrf".to_owned(),
            controller: Some(3),
            has_address: false,
        };
        assert_eq!(link(&body), Some(expected));
        for cut in 0..body.len() {
            let _ = link(&body[..cut]);
        }
    }

    #[test]
    fn a_link_runs_unless_its_driver_says_no() {
        let name = attribute(IFLA_IFNAME, b"l\0");
        for (attributes, expected) in [
            (vec![], true),
            (vec![attribute(IFLA_OPERSTATE, &[0])], true),
            (vec![attribute(IFLA_OPERSTATE, &[6])], true),
            (vec![attribute(IFLA_OPERSTATE, &[2])], false),
            (vec![attribute(IFLA_OPERSTATE, &[3])], false),
            (vec![attribute(IFLA_OPERSTATE, &[5])], false),
            (vec![attribute(IFLA_CARRIER, &[0])], false),
            (
                vec![
                    attribute(IFLA_CARRIER, &[0]),
                    attribute(IFLA_OPERSTATE, &[0]),
                ],
                false,
            ),
        ] {
            let body = link_message(1, 0, &[vec![name.clone()], attributes].concat());
            let link = link(&body).unwrap();
            assert_eq!(link.running, expected, "{body:?}");
            assert!(!link.enabled);
        }
    }

    #[test]
    fn addresses_that_reach_nobody_do_not_count() {
        let message = |family, scope, flags| [[family, 64, flags, scope], [4, 0, 0, 0]];
        let long = attribute(IFA_FLAGS, &IFA_F_TENTATIVE.to_ne_bytes());
        let index = Some(u32::from_ne_bytes([4, 0, 0, 0]));
        assert_eq!(address(&message(AF_INET, 0, 0).concat()), index);
        assert_eq!(address(&message(AF_INET6, 0, 0).concat()), index);
        assert_eq!(address(&message(AF_INET6, RT_SCOPE_LINK, 0).concat()), None);
        assert_eq!(address(&message(AF_INET6, 0, 0x40).concat()), None);
        let tentative = [message(AF_INET6, 0, 0).concat(), long].concat();
        assert_eq!(address(&tentative), None);
        assert_eq!(address(&message(1, 0, 0).concat()), None);
        assert_eq!(address(&[]), None);
    }

    fn route_message(family: u8, length: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
        let header = [family, length, 0, 0, RT_TABLE_MAIN, 0, 0, RTN_UNICAST];
        [&header[..], &[0; 4], &attributes.concat()].concat()
    }

    #[test]
    fn the_default_routes_of_the_best_metric_count() {
        let over = |index: u32| attribute(RTA_OIF, &index.to_ne_bytes());
        let metric = |metric: u32| attribute(RTA_PRIORITY, &metric.to_ne_bytes());
        let hop = |index: u32| [&[8, 0, 0, 0][..], &index.to_ne_bytes()].concat();
        let several = attribute(RTA_MULTIPATH, &[hop(8), hop(9)].concat());
        let routes = [
            route_message(AF_INET, 0, &[over(3), metric(100)]),
            route_message(AF_INET, 0, &[over(2), metric(20)]),
            route_message(AF_INET, 24, &[over(4)]),
            route_message(AF_INET6, 0, &[several, metric(1024)]),
        ];
        let routes: Vec<_> = routes.iter().filter_map(|body| route(body)).collect();
        assert_eq!(best(&routes), [2, 8, 9]);
    }

    #[test]
    fn a_default_route_without_a_carrier_hides_none_behind_it() {
        let default = |index: u32, metric: u32, flags: u32| {
            let attributes = [
                attribute(RTA_OIF, &index.to_ne_bytes()),
                attribute(RTA_PRIORITY, &metric.to_ne_bytes()),
            ];
            let mut body = route_message(AF_INET, 0, &attributes);
            body[8..12].copy_from_slice(&flags.to_ne_bytes());
            body
        };
        for (flags, expected) in [
            (0, vec![2]),
            (RTNH_F_LINKDOWN, vec![2, 3]),
            (RTNH_F_DEAD | RTNH_F_LINKDOWN, vec![3]),
        ] {
            let routes = [default(2, 100, flags), default(3, 700, 0)];
            let routes: Vec<_> = routes.iter().filter_map(|body| route(body)).collect();
            assert_eq!(best(&routes), expected, "{flags}");
        }
    }

    #[test]
    fn a_recorded_gateway_is_read() {
        let recorded = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../probes/tests/fixtures/gateway"
        );
        let links = read(&RecordedNetlink::new(FsRoot::recorded(recorded))).unwrap();
        let named = |name: &str| links.links.iter().find(|link| link.name == name).unwrap();
        assert!(named("lo").enabled && named("lo").running && named("lo").has_address);
        assert!(!links.default.is_empty());
    }

    #[test]
    fn this_machine_has_a_loopback() {
        let links = read(&omadm_probes::KernelNetlink::default()).unwrap();
        assert!(links.links.iter().any(|link| link.name == "lo"));
    }
}
