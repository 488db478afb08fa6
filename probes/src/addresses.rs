//! `RTM_GETADDR`: the IP addresses of each interface. Readable by every user; of the network
//! namespace of this process.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use netlink_packet_core::{NlasIterator, Parseable};
use netlink_packet_route::{
    AddressFamily,
    address::{AddressAttribute, AddressFlags, AddressHeader, AddressScope},
};

use crate::{
    Absence, Instance, KpiId, KpiSet, Probe, Samples, Sources,
    netlink::{DumpError, Name, Table, gather, names},
    report::Report,
};

/// `sizeof(struct ifaddrmsg)`.
const HEADER: usize = 8;

// linux/if_addr.h
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;

const KPIS: [KpiId; 5] = [
    KpiId::AddressIpv4Count,
    KpiId::AddressIpv6Count,
    KpiId::AddressIpv6Global,
    KpiId::AddressIpv4List,
    KpiId::AddressIpv6List,
];

struct Addresses;

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Addresses)
}

impl Probe for Addresses {
    fn name(&self) -> &'static str {
        "addresses"
    }

    fn kpis(&self) -> KpiSet {
        KPIS.into_iter().collect()
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let wanted = wanted.intersection(&self.kpis());
        let mut report = Report::new(Table::Addresses.name(), wanted, out);
        match read(from) {
            Ok(links) if links.is_empty() => {
                report.without("this network namespace has no interface");
            }
            Ok(links) => {
                for (instance, addresses) in &links {
                    note(instance, addresses, &mut report);
                }
            }
            Err(error) => report.unreadable(&error.of(Table::Addresses)),
        }
    }
}

/// The addresses of each interface, of those without any too.
fn read(from: &Sources) -> Result<Vec<(Instance, Vec<Address>)>, DumpError> {
    let names = names(&*from.netlink)?;
    let mut addresses = gather(&*from.netlink, Table::Addresses, take)?;
    let link =
        |(index, name): (u32, Name)| (name.instance, addresses.remove(&index).unwrap_or_default());
    Ok(names.into_iter().map(link).collect())
}

fn note(instance: &Instance, addresses: &[Address], report: &mut Report<'_>) {
    let (v4, v6): (Vec<_>, Vec<_>) = addresses.iter().partition(|address| address.ip.is_ipv4());
    let global = v6.iter().filter(|address| address.usable).count();
    report.value_of(KpiId::AddressIpv4Count, instance, v4.len() as u64);
    report.value_of(KpiId::AddressIpv6Count, instance, v6.len() as u64);
    report.value_of(KpiId::AddressIpv6Global, instance, global as u64);
    list(KpiId::AddressIpv4List, instance, &v4, report);
    list(KpiId::AddressIpv6List, instance, &v6, report);
}

fn list(id: KpiId, instance: &Instance, addresses: &[&Address], report: &mut Report<'_>) {
    if addresses.is_empty() {
        let absence = Absence::NoSubject("the interface has no such address".into());
        return report.absent_of(id, instance, absence);
    }
    let words: Vec<_> = addresses
        .iter()
        .map(|address| format!("{}/{}", address.ip, address.prefix))
        .collect();
    report.value_of(id, instance, words.join(" "));
}

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    ip: IpAddr,
    prefix: u8,
    /// Fit for talking to the Internet by IPv6.
    usable: bool,
}

/// Adds one message to the addresses by interface.
fn take(links: &mut BTreeMap<u32, Vec<Address>>, body: &[u8]) -> Result<(), String> {
    let header = AddressHeader::parse(body).map_err(|error| error.to_string())?;
    if !matches!(header.family, AddressFamily::Inet | AddressFamily::Inet6) {
        return Ok(());
    }
    let mut flags = AddressFlags::from_bits_retain(header.flags.bits().into());
    let (mut local, mut peer) = (None, None);
    for attribute in NlasIterator::new(body.get(HEADER..).unwrap_or_default()) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if !matches!(attribute.kind(), IFA_ADDRESS | IFA_LOCAL | IFA_FLAGS) {
            continue;
        }
        match AddressAttribute::parse(&attribute).map_err(|error| error.to_string())? {
            AddressAttribute::Local(ip) => local = Some(ip),
            AddressAttribute::Address(ip) => peer = Some(ip),
            AddressAttribute::Flags(all) => flags = all,
            _ => {}
        }
    }
    // On a point-to-point link the own address is IFA_LOCAL and IFA_ADDRESS is the peer's.
    let ip = local
        .or(peer)
        .ok_or("an address message without an address")?;
    links.entry(header.index).or_default().push(Address {
        ip,
        prefix: header.prefix_len,
        usable: usable(ip, header.scope, flags),
    });
    Ok(())
}

fn usable(ip: IpAddr, scope: AddressScope, flags: AddressFlags) -> bool {
    let unfit = AddressFlags::Tentative | AddressFlags::Dadfailed | AddressFlags::Deprecated;
    let IpAddr::V6(ip) = ip else { return false };
    scope == AddressScope::Universe && !unique_local(ip) && !flags.intersects(unfit)
}

/// RFC 4193: of global scope, but not routed on the Internet.
fn unique_local(ip: Ipv6Addr) -> bool {
    ip.octets()
        .first()
        .is_some_and(|first| first & 0xfe == 0xfc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{attribute, bodies, damages};

    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;

    fn one(family: u8, scope: u8, attributes: &[Vec<u8>]) -> Result<Address, String> {
        let mut body = vec![family, 24, 0, scope];
        body.extend(5_u32.to_ne_bytes());
        body.extend(attributes.concat());
        let mut links = BTreeMap::new();
        take(&mut links, &body)?;
        Ok(links
            .remove(&5)
            .and_then(|mut addresses| addresses.pop())
            .unwrap())
    }

    #[test]
    fn the_own_address_of_a_point_to_point_link_is_the_local_one() {
        let peer = attribute(IFA_ADDRESS, &[10, 64, 0, 1]);
        let own = attribute(IFA_LOCAL, &[10, 64, 0, 2]);
        let address = one(AF_INET, 0, &[peer, own]).unwrap();
        assert_eq!(
            (address.ip.to_string(), address.prefix),
            ("10.64.0.2".to_owned(), 24)
        );
        assert!(!address.usable, "IPv4 is not counted as IPv6");
    }

    #[test]
    fn usable_is_global_settled_and_not_unique_local() {
        let global = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let local = [0xfd, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let flags = |flags: u32| attribute(IFA_FLAGS, &flags.to_ne_bytes());
        for (octets, scope, bits, usable) in [
            (global, 0, 0x80, true),
            (global, 253, 0x80, false),
            (global, 0, 0x40, false),
            (global, 0, 0x08, false),
            (global, 0, 0x20, false),
            (local, 0, 0x80, false),
        ] {
            let attributes = [attribute(IFA_ADDRESS, &octets), flags(bits)];
            let address = one(AF_INET6, scope, &attributes).unwrap();
            assert_eq!(address.usable, usable, "{address:?} {bits:#x}");
        }
    }

    #[test]
    fn an_address_must_have_its_length() {
        assert!(one(AF_INET, 0, &[attribute(IFA_LOCAL, &[10, 64, 0])]).is_err());
        assert!(one(AF_INET, 0, &[]).is_err());
    }

    #[test]
    fn damage_is_survived() {
        for body in bodies(Table::Addresses) {
            for damaged in damages(&body) {
                let _ = take(&mut BTreeMap::new(), &damaged);
            }
        }
    }
}
