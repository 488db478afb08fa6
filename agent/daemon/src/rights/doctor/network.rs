//! What sessions take: sockets, names, trust, and a link of their own.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: tries sockets"
)]

use std::ffi::OsString;
use std::net::UdpSocket;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};

use super::{absent, missing, ok};
use crate::connectivity::Tables;
use crate::control::wire::Feature;

const RESOLVER: &str = "/etc/resolv.conf";

/// Whether this process can have a socket of the internet at all.
pub(super) fn sessions() -> Feature {
    let name = "http sessions";
    let can = |address: &str| UdpSocket::bind((address, 0)).is_ok();
    let families = match (can("0.0.0.0"), can("::")) {
        (true, true) => "IPv4 and IPv6",
        (true, false) => "IPv4 alone",
        (false, true) => "IPv6 alone",
        (false, false) => {
            let mend =
                "systemctl edit omadmd: RestrictAddressFamilies= has to allow AF_INET and AF_INET6";
            return missing(name, "no internet socket can be opened", mend);
        }
    };
    match std::fs::read_to_string(RESOLVER) {
        Ok(text) if names_server(&text) => ok(name, format!("{families}, names are resolved")),
        Ok(_) => ok(
            name,
            format!("{families}; {RESOLVER} names no server: addresses alone work"),
        ),
        Err(error) => ok(name, format!("{families}; {RESOLVER}: {error}")),
    }
}

fn names_server(text: &str) -> bool {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.any(|mut words| words.next() == Some("nameserver") && words.next().is_some())
}

/// The certificate authorities of the machine.
pub(super) fn trust_store() -> Feature {
    let name = "tls trust store";
    match omadm_bindings::system_root_count() {
        0 => missing(
            name,
            "this machine trusts no certificate authority: https works with a ca-file alone",
            "apt install ca-certificates",
        ),
        count => ok(name, format!("{count} certificate authorities")),
    }
}

/// Whether a session can be kept on one link. Linux 5.7 and later allow it to every user.
pub(super) fn binding() -> Feature {
    let name = "link binding";
    let bound = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .and_then(|socket| setsockopt(&socket, sockopt::BindToDevice, &OsString::from("lo")));
    match bound {
        Ok(()) => ok(name, "sessions can be bound to an interface"),
        Err(Errno::EPERM) => missing(
            name,
            "this kernel lets only the privileged bind to an interface",
            "Linux 5.7 or later, or: systemctl edit omadmd: AmbientCapabilities=CAP_NET_RAW and \
             CapabilityBoundingSet=CAP_NET_RAW",
        ),
        Err(error) => missing(
            name,
            format!("a socket cannot be bound to an interface: {error}"),
            "sessions take the default route; leave interfaces out of accounts",
        ),
    }
}

/// The links that the configuration names. They may come and go: one that is not there is absent.
pub(super) fn links(tables: &Tables) -> Vec<Feature> {
    let found = tables.iter().map(|(name, table)| {
        let link = table.interface.as_deref().or(table.vrf.as_deref());
        let link = link.unwrap_or_default();
        let feature = format!("link {name}");
        if Path::new("/sys/class/net").join(link).exists() {
            ok(&feature, format!("interface {link}"))
        } else {
            absent(&feature, format!("there is no interface {link} now"))
        }
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::Connectivity;
    use crate::control::wire::FeatureState;

    #[test]
    fn links_come_and_go() {
        let table = |interface: &str| Connectivity {
            interface: Some(interface.to_owned()),
            ..Connectivity::default()
        };
        let tables = [("loop", "lo"), ("lte", "no-such-link")];
        let tables = tables.map(|(name, link)| (name.to_owned(), table(link)));
        let found = links(&tables.into());
        assert_eq!(found[0].state, FeatureState::Ok, "{found:?}");
        assert_eq!(found[1].state, FeatureState::Absent, "{found:?}");
        assert!(found[1].detail.contains("no-such-link"), "{found:?}");
    }

    #[test]
    fn a_name_server_is_found() {
        assert!(names_server("# a\nsearch x\nnameserver 192.0.2.1\n"));
        assert!(!names_server("#nameserver 192.0.2.1\nnameserver\n"));
    }
}
