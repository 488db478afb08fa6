//! Opens TCP connections: the addresses of a host, tried with a staggered start (RFC 8305), all
//! of it over one interface where the account says so.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: sockets and their limits of time"
)]

mod message;
mod resolve;

use self::resolve::Resolver;

use super::url::{Host, Origin};

use crate::error::Error;
use crate::settings::Settings;

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

/// A name with more addresses than this is not tried further.
const MAX_ADDRESSES: usize = 8;

/// RFC 8305 5, Connection Attempt Delay.
const STAGGER: Duration = Duration::from_millis(250);

/// Opens the connections of one bearer.
pub(super) struct Dialer {
    interface: Option<String>,
    resolver: Option<Resolver>,
}

impl Dialer {
    pub(super) fn new(settings: &Settings) -> Self {
        let interface = settings.interface.clone();
        let servers = &settings.dns_servers;
        // The system's resolver cannot be told which way its questions go.
        let own = interface.is_some() || !servers.is_empty();
        Self {
            resolver: own.then(|| Resolver::new(servers, interface.clone())),
            interface,
        }
    }

    /// Connects to one of the host's addresses before `end`.
    pub(super) async fn connect(&self, origin: &Origin, end: Instant) -> Result<TcpStream, Error> {
        if let Some(interface) = &self.interface {
            usable(interface).map_err(|source| Error::Interface {
                name: interface.clone(),
                source,
            })?;
        }
        let addresses = self.addresses(origin, end).await?;
        let stream = race(&addresses, self.interface.as_deref(), end).await;
        let stream = stream.map_err(|attempts| Error::Connect {
            host: origin.to_string(),
            attempts,
        })?;
        stream.set_nodelay(true).map_err(Error::Transport)?;
        Ok(stream)
    }

    async fn addresses(&self, origin: &Origin, end: Instant) -> Result<Vec<SocketAddr>, Error> {
        let port = origin.port;
        let name = match &origin.host {
            Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, port)]),
            Host::Scoped(ip, zone) => {
                let index = zone_index(zone).map_err(|source| Error::Interface {
                    name: zone.clone(),
                    source,
                })?;
                return Ok(vec![SocketAddrV6::new(*ip, port, 0, index).into()]);
            }
            Host::Name(name) => name,
        };
        let found = timeout_at(end, self.lookup(name)).await;
        let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let failed = |source| Error::Resolve {
            host: name.clone(),
            source,
        };
        let addresses = ordered(&found.map_err(failed)?, port);
        if addresses.is_empty() {
            return Err(failed(io::ErrorKind::NotFound.into()));
        }
        Ok(addresses)
    }

    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match &self.resolver {
            Some(resolver) => resolver.lookup(name).await,
            None => lookup_host((name, 0))
                .await
                .map(|found| found.map(|address| address.ip()).collect()),
        }
    }
}

/// The first family as the resolver has it (RFC 6724), then both in turn (RFC 8305 4), so that
/// one that leads nowhere costs one attempt and not all of them.
fn ordered(found: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    let leads = found.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (Vec<&IpAddr>, Vec<&IpAddr>) =
        found.iter().partition(|ip| ip.is_ipv6() == leads);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut addresses: Vec<SocketAddr> = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            addresses.truncate(MAX_ADDRESSES);
            return addresses;
        }
        for ip in pair.into_iter().flatten() {
            let address = SocketAddr::new(*ip, port);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
}

type Attempts = Vec<(SocketAddr, io::Error)>;

/// Starts with one address, with the next whenever one fails or a moment has passed; the first
/// connection wins.
async fn race(
    addresses: &[SocketAddr],
    interface: Option<&str>,
    end: Instant,
) -> Result<TcpStream, Attempts> {
    let mut waiting = addresses.iter().copied();
    let mut running = JoinSet::new();
    let mut failed = Attempts::new();
    let mut next = Instant::now();
    while waiting.len() > 0 || !running.is_empty() {
        tokio::select! {
            biased;
            Some(done) = running.join_next() => match done {
                Ok((_, Ok(stream))) => return Ok(stream),
                Ok((address, Err(error))) => {
                    failed.push((address, error));
                    next = Instant::now();
                }
                // A task that panicked is a fault of ours; the other addresses remain.
                Err(error) => log::error!("an attempt to connect ended in disorder: {error}"),
            },
            () = sleep_until(next), if waiting.len() > 0 => {
                if let Some(address) = waiting.next() {
                    let interface = interface.map(str::to_owned);
                    running.spawn(async move {
                        (address, attempt(address, interface.as_deref()).await)
                    });
                }
                next = Instant::now() + STAGGER;
            }
            () = sleep_until(end) => break,
        }
    }
    // What is still under way, or was never begun, has run out of time.
    for address in addresses {
        if !failed.iter().any(|(known, _)| known == address) {
            failed.push((*address, io::ErrorKind::TimedOut.into()));
        }
    }
    let place = |address: &SocketAddr| addresses.iter().position(|known| known == address);
    failed.sort_by_key(|(address, _)| place(address));
    Err(failed)
}

async fn attempt(address: SocketAddr, interface: Option<&str>) -> io::Result<TcpStream> {
    tcp_socket(address, interface)?.connect(address).await
}

/// A socket whose packets leave through `interface` and no other way.
fn tcp_socket(address: SocketAddr, interface: Option<&str>) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()
    } else {
        TcpSocket::new_v4()
    }?;
    if let Some(interface) = interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    Ok(socket)
}

/// Whether sockets can be bound to an interface at all, so that the reason is said once and not
/// for each address. Linux asks for `CAP_NET_RAW` before 5.7 (socket(7)).
fn usable(interface: &str) -> io::Result<()> {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    tcp_socket(any, Some(interface)).map(drop)
}

/// The zone of a link-local address: the name or the number of an interface (RFC 4007 11.2).
fn zone_index(zone: &str) -> io::Result<u32> {
    match zone.parse() {
        Ok(index) => Ok(index),
        Err(_) => Ok(nix::net::if_::if_nametoindex(zone)?),
    }
}

#[cfg(test)]
mod tests;
