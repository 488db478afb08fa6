//! The Digest scheme (RFC 7616) with `qop=auth`, MD5 and SHA-256.

use super::Request;
use super::challenge::Challenge;

use md5::Md5;
use omadm_syncml::Secret;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// One challenge, and how many requests were made with it.
#[derive(Debug)]
pub(super) struct Digest {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Algorithm {
    hash: Hash,
    /// The secret's hash is bound to the nonces of the first request (RFC 7616 3.4.2).
    session: bool,
}

impl Algorithm {
    const ALL: [(&str, Hash, bool); 4] = [
        ("MD5", Hash::Md5, false),
        ("MD5-sess", Hash::Md5, true),
        ("SHA-256", Hash::Sha256, false),
        ("SHA-256-sess", Hash::Sha256, true),
    ];

    fn parse(name: Option<&str>) -> Option<Self> {
        // RFC 7616 3.3: MD5 where none is named.
        let name = name.unwrap_or("MD5");
        let mut all = Self::ALL.into_iter();
        let (_, hash, session) = all.find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        Some(Self { hash, session })
    }

    fn name(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, hash, session)| (*hash, *session) == (self.hash, self.session))
            .map_or("MD5", |(name, ..)| name)
    }

    fn digest(self, parts: &[&[u8]]) -> Zeroizing<String> {
        let joined = Zeroizing::new(parts.join(&b':'));
        let octets = match self.hash {
            Hash::Md5 => Md5::digest(&*joined).to_vec(),
            Hash::Sha256 => Sha256::digest(&*joined).to_vec(),
        };
        let mut hex = String::with_capacity(octets.len() * 2);
        for octet in octets {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{octet:02x}");
        }
        Zeroizing::new(hex)
    }
}

/// The strongest of the Digest challenges, and whether it calls the last answer merely stale; an
/// error if none of them can be answered, `None` if there is none.
pub(super) fn best(offered: &[Challenge]) -> Option<Result<(Digest, bool), &'static str>> {
    let mut best: Option<Result<(Digest, bool), &'static str>> = None;
    for challenge in offered.iter().filter(|challenge| challenge.is("digest")) {
        let digest = Digest::new(challenge).map(|digest| (digest, is_stale(challenge)));
        let better = match (&best, &digest) {
            (None | Some(Err(_)), _) => true,
            (Some(Ok((old, _))), Ok((new, _))) => new.algorithm.hash > old.algorithm.hash,
            (Some(Ok(_)), Err(_)) => false,
        };
        if better {
            best = Some(digest);
        }
    }
    best
}

fn is_stale(challenge: &Challenge) -> bool {
    let stale = challenge.get("stale");
    stale.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

impl Digest {
    fn new(challenge: &Challenge) -> Result<Self, &'static str> {
        let unprintable = |text: &str| text.chars().any(char::is_control);
        let (Some(realm), Some(nonce)) = (challenge.get("realm"), challenge.get("nonce")) else {
            return Err("its challenge has no realm or no nonce");
        };
        let opaque = challenge.get("opaque");
        if challenge.is_damaged()
            || [realm, nonce, opaque.unwrap_or("")].map(unprintable) != [false; 3]
        {
            return Err("its challenge is damaged");
        }
        let qop = challenge.get("qop").unwrap_or_default();
        if !qop
            .split(',')
            .any(|kind| kind.trim().eq_ignore_ascii_case("auth"))
        {
            return Err("it does not offer qop=auth");
        }
        let algorithm = Algorithm::parse(challenge.get("algorithm"));
        Ok(Self {
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            opaque: opaque.map(str::to_owned),
            algorithm: algorithm.ok_or("it offers neither MD5 nor SHA-256")?,
            count: 0,
        })
    }

    /// The value of the field for the next request (RFC 7616 3.4).
    pub(super) fn answer(
        &mut self,
        user: &str,
        secret: &Secret,
        request: Request<'_>,
        client: &str,
    ) -> String {
        self.count = self.count.saturating_add(1);
        let count = format!("{:08x}", self.count);
        let nonce = self.nonce.as_bytes();
        let digest = |parts: &[&[u8]]| self.algorithm.digest(parts);
        let mut known = digest(&[user.as_bytes(), self.realm.as_bytes(), secret.expose()]);
        if self.algorithm.session {
            known = digest(&[known.as_bytes(), nonce, client.as_bytes()]);
        }
        let sent = digest(&[request.method.as_bytes(), request.target.as_bytes()]);
        let response = digest(&[
            known.as_bytes(),
            nonce,
            count.as_bytes(),
            client.as_bytes(),
            b"auth",
            sent.as_bytes(),
        ]);
        let mut field = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, algorithm={}, response=\"{}\", \
             qop=auth, nc={count}, cnonce={}",
            quoted(user),
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(request.target),
            self.algorithm.name(),
            *response,
            quoted(client),
        );
        if let Some(opaque) = &self.opaque {
            let _ = write!(field, ", opaque={}", quoted(opaque));
        }
        field
    }
}

/// RFC 9110 5.6.4.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}
