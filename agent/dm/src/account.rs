//! What a session knows about the server it talks to; it leaves the DMAcc nodes to whoever reads them.

use omadm_syncml::auth::{AuthScheme, NonceForm, Secret};
use omadm_syncml::{AcceptedProof, MediaType, PeerProof, Uri};
use std::fmt;

/// One management account: a server, its address and the credentials of both ends.
#[derive(Clone)]
pub struct Account {
    /// What people call it.
    pub name: String,
    /// `ServerID`: whom ACLs name, and whom commands are executed for.
    pub server_id: String,
    /// `AppAddr`: the URI that goes in the header as the server's address.
    pub address: String,
    /// `CLCRED`: how the device proves itself; `None` when only the transport does.
    pub client: Option<Credential>,
    /// Whether the first message already carries the device's credentials, made with the stored
    /// nonce; otherwise the device waits for a challenge (OMA-TS-DM-Security 5.1).
    pub offers_credentials: bool,
    /// `SRVCRED`: how the server proves itself; `None` when only the transport can.
    pub server: Option<Credential>,
    /// The transport proofs that stand in place of the server's credentials. Any other proof
    /// falls back to SyncML credentials.
    pub accepts: Vec<AcceptedProof>,
    /// How messages to the server are encoded.
    pub media_type: MediaType,
    /// How both ends turn `NextNonce` into octets.
    pub nonce_form: NonceForm,
    /// Whether a failed member of a `Sequence` keeps the rest from being executed.
    pub sequence_stops: bool,
}

impl Account {
    /// An account without credentials, which accepts no transport proof; the caller fills it in.
    pub fn new(name: &str, server_id: &str, address: &str) -> Self {
        Self {
            name: name.to_owned(),
            server_id: server_id.to_owned(),
            address: address.to_owned(),
            client: None,
            offers_credentials: true,
            server: None,
            accepts: Vec::new(),
            media_type: MediaType::DmXml,
            nonce_form: NonceForm::Decoded,
            sequence_stops: true,
        }
    }

    /// Whether `proof` makes the server's own credentials unnecessary.
    pub fn accepts(&self, proof: PeerProof) -> bool {
        self.accepts.iter().any(|accepted| accepted.covers(proof))
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("server_id", &self.server_id)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// One end's name, secret and nonce.
#[derive(Clone)]
pub struct Credential {
    /// `AAuthType`: the least that is accepted in either direction.
    pub scheme: AuthScheme,
    /// `AAuthName`.
    pub name: String,
    /// `AAuthSecret`.
    pub secret: Secret,
    /// `AAuthData`: the octets that the next digest is made with.
    pub nonce: Vec<u8>,
    /// The `AAuthData` leaf that a new nonce is written to; `None` forgets it with the session.
    pub nonce_uri: Option<Uri>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("scheme", &self.scheme)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use omadm_syncml::ServerTrust;

    #[test]
    fn only_a_listed_proof_is_accepted_and_no_proof_never() {
        let mut account = Account::new("bench", "srv", "http://127.0.0.1/dm");
        let proven = PeerProof::tls(ServerTrust::PrivateCa);
        assert!(!account.accepts(proven));
        account.accepts = vec![AcceptedProof::TlsMutual, AcceptedProof::TlsCa];
        assert!(account.accepts(proven));
        assert!(!account.accepts(PeerProof::tls(ServerTrust::SystemRoot)));
        account.accepts = AcceptedProof::ALL.to_vec();
        assert!(!account.accepts(PeerProof::None));
    }

    #[test]
    fn debug_shows_neither_secret_nor_nonce() {
        let mut account = Account::new("bench", "srv", "http://127.0.0.1/dm");
        let credential = Credential {
            scheme: AuthScheme::Md5,
            name: "bruce".to_owned(),
            secret: Secret::from_text("OhBehave"),
            nonce: b"Nonce".to_vec(),
            nonce_uri: None,
        };
        account.client = Some(credential.clone());
        for text in [format!("{account:?}"), format!("{credential:?}")] {
            assert!(!text.contains("OhBehave"), "{text}");
            assert!(!text.contains("78, 111"), "{text}");
        }
    }
}
