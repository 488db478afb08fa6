//! Digest authentication, both ways (OBEX 1.5, 4).

use bytes::{BufMut, Bytes, BytesMut};
use md5::{Digest as _, Md5};
use omadm_syncml::Secret;
use std::fmt;
use subtle::ConstantTimeEq;

/// Octets of a nonce and of a digest.
const DIGEST: usize = 16;

/// The longest user name that a response may carry.
const LONGEST_USER: usize = 20;

/// A name and a secret that an OBEX peer is proven by, in either direction.
#[derive(Clone)]
pub struct ObexCredential {
    /// The user id, at most 20 octets; empty for none.
    pub user: String,
    /// The secret.
    pub secret: Secret,
}

impl fmt::Debug for ObexCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObexCredential")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Octets that are shown once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce(pub [u8; DIGEST]);

/// The value of a challenge: the nonce, and that a user id is wanted.
pub(super) fn challenge(nonce: Nonce, wants_user: bool) -> Bytes {
    let mut out = BytesMut::new();
    put(&mut out, 0x00, &nonce.0);
    put(&mut out, 0x01, &[u8::from(wants_user)]);
    out.freeze()
}

/// The nonce of a challenge and whether it wants a user id; `None` if it cannot be answered.
pub(super) fn read_challenge(value: &[u8]) -> Option<(Nonce, bool)> {
    let mut nonce = None;
    let mut wants_user = false;
    for (tag, value) in Triplets(value) {
        match tag {
            0x00 if nonce.is_none() => nonce = Some(Nonce(value.try_into().ok()?)),
            0x01 => wants_user = value.first().is_some_and(|options| options & 1 != 0),
            _ => {}
        }
    }
    Some((nonce?, wants_user))
}

/// The value of a response to the challenge with this nonce.
pub(super) fn response(nonce: Nonce, credential: &ObexCredential) -> Bytes {
    let mut out = BytesMut::new();
    put(&mut out, 0x00, &digest(nonce, &credential.secret));
    let user = credential.user.as_bytes();
    if let Some(user) = user.get(..user.len().min(LONGEST_USER))
        && !user.is_empty()
    {
        put(&mut out, 0x01, user);
    }
    put(&mut out, 0x02, &nonce.0);
    out.freeze()
}

/// Whether a response answers the challenge with this nonce by this credential. A response that
/// names no user is judged by the secret alone; the nonce it names need not be there.
pub(super) fn verify(value: &[u8], nonce: Nonce, credential: &ObexCredential) -> bool {
    let (mut shown, mut user, mut answered) = (None, None, None);
    for (tag, value) in Triplets(value) {
        let place = match tag {
            0x00 => &mut shown,
            0x01 => &mut user,
            0x02 => &mut answered,
            _ => continue,
        };
        place.get_or_insert(value);
    }
    let known = credential.user.as_bytes();
    let known = known.get(..known.len().min(LONGEST_USER));
    if user.is_some_and(|user| Some(user) != known) {
        return false;
    }
    if answered.is_some_and(|answered| answered != nonce.0) {
        return false;
    }
    shown.is_some_and(|shown| bool::from(shown.ct_eq(&digest(nonce, &credential.secret))))
}

fn digest(nonce: Nonce, secret: &Secret) -> [u8; DIGEST] {
    let mut hash = Md5::new();
    hash.update(nonce.0);
    hash.update(b":");
    hash.update(secret.expose());
    hash.finalize().into()
}

fn put(out: &mut BytesMut, tag: u8, value: &[u8]) {
    out.put_u8(tag);
    out.put_u8(u8::try_from(value.len()).unwrap_or(u8::MAX));
    out.put_slice(value);
}

/// Tag, length, value; what does not fit ends it.
struct Triplets<'a>(&'a [u8]);

impl<'a> Iterator for Triplets<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [tag, length, rest @ ..] = self.0 else {
            return None;
        };
        let (value, rest) = rest.split_at_checked(usize::from(*length))?;
        self.0 = rest;
        Some((*tag, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(user: &str, secret: &str) -> ObexCredential {
        ObexCredential {
            user: user.to_owned(),
            secret: Secret::from_text(secret),
        }
    }

    fn hex(octets: &[u8]) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for octet in octets {
            write!(text, "{octet:02x}").unwrap();
        }
        text
    }

    /// unit/test-gobex.c of BlueZ: a nonce of zeros and the password "BlueZ".
    #[test]
    fn the_digest_of_gobex_is_ours() {
        let digest = digest(Nonce([0; 16]), &Secret::from_text("BlueZ"));
        assert_eq!(hex(&digest), "5ad49393ba4af8acce7f5b1a05387424");
    }

    #[test]
    fn another_known_digest_and_challenge() {
        let nonce = Nonce(std::array::from_fn(|at| u8::try_from(at + 1).unwrap()));
        let digest = digest(nonce, &Secret::from_text("secret"));
        assert_eq!(hex(&digest), "0fbf30ec17b4f2b271bb700771c57db7");
        assert_eq!(
            hex(&challenge(nonce, false)),
            "00100102030405060708090a0b0c0d0e0f10010100"
        );
        assert_eq!(read_challenge(&challenge(nonce, true)), Some((nonce, true)));
    }

    #[test]
    fn a_response_proves_secret_user_and_nonce() {
        let (nonce, other) = (Nonce([1; 16]), Nonce([2; 16]));
        let shown = response(nonce, &credential("dm", "secret"));
        assert!(verify(&shown, nonce, &credential("dm", "secret")));
        assert!(!verify(&shown, nonce, &credential("dm", "other")));
        assert!(!verify(&shown, nonce, &credential("md", "secret")));
        assert!(!verify(&shown, other, &credential("dm", "secret")));
        // Without a user and a nonce: gobex sends the digest alone.
        assert!(verify(&shown[..18], nonce, &credential("any", "secret")));
        assert!(!verify(&shown[..18], other, &credential("any", "secret")));
    }

    #[test]
    fn every_truncation_is_refused_or_a_shorter_response() {
        let nonce = Nonce([1; 16]);
        let shown = response(nonce, &credential("dm", "secret"));
        for cut in 0..18 {
            assert!(!verify(&shown[..cut], nonce, &credential("dm", "secret")));
            assert_eq!(read_challenge(&challenge(nonce, true)[..cut]), None);
        }
    }
}
