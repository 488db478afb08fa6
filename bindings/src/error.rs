//! Why a bearer ended, in words, and whether another try makes sense.

use crate::address::AddressError;
use crate::http_fault::{HttpAuthFault, ProxyFault, RedirectFault};
#[cfg(feature = "obex")]
use crate::obex_fault::ObexFault;
use crate::tls_fault::TlsFault;
use crate::trust::TrustError;

use omadm_syncml::PeerProof;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Why a bearer could not be opened or came to an end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be used.
    Address(AddressError),
    /// Plain HTTP was asked for and the account does not allow it.
    PlainHttp,
    /// The `RespURI` of the peer leads somewhere this session must not go.
    RespUri(AddressError),
    /// The host has no address.
    Resolve {
        /// The name that was looked up.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nothing can be sent over the interface that the account names.
    Interface {
        /// The interface.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// None of the host's addresses could be connected to.
    Connect {
        /// The host as the address names it.
        host: String,
        /// Each address that was tried, in order.
        attempts: Vec<(SocketAddr, io::Error)>,
    },
    /// The trusted certificate authorities cannot be loaded.
    Trust(TrustError),
    /// There is no TLS connection to this peer.
    Tls {
        /// The host as the address names it.
        host: String,
        /// What is wrong.
        fault: TlsFault,
    },
    /// The session was to go on with a peer of which less is proven than at its beginning.
    WeakerProof {
        /// The host that the session went on to.
        host: String,
        /// What was proven when the bearer was opened.
        began: PeerProof,
        /// What is proven of this host.
        found: PeerProof,
    },
    /// The peer took too long.
    Timeout {
        /// What was under way.
        phase: Phase,
        /// The limit that was reached.
        limit: Duration,
    },
    /// The transport failed.
    Transport(io::Error),
    /// The peer closed the line instead of answering.
    NoAnswer,
    /// The peer's answer broke off: what came of it is no message.
    Truncated,
    /// The peer does not answer in HTTP.
    NotHttp {
        /// What the parser stumbled over.
        reason: String,
    },
    /// The answer is larger than is accepted.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer is not a DM message.
    MediaType {
        /// Its `Content-Type`.
        found: Option<String>,
    },
    /// The answer is compressed, which was not offered.
    ContentEncoding {
        /// Its `Content-Encoding`.
        found: String,
    },
    /// The answer is an HTTP error.
    Status {
        /// The HTTP status code.
        code: u16,
        /// How long the peer asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The HTTP server asks for credentials in vain (401). SyncML knows nothing of it.
    HttpAuth {
        /// The host as the address names it.
        host: String,
        /// Why.
        fault: HttpAuthFault,
    },
    /// The proxy lets nothing through.
    Proxy {
        /// The proxy, as the settings name it.
        proxy: String,
        /// Why.
        fault: ProxyFault,
    },
    /// The answer points elsewhere, and is not followed.
    Redirect {
        /// The HTTP status code.
        code: u16,
        /// The `Location` it names.
        location: Option<String>,
        /// Why.
        fault: RedirectFault,
    },
    /// A local line cannot be opened.
    Line {
        /// The line as the address names it.
        line: String,
        /// What the system said.
        source: io::Error,
    },
    /// The OBEX line carries no more messages of this session.
    #[cfg(feature = "obex")]
    Obex(ObexFault),
}

/// Which limit of time was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Resolving, connecting, the TLS handshake.
    Connect,
    /// Waiting for the tunnel of a proxy.
    Tunnel,
    /// Waiting for the beginning of the answer.
    Response,
    /// A message and its whole answer.
    Message,
}

/// Whether the same attempt may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not before someone changes something: leave it to the next regular session.
    Permanent,
    /// Later; after the given time if the peer named one.
    Later(Option<Duration>),
}

/// Whether an HTTP status may be another one later.
pub(crate) fn retry_of(code: u16, after: Option<Duration>) -> Retry {
    match code {
        408 | 425 | 429 | 500 | 502 | 503 | 504 => Retry::Later(after),
        _ => Retry::Permanent,
    }
}

impl Error {
    /// Whether trying again makes sense.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Status { code, retry_after } => retry_of(*code, *retry_after),
            Self::Proxy { fault, .. } => fault.retry(),
            Self::Tls { fault, .. } if fault.may_pass() => Retry::Later(None),
            #[cfg(feature = "obex")]
            Self::Obex(fault) => fault.retry(),
            Self::Resolve { .. }
            | Self::Line { .. }
            | Self::Interface { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Transport(_)
            | Self::NoAnswer
            | Self::Truncated => Retry::Later(None),
            _ => Retry::Permanent,
        }
    }

    /// Whether a wrong clock of the device explains it: waiting for the clock may mend it.
    pub fn wrong_clock(&self) -> bool {
        matches!(self, Self::Tls { fault, .. } if fault.wrong_clock())
    }
}

impl From<AddressError> for Error {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

impl From<TrustError> for Error {
    fn from(error: TrustError) -> Self {
        Self::Trust(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "address: {error}"),
            Self::PlainHttp => f.write_str(
                "plain http is not allowed for this account: use https, or allow it (--allow-http)",
            ),
            Self::RespUri(error) => write!(f, "RespURI of the server refused: {error}"),
            Self::Resolve { host, source } => write!(f, "no address found for {host}: {source}"),
            Self::Interface { name, source } => write_interface(f, name, source),
            Self::Connect { host, attempts } => write_attempts(f, host, attempts),
            Self::Trust(error) => error.fmt(f),
            Self::Tls { host, fault } => write!(f, "TLS with {host}: {fault}"),
            Self::WeakerProof { host, began, found } => write!(
                f,
                "the session began with a server proven by {began}; {host} proves {found} only"
            ),
            Self::Timeout { phase, limit } => write!(f, "{phase} within {limit:?}"),
            Self::Transport(source) => write!(f, "connection lost: {source}"),
            Self::NoAnswer => f.write_str("the server closed the connection without an answer"),
            Self::Truncated => f.write_str("the answer of the server broke off"),
            Self::NotHttp { reason } => write!(
                f,
                "the answer is not HTTP ({reason}): are scheme and port of the address right?"
            ),
            Self::TooLarge { limit } => write!(f, "the answer is larger than {limit} bytes"),
            Self::MediaType { found } => write_media_type(f, found.as_deref()),
            Self::ContentEncoding { found } => {
                write!(
                    f,
                    "the answer is encoded as {found:?}, which was not offered"
                )
            }
            Self::Status { code, retry_after } => write_status(f, *code, *retry_after),
            Self::HttpAuth { host, fault } => {
                write!(f, "HTTP 401, not SyncML's: the HTTP server {host} {fault}")
            }
            Self::Proxy { proxy, fault } => write!(f, "proxy {proxy} {fault}"),
            Self::Redirect {
                code,
                location,
                fault,
            } => {
                let location = location.as_deref().unwrap_or_default();
                write!(f, "HTTP {code}: {}", fault.about(location))
            }
            Self::Line { line, source } => write!(f, "{line}: {source}"),
            #[cfg(feature = "obex")]
            Self::Obex(fault) => fault.fmt(f),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::Tunnel => "no tunnel through the proxy",
            Self::Response => "no answer",
            Self::Message => "no complete answer",
        })
    }
}

fn write_interface(f: &mut fmt::Formatter<'_>, name: &str, source: &io::Error) -> fmt::Result {
    write!(f, "interface {name} cannot be used: {source}")?;
    if source.kind() == io::ErrorKind::PermissionDenied {
        f.write_str(": before Linux 5.7 this needs CAP_NET_RAW")?;
    }
    Ok(())
}

fn write_attempts(
    f: &mut fmt::Formatter<'_>,
    host: &str,
    attempts: &[(SocketAddr, io::Error)],
) -> fmt::Result {
    write!(f, "no connection to {host}")?;
    for (index, (address, error)) in attempts.iter().enumerate() {
        let mark = if index == 0 { ": " } else { "; " };
        f.write_str(mark)?;
        if host.rsplit(' ').next() != Some(&*address.to_string()) {
            write!(f, "{address}: ")?;
        }
        write!(f, "{error}")?;
    }
    Ok(())
}

pub(crate) fn write_status(
    f: &mut fmt::Formatter<'_>,
    code: u16,
    after: Option<Duration>,
) -> fmt::Result {
    let words = match code {
        400 => " (bad request)",
        403 => " (forbidden)",
        404 => " (not found: is the path of the address right?)",
        405 => " (POST is not allowed there)",
        413 => " (the message is too large for the server)",
        415 => " (the server does not take this encoding)",
        429 => " (too many requests)",
        500 => " (internal error of the server)",
        502 | 504 => " (a proxy got no answer)",
        503 => " (service unavailable)",
        _ => "",
    };
    write!(f, "HTTP {code}{words}")?;
    match after {
        Some(after) => write!(f, ", asks to retry after {} s", after.as_secs()),
        None => Ok(()),
    }
}

fn write_media_type(f: &mut fmt::Formatter<'_>, found: Option<&str>) -> fmt::Result {
    match found {
        Some(found) => write!(f, "the answer is {found:?}, not a DM message"),
        None => f.write_str("the answer has no Content-Type"),
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Every other cause is part of the text already.
        match self {
            Self::Resolve { source, .. }
            | Self::Interface { source, .. }
            | Self::Line { source, .. }
            | Self::Transport(source) => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_a_name_are_told_and_those_of_an_address_are_not_repeated() {
        let attempt = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let connect = |host: &str, addresses: &[&str]| {
            let attempts = addresses
                .iter()
                .map(|text| (text.parse().unwrap(), attempt()));
            let error = Error::Connect {
                host: host.to_owned(),
                attempts: attempts.collect(),
            };
            error.to_string()
        };
        assert_eq!(
            connect("192.0.2.1:80", &["192.0.2.1:80"]),
            "no connection to 192.0.2.1:80: connection refused"
        );
        assert_eq!(
            connect("lab.example:80", &["192.0.2.1:80", "[2001:db8::1]:80"]),
            "no connection to lab.example:80: 192.0.2.1:80: connection refused; \
             [2001:db8::1]:80: connection refused"
        );
    }
}
