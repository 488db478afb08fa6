//! What a server is told at its start.

use super::{DEFAULT_SERVER_ID, Lines};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Serve {
    /// Meet devices on lines alone.
    #[arg(
        long,
        conflicts_with_all = ["listen", "path", "public_url", "tls_cert", "accept_session_id"]
    )]
    pub(in crate::cli) no_http: bool,
    #[command(flatten)]
    pub(in crate::cli) lines: Lines,
    /// Address and port; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(in crate::cli) listen: String,
    /// The path that devices post to.
    #[arg(long, value_name = "PATH", default_value = "/dm", value_parser = path)]
    pub(in crate::cli) path: String,
    /// The server's identifier.
    #[arg(long, value_name = "ID", default_value = DEFAULT_SERVER_ID)]
    pub(in crate::cli) server_id: String,
    /// The address as devices know it, when a proxy stands before the server.
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) public_url: Option<String>,
    /// The certificate chain in PEM: with it, https.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(in crate::cli) tls_cert: Option<PathBuf>,
    /// The key of the certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(in crate::cli) tls_key: Option<PathBuf>,
    /// Ask devices for a certificate that one of the authorities in this PEM file has signed.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(in crate::cli) tls_client_ca: Option<PathBuf>,
    /// The longest message taken from a device.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 1 << 20,
        value_parser = clap::value_parser!(u32).range(1024..=64 << 20)
    )]
    pub(in crate::cli) max_message: u32,
    /// How long a session may be silent before its jobs return to the queue.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 600,
        value_parser = clap::value_parser!(u32).range(10..)
    )]
    pub(in crate::cli) session_timeout: u32,
    /// Let devices that ignore RespURI go on by DevId and SessionID, which others can guess.
    #[arg(long)]
    pub(in crate::cli) accept_session_id: bool,
}

fn path(text: &str) -> Result<String, String> {
    let sound = text.starts_with('/')
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '"' | '<' | '>'));
    if sound {
        Ok(text.to_owned())
    } else {
        Err("a path begins with / and has no ? or #".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_paths() {
        assert!(path("/dm").is_ok());
        for wrong in ["dm", "", "/a?b", "/a b", "/a#b"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }
}
