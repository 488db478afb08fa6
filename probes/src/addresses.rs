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
