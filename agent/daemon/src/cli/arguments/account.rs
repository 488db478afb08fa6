//! `omadm account …`.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::{Encoding, Listing, examples};

#[derive(Debug, Subcommand)]
pub(in super::super) enum Account {
    /// Make an account.
    Add(Box<Adding>),
    /// List the accounts.
    #[command(after_help = examples::ACCOUNT_LIST)]
    List {
        #[command(flatten)]
        listing: Listing,
    },
    /// Show all there is to know about an account but its secrets.
    #[command(after_help = examples::ACCOUNT_SHOW)]
    Show {
        /// The account.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Change what an account may and how it is reached.
    Set(Box<Changing>),
    /// Remove an account, and its server from every ACL.
    #[command(after_help = examples::ACCOUNT_REMOVE)]
    Remove {
        /// The account.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Secrets come from a file (its first line), from standard input with -, or are asked for at the
terminal; they never stand on the command line. Further credentials are nodes of ./DMAcc/NAME.

Examples:
  omadm account add lab --server-id lab.example --address https://lab.example/dm \\
      --client-name gateway7 --server-name lab.example
  printf '%s\\n%s\\n' \"$MINE\" \"$THEIRS\" | omadm account add lab --server-id lab.example \\
      --address http://192.0.2.1:8080/dm --allow-http --secret-file - --server-secret-file -
  omadm account add lab --server-id lab.example --address https://lab.example/dm \\
      --server-auth none --accept tls-pin --pin sha256/BASE64 --connect lte --connect vrf:mgmt
  omadm account add pc --server-id pc.example --address unix+obex:///run/omadm/obex.sock \\
      --address https://lab.example/dm --obex-name pc --obex-secret-file secret \\
      --accept obex-digest,tls
  omadm account add pc --server-id pc.example --address bt+obex: --server-auth none \\
      --bluetooth-peer 00:1A:7D:DA:71:13 --accept bonded-link")]
pub(in super::super) struct Adding {
    /// The name of the account, a node of ./DMAcc.
    #[arg(value_name = "NAME")]
    pub(in super::super) name: String,
    /// The identifier of the server, as its messages and ACLs use it.
    #[arg(long, value_name = "ID")]
    pub(in super::super) server_id: String,
    /// The address of the server, such as an https URL; repeated, they are tried in order.
    #[arg(long, value_name = "URL", required = true)]
    pub(in super::super) address: Vec<String>,
    /// How the device proves itself to the server.
    #[arg(long, value_enum, default_value_t = Scheme::Md5)]
    pub(in super::super) client_auth: Scheme,
    /// The user name of the device; the device's identity when left out.
    #[arg(long, value_name = "NAME")]
    pub(in super::super) client_name: Option<String>,
    /// The device's secret: a file, or - for a line of standard input; asked for when left out.
    #[arg(long, visible_alias = "secret-file", value_name = "FILE")]
    pub(in super::super) client_secret_file: Option<PathBuf>,
    /// The first nonce of the device, base64; most servers challenge instead.
    #[arg(long, value_name = "BASE64")]
    pub(in super::super) client_nonce: Option<String>,
    /// How the server proves itself to the device.
    #[arg(long, value_enum, default_value_t = Scheme::Md5)]
    pub(in super::super) server_auth: Scheme,
    /// The user name of the server; its identifier when left out.
    #[arg(long, value_name = "NAME")]
    pub(in super::super) server_name: Option<String>,
    /// The server's secret: a file, or - for a line of standard input; asked for when left out.
    #[arg(long, value_name = "FILE")]
    pub(in super::super) server_secret_file: Option<PathBuf>,
    /// The first nonce of the server, base64.
    #[arg(long, value_name = "BASE64")]
    pub(in super::super) server_nonce: Option<String>,
    #[command(flatten)]
    pub(in super::super) policy: Policy,
}

#[derive(Debug, Args)]
#[command(after_help = "\
What is not given stays as it is; an empty value (--proxy '') takes away what was there. Sessions
that run go on as they began. Names and kinds of credentials are leaves of ./DMAcc/NAME: omadm tree
shows them, omadm set changes them.

Examples:
  omadm account set lab --connect lte --connect interface:eth0 --metered deny
  omadm account set lab --accept tls-ca --ca-file /etc/omadm/lab-ca.pem
  omadm account set lab --address https://lab.example/dm --address https://192.0.2.7/dm
  omadm account set lab --http-auth digest --http-name gateway7 --http-secret-file secret")]
pub(in super::super) struct Changing {
    /// The account.
    #[arg(value_name = "NAME")]
    pub(in super::super) name: String,
    /// The address of the server, in place of all that are there; repeated, they are tried in
    /// order.
    #[arg(long, value_name = "URL")]
    pub(in super::super) address: Vec<String>,
    /// The device's new secret: a file, or - for a line of standard input.
    #[arg(long, visible_alias = "secret-file", value_name = "FILE")]
    pub(in super::super) client_secret_file: Option<PathBuf>,
    /// The server's new secret: a file, or - for a line of standard input.
    #[arg(long, value_name = "FILE")]
    pub(in super::super) server_secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub(in super::super) policy: Policy,
}

/// What an account may and how it is reached.
#[derive(Debug, Args)]
pub(in super::super) struct Policy {
    /// How messages are encoded; wbxml for a new account.
    #[arg(long, value_enum)]
    pub(in super::super) encoding: Option<Encoding>,
    /// The proofs of the transport that stand in for the server's credentials.
    #[arg(long, value_enum, value_name = "PROOF", value_delimiter = ',')]
    pub(in super::super) accept: Vec<Proof>,
    /// Let any trusted TLS certificate stand in for the server's credentials: --accept tls.
    #[arg(long, conflicts_with = "accept")]
    pub(in super::super) accept_tls: bool,
    /// Allow plain http; anyone on the path can read and change the messages.
    #[arg(long, value_name = "YES", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(in super::super) allow_http: Option<bool>,
    /// Trust only the certificate authorities of this PEM file, which omadmd reads.
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(in super::super) ca_file: Option<PathBuf>,
    /// A public key that the server's certificate may have: sha256/BASE64; may be repeated.
    #[arg(long, value_name = "PIN")]
    pub(in super::super) pin: Vec<String>,
    /// A paired Bluetooth peer that may begin sessions, by its address; may be repeated. Takes the
    /// place of those before.
    #[arg(long, value_name = "ADDRESS")]
    pub(in super::super) bluetooth_peer: Vec<String>,
    /// The device's certificate and its chain in PEM, which omadmd reads.
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(in super::super) client_certificate: Option<PathBuf>,
    /// The private key of the device's certificate in PEM, which omadmd reads.
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(in super::super) client_key: Option<PathBuf>,
    /// How the device proves itself to an HTTP server that asks for credentials.
    #[arg(long, value_enum)]
    pub(in super::super) http_auth: Option<HttpAuth>,
    /// The user name of the device in HTTP; the device's identity when left out.
    #[arg(long, value_name = "NAME")]
    pub(in super::super) http_name: Option<String>,
    /// The device's secret in HTTP: a file, or - for a line of standard input.
    #[arg(long, value_name = "FILE")]
    pub(in super::super) http_secret_file: Option<PathBuf>,
    /// The user name of the server in OBEX, at most 20 octets, when it opens the line; '' alone
    /// takes its credential away.
    #[arg(long, value_name = "NAME")]
    pub(in super::super) obex_name: Option<String>,
    /// The server's secret in OBEX: a file, or - for a line of standard input.
    #[arg(long, value_name = "FILE")]
    pub(in super::super) obex_secret_file: Option<PathBuf>,
    /// The HTTP proxy: http://HOST:PORT.
    #[arg(long, value_name = "URL")]
    pub(in super::super) proxy: Option<String>,
    /// The user name for a proxy that asks for credentials.
    #[arg(long, value_name = "NAME")]
    pub(in super::super) proxy_name: Option<String>,
    /// The secret for the proxy: a file, or - for a line of standard input.
    #[arg(long, value_name = "FILE")]
    pub(in super::super) proxy_secret_file: Option<PathBuf>,
    /// Bind sessions to this link: NAME of a [connectivity.NAME] in agent.toml, interface:NAME or
    /// vrf:NAME; repeated, they are tried in order.
    #[arg(long, value_name = "REFERENCE")]
    pub(in super::super) connect: Vec<String>,
    /// Whether the default route is taken when no --connect can be used; deny, unless there is
    /// no --connect.
    #[arg(long, value_enum, value_name = "RULE")]
    pub(in super::super) default_route: Option<Rule>,
    /// Links that agent.toml marks as roaming; allow when left out.
    #[arg(long, value_enum, value_name = "RULE")]
    pub(in super::super) roaming: Option<Rule>,
    /// Links that agent.toml marks as metered; allow when left out.
    #[arg(long, value_enum, value_name = "RULE")]
    pub(in super::super) metered: Option<Rule>,
    /// The server hashes the text of nonces, not what it decodes to.
    #[arg(long, value_name = "YES", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(in super::super) nonce_text: Option<bool>,
}

/// An authentication scheme of SyncML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum Scheme {
    /// Digest over name, secret and nonce: syncml:auth-md5.
    Md5,
    /// Digest over each whole message as well: syncml:auth-MAC.
    Hmac,
    /// Name and secret in the clear: syncml:auth-basic.
    Basic,
    /// No credential.
    None,
}

impl Scheme {
    /// The name, as the interface has it.
    pub(in super::super) const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Md5 => Some("md5"),
            Self::Hmac => Some("hmac"),
            Self::Basic => Some("basic"),
            Self::None => None,
        }
    }
}

/// A transport proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum Proof {
    /// Any server certificate that is trusted.
    Tls,
    /// One that the account's own authorities or pins vouch for.
    TlsCa,
    /// One whose key is pinned.
    TlsPin,
    /// Any, if the server has asked for the device's certificate and was shown it.
    TlsMutual,
    /// The server's secret in OBEX, on a line that the device waits on.
    ObexDigest,
    /// The key of a pairing with a Bluetooth peer that the account lists or dials.
    BondedLink,
    /// None: the server has to show its credentials.
    None,
}

/// An authentication scheme of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum HttpAuth {
    /// Name and secret in the clear, over TLS alone.
    Basic,
    /// Digest over name, secret and nonce.
    Digest,
    /// No credential.
    None,
}

/// Whether something may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum Rule {
    /// It may.
    Allow,
    /// It may not.
    Deny,
}

/// A path that may be empty, which takes away the one that was there; clap's own parser refuses it.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// The name of a value, as the interface has it.
pub(in super::super) fn word(value: impl ValueEnum + Copy) -> String {
    let name = value.to_possible_value();
    name.map_or_else(String::new, |name| name.get_name().to_owned())
}
