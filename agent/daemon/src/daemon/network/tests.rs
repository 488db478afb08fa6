use std::net::IpAddr;

use super::*;

const PORT: u32 = 77;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(kind: u16, flags: u16, (sequence, port): (u32, u32), body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(u32::try_from(16 + body.len()).unwrap().to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(port.to_ne_bytes());
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A message of the kernel without its header.
type Told = (u16, Vec<u8>);

fn link(index: u32, flags: u32) -> Told {
    let mut body = vec![0; 4];
    body.extend(index.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    body.extend([0; 4]);
    body.extend(attribute(3, format!("eth{index}\0").as_bytes()));
    (16, body)
}

fn up(index: u32) -> Told {
    link(index, 1 | 1 << 6)
}

fn address(kind: u16, index: u32, address: &str, flags: u32) -> Told {
    let address: IpAddr = address.parse().unwrap();
    let (family, octets) = match address {
        IpAddr::V4(v4) => (2, v4.octets().to_vec()),
        IpAddr::V6(v6) => (10, v6.octets().to_vec()),
    };
    let scope = if address.to_string().starts_with("fe80") {
        253
    } else {
        0
    };
    let mut body = vec![family, 24, 0, scope];
    body.extend(index.to_ne_bytes());
    body.extend(attribute(1, &octets));
    body.extend(attribute(8, &flags.to_ne_bytes()));
    (kind, body)
}

fn route(kind: u16, family: u8, length: u8, index: u32) -> Told {
    let mut body = vec![family, length, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    body.extend(attribute(5, &[192, 0, 2, 1]));
    body.extend(attribute(4, &index.to_ne_bytes()));
    (kind, body)
}

fn multipath(indexes: &[u32]) -> Told {
    let mut body = vec![2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    let mut hops = Vec::new();
    for index in indexes {
        let gateway = attribute(5, &[192, 0, 2, 9]);
        hops.extend(u16::try_from(8 + gateway.len()).unwrap().to_ne_bytes());
        hops.extend([0, 0]);
        hops.extend(index.to_ne_bytes());
        hops.extend(gateway);
    }
    body.extend(attribute(9, &hops));
    (24, body)
}

/// A kernel whose tables are these, which answers whatever is asked.
fn settle(network: &mut Network, tables: &[Told], now: Duration) -> Option<Changed> {
    loop {
        match network.poll(now)? {
            Output::Changed(changed) => return Some(changed),
            Output::Ask(request) => {
                let kind = u16::from_ne_bytes([request[4], request[5]]);
                let sequence = u32::from_ne_bytes(request[8..12].try_into().unwrap());
                let mut datagram = Vec::new();
                for (told, body) in tables.iter().filter(|(told, _)| told + 2 == kind) {
                    datagram.extend(message(*told, 2, (sequence, PORT), body));
                }
                datagram.extend(message(3, 2, (sequence, PORT), &[0; 4]));
                network.handle(&datagram, now);
            }
        }
    }
}

fn tell(network: &mut Network, (kind, body): &Told, now: Duration) {
    network.handle(&message(*kind, 0, (0, 0), body), now);
}

/// The network after its first look.
fn looked(tables: &[Told]) -> (Network, Changed) {
    let mut network = Network::new(PORT, at(0));
    let first = settle(&mut network, tables, at(0)).unwrap();
    (network, first)
}

#[test]
fn an_uplink_is_a_link_with_an_address_and_a_default_route() {
    let lo = link(1, 1 | 1 << 3 | 1 << 6);
    let v4 = || address(20, 2, "192.0.2.7", 0x80);
    let v6 = |flags| address(20, 2, "2001:db8::7", flags);
    let v4_route = || route(24, 2, 0, 2);
    for (what, tables, uplinks) in [
        ("nothing", vec![], 0),
        ("all of it", vec![up(2), v4(), v4_route()], 1),
        ("no carrier", vec![link(2, 1), v4(), v4_route()], 0),
        ("no route", vec![up(2), v4()], 0),
        ("no default route", vec![up(2), v4(), route(24, 2, 8, 2)], 0),
        ("no address", vec![up(2), v4_route()], 0),
        ("another family", vec![up(2), v6(0x80), v4_route()], 0),
        ("v6", vec![up(2), v6(0x80), route(24, 10, 0, 2)], 1),
        (
            "a tentative address",
            vec![up(2), v6(0x40), route(24, 10, 0, 2)],
            0,
        ),
        (
            "its own link only",
            vec![up(2), address(20, 2, "fe80::1", 0), route(24, 10, 0, 2)],
            0,
        ),
        (
            "loopback",
            vec![lo, address(20, 1, "192.0.2.7", 0), route(24, 2, 0, 1)],
            0,
        ),
        (
            "two ways",
            vec![
                up(2),
                up(3),
                v4(),
                address(20, 3, "192.0.2.8", 0),
                multipath(&[2, 3]),
            ],
            2,
        ),
    ] {
        let (_, changed) = looked(&tables);
        assert_eq!(changed.uplinks, uplinks, "{what}");
        assert!(
            changed.came.is_empty(),
            "{what}: what was there has not come"
        );
    }
}

#[test]
fn what_comes_in_pieces_is_told_once_it_has_settled() {
    let (mut network, _) = looked(&[link(2, 1)]);
    assert_eq!(network.deadline(), None);
    let tables = [up(2), address(20, 2, "192.0.2.7", 0), route(24, 2, 0, 2)];
    for (told, now) in tables.iter().zip([10, 11, 12]) {
        tell(&mut network, told, at(now));
        assert_eq!(settle(&mut network, &tables, at(now)), None);
        assert_eq!(network.deadline(), Some(at(now + 2)));
    }
    let changed = settle(&mut network, &tables, at(14)).unwrap();
    assert_eq!(changed.came, ["eth2"]);
    assert!(changed.first);
    assert_eq!(changed.uplinks, 1);
    // Another family of the same link is no new uplink, but may help.
    let v6 = [address(20, 2, "2001:db8::7", 0), route(24, 10, 0, 2)];
    tell(&mut network, &v6[0], at(20));
    let more = [&tables[..], &v6[..]].concat();
    let changed = settle(&mut network, &more, at(22)).unwrap();
    assert_eq!((changed.came.len(), changed.first), (1, false));
    // It goes, and is told when it comes again.
    tell(&mut network, &link(2, 1), at(30));
    let gone = settle(&mut network, &[link(2, 1)], at(32)).unwrap();
    assert_eq!((gone.came.len(), gone.uplinks), (0, 0));
    tell(&mut network, &up(2), at(40));
    assert!(settle(&mut network, &more, at(42)).unwrap().first);
}

#[test]
fn a_network_that_never_settles_is_looked_at_all_the_same() {
    let (mut network, _) = looked(&[]);
    for now in 10..20 {
        let name = format!("192.0.2.{now}");
        tell(&mut network, &address(20, 2, &name, 0), at(now));
        assert!(network.deadline().unwrap() <= at(20));
    }
}

#[test]
fn what_is_known_or_does_not_matter_wakes_nobody() {
    let tables = [up(2), address(20, 2, "2001:db8::7", 0), route(24, 10, 0, 2)];
    let (mut network, _) = looked(&tables);
    for told in &tables {
        tell(&mut network, told, at(10));
    }
    tell(&mut network, &route(24, 2, 24, 2), at(10));
    tell(&mut network, &address(20, 3, "fe80::1", 0), at(10));
    tell(&mut network, &(28, vec![0; 12]), at(10));
    assert_eq!(network.deadline(), None);
    // Nor does a change that is undone before it has settled.
    tell(&mut network, &link(2, 1), at(10));
    tell(&mut network, &up(2), at(11));
    assert_eq!(settle(&mut network, &tables, at(20)), None);
    assert_eq!(network.deadline(), None);
}

#[test]
fn lost_messages_and_damaged_ones_are_survived() {
    let tables = [up(2), address(20, 2, "192.0.2.7", 0), route(24, 2, 0, 2)];
    let (mut network, _) = looked(&[]);
    network.lost(at(5));
    assert!(settle(&mut network, &tables, at(7)).unwrap().first);
    for (kind, body) in [&tables[..], &[multipath(&[2, 3])]].concat() {
        for length in 0..body.len() {
            let whole = message(kind, 0, (0, 0), &body[..length]);
            for cut in 0..whole.len() {
                network.handle(&whole[..cut], at(8));
            }
            network.handle(&whole, at(8));
        }
    }
    // The kernel does not answer: it is given up, and asked again when something happens.
    network.lost(at(20));
    assert!(matches!(network.poll(at(22)), Some(Output::Ask(_))));
    assert_eq!(network.poll(at(32)), None);
    assert_eq!(network.deadline(), Some(at(92)));
    tell(&mut network, &link(2, 1), at(40));
    assert!(settle(&mut network, &[], at(42)).is_some());
    // Somebody else's answer is none.
    network.lost(at(50));
    let Some(Output::Ask(_)) = network.poll(at(52)) else {
        panic!("nothing is asked");
    };
    network.handle(
        &message(3, 2, (network.sequence, PORT + 1), &[0; 4]),
        at(52),
    );
    assert_eq!(network.poll(at(53)), None);
}

#[test]
fn a_look_that_comes_to_nothing_is_not_the_last() {
    let tables = [up(2), address(20, 2, "192.0.2.7", 0), route(24, 2, 0, 2)];
    let (mut network, _) = looked(&[]);
    tell(&mut network, &tables[0], at(10));
    let Some(Output::Ask(_)) = network.poll(at(12)) else {
        panic!("nothing is asked");
    };
    // The kernel refuses, and nothing changes any more.
    let refusal = message(2, 0, (network.sequence, PORT), &(-16_i32).to_ne_bytes());
    network.handle(&refusal, at(12));
    assert_eq!(network.poll(at(12)), None);
    let next = network.deadline().unwrap();
    assert!(settle(&mut network, &tables, next).unwrap().first);
    assert_eq!(network.deadline(), None);
}
