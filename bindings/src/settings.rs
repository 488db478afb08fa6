//! What an account and the configuration decide about a bearer.

use crate::pin::SpkiPin;

use omadm_syncml::Secret;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The limits, permissions and trust of one bearer.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether plain `http` is allowed. Credentials and device data then travel in the open.
    pub allow_http: bool,
    /// A PEM file with certificate authorities that are trusted for this account.
    pub ca_file: Option<PathBuf>,
    /// Whether the machine's own certificate authorities are trusted as well.
    pub system_roots: bool,
    /// The keys that the server's own certificate may have, on top of being trusted; any when
    /// there are none. Those of its issuers do not count: name an issuer as `ca_file`.
    pub pins: Vec<SpkiPin>,
    /// What the device shows to a server that asks for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// What the device answers an HTTP server with that asks for credentials (401). It goes to
    /// the origin of the address alone.
    pub http_credential: Option<HttpCredential>,
    /// What an OBEX server is answered with that asks for credentials, and what it has to prove
    /// to know.
    #[cfg(feature = "obex")]
    pub obex_credential: Option<crate::obex::ObexCredential>,
    /// The proxy through which the server is reached.
    pub proxy: Option<Proxy>,
    /// The interface or VRF that everything goes through, questions for names included.
    pub interface: Option<String>,
    /// Who is asked for the addresses of names, in place of the system's resolver.
    pub dns_servers: Vec<IpAddr>,
    /// How many redirects a message may follow.
    pub max_redirects: u8,
    /// How long resolving, connecting and the TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How long the peer may think before the first line of its answer is complete.
    pub response_timeout: Duration,
    /// How long a message and its whole answer may take.
    pub message_timeout: Duration,
    /// The largest body that is accepted, in bytes.
    pub max_message: usize,
    /// The `User-Agent` that the device shows.
    pub user_agent: String,
    /// Whether an answer with a generic media type or none (`application/octet-stream`,
    /// `text/xml`) is taken for what its first byte says.
    pub sniff_media_type: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_http: false,
            ca_file: None,
            system_roots: true,
            pins: Vec::new(),
            client_certificate: None,
            http_credential: None,
            #[cfg(feature = "obex")]
            obex_credential: None,
            proxy: None,
            interface: None,
            dns_servers: Vec::new(),
            max_redirects: 5,
            connect_timeout: Duration::from_secs(30),
            // A server may have to ask others before it answers.
            response_timeout: Duration::from_mins(2),
            message_timeout: Duration::from_mins(3),
            max_message: 1 << 20,
            user_agent: concat!("omadm/", env!("CARGO_PKG_VERSION")).to_owned(),
            sniff_media_type: false,
        }
    }
}

/// The files of a certificate that the device proves itself with, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, followed by those of its issuers that the server may not have.
    pub chain: PathBuf,
    /// Its private key, which only its owner may read.
    pub key: PathBuf,
}

/// How an HTTP server is answered that asks for credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpAuthScheme {
    /// Name and password as they are (RFC 7617); never without TLS.
    Basic,
    /// A digest with a nonce of the server (RFC 7616).
    Digest,
}

impl HttpAuthScheme {
    /// The name that people write.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Digest => "digest",
        }
    }
}

impl fmt::Display for HttpAuthScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HttpAuthScheme {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        match text {
            "basic" => Ok(Self::Basic),
            "digest" => Ok(Self::Digest),
            _ => Err(SettingError("an HTTP scheme is basic or digest")),
        }
    }
}

/// A name and a secret for an HTTP server.
#[derive(Clone)]
pub struct HttpCredential {
    /// The one scheme that is answered.
    pub scheme: HttpAuthScheme,
    /// The name.
    pub user: String,
    /// The secret.
    pub secret: Secret,
}

impl fmt::Debug for HttpCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCredential")
            .field("scheme", &self.scheme)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// An HTTP proxy: `https` goes through it by `CONNECT`.
#[derive(Clone)]
pub struct Proxy {
    /// Its name or address, an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name and secret for a proxy that asks for them (407): Digest if it offers that, else
    /// Basic. There is no TLS on the way to it, so the secret should open nothing else.
    pub credential: Option<(String, Secret)>,
}

/// As it stands in a URL, without the credential.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Proxy {
    type Err = SettingError;

    /// `host:port` or `http://host:port`, an IPv6 address in brackets.
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let form = SettingError("a proxy is http://HOST:PORT, with an IPv6 address in brackets");
        let text = text.strip_prefix("http://").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.contains('@') {
            // Not repeated in the error: it may hold a password.
            return Err(SettingError(
                "a proxy's credentials do not belong into its address",
            ));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| form.clone())?;
        let port: u16 = port.parse().map_err(|_| form.clone())?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let plain = |host: &str| !host.is_empty() && !host.contains([':', '[', ']', '/', ' ']);
        let sound = match bare {
            Some(address) => address.contains(':') && !address.contains(['[', ']', '/', ' ']),
            None => plain(host),
        };
        if port == 0 || !sound {
            return Err(form);
        }
        Ok(Self {
            host: bare.unwrap_or(host).to_owned(),
            port,
            credential: None,
        })
    }
}

/// The text is no such setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError(&'static str);

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for SettingError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_and_written() {
        for (text, expected) in [
            ("proxy.lan:3128", "proxy.lan:3128"),
            ("http://10.0.0.1:8080/", "10.0.0.1:8080"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ] {
            let proxy: Proxy = text.parse().unwrap();
            assert_eq!(proxy.to_string(), expected);
        }
        for text in [
            "",
            "proxy",
            "proxy:",
            "proxy:0",
            ":80",
            "2001:db8::1:80",
            "socks5://proxy:80",
            "a b:80",
            "[proxy]:80",
        ] {
            let error = text.parse::<Proxy>().unwrap_err();
            assert!(error.to_string().starts_with("a proxy is"), "{text}");
        }
        let error = "http://u:hidden@proxy:80".parse::<Proxy>().unwrap_err();
        assert!(!error.to_string().contains("hidden"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret::from_text("OhBehave");
        let mut settings = Settings {
            proxy: "proxy:80".parse().ok(),
            http_credential: Some(HttpCredential {
                scheme: HttpAuthScheme::Basic,
                user: "bruce".to_owned(),
                secret: secret.clone(),
            }),
            ..Settings::default()
        };
        if let Some(proxy) = &mut settings.proxy {
            proxy.credential = Some(("bruce".to_owned(), secret));
        }
        let shown = format!("{settings:?}");
        assert!(shown.contains("bruce"), "{shown}");
        assert!(
            !shown.contains("OhBehave") && !shown.contains("79, 104"),
            "{shown}"
        );
    }
}
