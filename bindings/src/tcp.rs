//! `tcp+obex`: OBEX over TCP, for bridges and dongles on the same machine or next to it.
#![expect(clippy::disallowed_types, reason = "driver: sockets")]

use crate::Scheme;
use crate::address::AddressError;
use crate::arrival::ListenSettings;
use crate::obex::{Link, Listener, Place, Task};

use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};

/// `tcp+obex`
pub(crate) const SCHEME: Scheme = Scheme::line("tcp+obex", |text| Ok(Box::new(parse(text)?)));

/// The OBEX port of IANA.
const PORT: u16 = 650;

/// A TCP port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TcpPlace(SocketAddr);

impl Place for TcpPlace {
    fn dial(&self) -> Task<'_, io::Result<Link>> {
        Box::pin(async { link(TcpStream::connect(self.0).await?) })
    }

    fn listen<'a>(&'a self, _: &'a ListenSettings) -> Task<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async {
            let listener: Box<dyn Listener> = Box::new(TcpListener::bind(self.0).await?);
            Ok(listener)
        })
    }
}

impl Listener for TcpListener {
    fn accept(&mut self) -> Task<'_, io::Result<Link>> {
        Box::pin(async { link(TcpListener::accept(self).await?.0) })
    }
}

fn link(stream: TcpStream) -> io::Result<Link> {
    stream.set_nodelay(true)?;
    Ok(Link::new(stream))
}

/// `tcp+obex://HOST[:PORT]`. Names would have to be looked up, which a line next to the machine
/// needs not.
fn parse(text: &str) -> Result<TcpPlace, AddressError> {
    let form = || {
        AddressError::new(
            "tcp+obex leads to an IP address: tcp+obex://127.0.0.1:650, tcp+obex://[::1]:650",
        )
    };
    let rest = text.split_once("://").ok_or_else(form)?.1;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let host = match rest.strip_prefix("localhost") {
        Some(port) if port.is_empty() || port.starts_with(':') => format!("127.0.0.1{port}"),
        _ => rest.to_owned(),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(&host).parse::<IpAddr>() {
        return Ok(TcpPlace(SocketAddr::new(address, PORT)));
    }
    let address: SocketAddr = host.parse().map_err(|_| form())?;
    if address.port() == 0 {
        return Err(form());
    }
    Ok(TcpPlace(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_by_ip_address() {
        for (text, expected) in [
            ("tcp+obex://127.0.0.1:650", "127.0.0.1:650"),
            ("tcp+obex://localhost:6500/", "127.0.0.1:6500"),
            ("TCP+OBEX://192.0.2.7", "192.0.2.7:650"),
            ("tcp+obex://[::1]", "[::1]:650"),
            ("tcp+obex://[::1]:99", "[::1]:99"),
        ] {
            let expected = TcpPlace(expected.parse().unwrap());
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_leads_nowhere_says_how_it_is_written() {
        for text in [
            "tcp+obex:127.0.0.1:650",
            "tcp+obex://bridge.example:650",
            "tcp+obex://127.0.0.1:0",
            "tcp+obex://127.0.0.1:65536",
            "tcp+obex://",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("+obex://"), "{text}: {error}");
        }
    }
}
