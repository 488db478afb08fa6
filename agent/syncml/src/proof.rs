//! What a transport proves about the peer, and what of it an account accepts.

use std::fmt;
use std::str::FromStr;

/// What the transport has proven about the peer before any message was read.
///
/// This is a security boundary: an account lists the proofs it accepts in place of SyncML
/// server credentials, and any other proof falls back to those credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerProof {
    /// Nothing is known.
    None,
    /// TLS with a server certificate that was verified for the name in the address.
    Tls {
        /// Why the certificate is trusted.
        server: ServerTrust,
        /// Whether the server asked for a certificate of the device and was shown one.
        mutual: bool,
    },
    /// OBEX digest authentication with the secret that the account has for it. It proves who has
    /// connected, not who sends what follows: whoever sits on the line may.
    ObexDigest,
    /// A link whose two ends have proven the key of an earlier pairing, and that is encrypted with
    /// it (Bluetooth Core 5.4, Vol 3 Part C, 5.2.2), to a peer that the account names.
    BondedLink,
}

impl PeerProof {
    /// TLS in which only the server showed a certificate.
    pub const fn tls(server: ServerTrust) -> Self {
        Self::Tls {
            server,
            mutual: false,
        }
    }

    /// Whether every account that accepts `other` accepts this as well: a session that goes on
    /// elsewhere must not go on with less than it began with.
    pub fn covers(self, other: Self) -> bool {
        let accepted = |proof| AcceptedProof::ALL.map(|accepted| accepted.covers(proof));
        let mut pairs = accepted(other).into_iter().zip(accepted(self));
        pairs.all(|(before, now)| now || !before)
    }
}

/// Why a server's certificate is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerTrust {
    /// One of the machine's certificate authorities has signed it.
    SystemRoot,
    /// An authority that the account names has signed it.
    PrivateCa,
    /// Its public key is one that the account names, on top of either.
    Pinned,
}

impl fmt::Display for PeerProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (server, mutual) = match self {
            Self::None => return f.write_str("nothing"),
            Self::ObexDigest => return f.write_str("an OBEX digest"),
            Self::BondedLink => return f.write_str("a bonded link"),
            Self::Tls { server, mutual } => (server, mutual),
        };
        f.write_str(match server {
            ServerTrust::SystemRoot => "TLS, by an authority of the machine",
            ServerTrust::PrivateCa => "TLS, by an authority of the account",
            ServerTrust::Pinned => "TLS, by a pinned key",
        })?;
        f.write_str(if *mutual { ", mutual" } else { "" })
    }
}

/// A transport proof that an account accepts in place of the server's SyncML credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcceptedProof {
    /// Any server certificate that was verified.
    Tls,
    /// One that the account itself vouches for: by its own authority, or by a pin.
    TlsCa,
    /// One whose key is pinned.
    TlsPin,
    /// Any, if the device showed a certificate as well.
    TlsMutual,
    /// The secret that the account has for OBEX.
    ObexDigest,
    /// A link of a pairing with a peer that the account names.
    BondedLink,
}

impl AcceptedProof {
    /// Every one, the widest first.
    pub const ALL: [Self; 6] = [
        Self::Tls,
        Self::TlsCa,
        Self::TlsPin,
        Self::TlsMutual,
        Self::ObexDigest,
        Self::BondedLink,
    ];

    /// The name that people write.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::TlsCa => "tls-ca",
            Self::TlsPin => "tls-pin",
            Self::TlsMutual => "tls-mutual",
            Self::ObexDigest => "obex-digest",
            Self::BondedLink => "bonded-link",
        }
    }

    /// Whether `proof` is such a one.
    pub const fn covers(self, proof: PeerProof) -> bool {
        let (server, mutual) = match proof {
            PeerProof::None => return false,
            PeerProof::ObexDigest => return matches!(self, Self::ObexDigest),
            PeerProof::BondedLink => return matches!(self, Self::BondedLink),
            PeerProof::Tls { server, mutual } => (server, mutual),
        };
        match self {
            Self::Tls => true,
            Self::TlsCa => matches!(server, ServerTrust::PrivateCa | ServerTrust::Pinned),
            Self::TlsPin => matches!(server, ServerTrust::Pinned),
            Self::TlsMutual => mutual,
            Self::ObexDigest | Self::BondedLink => false,
        }
    }
}

impl fmt::Display for AcceptedProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownProof;

impl fmt::Display for UnknownProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = AcceptedProof::ALL.map(AcceptedProof::as_str);
        write!(f, "no such proof; there are {}", known.join(", "))
    }
}

impl std::error::Error for UnknownProof {}

impl FromStr for AcceptedProof {
    type Err = UnknownProof;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|proof| proof.as_str() == text).ok_or(UnknownProof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row is a proof, with what [`AcceptedProof::ALL`] says of it in order.
    #[test]
    fn each_accepted_proof_covers_what_it_names() {
        use ServerTrust::{Pinned, PrivateCa, SystemRoot};

        let mutual = |server| PeerProof::Tls {
            server,
            mutual: true,
        };
        for (proof, expected) in [
            (PeerProof::None, [false, false, false, false, false, false]),
            (
                PeerProof::tls(SystemRoot),
                [true, false, false, false, false, false],
            ),
            (
                PeerProof::tls(PrivateCa),
                [true, true, false, false, false, false],
            ),
            (
                PeerProof::tls(Pinned),
                [true, true, true, false, false, false],
            ),
            (mutual(SystemRoot), [true, false, false, true, false, false]),
            (mutual(PrivateCa), [true, true, false, true, false, false]),
            (mutual(Pinned), [true, true, true, true, false, false]),
            (
                PeerProof::ObexDigest,
                [false, false, false, false, true, false],
            ),
            (
                PeerProof::BondedLink,
                [false, false, false, false, false, true],
            ),
        ] {
            let covered = AcceptedProof::ALL.map(|accepted| accepted.covers(proof));
            assert_eq!(covered, expected, "{proof}");
        }
    }

    #[test]
    fn a_proof_covers_those_that_say_less() {
        let mutual = PeerProof::Tls {
            server: ServerTrust::SystemRoot,
            mutual: true,
        };
        let ca = PeerProof::tls(ServerTrust::PrivateCa);
        let pinned = PeerProof::tls(ServerTrust::Pinned);
        for (now, before, expected) in [
            (PeerProof::None, PeerProof::None, true),
            (ca, PeerProof::None, true),
            (PeerProof::None, ca, false),
            (pinned, ca, true),
            (ca, pinned, false),
            (mutual, ca, false),
            (ca, mutual, false),
            (PeerProof::ObexDigest, ca, false),
            (ca, PeerProof::ObexDigest, false),
        ] {
            assert_eq!(now.covers(before), expected, "{now} after {before}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for proof in AcceptedProof::ALL {
            assert_eq!(proof.to_string().parse(), Ok(proof));
        }
        let error = "TLS".parse::<AcceptedProof>().unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("tls, tls-ca, tls-pin, tls-mutual, obex-digest, bonded-link")
        );
    }
}
