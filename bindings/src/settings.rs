//! What an account and the configuration decide about a bearer.

use std::path::PathBuf;
use std::time::Duration;

/// The limits, permissions and trust of one bearer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether plain `http` is allowed. Credentials and device data then travel in the open.
    pub allow_http: bool,
    /// A PEM file with certificate authorities that are trusted for this account.
    pub ca_file: Option<PathBuf>,
    /// Whether the machine's own certificate authorities are trusted as well.
    pub system_roots: bool,
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
