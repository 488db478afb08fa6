//! The certificate that the device shows, and whether a server asked for it.

use crate::pem;
use crate::settings::ClientCertificate;
use crate::trust::TrustError;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Loads chain and key, and makes sure that they belong together.
pub(super) fn load(
    files: &ClientCertificate,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TrustError> {
    let chain = pem::load_certificates(&files.chain)?;
    let key = pem::load_private_key(&files.key)?;
    CertifiedKey::from_der(chain, key, provider)
        .map(Arc::new)
        .map_err(|error| TrustError::File {
            path: files.key.clone(),
            reason: match error {
                rustls::Error::InconsistentKeys(_) => format!(
                    "this is not the key of the first certificate in {}",
                    files.chain.display()
                ),
                other => format!("this key cannot be used: {other}"),
            },
        })
}

/// Says what is wrong with the files of a device's certificate before a session needs them.
pub fn check_client_certificate(files: &ClientCertificate) -> Result<(), TrustError> {
    load(files, &rustls::crypto::ring::default_provider()).map(drop)
}

/// Shows a certificate over one connection, and knows whether it did.
#[derive(Debug)]
pub(super) struct Shown {
    certificate: Arc<CertifiedKey>,
    asked: AtomicBool,
}

impl Shown {
    pub(super) fn new(certificate: Arc<CertifiedKey>) -> Self {
        Self {
            certificate,
            asked: AtomicBool::new(false),
        }
    }

    /// Whether the server asked for the certificate and got it.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _authorities: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        // Which authorities the server would like is only a hint (RFC 8446 4.2.4): if it likes
        // none of ours, it says so, where an empty answer would look like a missing file.
        self.certificate.key.choose_scheme(schemes)?;
        self.asked.store(true, Ordering::Relaxed);
        Some(Arc::clone(&self.certificate))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
