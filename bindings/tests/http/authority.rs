//! Certificate authorities and TLS servers for the tests.

use crate::peer::*;

use omadm_bindings::{Address, ClientCertificate, Error, Settings, SpkiPin, TlsFault, open};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

pub(crate) const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// A certificate authority and its file.
pub(crate) struct Authority {
    pub(crate) issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("omadm test authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.as_ref().pem()).unwrap();
        Self { issuer, folder }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Settings that trust nobody else.
    pub(crate) fn trusted(&self) -> Settings {
        Settings {
            allow_http: false,
            ca_file: Some(self.file()),
            ..plain()
        }
    }

    /// A certificate of this authority for a device, in files.
    pub(crate) fn device(&self, name: &str) -> ClientCertificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = ClientCertificate {
            chain: self.folder.path().join(format!("{name}.pem")),
            key: self.folder.path().join(format!("{name}.key")),
        };
        std::fs::write(&files.chain, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&files.key, private).unwrap();
        files
    }

    /// A server that asks devices for a certificate of this authority, and the pin of its key.
    pub(crate) async fn serve_devices(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        required: bool,
    ) -> (Peer, SpkiPin) {
        let mut devices = RootCertStore::empty();
        devices.add(self.issuer.as_ref().der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(devices), Arc::clone(&provider));
        let verifier = if required {
            verifier.build().unwrap()
        } else {
            verifier.allow_unauthenticated().build().unwrap()
        };
        let key = KeyPair::generate().unwrap();
        let pin = SpkiPin::of(&key.subject_public_key_info());
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        (answering(config).await, pin)
    }

    /// A server that answers with these in turn.
    pub(crate) async fn serve_answers(&self, answers: Vec<Vec<u8>>) -> Peer {
        self.serve_recording(answers).await.0
    }

    /// The same, and what it was sent.
    pub(crate) async fn serve_recording(
        &self,
        answers: Vec<Vec<u8>>,
    ) -> (Peer, Arc<Mutex<Vec<String>>>) {
        let acceptor = self.acceptor();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (Arc::clone(&seen), Arc::new(answers));
        let peer = Peer::start(move |_, stream| {
            let (log, answers) = (Arc::clone(&log), Arc::clone(&answers));
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                record(stream, &log, &answers).await;
            }
        })
        .await;
        (peer, seen)
    }

    /// Accepts TLS as `127.0.0.1` and `localhost`.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let names = ["127.0.0.1", "localhost", "dm.example"].map(str::to_owned);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(BOTH)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A server whose certificate is changed by `edit` before it is signed.
    pub(crate) async fn serve(&self, edit: impl FnOnce(&mut CertificateParams)) -> Peer {
        self.serve_with(edit, BOTH).await
    }

    pub(crate) async fn serve_with(
        &self,
        edit: impl FnOnce(&mut CertificateParams),
        versions: &[&'static SupportedProtocolVersion],
    ) -> Peer {
        let names = ["127.0.0.1", "localhost"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        edit(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        start(vec![certificate.der().clone()], &key, versions).await
    }
}

/// A server that answers each request with the number of its connection.
pub(crate) async fn start(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> Peer {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    answering(config).await
}

/// A server that answers each request with the number of its connection.
pub(crate) async fn answering(config: ServerConfig) -> Peer {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Peer::start(move |number, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            while let Some(text) = request(&mut stream).await {
                if text.ends_with("<stop/>") {
                    // Without the alert that ends a TLS connection.
                    return;
                }
                let answer = ok(&format!("<n{number}/>"));
                stream.write_all(&answer).await.unwrap();
            }
        }
    })
    .await
}

pub(crate) fn address(peer: &Peer, host: &str) -> Address {
    format!("https://{host}:{}/dm", peer.port).parse().unwrap()
}

/// Why there is no connection.
pub(crate) async fn fault(peer: &Peer, settings: &Settings) -> (TlsFault, Error) {
    let error = open(&address(peer, "127.0.0.1"), settings)
        .await
        .unwrap_err();
    match &error {
        Error::Tls { fault, .. } => (fault.clone(), error),
        other => panic!("{other:?}"),
    }
}
