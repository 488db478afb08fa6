//! What TLS means here: versions, trust, and its errors in words.

use crate::error::Error;
use crate::pem;
use crate::settings::Settings;
use crate::tls_fault::TlsFault;
use crate::trust::TrustError;

use rustls::client::Resumption;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// TLS 1.2 and later: older versions of the protocol, which DM 1.2 still names, are not safe.
pub(super) fn config(settings: &Settings) -> Result<Arc<ClientConfig>, TrustError> {
    let roots = roots(settings)?;
    // Named here, since the process-wide default is the program's to choose.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| TrustError::Unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // One peer, or two when a farm sends the session to a node of its own.
    config.resumption = Resumption::in_memory_sessions(2);
    Ok(Arc::new(config))
}

/// Who is trusted under these settings.
fn roots(settings: &Settings) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    if settings.system_roots {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            log::debug!("certificate authorities of this machine: {error}");
        }
        // One bad certificate among those of the machine costs that one.
        roots.add_parsable_certificates(found.certs);
    }
    if let Some(path) = &settings.ca_file {
        for (index, certificate) in pem::load_certificates(path)?.into_iter().enumerate() {
            roots.add(certificate).map_err(|error| TrustError::File {
                path: path.clone(),
                reason: format!("certificate {} cannot be trusted: {error}", index + 1),
            })?;
        }
    }
    if roots.is_empty() {
        return Err(TrustError::Nobody);
    }
    Ok(roots)
}

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
        E::AlertReceived(rustls::AlertDescription::ProtocolVersion) => {
            TlsFault::TooOld("no common TLS version".to_owned())
        }
        E::AlertReceived(alert) => TlsFault::Refused(format!("{alert:?}")),
        other => TlsFault::Handshake(other.to_string()),
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
