//! Sessions that keep to one interface, in a network namespace of a thread of their own.

use crate::peer::*;

use nix::sched::{CloneFlags, unshare};
use omadm_bindings::{Address, Error, Retry, Settings, open};
use std::net::IpAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;

fn over(interface: &str) -> Settings {
    Settings {
        interface: Some(interface.to_owned()),
        ..plain()
    }
}

#[tokio::test]
async fn a_session_runs_over_the_interface_that_is_named() {
    let peer = Peer::answering(ok("<a/>")).await;
    for host in ["127.0.0.1", "localhost"] {
        let address: Address = format!("http://{host}:{}/dm", peer.port).parse().unwrap();
        let mut bearer = open(&address, &over("lo")).await.unwrap();
        let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        assert_eq!(answer.unwrap().body, "<a/>");
    }
}

#[tokio::test]
async fn an_interface_that_is_not_there_is_named() {
    let peer = Peer::answering(ok("<a/>")).await;
    let error = once(&peer, &over("no-such-link")).await.unwrap_err();
    assert!(matches!(error, Error::Interface { .. }), "{error:?}");
    let text = error.to_string();
    let expected = "interface no-such-link cannot be used: No such device";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(error.retry(), Retry::Later(None), "it may come yet");
    assert_eq!(peer.connections(), 0);
}

/// Runs `test` in a namespace with a loopback and an interface `wan` that leads nowhere; says
/// so if there can be none here.
fn in_namespace<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("no namespace: {error}"))?;
        for line in [
            "link set lo up",
            "link add wan type veth peer name far",
            "link set wan up",
            "link set far up",
            "address add 192.0.2.2/24 dev wan",
            "route add default via 192.0.2.1 dev wan",
        ] {
            ip(line)?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(test());
        Ok::<(), String>(())
    });
    match thread.join() {
        Ok(Ok(())) => {}
        Ok(Err(reason)) => println!("skipped: {name}: {reason}"),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let ran = Command::new("ip").args(arguments.split(' ')).output();
    let ran = ran.map_err(|error| format!("ip (Debian: iproute2): {error}"))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    Err(format!("ip {arguments}: {said}"))
}

#[test]
fn nothing_leaves_by_another_interface() {
    in_namespace("nothing_leaves_by_another_interface", || async {
        let peer = Peer::answering(ok("<a/>")).await;
        // Without the interface, the way is there.
        once(&peer, &plain()).await.unwrap();
        let short = Settings {
            connect_timeout: Duration::from_millis(600),
            ..over("wan")
        };
        let error = once(&peer, &short).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Later(None), "{error}");
        assert_eq!(peer.connections(), 1, "{error}");
    });
}

#[test]
fn questions_for_names_keep_to_the_interface() {
    in_namespace("questions_for_names_keep_to_the_interface", || async {
        let server = UdpSocket::bind("127.0.0.1:53").await.unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while server.recv_from(&mut buffer).await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let servers: Vec<IpAddr> = vec!["127.0.0.1".parse().unwrap()];
        let asking = |settings: Settings| Settings {
            dns_servers: servers.clone(),
            connect_timeout: Duration::from_millis(600),
            ..settings
        };
        let address: Address = "http://dm.example/dm".parse().unwrap();
        for (settings, expected) in [
            (asking(over("wan")), 0),
            (asking(over("lo")), 2),
            (asking(plain()), 4),
        ] {
            let error = open(&address, &settings).await.unwrap_err();
            assert!(matches!(error, Error::Resolve { .. }), "{error:?}");
            assert_eq!(asked.load(Ordering::SeqCst), expected, "{settings:?}");
        }
    });
}

#[test]
fn a_link_local_address_is_reached_through_its_zone() {
    in_namespace(
        "a_link_local_address_is_reached_through_its_zone",
        || async {
            if let Err(reason) = ip("address add fe80::1/64 dev lo nodad") {
                println!("skipped: a_link_local_address_is_reached_through_its_zone: {reason}");
                return;
            }
            let peer = Peer::recording_host("::").await;
            for zone in ["%25lo", "%lo", "%251"] {
                let address = format!("http://[fe80::1{zone}]:{}/dm", peer.port);
                let mut bearer = open(&address.parse().unwrap(), &plain()).await.unwrap();
                let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
                let host = format!("[fe80::1]:{}", peer.port);
                assert_eq!(answer.unwrap().body, host, "{zone}");
            }
            let address = format!("http://[fe80::1%25gone]:{}/dm", peer.port);
            let error = open(&address.parse().unwrap(), &plain()).await.unwrap_err();
            assert!(error.to_string().contains("interface gone"), "{error}");
        },
    );
}
