//! Addresses of lines on which OBEX runs: `tcp+obex`, `unix+obex`, `tty+obex`.

use crate::address::AddressError;
#[cfg(feature = "serial")]
use crate::serial::SerialAddress;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The OBEX port of IANA.
const PORT: u16 = 650;

/// The longest path of a Unix socket (unix(7)).
const LONGEST_PATH: usize = 107;

/// Where a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A TCP port, for bridges and dongles on the same machine or next to it.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
    /// A serial line.
    #[cfg(feature = "serial")]
    Serial(SerialAddress),
}

impl Place {
    /// Reads an address of one of the schemes.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "tcp+obex" => tcp(rest).map(Self::Tcp),
            "unix+obex" => unix(rest).map(Self::Unix),
            #[cfg(feature = "serial")]
            "tty+obex" => text.parse().map(Self::Serial),
            _ => Err(AddressError::scheme(scheme)),
        }
    }

    /// The largest packet that is taken there, in octets.
    pub(crate) fn receive(&self) -> u16 {
        match self {
            Self::Tcp(_) | Self::Unix(_) => u16::MAX,
            #[cfg(feature = "serial")]
            Self::Serial(address) => address.packet_octets(),
        }
    }
}

/// `//HOST[:PORT]`. Names would have to be looked up, which a line next to the machine needs not.
fn tcp(rest: &str) -> Result<SocketAddr, AddressError> {
    let form = || {
        AddressError::new(
            "tcp+obex leads to an IP address: tcp+obex://127.0.0.1:650, tcp+obex://[::1]:650",
        )
    };
    let rest = rest.strip_prefix("//").ok_or_else(form)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let host = match rest.strip_prefix("localhost") {
        Some(port) if port.is_empty() || port.starts_with(':') => format!("127.0.0.1{port}"),
        _ => rest.to_owned(),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(&host).parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, PORT));
    }
    let address: SocketAddr = host.parse().map_err(|_| form())?;
    if address.port() == 0 {
        return Err(form());
    }
    Ok(address)
}

/// `///PATH`.
fn unix(rest: &str) -> Result<PathBuf, AddressError> {
    let path = rest.strip_prefix("//").unwrap_or_default();
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err(AddressError::new(
            "unix+obex leads to a socket by its whole path: unix+obex:///run/omadm/obex.sock",
        ));
    }
    if path.len() > LONGEST_PATH {
        return Err(AddressError::new(format!(
            "the path of a socket has at most {LONGEST_PATH} octets"
        )));
    }
    Ok(Path::new(path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_by_ip_address_or_path() {
        for (text, expected) in [
            ("tcp+obex://127.0.0.1:650", "127.0.0.1:650"),
            ("tcp+obex://localhost:6500/", "127.0.0.1:6500"),
            ("TCP+OBEX://192.0.2.7", "192.0.2.7:650"),
            ("tcp+obex://[::1]", "[::1]:650"),
            ("tcp+obex://[::1]:99", "[::1]:99"),
        ] {
            let expected = Place::Tcp(expected.parse().unwrap());
            assert_eq!(Place::parse(text), Ok(expected), "{text}");
        }
        let path = Place::Unix("/run/omadm/obex.sock".into());
        assert_eq!(Place::parse("unix+obex:///run/omadm/obex.sock"), Ok(path));
    }

    #[test]
    fn what_leads_nowhere_says_how_it_is_written() {
        for text in [
            "tcp+obex:127.0.0.1:650",
            "tcp+obex://bridge.example:650",
            "tcp+obex://127.0.0.1:0",
            "tcp+obex://127.0.0.1:65536",
            "tcp+obex://",
            "unix+obex:run/x",
            "unix+obex://run/x",
            "unix+obex:///run/",
            "unix+obex:///a\0b",
        ] {
            let error = Place::parse(text).unwrap_err().to_string();
            assert!(error.contains("+obex://"), "{text}: {error}");
        }
        let long = format!("unix+obex:///{}", "a".repeat(200));
        assert!(Place::parse(&long).unwrap_err().to_string().contains("107"));
    }
}
