//! The URL of an HTTP peer, and the forms of `RespURI` resolved against it.

use crate::address::AddressError;

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv6Addr};

/// No server has a use for longer ones, and each request carries it.
const MAX_LENGTH: usize = 4096;

/// RFC 1035 2.3.4.
const MAX_NAME: usize = 253;

/// The name of an interface is shorter than `IFNAMSIZ`.
const MAX_ZONE: usize = 15;

/// An absolute `http` or `https` URL without fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    origin: Origin,
    /// Path and query as they go on the wire.
    target: String,
}

/// The part of a URL that decides which connection serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Whether it is `https`.
    pub(crate) secure: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// The host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name, in lower case.
    Name(String),
    /// A literal address.
    Ip(IpAddr),
    /// A link-local address and its zone: the name or number of an interface.
    Scoped(Ipv6Addr, String),
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let text = checked(text)?;
        let (secure, rest) = split_scheme(text)?;
        Self::after_scheme(secure, rest)
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The whole, as a proxy is told it (RFC 9112 3.2.2).
    pub(crate) fn absolute(&self) -> String {
        let scheme = if self.origin.secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.origin, self.target)
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// The reference resolved against this URL (RFC 3986 5.2), and refused if a session must
    /// not follow it.
    ///
    /// What the reference says is kept byte by byte, since it may carry the token of a session;
    /// only dot segments of relative paths are removed.
    pub(crate) fn resolve(&self, reference: &str) -> Result<Self, AddressError> {
        let reference = checked(reference)?;
        let url = if has_scheme(reference) {
            let (secure, rest) = split_scheme(reference)?;
            Self::after_scheme(secure, rest)?
        } else if let Some(rest) = reference.strip_prefix("//") {
            Self::after_scheme(self.origin.secure, rest)?
        } else {
            Self {
                origin: self.origin.clone(),
                target: encoded(&merge(&self.target, reference)),
            }
        };
        self.permits(&url)?;
        Ok(url)
    }

    /// A peer that TLS has proven may send its session elsewhere, as farms do, because TLS will
    /// prove that host too. Where nothing is proven, anyone on the way could have written the
    /// `RespURI`: it must not point the device at third parties or inner networks. Nobody may
    /// lead a session out of TLS.
    fn permits(&self, next: &Self) -> Result<(), AddressError> {
        let (here, there) = (&self.origin, &next.origin);
        if here.secure && !there.secure {
            return Err(AddressError::new("it leads from https to http"));
        }
        if !here.secure && here.host != there.host {
            return Err(AddressError::new(format!(
                "it leads to another host ({there}), which only a server proven by TLS may do",
            )));
        }
        Ok(())
    }

    fn after_scheme(secure: bool, rest: &str) -> Result<Self, AddressError> {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (host, port) = split_port(authority)?;
        let target = if target.starts_with('/') {
            encoded(target)
        } else {
            format!("/{}", encoded(target))
        };
        let origin = Origin {
            secure,
            host: Host::parse(host)?,
            port: port.unwrap_or(default_port(secure)),
        };
        Ok(Self { origin, target })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        if self.port == default_port(self.secure) {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').unwrap_or_default();
            return Self::parse_ipv6(inner)
                .ok_or_else(|| AddressError::new(format!("{text:?} is no IPv6 address")));
        }
        if let Ok(ip) = text.parse() {
            return Ok(Self::Ip(ip));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if text.is_empty() {
            Err(AddressError::new("it names no host"))
        } else if !text.is_ascii() {
            Err(AddressError::new(format!(
                "{text:?} is no host name: write its ASCII form (xn--…)"
            )))
        } else if text.len() > MAX_NAME || !text.bytes().all(plain) {
            Err(AddressError::new(format!("{text:?} is no host name")))
        } else {
            Ok(Self::Name(text.to_ascii_lowercase()))
        }
    }
}

impl Host {
    /// The host that a setting names, where an IPv6 address has no brackets.
    pub(crate) fn of_name(text: &str) -> Result<Self, AddressError> {
        match Self::parse_ipv6(text) {
            Some(host) => Ok(host),
            None => Self::parse(text),
        }
    }

    /// RFC 6874: a zone stands behind `%25`; a bare `%`, as people copy it, means the same.
    fn parse_ipv6(text: &str) -> Option<Self> {
        let Some((address, zone)) = text.split_once('%') else {
            return text.parse().ok().map(|ip: Ipv6Addr| Self::Ip(ip.into()));
        };
        let zone = zone.strip_prefix("25").unwrap_or(zone);
        let ip: Ipv6Addr = address.parse().ok()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let sound = (1..=MAX_ZONE).contains(&zone.len()) && zone.bytes().all(plain);
        (sound && ip.is_unicast_link_local()).then(|| Self::Scoped(ip, zone.to_owned()))
    }
}

/// As it stands in a URL and in the `Host` field, which has no use for the zone (RFC 6874 4).
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) | Self::Scoped(ip, _) => write!(f, "[{ip}]"),
        }
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// The reference without its fragment, if it can be one at all.
fn checked(text: &str) -> Result<&str, AddressError> {
    if text.len() > MAX_LENGTH {
        return Err(AddressError::new(format!(
            "it is longer than {MAX_LENGTH} bytes"
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(AddressError::new("it has control characters"));
    }
    let text = text.trim();
    Ok(text.split_once('#').map_or(text, |(before, _)| before))
}

/// RFC 3986 3.1.
fn has_scheme(reference: &str) -> bool {
    let name = reference.split_once(':').map_or("", |(name, _)| name);
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn split_scheme(text: &str) -> Result<(bool, &str), AddressError> {
    let (name, rest) = text.split_once("://").unwrap_or((text, ""));
    if name.eq_ignore_ascii_case("https") {
        Ok((true, rest))
    } else if name.eq_ignore_ascii_case("http") {
        Ok((false, rest))
    } else {
        Err(AddressError::new(
            "it does not begin with https:// or http://",
        ))
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), AddressError> {
    if authority.contains('@') {
        // Not repeated in the error: it may hold a password.
        return Err(AddressError::new(
            "it holds a user name: credentials belong into the account",
        ));
    }
    // The colons of an IPv6 address stand in brackets.
    let host_end = match authority.rfind(']') {
        Some(at) => at + 1,
        None if authority.starts_with('[') => authority.len(),
        None => 0,
    };
    let (_, tail) = authority.split_at(host_end);
    let Some(colon) = tail.find(':') else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(host_end + colon);
    match port.strip_prefix(':').unwrap_or_default() {
        // RFC 3986 3.2.3: an empty port is the default one.
        "" => Ok((host, None)),
        digits => match digits.parse() {
            Ok(port) if port != 0 => Ok((host, Some(port))),
            _ if digits.contains(':') => Err(AddressError::new(format!(
                "{digits:?} is no port: an IPv6 address stands in brackets"
            ))),
            _ => Err(AddressError::new(format!("{digits:?} is no port"))),
        },
    }
}

/// A relative reference in the place of the target it is relative to (RFC 3986 5.2.2 and 5.2.3).
fn merge(base: &str, reference: &str) -> String {
    let base_path = base.split('?').next().unwrap_or_default();
    if reference.is_empty() {
        return base.to_owned();
    }
    if reference.starts_with('?') {
        return format!("{base_path}{reference}");
    }
    let (path, query) = match reference.find('?') {
        Some(at) => reference.split_at(at),
        None => (reference, ""),
    };
    let merged = if path.starts_with('/') {
        without_dots(path)
    } else {
        let folder = base_path
            .rfind('/')
            .map_or("", |at| base_path.split_at(at).0);
        without_dots(&format!("{folder}/{path}"))
    };
    format!("{merged}{query}")
}

/// The path without `.` and `..` (RFC 3986 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// What no request line can carry, percent-encoded; all else stays as it is.
fn encoded(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    for character in target.chars() {
        if character.is_ascii_graphic() && !"\"<>`".contains(character) {
            out.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(base: &str, reference: &str) -> Result<String, String> {
        let base = Url::parse(base).unwrap();
        match base.resolve(reference) {
            Ok(url) => Ok(url.absolute()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn urls_are_read_as_accounts_hold_them() {
        for (text, expected) in [
            ("https://dm.example/dm", "https://dm.example/dm"),
            ("HTTPS://DM.Example:443/DM?a=B", "https://dm.example/DM?a=B"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://[::1]:81/x", "http://[::1]:81/x"),
            ("http://[2001:DB8::1]", "http://[2001:db8::1]/"),
            ("https://dm.example:/x", "https://dm.example/x"),
            (
                "https://dm.example?mode=Machine",
                "https://dm.example/?mode=Machine",
            ),
            ("https://dm.example/x#part", "https://dm.example/x"),
            (" https://dm.example/a b ", "https://dm.example/a%20b"),
            (
                "https://dm_lab.example/(S(x;y))/ü",
                "https://dm_lab.example/(S(x;y))/%C3%BC",
            ),
        ] {
            assert_eq!(Url::parse(text).unwrap().absolute(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "does not begin with"),
            ("dm.example/dm", "does not begin with"),
            ("ftp://dm.example", "does not begin with"),
            ("https:/dm.example", "does not begin with"),
            ("https://", "names no host"),
            ("https:///dm", "names no host"),
            ("https://:443/", "names no host"),
            (
                "https://user:pw@dm.example/",
                "credentials belong into the account",
            ),
            ("https://dm.example:0/", "is no port"),
            ("https://dm.example:65536/", "is no port"),
            ("https://dm.example:8x/", "is no port"),
            ("https://[::1/", "is no IPv6 address"),
            ("https://[2001:db8::1%25eth0]/", "is no IPv6 address"),
            ("https://[fe80::1%25]/", "is no IPv6 address"),
            ("https://[fe80::1%25a%20b]/", "is no IPv6 address"),
            (
                "https://[fe80::1%25sixteen-letters-]/",
                "is no IPv6 address",
            ),
            ("https://::1/", "stands in brackets"),
            ("https://dm example/", "is no host name"),
            ("https://bücher.example/", "xn--"),
            ("https://dm.example/\r\nX: y", "control characters"),
            (
                &format!("https://dm.example/{}", "x".repeat(4096)),
                "longer than",
            ),
            (&format!("https://{}/", "x".repeat(254)), "is no host name"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_link_local_address_has_a_zone() {
        for (text, zone) in [
            ("https://[fe80::1%25eth0]/", "eth0"),
            ("https://[fe80::1%eth0.7]:8443/", "eth0.7"),
            ("https://[FE80::1%252]/", "2"),
            ("https://[fe80::1%2525]/", "25"),
        ] {
            let url = Url::parse(text).unwrap();
            let expected = Host::Scoped("fe80::1".parse().unwrap(), zone.to_owned());
            assert_eq!(url.origin().host, expected, "{text}");
            assert_eq!(url.origin().host.to_string(), "[fe80::1]", "{text}");
        }
    }

    /// The normal and abnormal examples of RFC 3986 5.4 that HTTP can carry.
    #[test]
    fn references_resolve_as_rfc_3986_shows() {
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("//a/g", "http://a/g"),
        ] {
            assert_eq!(
                resolved("http://a/b/c/d;p?q", reference).as_deref(),
                Ok(expected),
                "{reference:?}"
            );
        }
    }

    #[test]
    fn the_token_of_a_session_is_kept_byte_by_byte() {
        for token in [
            "/dm;jsessionid=A%2fb|c{d}?x=%zz&y='[1]'",
            "https://dm.example/a/../dm?sid=%2E%2e/",
        ] {
            let url = resolved("https://dm.example/dm", token).unwrap();
            assert!(url.ends_with(token), "{token}: {url}");
        }
    }

    #[test]
    fn a_session_is_not_led_astray() {
        let secure = "https://dm.example/dm";
        let plain = "http://dm.example/dm";
        assert!(resolved(secure, "https://node7.example:8443/s").is_ok());
        assert!(resolved(secure, "//node7.example/s").is_ok());
        assert!(resolved(plain, "https://dm.example/s").is_ok());
        assert!(resolved(plain, "http://DM.example:8080/s").is_ok());
        for (base, reference, reason) in [
            (secure, "http://dm.example/dm", "from https to http"),
            (plain, "http://192.168.1.1/", "another host (192.168.1.1)"),
            (
                plain,
                "https://other.example/",
                "another host (other.example)",
            ),
            (plain, "//other.example/", "another host"),
            (secure, "file:///etc/passwd", "does not begin with"),
            (secure, "/a\r\nHost: b", "control characters"),
        ] {
            let error = resolved(base, reference).unwrap_err();
            assert!(error.contains(reason), "{reference}: {error}");
        }
    }
}
