//! Which server certificates are trusted, and why: two kinds of authorities, and pins on top.

use super::tls::PinMismatch;
use crate::pin::SpkiPin;
use crate::trust::TrustError;

use omadm_syncml::ServerTrust;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use std::sync::Arc;

/// Verifies server certificates for one bearer.
#[derive(Debug)]
pub(super) struct Verifier {
    private: Option<Arc<WebPkiServerVerifier>>,
    system: Option<Arc<WebPkiServerVerifier>>,
    pins: Vec<SpkiPin>,
    provider: Arc<CryptoProvider>,
}

/// The certificates of a server: its own, and those it sends to prove it.
#[derive(Clone, Copy)]
struct Chain<'a> {
    own: &'a CertificateDer<'a>,
    others: &'a [CertificateDer<'a>],
    name: &'a ServerName<'a>,
    ocsp: &'a [u8],
    now: UnixTime,
}

impl Chain<'_> {
    fn leads_to(&self, authorities: &WebPkiServerVerifier) -> Result<(), Error> {
        authorities
            .verify_server_cert(self.own, self.others, self.name, self.ocsp, self.now)
            .map(drop)
    }
}

impl Verifier {
    /// Trusts whom either kind of authority has signed; at least one of them must not be empty.
    pub(super) fn new(
        private: RootCertStore,
        system: RootCertStore,
        pins: Vec<SpkiPin>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TrustError> {
        if private.is_empty() && system.is_empty() {
            return Err(TrustError::Nobody);
        }
        let verifier = |roots: RootCertStore| {
            if roots.is_empty() {
                return Ok(None);
            }
            let provider = Arc::clone(&provider);
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map(Some)
                .map_err(|error| TrustError::Unusable(error.to_string()))
        };
        Ok(Self {
            private: verifier(private)?,
            system: verifier(system)?,
            pins,
            provider,
        })
    }

    /// Why a server that passed is trusted. A resumed TLS session shows the certificates of the
    /// first one and is not verified anew, so this looks at them once more.
    pub(super) fn trust(
        &self,
        shown: Option<&[CertificateDer<'_>]>,
        name: &ServerName<'_>,
    ) -> ServerTrust {
        if !self.pins.is_empty() {
            return ServerTrust::Pinned;
        }
        let Some(private) = &self.private else {
            return ServerTrust::SystemRoot;
        };
        if self.system.is_none() {
            return ServerTrust::PrivateCa;
        }
        let leads = shown
            .and_then(<[_]>::split_first)
            .is_some_and(|(own, others)| {
                let chain = Chain {
                    own,
                    others,
                    name,
                    ocsp: &[],
                    now: UnixTime::now(),
                };
                chain.leads_to(private).is_ok()
            });
        if leads {
            ServerTrust::PrivateCa
        } else {
            ServerTrust::SystemRoot
        }
    }

    fn check_chain(&self, chain: &Chain<'_>) -> Result<(), Error> {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let mut refused = unknown.clone();
        for authorities in [&self.private, &self.system].into_iter().flatten() {
            match chain.leads_to(authorities) {
                Ok(()) => return Ok(()),
                // What is wrong with a certificate of a known authority says more than that the
                // other ones do not know it.
                Err(error) if refused == unknown => refused = error,
                Err(_) => {}
            }
        }
        Err(refused)
    }

    fn check_pin(&self, own: &CertificateDer<'_>) -> Result<(), Error> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let certificate = ParsedCertificate::try_from(own)?;
        let seen = SpkiPin::of(certificate.subject_public_key_info().as_ref());
        if self.pins.contains(&seen) {
            return Ok(());
        }
        let mismatch = OtherError(Arc::new(PinMismatch(seen)));
        Err(CertificateError::Other(mismatch).into())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = Chain {
            own,
            others,
            name,
            ocsp,
            now,
        };
        self.check_chain(&chain)?;
        self.check_pin(own)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, own, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, own, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }
}
