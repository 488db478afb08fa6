//! Answers HTTP servers and proxies that ask for credentials (RFC 9110 11): decides, and leaves
//! sending to others.

mod challenge;
mod digest;

use self::challenge::Challenge;
use self::digest::Digest;

use crate::http_fault::HttpAuthFault;
use crate::settings::HttpAuthScheme;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use omadm_syncml::Secret;
use zeroize::Zeroizing;

/// Whoever has not accepted the answers to so many challenges of one message never will.
const MAX_CHALLENGES: u8 = 3;

/// Octets that nobody can foresee, for the client's nonce.
pub(super) type Random = [u8; 16];

/// What answers the challenges of one server or proxy during a session.
pub(super) struct Authenticator {
    user: String,
    secret: Secret,
    /// The only scheme that is answered; `None` is the better one of those that are offered.
    scheme: Option<HttpAuthScheme>,
    /// What the next request is answered with unasked: peers want it with each.
    ready: Option<Ready>,
    /// Challenges of the message under way.
    challenges: u8,
}

enum Ready {
    Basic,
    Digest(Digest),
}

/// What goes out, as far as a digest covers it.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
}

impl Authenticator {
    pub(super) fn new(user: &str, secret: &Secret, scheme: Option<HttpAuthScheme>) -> Self {
        Self {
            user: user.to_owned(),
            secret: secret.clone(),
            scheme,
            ready: None,
            challenges: 0,
        }
    }

    /// A new message begins: what was refused before may be asked for again.
    pub(super) fn begin(&mut self) {
        self.challenges = 0;
    }

    /// The value of the field that answers the last challenge, if there was one.
    pub(super) fn answer(&mut self, request: Request<'_>, random: &Random) -> Option<String> {
        match self.ready.as_mut()? {
            Ready::Basic => {
                let mut pair = Zeroizing::new(self.user.clone().into_bytes());
                pair.push(b':');
                pair.extend_from_slice(self.secret.expose());
                Some(format!("Basic {}", STANDARD.encode(&*pair)))
            }
            Ready::Digest(digest) => {
                let client = STANDARD.encode(random);
                Some(digest.answer(&self.user, &self.secret, request, &client))
            }
        }
    }

    /// Takes the challenges of a refused request; an error if there is nothing to answer them
    /// with, or if the answer is known to be wrong.
    pub(super) fn challenged<'a>(
        &mut self,
        fields: impl IntoIterator<Item = &'a str>,
        secure: bool,
    ) -> Result<(), HttpAuthFault> {
        let offered: Vec<_> = fields.into_iter().flat_map(challenge::parse).collect();
        let answered = self.challenges > 0;
        let (ready, stale) = self.choose(&offered, secure)?;
        self.challenges += 1;
        // An answer with the nonce of an earlier message may be too old without a word of it.
        if (answered && !stale) || self.challenges > MAX_CHALLENGES {
            self.ready = None;
            return Err(HttpAuthFault::Refused {
                user: self.user.clone(),
            });
        }
        self.ready = Some(ready);
        Ok(())
    }

    fn choose(&self, offered: &[Challenge], secure: bool) -> Result<(Ready, bool), HttpAuthFault> {
        let wants = |scheme| self.scheme.is_none_or(|only| only == scheme);
        let mut unusable = None;
        if wants(HttpAuthScheme::Digest) {
            match digest::best(offered) {
                Some(Ok((digest, stale))) => return Ok((Ready::Digest(digest), stale)),
                Some(Err(reason)) => unusable = Some(HttpAuthFault::Unusable(reason)),
                None => {}
            }
        }
        let basic = offered.iter().any(|challenge| challenge.is("basic"));
        if basic && wants(HttpAuthScheme::Basic) {
            return if secure {
                Ok((Ready::Basic, false))
            } else {
                Err(HttpAuthFault::BasicWithoutTls)
            };
        }
        Err(unusable.unwrap_or_else(|| HttpAuthFault::NotOffered {
            scheme: self.scheme,
            offered: schemes(offered),
        }))
    }
}

/// The schemes that a peer offers, as it names them.
pub(super) fn offered<'a>(fields: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let all: Vec<_> = fields.into_iter().flat_map(challenge::parse).collect();
    schemes(&all)
}

fn schemes(offered: &[Challenge]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for challenge in offered {
        if !names.contains(&challenge.scheme) {
            names.push(challenge.scheme.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests;
