//! Accounts as they stand, and what they are made from, secrets among it.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

wire_types! { lenient
    /// An account as it stands.
    struct AccountState {
        /// The name of its node under `./DMAcc`.
        name: String,
        /// `ServerID`.
        server_id: String,
        /// `AppAddr/*/Addr`.
        addresses: Vec<String>,
        /// `xml` or `wbxml`.
        encoding: String,
        /// How the device proves itself: `basic`, `md5` or `hmac`.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_auth: Option<String>,
        /// How the server proves itself: `basic`, `md5` or `hmac`.
        #[serde(skip_serializing_if = "Option::is_none")]
        server_auth: Option<String>,
        /// How the device proves itself in HTTP: `basic` or `digest`.
        #[serde(skip_serializing_if = "Option::is_none")]
        http_auth: Option<String>,
        /// The server's user name in OBEX, which may be empty; absent without a credential.
        #[serde(skip_serializing_if = "Option::is_none")]
        obex_name: Option<String>,
        /// The transport proofs that stand in for the server's credentials.
        accepts: Vec<String>,
        /// Plain http is allowed.
        allows_http: bool,
        /// The file of the certificate authorities that are trusted.
        #[serde(skip_serializing_if = "Option::is_none")]
        ca_file: Option<String>,
        /// Public keys of which the server's certificate must have one.
        pins: Vec<String>,
        /// The Bluetooth peers that may begin sessions.
        bluetooth_peers: Vec<String>,
        /// The file of the device's certificate.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_certificate: Option<String>,
        /// The file of its key.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_key: Option<String>,
        /// The HTTP proxy.
        #[serde(skip_serializing_if = "Option::is_none")]
        proxy: Option<String>,
        /// The user name for the proxy.
        #[serde(skip_serializing_if = "Option::is_none")]
        proxy_name: Option<String>,
        /// The connectivity references in their order, and what each leads to now.
        connections: Vec<Connection>,
        /// `allow` or `deny`: whether the default route may be used when no reference can be.
        default_route: String,
        /// `allow` or `deny` links that are marked as roaming.
        roaming: String,
        /// `allow` or `deny` links that are marked as metered.
        metered: String,
        /// Why no session can begin now, or what the next attempt waits for besides its time.
        #[serde(skip_serializing_if = "Option::is_none")]
        waiting: Option<String>,
        /// How the last session ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_result: Option<String>,
        /// When the last session ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_time: Option<String>,
        /// What to know about the result.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_detail: Option<String>,
        /// When the last session that succeeded ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_success: Option<String>,
        /// When the next attempt is due.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_attempt: Option<String>,
        /// How long it is until then; known without a right clock too.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_seconds: Option<f64>,
        /// Why there will be a session then, the most urgent cause first.
        next_causes: Vec<String>,
        /// Failures since the last session that succeeded.
        failures: i64,
        /// Sessions in a row that the daemon did not survive.
        crashes: i64,
    }

    /// A way to an account's server.
    struct Connection {
        /// The connectivity reference; `default route` for what is none.
        reference: String,
        /// The interface that the session is bound to.
        #[serde(skip_serializing_if = "Option::is_none")]
        interface: Option<String>,
        /// Why it is passed over now.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }
}

/// What an account is made from.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The name of the node under `./DMAcc`.
    pub name: String,
    /// `ServerID`.
    pub server_id: String,
    /// `AppAddr/1/Addr`.
    pub address: String,
    /// `AppAddr/2/Addr` …, in the order in which they are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_addresses: Option<Vec<String>>,
    /// How the device proves itself: `basic`, `md5` or `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<String>,
    /// The device's user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The device's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Zeroizing<String>>,
    /// The first nonce of the device, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_nonce: Option<String>,
    /// How the server proves itself: `basic`, `md5` or `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_auth: Option<String>,
    /// The server's user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The server's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_secret: Option<Zeroizing<String>>,
    /// The first nonce of the server, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_nonce: Option<String>,
    /// Everything else; the defaults where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<AccountSettings>,
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount")
            .field("name", &self.name)
            .field("server_id", &self.server_id)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What an account may and how it is reached. What is left out stays as it is, which for a new
/// account is the default; an empty text or list takes away what was there.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// `xml` or `wbxml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The transport proofs that stand in for the server's credentials: `tls`, `tls-ca`,
    /// `tls-pin`, `tls-mutual`, `obex-digest`, `bonded-link`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepts: Option<Vec<String>>,
    /// Plain http is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allows_http: Option<bool>,
    /// A private CA in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Public keys of which the server's certificate must have one: `sha256/BASE64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pins: Option<Vec<String>>,
    /// The Bluetooth peers that may begin sessions, by their addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bluetooth_peers: Option<Vec<String>>,
    /// The device's certificate and its chain in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The key of the device's certificate in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// How the device proves itself in HTTP: `basic` or `digest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_auth: Option<String>,
    /// The device's user name in HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_name: Option<String>,
    /// The device's secret in HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_secret: Option<Zeroizing<String>>,
    /// The server's user name in OBEX; without a name, the secret alone proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obex_name: Option<String>,
    /// The server's secret in OBEX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obex_secret: Option<Zeroizing<String>>,
    /// The HTTP proxy: `http://HOST:PORT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The user name for the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_name: Option<String>,
    /// The secret for the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret: Option<Zeroizing<String>>,
    /// `PrefConRef` and `ToConRef`: the connectivity references in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Vec<String>>,
    /// `allow` or `deny`: whether the default route may be used when no reference can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_route: Option<String>,
    /// `allow` or `deny` links that are marked as roaming.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roaming: Option<String>,
    /// `allow` or `deny` links that are marked as metered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metered: Option<String>,
    /// The text of `NextNonce` is hashed as it is, not decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce_text: Option<bool>,
}

impl fmt::Debug for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSettings").finish_non_exhaustive()
    }
}

/// Parameters of `SetAccount`.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAccount {
    /// The account.
    pub name: String,
    /// What changes.
    pub settings: AccountSettings,
    /// The device's new secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Zeroizing<String>>,
    /// The server's new secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_secret: Option<Zeroizing<String>>,
    /// The server's new addresses, in place of all that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<String>>,
}

impl fmt::Debug for SetAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetAccount")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
