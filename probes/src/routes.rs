//! `RTM_GETROUTE`: the main routing tables, above all the default route. Readable by every user; of
//! the network namespace of this process.

use std::net::IpAddr;

use netlink_packet_core::{NlasIterator, ParseableParametrized};
use netlink_packet_route::{
    AddressFamily,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteLwEnCapType, RouteNextHop,
        RouteType, RouteVia,
    },
};

use crate::{
    Absence, KpiId, KpiSet, Probe, Samples, Sources,
    netlink::{DumpError, Table, gather, names},
    report::Report,
};

/// `sizeof(struct rtmsg)`.
const HEADER: usize = 12;

// linux/rtnetlink.h
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_MULTIPATH: u16 = 9;
const RTA_VIA: u16 = 18;

/// The KPIs of one family.
struct Family {
    count: KpiId,
    defaults: KpiId,
    link: KpiId,
    metric: KpiId,
    gateway: KpiId,
}

const IPV4: Family = Family {
    count: KpiId::RouteIpv4Count,
    defaults: KpiId::RouteIpv4Defaults,
    link: KpiId::RouteIpv4DefaultLink,
    metric: KpiId::RouteIpv4DefaultMetric,
    gateway: KpiId::RouteIpv4DefaultGateway,
};

const IPV6: Family = Family {
    count: KpiId::RouteIpv6Count,
    defaults: KpiId::RouteIpv6Defaults,
    link: KpiId::RouteIpv6DefaultLink,
    metric: KpiId::RouteIpv6DefaultMetric,
    gateway: KpiId::RouteIpv6DefaultGateway,
};

impl Family {
    fn ids(&self) -> [KpiId; 5] {
        [
            self.count,
            self.defaults,
            self.link,
            self.metric,
            self.gateway,
        ]
    }
}

struct Routes;

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Routes)
}

impl Probe for Routes {
    fn name(&self) -> &'static str {
        "routes"
    }

    fn kpis(&self) -> KpiSet {
        IPV4.ids().into_iter().chain(IPV6.ids()).collect()
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let wanted = wanted.intersection(&self.kpis());
        let mut report = Report::new(Table::Routes.name(), wanted, out);
        match gather(&*from.netlink, Table::Routes, take) {
            Ok(Tables { v4, v6 }) => {
                for (family, routes) in [(IPV4, v4), (IPV6, v6)] {
                    note(&family, &routes, from, &mut report);
                }
            }
            Err(error) => report.unreadable(&error.of(Table::Routes)),
        }
    }
}

fn note(family: &Family, routes: &Summary, from: &Sources, report: &mut Report<'_>) {
    report.value(family.count, routes.count);
    report.value(family.defaults, routes.defaults);
    let none = |what: &str| Absence::NoSubject(what.into());
    let Some(preferred) = &routes.preferred else {
        for id in [family.link, family.metric, family.gateway] {
            report.absent(id, none("there is no default route"));
        }
        return;
    };
    report.value(family.metric, preferred.metric);
    match preferred.gateway {
        Some(gateway) => report.value(family.gateway, gateway.to_string()),
        None => report.absent(family.gateway, none("the default route has no gateway")),
    }
    if report.wants(family.link) {
        match link_name(preferred, from) {
            Ok(Some(name)) => report.value(family.link, name),
            Ok(None) => report.absent(family.link, none("the default route has no interface")),
            Err(error) => report.refused(family.link, &error.of(Table::LinkNames)),
        }
    }
}

fn link_name(route: &DefaultRoute, from: &Sources) -> Result<Option<String>, DumpError> {
    let Some(index) = route.link else {
        return Ok(None);
    };
    let names = names(&*from.netlink)?;
    Ok(names.get(&index).map(|name| name.instance.to_string()))
}

/// What is taken of both families' main tables.
#[derive(Debug, Default)]
struct Tables {
    v4: Summary,
    v6: Summary,
}

/// What is taken of one table; it may have a million routes.
#[derive(Debug, Default)]
struct Summary {
    count: u64,
    defaults: u64,
    /// The default route of the lowest metric, the first of equals.
    preferred: Option<DefaultRoute>,
}

/// The default route that traffic takes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct DefaultRoute {
    metric: u32,
    link: Option<u32>,
    gateway: Option<IpAddr>,
}

/// Counts one message.
fn take(tables: &mut Tables, body: &[u8]) -> Result<(), String> {
    let header = RouteHeader::parse(body).map_err(|error| error.to_string())?;
    let table = match header.address_family {
        AddressFamily::Inet => &mut tables.v4,
        AddressFamily::Inet6 => &mut tables.v6,
        _ => return Ok(()),
    };
    let cached = header.flags.contains(RouteFlags::Cloned);
    if header.table != RouteHeader::RT_TABLE_MAIN || cached {
        return Ok(());
    }
    table.count += 1;
    if header.destination_prefix_length > 0 || header.kind != RouteType::Unicast {
        return Ok(());
    }
    table.defaults += 1;
    let route = default_route(&header, body.get(HEADER..).unwrap_or_default())?;
    match &table.preferred {
        Some(other) if other.metric <= route.metric => {}
        _ => table.preferred = Some(route),
    }
    Ok(())
}

/// A route without `RTA_PRIORITY` has the metric 0.
fn default_route(header: &RouteHeader, attributes: &[u8]) -> Result<DefaultRoute, String> {
    let mut route = DefaultRoute::default();
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if !matches!(
            attribute.kind(),
            RTA_OIF | RTA_GATEWAY | RTA_PRIORITY | RTA_MULTIPATH | RTA_VIA
        ) {
            continue;
        }
        let of = (header.address_family, header.kind, RouteLwEnCapType::None);
        let attribute = RouteAttribute::parse_with_param(&attribute, of);
        match attribute.map_err(|error| error.to_string())? {
            RouteAttribute::Priority(metric) => route.metric = metric,
            RouteAttribute::MultiPath(hops) => first_hop(&mut route, hops),
            other => towards(&mut route, &other),
        }
    }
    Ok(route)
}

/// Where a route leads to several routers, the first stands for all.
fn first_hop(route: &mut DefaultRoute, hops: Vec<RouteNextHop>) {
    if let Some(hop) = hops.into_iter().next() {
        route.link = Some(hop.interface_index);
        for attribute in &hop.attributes {
            towards(route, attribute);
        }
    }
}

fn towards(route: &mut DefaultRoute, attribute: &RouteAttribute) {
    match attribute {
        RouteAttribute::Oif(index) => route.link = Some(*index),
        RouteAttribute::Gateway(RouteAddress::Inet(ip))
        | RouteAttribute::Via(RouteVia::Inet(ip)) => {
            route.gateway = Some((*ip).into());
        }
        RouteAttribute::Gateway(RouteAddress::Inet6(ip))
        | RouteAttribute::Via(RouteVia::Inet6(ip)) => {
            route.gateway = Some((*ip).into());
        }
        _ => {}
    }
}
