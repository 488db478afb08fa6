//! Counts what arrives on the links of a namespace, by a packet socket (packet(7)).
#![expect(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "driver: captures packets for tests, which end when something is amiss"
)]

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc::PACKET_OUTGOING;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::sockopt::{BindToDevice, RcvBufForce, ReceiveTimeout};
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::Namespace;
use crate::process::PATIENCE;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ICMPV6: u8 = 58;

/// What closes a count.
const MARK: &[u8] = b"omadm-tests: the end of the count";

/// What has arrived on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frames {
    /// Packets that somebody has sent on purpose.
    pub packets: u32,
    /// What a kernel says by itself on a link: ARP, neighbour discovery and group membership.
    pub noise: u32,
}

/// Counts what arrives on the links of a namespace.
pub struct Capture {
    socket: OwnedFd,
    /// The numbers of the links, and their names.
    links: BTreeMap<usize, String>,
}

impl Capture {
    /// Begins to count on these links.
    pub fn begin(namespace: &Namespace, links: &[&str]) -> Self {
        namespace.within(|| {
            let flags = SockFlag::SOCK_CLOEXEC;
            let protocol = SockProtocol::EthAll;
            let socket = socket(AddressFamily::Packet, SockType::Raw, flags, protocol)
                .expect("root may capture packets");
            setsockopt(&socket, RcvBufForce, &(8 << 20)).expect("root may have a large buffer");
            let seconds = i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX);
            setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(seconds)).expect("a socket");
            let number = |link: &&str| {
                let index = if_nametoindex(*link).expect("a link of the namespace");
                (index as usize, (*link).to_owned())
            };
            let links = links.iter().map(number).collect();
            Self { socket, links }
        })
    }

    /// Ends the count. A mark is sent over each link from its other end, at `sender`, to an
    /// address of this end: what was sent before it has arrived before it.
    pub fn end(self, sender: &Namespace, marks: &[(&str, &str)]) -> BTreeMap<String, Frames> {
        sender.within(|| {
            for (link, to) in marks {
                let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
                setsockopt(&socket, BindToDevice, &(*link).into()).expect("root may bind");
                socket.send_to(MARK, (*to, 9)).expect("a link that is up");
            }
        });
        let names = self.links.values().cloned();
        let mut counts: BTreeMap<String, Frames> =
            names.map(|name| (name, Frames::default())).collect();
        let mut ended = 0;
        while ended < marks.len() {
            let mut buffer = [0; 2048];
            let (length, from) = recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut buffer)
                .expect("the mark arrives");
            let from = from.expect("a packet socket names its link");
            let Some(name) = self.links.get(&from.ifindex()) else {
                continue;
            };
            if from.pkttype() == PACKET_OUTGOING {
                continue;
            }
            let frame = buffer.get(..length).unwrap_or_default();
            if frame.ends_with(MARK) {
                ended += 1;
                continue;
            }
            let count = counts.entry(name.clone()).or_default();
            if is_noise(frame) {
                count.noise += 1;
            } else {
                count.packets += 1;
            }
        }
        counts
    }
}

/// RFC 826; RFC 4861 and RFC 3810, which are `ICMPv6` of these types.
fn is_noise(frame: &[u8]) -> bool {
    let kind = frame.get(12..14).and_then(|kind| kind.try_into().ok());
    let body = frame.get(14..).unwrap_or_default();
    match kind.map(u16::from_be_bytes) {
        Some(IPV4) => false,
        Some(IPV6) => {
            let next = body.get(6).copied();
            // Group membership comes behind a hop-by-hop header of eight octets.
            let (protocol, at) = match next {
                Some(0) => (body.get(40).copied(), 48),
                other => (other, 40),
            };
            let group = matches!(body.get(at), Some(130..=137 | 143));
            protocol == Some(ICMPV6) && group
        }
        _ => true,
    }
}
