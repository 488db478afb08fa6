//! Why an HTTP server or proxy that asks for credentials gets none that it takes.

use crate::settings::HttpAuthScheme;

use std::fmt;

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
