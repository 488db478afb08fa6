//! The server's certificate and key, and whom it trusts.

use crate::error::Error;
use crate::http::TlsFiles;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// TLS 1.2 and 1.3 with this chain and key. Devices prove themselves in SyncML, and where the
/// authorities of their certificates are named, with such a certificate as well.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, Error> {
    let TlsFiles { chain, key, .. } = files;
    let certificates = certificates(chain)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable(key, e))?;
    let devices = match &files.devices {
        Some(path) => devices(path)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_client_cert_verifier(devices)
                .with_single_cert(certificates, private)
        })
        .map_err(|e| {
            let (chain, key) = (chain.display(), key.display());
            Error::Data(format!("{chain} and {key} do not make a TLS server: {e}"))
        })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|e| unreadable(path, e))?;
    if found.is_empty() {
        let text = format!("there is no certificate in {}", path.display());
        return Err(Error::Data(text));
    }
    Ok(found)
}

/// Takes certificates of these authorities alone.
fn devices(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let unusable = |e: &dyn std::fmt::Display| Error::Data(format!("{}: {e}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|e| unusable(&e))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|e| unusable(&e))
}

fn unreadable(path: &Path, error: pem::Error) -> Error {
    match error {
        pem::Error::Io(source) => Error::NoInput {
            path: path.to_owned(),
            source,
        },
        pem::Error::NoItemsFound => Error::Data(format!(
            "{} holds nothing of this kind in PEM",
            path.display()
        )),
        other => Error::Data(format!("{}: {other:?}", path.display())),
    }
}
