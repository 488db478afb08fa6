//! What HTTP itself puts between a message and its server: credentials, redirects, proxies.

use crate::address::AddressError;
use crate::error::{Retry, retry_of, write_status};
use crate::settings::HttpAuthScheme;

use std::fmt;
use std::time::Duration;

/// Why a 401 or 407 of HTTP cannot be answered, or was answered in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpAuthFault {
    /// The account has no credentials for it.
    NoCredential {
        /// The schemes that are offered.
        offered: Vec<String>,
    },
    /// What the account would answer is not offered.
    NotOffered {
        /// The only scheme of the account; any of those that are known when there is none.
        scheme: Option<HttpAuthScheme>,
        /// The schemes that are offered.
        offered: Vec<String>,
    },
    /// The challenge cannot be answered.
    Unusable(&'static str),
    /// The secret would travel in the open.
    BasicWithoutTls,
    /// The credentials are for the address of the account, and this is another origin.
    OtherOrigin,
    /// Name or secret are wrong.
    Refused {
        /// The name that was shown.
        user: String,
    },
}

impl fmt::Display for HttpAuthFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredential { offered } => write!(
                f,
                "wants HTTP credentials ({}), and the account has none for it",
                List(offered)
            ),
            Self::NotOffered { scheme, offered } => {
                write!(f, "does not take HTTP ")?;
                match scheme {
                    Some(scheme) => write!(f, "{scheme}")?,
                    None => f.write_str("basic or digest")?,
                }
                write!(f, ": it offers {}", List(offered))
            }
            Self::Unusable(reason) => write!(f, "wants an HTTP digest, but {reason}"),
            Self::BasicWithoutTls => f.write_str(
                "wants the secret as it is (HTTP Basic), which is never sent without TLS: \
                 use https, or Digest",
            ),
            Self::OtherOrigin => f.write_str(
                "wants HTTP credentials, and the account's are only for its own address: \
                 put this one into the account if it is right",
            ),
            Self::Refused { user } => {
                write!(f, "refuses the HTTP name {user:?} or its secret")
            }
        }
    }
}

/// Names in words.
struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        f.write_str(&self.0.join(", "))
    }
}

/// Why a proxy lets nothing through.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyFault {
    /// It opens no tunnel to this host.
    Refused {
        /// The host and its port.
        target: String,
        /// The HTTP status code.
        code: u16,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// It asks for credentials in vain (407).
    Auth(HttpAuthFault),
    /// It does not answer in HTTP.
    NotHttp(String),
    /// It closed the connection instead of answering, or the connection was lost.
    Closed,
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectFault {
    /// The message has followed this many already.
    TooMany(u8),
    /// It leads where this session must not go.
    Refused(AddressError),
    /// It names no target.
    Nowhere,
    /// It asks for a GET elsewhere (303), which no message can become.
    SeeOther,
}

impl ProxyFault {
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Refused {
                code, retry_after, ..
            } => retry_of(*code, *retry_after),
            Self::Closed => Retry::Later(None),
            Self::Auth(_) | Self::NotHttp(_) => Retry::Permanent,
        }
    }
}

impl fmt::Display for ProxyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused {
                target,
                code,
                retry_after,
            } => {
                write!(f, "opens no tunnel to {target}: ")?;
                write_status(f, *code, *retry_after)
            }
            Self::Auth(fault) => fault.fmt(f),
            Self::NotHttp(reason) => write!(
                f,
                "does not answer in HTTP ({reason}): is it an HTTP proxy, and its port right?"
            ),
            Self::Closed => f.write_str("closed the connection without an answer"),
        }
    }
}

impl RedirectFault {
    /// The same in words, of a redirect to `location`.
    pub(crate) fn about(&self, location: &str) -> String {
        match self {
            Self::TooMany(most) => {
                format!("more than {most} redirects for one message, the last one to {location:?}")
            }
            Self::Refused(reason) => {
                format!("the redirect to {location:?} is not followed: {reason}")
            }
            Self::Nowhere => "a redirect that names no target".to_owned(),
            Self::SeeOther => format!(
                "the server points to {location:?} for a GET, where no message can go: \
                 is the path of the address right?"
            ),
        }
    }
}
