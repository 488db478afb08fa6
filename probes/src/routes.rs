//! `RTM_GETROUTE`: the main routing tables, above all the default route. Readable by every user; of
//! the network namespace of this process.

use std::{cell::OnceCell, collections::BTreeMap, net::IpAddr};

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
    netlink::{self, DumpError, Name, Table, gather},
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
                let names = Names::new();
                for (family, routes) in [(IPV4, v4), (IPV6, v6)] {
                    note(&family, &routes, &names, from, &mut report);
                }
            }
            Err(error) => report.unreadable(&error.of(Table::Routes)),
        }
    }
}

/// The names of the interfaces, or why there are none; asked for once and only when needed.
type Names = OnceCell<Result<BTreeMap<u32, Name>, DumpError>>;

fn note(family: &Family, routes: &Summary, names: &Names, from: &Sources, report: &mut Report<'_>) {
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
        match link_name(preferred, names, from) {
            Ok(Some(name)) => report.value(family.link, name),
            Ok(None) => report.absent(family.link, none("the default route has no interface")),
            Err(error) => report.refused(family.link, &error.of(Table::LinkNames)),
        }
    }
}

fn link_name<'n>(
    route: &DefaultRoute,
    names: &'n Names,
    from: &Sources,
) -> Result<Option<&'n str>, &'n DumpError> {
    let Some(index) = route.link else {
        return Ok(None);
    };
    let names = names
        .get_or_init(|| netlink::names(&*from.netlink))
        .as_ref()?;
    Ok(names.get(&index).map(|name| name.instance.as_str()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{attribute, bodies, damages};

    const MAIN: u8 = 254;
    const UNICAST: u8 = 1;
    const BLACKHOLE: u8 = 6;

    fn message(prefix: u8, table: u8, kind: u8, flags: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![2, prefix, 0, 0, table, 3, 0, kind];
        body.extend(flags.to_ne_bytes());
        body.extend(attributes.concat());
        body
    }

    fn default_by(metric: u32, gateway: [u8; 4]) -> Vec<u8> {
        let attributes = [
            attribute(RTA_OIF, &3_u32.to_ne_bytes()),
            attribute(RTA_GATEWAY, &gateway),
            attribute(RTA_PRIORITY, &metric.to_ne_bytes()),
        ];
        message(0, MAIN, UNICAST, 0, &attributes)
    }

    fn summary(messages: &[Vec<u8>]) -> Summary {
        let mut tables = Tables::default();
        for message in messages {
            take(&mut tables, message).unwrap();
        }
        tables.v4
    }

    #[test]
    fn the_lowest_metric_is_preferred() {
        let routes = summary(&[
            default_by(700, [192, 0, 2, 7]),
            default_by(100, [192, 0, 2, 1]),
            default_by(100, [192, 0, 2, 2]),
            message(24, MAIN, UNICAST, 0, &[]),
        ]);
        assert_eq!((routes.count, routes.defaults), (4, 3));
        let preferred = DefaultRoute {
            metric: 100,
            link: Some(3),
            gateway: Some([192, 0, 2, 1].into()),
        };
        assert_eq!(routes.preferred, Some(preferred));
    }

    #[test]
    fn other_tables_cached_routes_and_refusals_are_no_defaults() {
        const CLONED: u32 = 0x200;
        let routes = summary(&[
            message(0, 255, UNICAST, 0, &[]),
            message(0, MAIN, UNICAST, CLONED, &[]),
            message(0, MAIN, BLACKHOLE, 0, &[]),
        ]);
        assert_eq!(
            (routes.count, routes.defaults, routes.preferred),
            (1, 0, None)
        );
    }

    #[test]
    fn a_default_route_may_lead_to_several_routers() {
        let hop = |link: u32, gateway: [u8; 4]| {
            let gateway = attribute(RTA_GATEWAY, &gateway);
            let length = u16::try_from(8 + gateway.len()).unwrap();
            [
                length.to_ne_bytes().to_vec(),
                vec![0, 0],
                link.to_ne_bytes().to_vec(),
                gateway,
            ]
            .concat()
        };
        let hops = [hop(4, [192, 0, 2, 4]), hop(5, [192, 0, 2, 5])].concat();
        let routes = summary(&[message(
            0,
            MAIN,
            UNICAST,
            0,
            &[attribute(RTA_MULTIPATH, &hops)],
        )]);
        let preferred = routes.preferred.unwrap();
        assert_eq!((preferred.metric, preferred.link), (0, Some(4)));
        assert_eq!(preferred.gateway, Some([192, 0, 2, 4].into()));
    }

    #[test]
    fn an_ipv4_route_may_have_an_ipv6_gateway() {
        let mut via = 10_u16.to_ne_bytes().to_vec();
        via.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let routes = summary(&[message(0, MAIN, UNICAST, 0, &[attribute(RTA_VIA, &via)])]);
        let gateway = routes.preferred.unwrap().gateway.unwrap();
        assert_eq!(gateway.to_string(), "fe80::1");
    }

    #[test]
    fn damage_is_survived() {
        for body in bodies(Table::Routes) {
            for damaged in damages(&body) {
                let _ = take(&mut Tables::default(), &damaged);
            }
        }
    }
}
