//! Network namespaces of a test's own, with virtual cables between them; gone when they are
//! dropped. They take root and `ip`.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "driver: makes namespaces for tests, which end when something is amiss"
)]

mod capture;
mod names;

use std::cell::RefCell;
use std::fs::{self, File};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};

pub use capture::{Capture, Frames};
pub use names::NameServer;

use crate::process::{Ended, run};

/// A network namespace.
pub struct Namespace {
    name: String,
    /// The other ends of its cables: the own link, their address and their hardware address.
    neighbours: RefCell<Vec<[String; 3]>>,
}

impl Namespace {
    /// Makes one with a loopback that is up and without IPv6, which talks by itself; or says why
    /// that cannot be had here.
    pub fn new() -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            return Err("network namespaces take root".to_owned());
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("omadm-{}-{number}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        let made = made.map_err(|error| format!("ip (Debian: iproute2): {error}"))?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).trim().to_owned());
        }
        let namespace = Self {
            name,
            neighbours: RefCell::default(),
        };
        namespace.within(|| {
            // Answers may come in by another link than the best route leads over.
            for key in ["ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"] {
                let _ = fs::write(format!("/proc/sys/net/{key}"), "0");
            }
            // A kernel without IPv6 has no such key.
            for key in ["all", "default"] {
                let key = format!("/proc/sys/net/ipv6/conf/{key}/disable_ipv6");
                let _ = fs::write(key, "1");
            }
        });
        namespace.ip(&["link", "set", "lo", "up"]);
        Ok(namespace)
    }

    /// Its name, for `ip -n`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `ip ARGUMENTS` in it, which has to succeed.
    pub fn ip(&self, arguments: &[&str]) {
        self.try_ip(arguments).expect_success();
    }

    /// `ip ARGUMENTS` in it.
    pub fn try_ip(&self, arguments: &[&str]) -> Ended {
        run(Command::new("ip").args(["-n", &self.name]).args(arguments))
    }

    /// Does something in it. Sockets that are opened and processes that are started there stay in
    /// it; a thread of its own keeps the caller where it is.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.name);
        let place = File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let inside = || {
            setns(&place, CloneFlags::CLONE_NEWNET).expect("root may enter a namespace");
            work()
        };
        std::thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    /// Lays a cable from the interface `own` here to `their` in another namespace and gives both
    /// ends their addresses. Each knows the other's hardware address, so that nothing has to be
    /// asked for and whatever is sent leaves.
    pub fn cable(&self, own: (&str, &str), other: &Self, their: (&str, &str)) {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let mac = || {
            let [.., high, low] = NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            format!("02:00:00:00:{high:02x}:{low:02x}")
        };
        let ends = [(self, own, mac()), (other, their, mac())];
        let [(_, (near, _), near_mac), (_, (far, _), far_mac)] = &ends;
        let kind = ["type", "veth", "peer", "name"];
        let near = [
            "link", "add", near, "address", near_mac, "netns", &self.name,
        ];
        let far = [far, "address", far_mac, "netns", &other.name];
        let add = [&near[..], &kind, &far].concat();
        run(Command::new("ip").args(add)).expect_success();
        let [first, second] = &ends;
        for (end, opposite) in [(first, second), (second, first)] {
            let (namespace, (link, address), _) = end;
            let (_, (_, theirs), their_mac) = opposite;
            namespace.ip(&["address", "add", &format!("{address}/24"), "dev", link]);
            let known = [*link, *theirs, their_mac].map(str::to_owned);
            namespace.neighbours.borrow_mut().push(known);
            namespace.up(link);
        }
    }

    /// Switches a link on. Its neighbour had been forgotten when it was switched off.
    pub fn up(&self, link: &str) {
        self.ip(&["link", "set", link, "up"]);
        for [own, address, mac] in self.neighbours.borrow().iter() {
            if own == link {
                let know = ["neighbour", "replace", address, "lladdr", mac];
                self.ip(&[&know[..], &["dev", link, "nud", "permanent"]].concat());
            }
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Its links go with it.
        let _ = Command::new("ip")
            .args(["netns", "delete", &self.name])
            .status();
    }
}
