//! Resolves connectivity references over a snapshot of the links. Pure.

use std::fmt;
use std::net::IpAddr;

use super::{DEFAULT_ROUTE, Tables, Target, is_device};

/// A link as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// The number.
    pub index: u32,
    /// The name.
    pub name: String,
    /// It is switched on (`IFF_UP`).
    pub enabled: bool,
    /// It carries packets, as far as its driver knows (RFC 2863).
    pub running: bool,
    /// What its driver calls itself: `veth`, `vrf` …
    pub kind: String,
    /// The bridge, bond or VRF that it belongs to.
    pub controller: Option<u32>,
    /// It has an address that packets can leave with.
    pub has_address: bool,
}

/// All links, and those that a default route leads over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// Every link.
    pub links: Vec<Link>,
    /// The numbers of those that a default route of the best metric leads over, of IPv4 and IPv6.
    pub default: Vec<u32>,
}

/// What an account allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Links that are marked as roaming.
    pub roaming: bool,
    /// Links that are marked as metered.
    pub metered: bool,
    /// The default route, when no reference can be used.
    pub default_route: bool,
}

/// A way to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The reference, or [`DEFAULT_ROUTE`].
    pub reference: String,
    /// What a bearer is bound to, or why it is passed over.
    pub outcome: Result<Binding, Obstacle>,
}

/// What a bearer is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Binding {
    /// The interface or VRF; `None` leaves it to the routes.
    pub interface: Option<String>,
    /// Who is asked for names, in place of the system's resolver.
    pub dns: Vec<IpAddr>,
}

/// Why a reference is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The configuration has no such table.
    NoTable(String),
    /// The reference is the address of a node.
    Node,
    /// The reference names a modem.
    Modem,
    /// The reference is of no kind that is known, or empty.
    Meaningless(String),
    /// The kernel has no such interface.
    NoLink(String),
    /// The interface is there, but is no VRF.
    NoVrf(String),
    /// It is switched off.
    Disabled(String),
    /// It does not carry packets.
    NoCarrier(String),
    /// It has no address.
    NoAddress(String),
    /// It is metered, which the account denies.
    Metered(String),
    /// It is roaming, which the account denies.
    Roaming(String),
    /// The account has no reference, and denies the default route.
    NoReference,
    /// The links cannot be read.
    Unreadable(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTable(name) => write!(f, "agent.toml has no [connectivity.{name}]"),
            Self::Node => f.write_str("this build knows no connectivity objects in the tree"),
            Self::Modem => f.write_str("this build cannot open the bearer of a modem"),
            Self::Meaningless(text) => write!(f, "{text:?} is no connectivity reference"),
            Self::NoLink(name) => write!(f, "there is no interface {name}"),
            Self::NoVrf(name) => write!(f, "{name} is no VRF"),
            Self::Disabled(name) => write!(f, "{name} is down"),
            Self::NoCarrier(name) => write!(f, "{name} has no carrier"),
            Self::NoAddress(name) => write!(f, "{name} has no address"),
            Self::Metered(name) => write!(f, "{name} is metered"),
            Self::Roaming(name) => write!(f, "{name} is roaming"),
            Self::NoReference => {
                f.write_str("there is no connectivity reference, and the default route is denied")
            }
            Self::Unreadable(reason) => write!(f, "the links cannot be read: {reason}"),
        }
    }
}

impl Connection {
    fn default(outcome: Result<Binding, Obstacle>) -> Self {
        Self {
            reference: DEFAULT_ROUTE.to_owned(),
            outcome,
        }
    }
}

/// The ways to a server in their order: each reference, and the default route where it may be
/// used. There is at least one.
pub fn resolve(
    references: &[String],
    tables: &Tables,
    rules: Rules,
    links: Result<&Links, &str>,
) -> Vec<Connection> {
    let one = |text: &String| Connection {
        reference: text.clone(),
        outcome: reference(text, tables, rules, links),
    };
    let mut found: Vec<_> = references.iter().map(one).collect();
    if rules.default_route {
        found.push(Connection::default(default_route(tables, rules, links)));
    } else if references.is_empty() {
        found.push(Connection::default(Err(Obstacle::NoReference)));
    }
    found
}

/// Why no way can be taken now; `None` when one can.
pub fn waiting(connections: &[Connection]) -> Option<String> {
    let mut reasons = Vec::new();
    for connection in connections {
        let reason = connection.outcome.as_ref().err()?.to_string();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    Some(reasons.join("; "))
}

fn reference(
    text: &str,
    tables: &Tables,
    rules: Rules,
    links: Result<&Links, &str>,
) -> Result<Binding, Obstacle> {
    let (target, dns) = target(text, tables)?;
    let links = links.map_err(|reason| Obstacle::Unreadable(reason.to_owned()))?;
    let device = target.device();
    let link = links.named(device);
    let link = link.ok_or_else(|| Obstacle::NoLink(device.to_owned()))?;
    if matches!(target, Target::Vrf(_)) && link.kind != "vrf" {
        return Err(Obstacle::NoVrf(device.to_owned()));
    }
    usable(link, links)?;
    permitted(link, tables, rules, links)?;
    Ok(Binding {
        interface: Some(device.to_owned()),
        dns,
    })
}

/// What a reference names, and the name servers that go with it.
fn target<'a>(text: &'a str, tables: &'a Tables) -> Result<(Target<'a>, Vec<IpAddr>), Obstacle> {
    let meaningless = || Obstacle::Meaningless(text.to_owned());
    let device = |name: &'a str| is_device(name).then_some(name).ok_or_else(meaningless);
    match text.split_once(':') {
        Some(("interface", name)) => Ok((Target::Interface(device(name)?), Vec::new())),
        Some(("vrf", name)) => Ok((Target::Vrf(device(name)?), Vec::new())),
        Some(("modem", _)) => Err(Obstacle::Modem),
        Some(_) => Err(meaningless()),
        None if text == "." || text.contains('/') => Err(Obstacle::Node),
        None if text.is_empty() => Err(meaningless()),
        None => {
            let table = tables.get(text);
            let table = table.ok_or_else(|| Obstacle::NoTable(text.to_owned()))?;
            let target = table.target().ok_or_else(meaningless)?;
            Ok((target, table.dns.clone()))
        }
    }
}

fn usable(link: &Link, links: &Links) -> Result<(), Obstacle> {
    let name = || link.name.clone();
    if !link.enabled {
        return Err(Obstacle::Disabled(name()));
    }
    if !link.running {
        return Err(Obstacle::NoCarrier(name()));
    }
    // The addresses of a VRF are those of its members.
    let mut members = links.links.iter().filter(|member| {
        link.kind == "vrf" && member.controller == Some(link.index) && member.enabled
    });
    if link.has_address || members.any(|member| member.has_address && member.running) {
        Ok(())
    } else {
        Err(Obstacle::NoAddress(name()))
    }
}

/// A mark counts by whichever name the link is reached; one of a member of a VRF counts for the
/// whole VRF, because any of its members may carry the packets.
fn permitted(link: &Link, tables: &Tables, rules: Rules, links: &Links) -> Result<(), Obstacle> {
    for table in tables.values() {
        let Some(device) = table.target().map(Target::device) else {
            continue;
        };
        let is_member = || {
            let marked = links.named(device);
            link.kind == "vrf" && marked.is_some_and(|it| it.controller == Some(link.index))
        };
        if device != link.name && !is_member() {
            continue;
        }
        if table.metered && !rules.metered {
            return Err(Obstacle::Metered(device.to_owned()));
        }
        if table.roaming && !rules.roaming {
            return Err(Obstacle::Roaming(device.to_owned()));
        }
    }
    Ok(())
}

fn default_route(
    tables: &Tables,
    rules: Rules,
    links: Result<&Links, &str>,
) -> Result<Binding, Obstacle> {
    let denies = |table: &super::Connectivity| {
        (table.metered && !rules.metered) || (table.roaming && !rules.roaming)
    };
    if tables.values().any(denies) {
        let links = links.map_err(|reason| Obstacle::Unreadable(reason.to_owned()))?;
        let over = |link: &&Link| links.default.contains(&link.index);
        for link in links.links.iter().filter(over) {
            permitted(link, tables, rules, links)?;
        }
    }
    Ok(Binding::default())
}

impl Links {
    fn named(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }
}

#[cfg(test)]
mod tests;
