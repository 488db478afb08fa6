//! Who refused whom, which part of it was refused, and what mends it.

use omadm_syncml::auth::AuthScheme;
use omadm_syncml::{PeerProof, StatusCode};
use std::fmt;

/// One end of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// The device.
    Device,
    /// The server.
    Server,
}

impl Party {
    /// The word for logs and listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Server => "server",
        }
    }
}

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The name of the server.
    ServerId,
    /// The address that the device uses for the server.
    Url,
    /// A name, a secret or the kind of a credential.
    Credential,
    /// A nonce.
    Nonce,
    /// What the transport has proven, or a digest over the message itself.
    Proof,
}

impl Subject {
    /// The word for logs and listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerId => "server-id",
            Self::Url => "url",
            Self::Credential => "credential",
            Self::Nonce => "nonce",
            Self::Proof => "proof",
        }
    }
}

/// A refusal: `Display` says what happened, [`mend`](Self::mend) what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The server refused the device although the nonce was fresh: the name or the secret is wrong.
    ClientSecret {
        /// The name that the device used.
        name: String,
    },
    /// The server refused the device and offered no nonce to try again with.
    ClientUnchallenged {
        /// The name that the device used.
        name: String,
    },
    /// The server refused the device's nonce.
    ClientNonce {
        /// Whether it took the one that it gave instead.
        renewed: bool,
    },
    /// The server asks for credentials and the account has none for the device.
    ClientCredentialMissing,
    /// The server asks for a scheme that the account does not allow.
    Scheme {
        /// What the server asked for.
        asked: String,
        /// What the account allows.
        allowed: AuthScheme,
    },
    /// The server does not know the address or the device of the message.
    Address {
        /// What the server answered.
        code: StatusCode,
        /// The account's `AppAddr`.
        address: String,
    },
    /// The server's credentials are wrong and are those of another name.
    ServerName {
        /// The name that the account expects.
        expected: String,
        /// The name that the server used.
        shown: String,
    },
    /// The server's digest was wrong although the nonce was fresh: its secret is wrong.
    ServerSecret {
        /// The name that the account expects.
        expected: String,
        /// What the server calls itself.
        source: String,
    },
    /// The server's credentials were wrong, and it was given no nonce to tell why.
    ServerCredential {
        /// The name that the account expects.
        expected: String,
        /// What the server calls itself.
        source: String,
    },
    /// The server used a nonce that is not valid any more.
    ServerNonce {
        /// Whether it took the one that it was given instead.
        renewed: bool,
    },
    /// A server that had proven itself sent a digest that does not fit its message.
    ServerMac {
        /// Whether it has proven itself again since.
        overcome: bool,
    },
    /// The server showed no credentials.
    ServerCredentialMissing {
        /// What the server calls itself.
        source: String,
    },
    /// The server authenticated by transport, yet its SyncML credentials were wrong.
    CredentialIgnored,
    /// The account does not accept what the transport has proven, and nothing else has
    /// authenticated the server.
    ProofNotAccepted {
        /// What the transport has proven.
        proof: PeerProof,
    },
    /// Nothing could ever authenticate the server: the account has no credentials for it and does
    /// not accept what the transport proves.
    ServerUnprovable {
        /// What the transport has proven.
        proof: PeerProof,
    },
}

impl Refusal {
    /// Who refused.
    pub const fn by(&self) -> Party {
        match self {
            Self::ClientSecret { .. }
            | Self::ClientUnchallenged { .. }
            | Self::ClientNonce { .. }
            | Self::ClientCredentialMissing
            | Self::Address { .. } => Party::Server,
            Self::Scheme { .. }
            | Self::ServerName { .. }
            | Self::ServerSecret { .. }
            | Self::ServerCredential { .. }
            | Self::ServerNonce { .. }
            | Self::ServerMac { .. }
            | Self::ServerCredentialMissing { .. }
            | Self::CredentialIgnored
            | Self::ProofNotAccepted { .. }
            | Self::ServerUnprovable { .. } => Party::Device,
        }
    }

    /// What was refused.
    pub const fn subject(&self) -> Subject {
        match self {
            Self::ClientNonce { .. } | Self::ServerNonce { .. } => Subject::Nonce,
            Self::Address { .. } => Subject::Url,
            Self::ServerName { .. } => Subject::ServerId,
            Self::ServerMac { .. }
            | Self::ProofNotAccepted { .. }
            | Self::ServerUnprovable { .. } => Subject::Proof,
            _ => Subject::Credential,
        }
    }

    /// Whether both ends got over it: the session was none the worse.
    pub const fn is_overcome(&self) -> bool {
        matches!(
            self,
            Self::ClientNonce { renewed: true }
                | Self::ServerNonce { renewed: true }
                | Self::ServerMac { overcome: true }
                | Self::CredentialIgnored
        )
    }

    /// What to do about it, in one sentence.
    pub const fn mend(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } | Self::ClientUnchallenged { .. } => {
                "give the account (CLCRED) the name and secret that the server has for this device"
            }
            Self::ClientNonce { renewed: true } | Self::ServerNonce { renewed: true } => {
                "nothing, unless it happens in every session: then a second device uses this name, or one end forgets its nonces"
            }
            Self::ClientNonce { renewed: false } => {
                "see that no other device uses this name, and that both ends form nonces alike"
            }
            Self::ServerNonce { renewed: false } => {
                "see that the server keeps the nonces it is given; if it lost one, a session in which it asks for something renews it"
            }
            Self::ClientCredentialMissing => {
                "give the account credentials of the device (CLCRED), or register the device without"
            }
            Self::Scheme { .. } => {
                "let the server ask for what the account allows, or change the account's client authentication"
            }
            Self::Address { .. } => {
                "compare the account's AppAddr with the server's URL, and see that the server knows this DevId"
            }
            Self::ServerName { .. } => {
                "compare the name in the account's SRVCRED, and its ServerID, with what the server calls itself"
            }
            Self::ServerSecret { .. } | Self::ServerCredential { .. } => {
                "give the account (SRVCRED) the name and secret that the server proves itself with"
            }
            Self::ServerMac { .. } => {
                "look for a proxy that changes messages on their way, or for somebody who forges them"
            }
            Self::ServerCredentialMissing { .. } => {
                "let the server show its credentials, or let the account accept what its transport proves"
            }
            Self::CredentialIgnored => {
                "correct the account's SRVCRED, or remove it: TLS proves this server"
            }
            Self::ProofNotAccepted { .. } | Self::ServerUnprovable { .. } => {
                "let the account accept such a proof, or give it credentials of the server (SRVCRED)"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientSecret { .. }
            | Self::ClientUnchallenged { .. }
            | Self::ClientNonce { .. }
            | Self::ClientCredentialMissing
            | Self::Scheme { .. }
            | Self::Address { .. } => self.write_about_device(f),
            _ => self.write_about_server(f),
        }
    }
}

impl Refusal {
    fn write_about_device(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientSecret { name } => write!(
                f,
                "the server does not accept the device's name \"{name}\" or its secret (CLCRED), although the nonce was fresh"
            ),
            Self::ClientUnchallenged { name } => write!(
                f,
                "the server does not accept the device's name \"{name}\", secret or nonce (CLCRED) and gave no challenge"
            ),
            Self::ClientNonce { renewed: true } => {
                f.write_str("the device's stored nonce was stale and was renewed")
            }
            Self::ClientNonce { renewed: false } => f.write_str(
                "the server refused the device's nonce again and again, although it had given it",
            ),
            Self::ClientCredentialMissing => f.write_str(
                "the server asks for the device's credentials and the account has no CLCRED",
            ),
            Self::Scheme { asked, allowed } => write!(
                f,
                "the server asks for {asked}, the account's CLCRED allows {}",
                allowed.as_str()
            ),
            Self::Address { code, address } => write!(
                f,
                "the server answered {code} ({}): it knows neither the URL in the account's AppAddr ({address}) nor this device",
                code.phrase()
            ),
            _ => Ok(()),
        }
    }

    fn write_about_server(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerName { expected, shown } => write!(
                f,
                "the server's credentials are those of \"{shown}\": the account's SRVCRED expects \"{expected}\""
            ),
            Self::ServerSecret { expected, source } => write!(
                f,
                "the server, which calls itself \"{source}\", has the wrong name or secret, although the nonce was fresh: the account's SRVCRED expects \"{expected}\""
            ),
            Self::ServerCredential { expected, source } => write!(
                f,
                "the server, which calls itself \"{source}\", did not authenticate itself: the name, secret or nonce it used is not that of the account's SRVCRED (\"{expected}\")"
            ),
            Self::ServerNonce { renewed: true } => {
                f.write_str("the server used a stale nonce and was given a new one")
            }
            Self::ServerNonce { renewed: false } => f.write_str(
                "the server knows its secret and used a stale nonce, or its message is an old one",
            ),
            Self::ServerMac { .. } => f.write_str(
                "the server had proven itself, and then a digest did not fit the message that came with it",
            ),
            Self::ServerCredentialMissing { source } => write!(
                f,
                "the server, which calls itself \"{source}\", did not authenticate itself: it showed no credentials"
            ),
            Self::CredentialIgnored => f.write_str(
                "the server's SyncML credentials were wrong; the transport authenticated it",
            ),
            Self::ProofNotAccepted { proof } => {
                write!(f, "the account does not accept what the transport proves ({proof})")
            }
            Self::ServerUnprovable { proof } => write!(
                f,
                "the account has no SRVCRED and does not accept what the transport proves ({proof})"
            ),
            _ => Ok(()),
        }
    }
}
