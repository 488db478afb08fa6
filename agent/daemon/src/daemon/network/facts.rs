//! What the kernel's messages say of links, addresses and default routes (rtnetlink(7)).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::rtnetlink::{
    self, AF_INET, AF_INET6, IFA_FLAGS, IFF_UP, IFLA_IFNAME, NEXT_HOP, RT_SCOPE_LINK,
    RTA_MULTIPATH, RTA_OIF, RTN_UNICAST, attributes, text, u32_at,
};

/// The number of a link, and a family of addresses.
pub(super) type Uplink = (u32, Family);

/// `AF_INET` or `AF_INET6`.
pub(super) type Family = u8;

/// More of a kind than any uplink needs is passed over.
const MOST: usize = 4096;

// linux/if.h, linux/if_addr.h and linux/rtnetlink.h
const NEW_LINK: u16 = 16;
const DEL_LINK: u16 = 17;
const NEW_ADDRESS: u16 = 20;
const DEL_ADDRESS: u16 = 21;
const NEW_ROUTE: u16 = 24;
const DEL_ROUTE: u16 = 25;
const IFF_LOOPBACK: u32 = 1 << 3;
const IFF_RUNNING: u32 = 1 << 6;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// `IFA_F_DADFAILED`, `IFA_F_DEPRECATED` and `IFA_F_TENTATIVE`
const IFA_UNUSABLE: u32 = 0x08 | 0x20 | 0x40;
const RTA_GATEWAY: u16 = 5;
const RTA_TABLE: u16 = 15;
/// `RTNH_F_DEAD` and `RTNH_F_LINKDOWN`
const RTNH_UNUSABLE: u32 = 1 | 16;

/// A thing that the kernel tells, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// A link.
    Link {
        index: u32,
        name: String,
        /// It can carry something.
        usable: bool,
    },
    /// An address that reaches beyond the link.
    Address {
        index: u32,
        address: IpAddr,
        there: bool,
    },
    /// A default route.
    Route { route: Route, there: bool },
}

/// A default route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    family: Family,
    table: u32,
    index: u32,
    gateway: Vec<u8>,
}

impl Fact {
    /// What a message says: nothing that matters, or more than one thing.
    pub(super) fn parse(kind: u16, body: &[u8]) -> Vec<Self> {
        let found = match kind {
            NEW_LINK | DEL_LINK => link(body, kind == NEW_LINK).map(|fact| vec![fact]),
            NEW_ADDRESS | DEL_ADDRESS => address(body, kind == NEW_ADDRESS).map(|fact| vec![fact]),
            NEW_ROUTE | DEL_ROUTE => routes(body, kind == NEW_ROUTE),
            _ => None,
        };
        found.unwrap_or_default()
    }
}

/// `struct ifinfomsg` and its attributes.
fn link(body: &[u8], there: bool) -> Option<Fact> {
    let flags = u32_at(body, 8)?;
    let name = attributes(body, 16).find(|(kind, _)| *kind == IFLA_IFNAME);
    Some(Fact::Link {
        index: u32_at(body, 4)?,
        name: name.map(|(_, value)| text(value)).unwrap_or_default(),
        usable: there && flags & (IFF_UP | IFF_RUNNING | IFF_LOOPBACK) == IFF_UP | IFF_RUNNING,
    })
}

/// `struct ifaddrmsg` and its attributes.
fn address(body: &[u8], there: bool) -> Option<Fact> {
    let scope = *body.get(3)?;
    let mut flags = u32::from(*body.get(2)?);
    let mut found = None;
    for (kind, value) in attributes(body, 8) {
        match kind {
            IFA_FLAGS => flags = u32_at(value, 0)?,
            // On a line between two points, IFA_ADDRESS is the other end.
            IFA_LOCAL => found = ip(value),
            IFA_ADDRESS => found = found.or_else(|| ip(value)),
            _ => {}
        }
    }
    Some(Fact::Address {
        index: u32_at(body, 4)?,
        address: found.filter(|_| scope < RT_SCOPE_LINK)?,
        there: there && flags & IFA_UNUSABLE == 0,
    })
}

/// `struct rtmsg` and its attributes; none unless it is a default route.
fn routes(body: &[u8], there: bool) -> Option<Vec<Fact>> {
    let (family, length, kind) = (*body.first()?, *body.get(1)?, *body.get(7)?);
    if !matches!(family, AF_INET | AF_INET6) || length != 0 || kind != RTN_UNICAST {
        return None;
    }
    let flags = u32_at(body, 8)?;
    let mut table = u32::from(*body.get(4)?);
    let mut hops = Vec::new();
    let mut single = (None, Vec::new());
    for (kind, value) in attributes(body, 12) {
        match kind {
            RTA_TABLE => table = u32_at(value, 0)?,
            RTA_OIF => single.0 = u32_at(value, 0),
            RTA_GATEWAY => single.1 = value.to_vec(),
            RTA_MULTIPATH => hops = next_hops(value),
            _ => {}
        }
    }
    if let (Some(index), gateway) = single {
        hops.push((index, flags, gateway));
    }
    let facts = hops.into_iter().map(|(index, flags, gateway)| Fact::Route {
        route: Route {
            family,
            table,
            index,
            gateway,
        },
        there: there && flags & RTNH_UNUSABLE == 0,
    });
    Some(facts.collect())
}

/// The links, flags and gateways of a route that has several.
fn next_hops(row: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    let hops = rtnetlink::next_hops(row).map(|hop| {
        let gateway = attributes(hop.body, NEXT_HOP).find(|(kind, _)| *kind == RTA_GATEWAY);
        let gateway = gateway.map(|(_, value)| value.to_vec()).unwrap_or_default();
        (hop.index, u32::from(hop.flags), gateway)
    });
    hops.collect()
}

/// Everything that makes an uplink.
#[derive(Debug, Default)]
pub(super) struct Facts {
    links: BTreeMap<u32, (String, bool)>,
    addresses: BTreeSet<(u32, IpAddr)>,
    routes: BTreeSet<Route>,
}

impl Facts {
    /// Takes over what a table says.
    pub(super) fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Link {
                index,
                name,
                usable,
            } if self.links.len() < MOST => {
                self.links.insert(index, (name, usable));
            }
            Fact::Address {
                index,
                address,
                there: true,
            } if self.addresses.len() < MOST => {
                self.addresses.insert((index, address));
            }
            Fact::Route { route, there: true } if self.routes.len() < MOST => {
                self.routes.insert(route);
            }
            _ => {}
        }
    }

    /// Whether a fact is nothing new.
    pub(super) fn has(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Link { index, usable, .. } => {
                let known = self.links.get(index);
                known.map_or(!usable, |(_, known)| known == usable)
            }
            Fact::Address {
                index,
                address,
                there,
            } => self.addresses.contains(&(*index, *address)) == *there,
            Fact::Route { route, there } => self.routes.contains(route) == *there,
        }
    }

    /// The links that are usable and have an address and a default route of a family.
    pub(super) fn uplinks(&self) -> BTreeSet<Uplink> {
        let routed = self.routes.iter().map(|route| (route.index, route.family));
        let uplinks = routed.filter(|(index, family)| {
            let usable = self.links.get(index).is_some_and(|(_, usable)| *usable);
            let addressed = self
                .addresses
                .iter()
                .any(|(on, address)| on == index && address.is_ipv4() == (*family == AF_INET));
            usable && addressed
        });
        uplinks.collect()
    }

    /// What a link is called.
    pub(super) fn name(&self, link: u32) -> String {
        let name = self.links.get(&link).map(|(name, _)| name.clone());
        name.unwrap_or_else(|| format!("link {link}"))
    }
}

fn ip(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}
