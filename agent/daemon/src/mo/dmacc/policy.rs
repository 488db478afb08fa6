//! What the device's owner has decided about an account, kept beside the tree.

use std::fmt;
use std::path::PathBuf;

use omadm_bindings::{ClientCertificate, PeerAddress, Proxy, SpkiPin};
use omadm_syncml::{AcceptedProof, MediaType, Secret};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::texts;
use crate::control::wire::AccountSettings;

/// What the device's owner has decided about an account. A server can change none of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountPolicy {
    /// The name of the account's node.
    pub name: String,
    /// How messages to the server are encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// The transport proofs that stand in for the server's SyncML credentials.
    #[serde(default, alias = "accepts-tls", deserialize_with = "accepted")]
    #[serde(serialize_with = "texts::serialize")]
    pub accepts: Vec<AcceptedProof>,
    /// Plain http is allowed.
    #[serde(default)]
    pub allows_http: bool,
    /// The certificate authorities that are trusted for this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Public keys of which the server's certificate must have one; any when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "texts")]
    pub pins: Vec<SpkiPin>,
    /// The Bluetooth peers that may begin sessions of this account.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "texts")]
    pub bluetooth_peers: Vec<PeerAddress>,
    /// What the device proves itself with in TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<CertificateFiles>,
    /// The HTTP proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<AccountProxy>,
    /// Whether the default route may be used when no connectivity reference can be; without a
    /// word, when the account has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_route: Option<Rule>,
    /// Links that are marked as roaming.
    #[serde(default)]
    pub roaming: Rule,
    /// Links that are marked as metered.
    #[serde(default)]
    pub metered: Rule,
    /// The text of `NextNonce` is hashed as it is, not decoded.
    #[serde(default)]
    pub nonce_text: bool,
}

/// The files of the device's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CertificateFiles {
    /// The certificate and its chain, PEM.
    pub chain: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// The HTTP proxy of an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountProxy {
    /// `http://HOST:PORT`
    pub url: String,
    /// The user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The secret that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Zeroizing<String>>,
}

impl fmt::Debug for AccountProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountProxy")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Whether something may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// It may.
    #[default]
    Allow,
    /// It may not.
    Deny,
}

impl Rule {
    /// `allow` or `deny`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }

    fn parse(what: &str, word: &str) -> Result<Self, String> {
        [Self::Allow, Self::Deny]
            .into_iter()
            .find(|rule| rule.as_str() == word)
            .ok_or_else(|| format!("{what} {word:?} is neither allow nor deny"))
    }
}

/// How messages are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Compact binary.
    #[default]
    Wbxml,
    /// Text.
    Xml,
}

impl Encoding {
    /// Reads `wbxml` or `xml`.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Wbxml, Self::Xml]
            .into_iter()
            .find(|encoding| encoding.as_str() == word)
    }

    /// `wbxml` or `xml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wbxml => "wbxml",
            Self::Xml => "xml",
        }
    }

    /// The media type of such messages.
    pub const fn media_type(self) -> MediaType {
        match self {
            Self::Wbxml => MediaType::DmWbxml,
            Self::Xml => MediaType::DmXml,
        }
    }
}

impl AccountPolicy {
    /// The policy of an account that nobody has decided about: nothing is granted.
    pub fn strict(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            encoding: Encoding::default(),
            accepts: Vec::new(),
            allows_http: false,
            ca_file: None,
            pins: Vec::new(),
            bluetooth_peers: Vec::new(),
            client_certificate: None,
            proxy: None,
            default_route: None,
            roaming: Rule::Allow,
            metered: Rule::Allow,
            nonce_text: false,
        }
    }

    /// Takes over what is set, and says what is wrong with it.
    pub(super) fn change(&mut self, settings: &AccountSettings) -> Result<(), String> {
        if let Some(word) = &settings.encoding {
            self.encoding = Encoding::parse(word)
                .ok_or_else(|| format!("encoding {word:?} is neither wbxml nor xml"))?;
        }
        if let Some(words) = &settings.accepts {
            self.accepts = each(words)?;
            self.accepts.dedup();
        }
        if let Some(allowed) = settings.allows_http {
            self.allows_http = allowed;
        }
        if let Some(path) = &settings.ca_file {
            self.ca_file = present(path).map(Into::into);
        }
        if let Some(words) = &settings.pins {
            self.pins = each(words)?;
        }
        if let Some(words) = &settings.bluetooth_peers {
            self.bluetooth_peers = each(words)?;
            self.bluetooth_peers.sort();
            self.bluetooth_peers.dedup();
        }
        self.change_certificate(settings)?;
        self.change_proxy(settings)?;
        let rule = |what, word: &Option<String>| {
            let read = |word: &String| Rule::parse(what, word);
            word.as_ref().map(read).transpose()
        };
        self.default_route = rule("default_route", &settings.default_route)?.or(self.default_route);
        self.roaming = rule("roaming", &settings.roaming)?.unwrap_or(self.roaming);
        self.metered = rule("metered", &settings.metered)?.unwrap_or(self.metered);
        self.nonce_text = settings.nonce_text.unwrap_or(self.nonce_text);
        Ok(())
    }

    fn change_certificate(&mut self, settings: &AccountSettings) -> Result<(), String> {
        let (chain, key) = (&settings.client_certificate, &settings.client_key);
        if chain.is_none() && key.is_none() {
            return Ok(());
        }
        let text = |new: &Option<String>, old: Option<PathBuf>| match new {
            Some(path) => present(path).map(PathBuf::from),
            None => old,
        };
        let (old_chain, old_key) = match self.client_certificate.take() {
            Some(old) => (Some(old.chain), Some(old.key)),
            None => (None, None),
        };
        self.client_certificate = match (text(chain, old_chain), text(key, old_key)) {
            (Some(chain), Some(key)) => Some(CertificateFiles { chain, key }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(
                    "the client certificate needs its private key as well (--client-key)".into(),
                );
            }
            (None, Some(_)) => {
                return Err(
                    "the client key needs its certificate as well (--client-certificate)".into(),
                );
            }
        };
        Ok(())
    }

    fn change_proxy(&mut self, settings: &AccountSettings) -> Result<(), String> {
        let mut proxy = match settings.proxy.as_deref() {
            Some("") => None,
            // Another proxy has other credentials.
            Some(url) => Some(AccountProxy::parse(url)?),
            None => self.proxy.clone(),
        };
        if let (Some(proxy), Some(name)) = (&mut proxy, &settings.proxy_name) {
            proxy.name = present(name);
            proxy.secret = None;
        }
        if let Some(secret) = &settings.proxy_secret {
            let wanted = "the proxy's secret takes its name and URL (--proxy, --proxy-name)";
            let proxy = proxy.as_mut().filter(|proxy| proxy.name.is_some());
            proxy.ok_or(wanted)?.secret = Some(secret.clone()).filter(|secret| !secret.is_empty());
        }
        if let Some(AccountProxy {
            name: Some(_),
            secret: None,
            ..
        }) = &proxy
        {
            return Err("the proxy's name takes its secret (--proxy-secret-file)".into());
        }
        self.proxy = proxy;
        Ok(())
    }

    /// What the policy says that can never work, or that says less than it seems to.
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        let needs = |proof| self.accepts.contains(&proof);
        if needs(AcceptedProof::TlsPin) && self.pins.is_empty() {
            return Some("tls-pin is accepted, but no key is pinned (--pin)");
        }
        if needs(AcceptedProof::TlsCa) && self.ca_file.is_none() && self.pins.is_empty() {
            return Some(
                "tls-ca is accepted, but the account names no authorities of its own (--ca-file)",
            );
        }
        if needs(AcceptedProof::TlsMutual) && self.client_certificate.is_none() {
            return Some(
                "tls-mutual is accepted, but the device has no certificate (--client-certificate)",
            );
        }
        None
    }
}

impl AccountProxy {
    fn parse(url: &str) -> Result<Self, String> {
        let read: Proxy = url.parse().map_err(|error| format!("proxy: {error}"))?;
        Ok(Self {
            url: format!("http://{read}"),
            name: None,
            secret: None,
        })
    }

    /// As a bearer wants it; `None` for what is not a proxy, which `AccountPolicy::change`
    /// does not let in.
    pub fn settings(&self) -> Option<Proxy> {
        let mut proxy: Proxy = self.url.parse().ok()?;
        if let (Some(name), Some(secret)) = (&self.name, &self.secret) {
            proxy.credential = Some((name.clone(), Secret::from_text(secret)));
        }
        Some(proxy)
    }
}

impl CertificateFiles {
    /// As a bearer wants it.
    pub fn settings(&self) -> ClientCertificate {
        ClientCertificate {
            chain: self.chain.clone(),
            key: self.key.clone(),
        }
    }
}

/// What is left of a text that may take something away by being empty.
pub(super) fn present(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn each<T>(words: &[String]) -> Result<Vec<T>, String>
where
    T: std::str::FromStr<Err: fmt::Display>,
{
    let read = |word: &String| {
        let parsed = word.parse::<T>();
        parsed.map_err(|error| format!("{word:?}: {error}"))
    };
    words.iter().map(read).collect()
}

/// The list, or the yes and no that an older version has stored.
fn accepted<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<AcceptedProof>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        AnyTls(bool),
        Proofs(Vec<String>),
    }
    match Stored::deserialize(from)? {
        Stored::AnyTls(false) => Ok(Vec::new()),
        Stored::AnyTls(true) => Ok(vec![AcceptedProof::Tls]),
        Stored::Proofs(words) => each(&words).map_err(serde::de::Error::custom),
    }
}
