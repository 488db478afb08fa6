//! What TLS means here: versions, trust, and its errors in words.

use super::identity::{self, Shown};
use super::verify::Verifier;

use crate::error::Error;
use crate::pem;
use crate::pin::SpkiPin;
use crate::settings::Settings;
use crate::tls_fault::TlsFault;
use crate::trust::TrustError;

use omadm_syncml::PeerProof;
use rustls::client::{ClientConnection, Resumption};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What the connections of a bearer share: whom they trust and what they show.
pub(super) struct Tls {
    config: ClientConfig,
    verifier: Arc<Verifier>,
    identity: Option<Arc<CertifiedKey>>,
}

/// What one connection begins with.
pub(super) struct Handshake {
    pub(super) config: Arc<ClientConfig>,
    shown: Option<Arc<Shown>>,
}

impl Tls {
    /// Loads what the settings name. TLS 1.2 and later: older versions of the protocol, which
    /// DM 1.2 still names, are not safe.
    pub(super) fn new(settings: &Settings) -> Result<Self, TrustError> {
        // Named here, since the process-wide default is the program's to choose.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let files = settings.client_certificate.as_ref();
        let identity = files
            .map(|files| identity::load(files, &provider))
            .transpose()?;
        let private = private_roots(settings.ca_file.as_deref())?;
        let system = if settings.system_roots {
            system_roots()
        } else {
            RootCertStore::empty()
        };
        let pins = settings.pins.clone();
        let verifier = Arc::new(Verifier::new(private, system, pins, Arc::clone(&provider))?);
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| TrustError::Unusable(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Verifier>::clone(&verifier))
            .with_no_client_auth();
        config.resumption = match identity {
            // One peer, or two when a farm sends the session to a node of its own.
            None => Resumption::in_memory_sessions(2),
            // A resumed session does not say whether the certificate was shown.
            Some(_) => Resumption::disabled(),
        };
        Ok(Self {
            config,
            verifier,
            identity,
        })
    }

    pub(super) fn handshake(&self) -> Handshake {
        let mut config = self.config.clone();
        let shown = self.identity.clone().map(Shown::new).map(Arc::new);
        if let Some(shown) = &shown {
            config.client_auth_cert_resolver = Arc::<Shown>::clone(shown);
        }
        Handshake {
            config: Arc::new(config),
            shown,
        }
    }

    /// What a handshake that came to its end has proven.
    pub(super) fn proof(
        &self,
        handshake: &Handshake,
        session: &ClientConnection,
        name: &ServerName<'_>,
    ) -> PeerProof {
        PeerProof::Tls {
            server: self.verifier.trust(session.peer_certificates(), name),
            mutual: handshake.shown.as_ref().is_some_and(|s| s.was_asked()),
        }
    }
}

/// How many certificate authorities this machine trusts.
pub fn system_root_count() -> usize {
    system_roots().len()
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::debug!("certificate authorities of this machine: {error}");
    }
    // One bad certificate among those of the machine costs that one.
    roots.add_parsable_certificates(found.certs);
    roots
}

fn private_roots(file: Option<&Path>) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        return Ok(roots);
    };
    for (index, certificate) in pem::load_certificates(path)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| TrustError::File {
            path: path.to_owned(),
            reason: format!("certificate {} cannot be trusted: {error}", index + 1),
        })?;
    }
    Ok(roots)
}

/// A server's key is none of those that are pinned.
#[derive(Debug)]
pub(super) struct PinMismatch(pub(super) SpkiPin);

impl fmt::Display for PinMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key {} is not pinned", self.0)
    }
}

impl std::error::Error for PinMismatch {}

/// The error of a handshake.
pub(super) fn error(host: &str, error: io::Error) -> Error {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let fault = match inner {
        Some(inner) => fault(inner),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            TlsFault::Handshake("the server closed the connection during the handshake".to_owned())
        }
        None => return Error::Transport(error),
    };
    Error::Tls {
        host: host.to_owned(),
        fault,
    }
}

/// The same in words.
pub(super) fn fault(error: &rustls::Error) -> TlsFault {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) => certificate_fault(error),
        // What does not even begin like a TLS record.
        E::InvalidMessage(_) => TlsFault::NotTls,
        E::PeerIncompatible(reason) => TlsFault::TooOld(format!("{reason:?}")),
        E::AlertReceived(alert) => alert_fault(*alert),
        other => TlsFault::Handshake(other.to_string()),
    }
}

/// What the server says before it hangs up (RFC 8446 6.2). What it says of a certificate can only
/// concern that of the device.
fn alert_fault(alert: AlertDescription) -> TlsFault {
    use AlertDescription as A;
    match alert {
        A::ProtocolVersion => TlsFault::TooOld("no common TLS version".to_owned()),
        A::CertificateRequired | A::NoCertificate => TlsFault::ClientCertificateMissing,
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::AccessDenied => TlsFault::ClientCertificateRefused(format!("{alert:?}")),
        other => TlsFault::Refused(format!("{other:?}")),
    }
}

fn certificate_fault(error: &CertificateError) -> TlsFault {
    use CertificateError as C;
    match error {
        C::NotValidYet => TlsFault::NotYetValid {
            clock: None,
            from: None,
        },
        C::NotValidYetContext { time, not_before } => TlsFault::NotYetValid {
            clock: Some(system_time(*time)),
            from: Some(system_time(*not_before)),
        },
        C::Expired => TlsFault::Expired {
            clock: None,
            until: None,
        },
        C::ExpiredContext { time, not_after } => TlsFault::Expired {
            clock: Some(system_time(*time)),
            until: Some(system_time(*not_after)),
        },
        C::NotValidForName => TlsFault::WrongName {
            presented: Vec::new(),
        },
        C::NotValidForNameContext { presented, .. } => TlsFault::WrongName {
            presented: presented.iter().take(8).map(|name| plain(name)).collect(),
        },
        C::UnknownIssuer => TlsFault::UnknownIssuer,
        C::BadSignature => TlsFault::Certificate(
            "its signature is not that of the trusted authority of this name: \
             was the authority made anew?"
                .to_owned(),
        ),
        C::Revoked => TlsFault::Revoked,
        C::Other(inner) if inner.0.is::<PinMismatch>() => TlsFault::PinMismatch {
            seen: inner.0.downcast_ref().map(|PinMismatch(seen)| *seen),
        },
        // What `openssl req -x509` makes unless it is told otherwise.
        C::Other(inner) if inner.to_string().contains("CaUsedAsEndEntity") => {
            TlsFault::Certificate(
                "it is that of an authority, not of a server: make it with the extension \
                 basicConstraints=CA:FALSE"
                    .to_owned(),
            )
        }
        other => TlsFault::Certificate(other.to_string()),
    }
}

/// A name of a certificate, which the verifier gives as `DnsName("…")`: the name alone, and of it
/// what can be shown anywhere.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner
        .trim_matches(['(', ')', '"'])
        .chars()
        .filter(char::is_ascii_graphic)
        .take(100)
        .collect()
}

fn system_time(time: UnixTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_certificates_are_shown_plainly() {
        for (name, shown) in [
            ("DnsName(\"dm.example\")", "dm.example"),
            ("IpAddress(192.0.2.1)", "192.0.2.1"),
            ("DnsName(\"a\u{1b}[31m\u{202e}b\")", "a[31mb"),
            ("DirectoryName", "DirectoryName"),
        ] {
            assert_eq!(plain(name), shown);
        }
    }
}
