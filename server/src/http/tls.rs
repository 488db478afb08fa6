//! The server's certificate and key.

use crate::error::Error;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// TLS 1.2 and 1.3 with this chain and key; devices prove themselves in SyncML.
pub(super) fn acceptor(files: &(PathBuf, PathBuf)) -> Result<TlsAcceptor, Error> {
    let (chain, key) = files;
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|e| unreadable(chain, e))?;
    if certificates.is_empty() {
        let text = format!("there is no certificate in {}", chain.display());
        return Err(Error::Data(text));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable(key, e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(certificates, private)
        })
        .map_err(|e| {
            let (chain, key) = (chain.display(), key.display());
            Error::Data(format!("{chain} and {key} do not make a TLS server: {e}"))
        })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
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
