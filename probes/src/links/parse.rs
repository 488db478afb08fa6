//! One `RTM_NEWLINK` message.

use netlink_packet_core::{DecodeError, NlasIterator, parse_string, parse_u8, parse_u32};
use netlink_packet_route::link::{LinkFlags, LinkHeader, LinkLayerType, State, Stats64};

/// `sizeof(struct ifinfomsg)`.
const HEADER: usize = 16;

// linux/if_link.h
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_STATS64: u16 = 23;
const IFLA_CARRIER: u16 = 33;
const IFLA_CARRIER_CHANGES: u16 = 35;
const IFLA_INFO_KIND: u16 = 1;

/// What is taken of one interface. An attribute is `None` when the kernel did not send it, and an
/// error when it cannot be understood.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) flags: LinkFlags,
    pub(super) framing: String,
    pub(super) kind: Option<String>,
    pub(super) state: Option<Result<String, String>>,
    pub(super) carrier: Option<Result<bool, String>>,
    pub(super) carrier_changes: Option<Result<u32, String>>,
    pub(super) mtu: Option<Result<u32, String>>,
    pub(super) address: Option<String>,
    pub(super) stats: Option<Result<Counters, String>>,
}

/// The counters of one interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counters {
    pub(super) stats: Stats64,
    /// How many of them the kernel sent; the rest of `stats` is filled with zeros.
    pub(super) sent: usize,
}

/// Adds one message to the list.
pub(crate) fn take(links: &mut Vec<Link>, body: &[u8]) -> Result<(), String> {
    links.push(parse(body)?);
    Ok(())
}

/// Only the wanted attributes are decoded: what a new kernel adds elsewhere cannot hurt.
fn parse(body: &[u8]) -> Result<Link, String> {
    let header = LinkHeader::parse(body).map_err(text)?;
    let mut link = Link {
        index: header.index,
        name: String::new(),
        flags: header.flags,
        framing: framing(header.link_layer_type),
        kind: None,
        state: None,
        carrier: None,
        carrier_changes: None,
        mtu: None,
        address: None,
        stats: None,
    };
    for attribute in NlasIterator::new(body.get(HEADER..).unwrap_or_default()) {
        let attribute = attribute.map_err(text)?;
        note(&mut link, attribute.kind(), attribute.value())?;
    }
    if link.name.is_empty() {
        return Err(format!("link {} has no name", link.index));
    }
    Ok(link)
}

/// Without a name there is nothing to report on; any other attribute may be damaged.
fn note(link: &mut Link, attribute: u16, value: &[u8]) -> Result<(), String> {
    match attribute {
        IFLA_IFNAME => link.name = parse_string(value).map_err(text)?,
        IFLA_ADDRESS => link.address = hardware_address(value),
        IFLA_LINKINFO => link.kind = info_kind(value),
        IFLA_MTU => link.mtu = Some(parse_u32(value).map_err(text)),
        IFLA_OPERSTATE => {
            let state = parse_u8(value).map_err(text);
            link.state = Some(state.map(|state| state_name(state.into())));
        }
        IFLA_CARRIER => {
            let carrier = parse_u8(value).map_err(text);
            link.carrier = Some(carrier.map(|carrier| carrier != 0));
        }
        IFLA_CARRIER_CHANGES => link.carrier_changes = Some(parse_u32(value).map_err(text)),
        IFLA_STATS64 => link.stats = Some(counters(value)),
        _ => {}
    }
    Ok(())
}

fn counters(value: &[u8]) -> Result<Counters, String> {
    let stats = Stats64::parse(value).map_err(text)?;
    let sent = value.len() / size_of::<u64>();
    Ok(Counters { stats, sent })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: DecodeError) -> String {
    error.to_string()
}

/// The kind that the driver gives: `bridge`, `vlan`, `wireguard`.
fn info_kind(nested: &[u8]) -> Option<String> {
    NlasIterator::new(nested)
        .filter_map(Result::ok)
        .find(|attribute| attribute.kind() == IFLA_INFO_KIND)
        .and_then(|attribute| {
            let text = attribute.value().split(|octet| *octet == 0).next()?;
            String::from_utf8(text.to_vec()).ok()
        })
        .filter(|kind| !kind.is_empty())
}

/// An address of nothing but zeros, as the loopback interface has it, is none.
fn hardware_address(octets: &[u8]) -> Option<String> {
    if octets.iter().all(|octet| *octet == 0) {
        return None;
    }
    let pairs: Vec<_> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    Some(pairs.join(":"))
}

fn framing(layer: LinkLayerType) -> String {
    match layer {
        LinkLayerType::Ether => "ethernet".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

/// The words of RFC 2863, ifOperStatus.
fn state_name(state: State) -> String {
    let name = match state {
        State::Unknown => "unknown",
        State::NotPresent => "not-present",
        State::Down => "down",
        State::LowerLayerDown => "lower-layer-down",
        State::Testing => "testing",
        State::Dormant => "dormant",
        State::Up => "up",
        other => return format!("state-{}", u8::from(other)),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        netlink::Table,
        testing::{attribute, bodies, damages},
    };

    fn message(attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![0; HEADER];
        body[2..4].copy_from_slice(&1_u16.to_ne_bytes());
        body[4..8].copy_from_slice(&7_u32.to_ne_bytes());
        body[8..12].copy_from_slice(&1_u32.to_ne_bytes());
        body.extend(attributes.concat());
        body
    }

    #[test]
    fn a_link_has_what_the_kernel_sent() {
        let link = parse(&message(&[
            attribute(IFLA_IFNAME, b"eth7\0"),
            attribute(IFLA_MTU, &1500_u32.to_ne_bytes()),
            attribute(IFLA_OPERSTATE, &[6]),
            attribute(IFLA_CARRIER, &[1]),
            attribute(IFLA_ADDRESS, &[2, 0, 0, 0, 0, 0xab]),
            attribute(IFLA_LINKINFO, &attribute(IFLA_INFO_KIND, b"vlan\0")),
            attribute(0x3fff, b"from a newer kernel"),
        ]))
        .unwrap();
        assert_eq!((link.index, &*link.name), (7, "eth7"));
        assert!(link.flags.contains(LinkFlags::Up));
        assert_eq!(link.framing, "ethernet");
        assert_eq!(link.kind.as_deref(), Some("vlan"));
        assert_eq!(link.mtu, Some(Ok(1500)));
        assert_eq!(link.state, Some(Ok("up".to_owned())));
        assert_eq!(link.carrier, Some(Ok(true)));
        assert_eq!(link.address.as_deref(), Some("02:00:00:00:00:ab"));
        assert_eq!(link.carrier_changes, None);
        assert!(link.stats.is_none());
    }

    #[test]
    fn a_bad_attribute_costs_that_attribute() {
        let name = attribute(IFLA_IFNAME, b"eth7\0");
        let link = parse(&message(&[
            name,
            attribute(IFLA_MTU, &[1]),
            attribute(IFLA_OPERSTATE, &[2]),
        ]))
        .unwrap();
        assert!(matches!(link.mtu, Some(Err(_))), "{:?}", link.mtu);
        assert_eq!(link.state, Some(Ok("down".to_owned())));
    }

    #[test]
    fn counters_that_an_old_kernel_does_not_send_are_not_zero() {
        let name = attribute(IFLA_IFNAME, b"eth7\0");
        let sent: Vec<u8> = (0..23_u64).flat_map(u64::to_ne_bytes).collect();
        let link = parse(&message(&[name, attribute(IFLA_STATS64, &sent)])).unwrap();
        let counters = link.stats.unwrap().unwrap();
        assert_eq!((counters.sent, counters.stats.tx_bytes), (23, 3));
    }

    #[test]
    fn a_message_without_a_name_is_refused() {
        assert_eq!(parse(&message(&[])).unwrap_err(), "link 7 has no name");
        assert!(parse(&[0; HEADER - 1]).is_err());
        assert!(parse(&[]).is_err());
    }

    #[test]
    fn states_of_the_future_keep_their_number() {
        assert_eq!(state_name(State::LowerLayerDown), "lower-layer-down");
        assert_eq!(state_name(State::from(9)), "state-9");
    }

    #[test]
    fn damage_is_survived() {
        for body in bodies(Table::Links) {
            for damaged in damages(&body) {
                let _ = parse(&damaged);
            }
        }
    }
}
