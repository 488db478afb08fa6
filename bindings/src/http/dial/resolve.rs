//! Asks DNS servers for addresses over sockets of our own, which an interface can be given to.
//!
//! `getaddrinfo` asks wherever the routing table leads, and of a full resolver nothing else is
//! needed here: names are absolute, and answers live as long as a session.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: sockets, their limits of time, and the system's configuration of DNS"
)]

use super::message::{Family, Question, Reply};
use super::tcp_socket;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// The port of DNS.
const PORT: u16 = 53;

/// As the C library does: that many servers, that often, each that long (resolv.conf(5)).
const MAX_SERVERS: usize = 3;
const ROUNDS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the answer for one family waits for the other (RFC 8305 3, more generous since
/// mobile networks are slower than its 50 ms).
const OTHER_FAMILY: Duration = Duration::from_millis(300);

/// RFC 1035 4.2.1, with room for servers that do not keep to it.
const MAX_DATAGRAM: usize = 4096;

/// Datagrams that are no answers to a question are passed over this often.
const MAX_STRANGERS: usize = 16;

/// Where the system's DNS servers are listed: the second one where the first names a resolver
/// on this machine, as systemd-resolved(8) does it.
const CONFIGURATIONS: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// Names of this machine (hosts(5)).
const HOSTS: &str = "/etc/hosts";

/// Asks DNS servers of its own over one interface.
#[derive(Debug)]
pub(super) struct Resolver {
    /// In the order in which they are asked; the system's if there are none.
    servers: Vec<SocketAddr>,
    interface: Option<String>,
}

impl Resolver {
    pub(super) fn new(servers: &[IpAddr], interface: Option<String>) -> Self {
        let servers = servers.iter().map(|ip| SocketAddr::new(*ip, PORT));
        Self::asking(servers.collect(), interface)
    }

    /// The same with ports.
    pub(super) fn asking(servers: Vec<SocketAddr>, interface: Option<String>) -> Self {
        Self { servers, interface }
    }

    /// The addresses of a name, the newer family first.
    pub(super) async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let hosts = std::fs::read_to_string(HOSTS).unwrap_or_default();
        let local = in_hosts(&hosts, name);
        if !local.is_empty() {
            return Ok(local);
        }
        let servers = self.servers()?;
        let (v6, v4) = self.both(name, &servers).await;
        match (v6, v4) {
            (Err(_), Err(error)) => Err(error),
            (v6, v4) => {
                let mut found = v6.unwrap_or_default();
                found.extend(v4.unwrap_or_default());
                Ok(found)
            }
        }
    }

    /// Asks for both families at once. When one is known, the other has a moment left.
    async fn both(&self, name: &str, servers: &[SocketAddr]) -> (Found, Found) {
        let v6 = self.family(name, Family::V6, servers);
        let v4 = self.family(name, Family::V4, servers);
        tokio::pin!(v6, v4);
        let late = || Err(io::ErrorKind::TimedOut.into());
        tokio::select! {
            first = &mut v6 => {
                let second = if some(&first) {
                    timeout(OTHER_FAMILY, v4).await.unwrap_or_else(|_| late())
                } else {
                    v4.await
                };
                (first, second)
            }
            first = &mut v4 => {
                let second = if some(&first) {
                    timeout(OTHER_FAMILY, v6).await.unwrap_or_else(|_| late())
                } else {
                    v6.await
                };
                (second, first)
            }
        }
    }

    async fn family(&self, name: &str, family: Family, servers: &[SocketAddr]) -> Found {
        let mut id = [0; 2];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let question = Question::new(name, family, u16::from_ne_bytes(id))
            .ok_or_else(|| io::Error::other("DNS knows no such names"))?;
        let mut failure = io::Error::from(io::ErrorKind::TimedOut);
        for _ in 0..ROUNDS {
            for server in servers {
                match timeout(PATIENCE, self.ask(&question, *server)).await {
                    Ok(Ok(Reply::Addresses(found))) => return Ok(found),
                    Ok(Ok(Reply::NoSuchName)) => {
                        return Err(io::Error::new(io::ErrorKind::NotFound, "no such name"));
                    }
                    Ok(Ok(Reply::Truncated)) => {
                        failure = io::Error::other("the answer of the DNS server was cut");
                    }
                    Ok(Ok(Reply::Failed(reason))) => failure = io::Error::other(reason),
                    Ok(Err(error)) => failure = error,
                    Err(_) => failure = io::ErrorKind::TimedOut.into(),
                }
                log::debug!("{name}: DNS server {server}: {failure}");
                failure = io::Error::new(failure.kind(), format!("DNS server {server}: {failure}"));
            }
        }
        Err(failure)
    }

    async fn ask(&self, question: &Question, server: SocketAddr) -> io::Result<Reply> {
        match self.ask_datagram(question, server).await? {
            Reply::Truncated => self.ask_stream(question, server).await,
            reply => Ok(reply),
        }
    }

    /// The kernel chooses the port, and takes answers from the server alone (RFC 5452).
    async fn ask_datagram(&self, question: &Question, server: SocketAddr) -> io::Result<Reply> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        if let Some(interface) = &self.interface {
            socket.bind_device(Some(interface.as_bytes()))?;
        }
        socket.connect(server).await?;
        socket.send(question.as_bytes()).await?;
        let mut buffer = vec![0; MAX_DATAGRAM];
        for _ in 0..MAX_STRANGERS {
            let read = socket.recv(&mut buffer).await?;
            let datagram = buffer.get(..read).unwrap_or_default();
            if let Some(reply) = question.read(datagram) {
                return Ok(reply);
            }
        }
        Err(io::Error::other("the DNS server answers other questions"))
    }

    /// RFC 1035 4.2.2.
    async fn ask_stream(&self, question: &Question, server: SocketAddr) -> io::Result<Reply> {
        let socket = tcp_socket(server, self.interface.as_deref())?;
        let mut stream = socket.connect(server).await?;
        let message = question.as_bytes();
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(message);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        let reply = question.read(&answer);
        reply.ok_or_else(|| io::Error::other("the DNS server answers another question"))
    }

    /// Whom to ask: who was named, else the system's servers.
    fn servers(&self) -> io::Result<Vec<SocketAddr>> {
        if !self.servers.is_empty() {
            return Ok(self.servers.iter().copied().take(MAX_SERVERS).collect());
        }
        let loopback = self.interface.as_deref().is_none_or(|name| name == "lo");
        for path in CONFIGURATIONS {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let servers = name_servers(&text, loopback);
            if !servers.is_empty() {
                return Ok(servers);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no DNS server that this interface could reach: name some for it",
        ))
    }
}

type Found = io::Result<Vec<IpAddr>>;

fn some(found: &Found) -> bool {
    found.as_ref().is_ok_and(|found| !found.is_empty())
}

/// The servers of a resolv.conf(5); those of this machine only if they can be reached, which
/// over an interface they cannot.
fn name_servers(text: &str, loopback: bool) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some("nameserver"), Some(address)) = (words.next(), words.next()) else {
            continue;
        };
        // The interface that the socket is bound to is the zone of a link-local address.
        let address = address.split('%').next().unwrap_or_default();
        match address.parse::<IpAddr>() {
            Ok(ip) if loopback || !ip.is_loopback() => servers.push(SocketAddr::new(ip, PORT)),
            _ => {}
        }
    }
    servers.truncate(MAX_SERVERS);
    servers
}

/// The addresses that a hosts(5) has for a name.
fn in_hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let address = words.next().map(str::parse);
        if let Some(Ok(ip)) = address
            && words.any(|known| known.eq_ignore_ascii_case(name))
        {
            found.push(ip);
        }
    }
    found
}

#[cfg(test)]
mod tests;
