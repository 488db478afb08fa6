//! Who is who: the device's credentials, and the nonces that it proves itself with.

use super::refusal::{Party, Refusal, Subject};
use super::{Effect, Phase, Turn};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_syncml::auth::{self, AuthScheme};
use omadm_syncml::{Cred, HmacHeader, Meta, StatusCode};

/// After a wrong nonce one more challenge must be given, and none after that
/// (OMA-TS-DM-Security 5.3).
const CHALLENGES_IN_A_ROW: u8 = 2;

/// How many challenges a session may take, where each message is proven and may go wrong.
const MAX_CHALLENGES: u8 = 3;

/// How many refusals of a session are kept.
const MAX_REFUSALS: usize = 8;

/// What the credentials of a message come to.
pub(super) enum Verdict {
    /// The device has proven itself.
    Accepted {
        code: StatusCode,
        chal: Option<Meta>,
    },
    /// It has not; with a challenge it may try again.
    Refused {
        code: StatusCode,
        chal: Option<Meta>,
    },
}

/// What a device shows with a message.
enum Shown<'a> {
    Cred(&'a Cred),
    Digest(&'a HmacHeader),
}

/// Why what it shows proves nothing.
struct Fault {
    refusal: Refusal,
    other_scheme: bool,
}

impl<'a> Turn<'a> {
    pub(super) fn authenticate(&mut self) -> Verdict {
        let signs = self.device_signs();
        if self.session.phase != Phase::Authenticating && !signs {
            return Verdict::Accepted {
                code: StatusCode::OK,
                chal: None,
            };
        }
        let shown = self.shown();
        match shown.map(|shown| self.examine(&shown)) {
            None => self.refuse_missing(signs),
            Some(Ok(nonce)) => self.accept(signs, nonce),
            Some(Err(fault)) => self.challenge(
                StatusCode::INVALID_CREDENTIALS,
                fault.refusal,
                fault.other_scheme,
            ),
        }
    }

    /// Whether each message of the device comes with a digest over it.
    fn device_signs(&self) -> bool {
        self.exchange.device.client.scheme == AuthScheme::Hmac
    }

    fn shown(&self) -> Option<Shown<'a>> {
        let exchange = self.exchange;
        let digest = exchange.hmac.filter(|_| self.device_signs());
        let cred = exchange.message.header.cred.as_ref();
        digest.map(Shown::Digest).or(cred.map(Shown::Cred))
    }

    fn accept(&mut self, signs: bool, nonce: Vec<u8>) -> Verdict {
        if self.session.phase == Phase::Authenticating {
            self.session.phase = Phase::Open;
            self.effects.push(Effect::Authenticated);
        }
        self.session.challenge = None;
        self.session.last_nonce = signs.then_some(nonce);
        self.session.refused_in_a_row = 0;
        self.overcome();
        let scheme = self.exchange.device.client.scheme;
        let chal = scheme.needs_nonce().then(|| {
            let nonce = self.fresh_nonce();
            self.effects.push(Effect::ClientNonce(nonce.clone()));
            auth::challenge(scheme, &nonce)
        });
        // A digest goes with each message, each with a nonce of its own (OMA-TS-DM-Security 5.4).
        let code = if signs {
            StatusCode::OK
        } else {
            StatusCode::AUTHENTICATED
        };
        Verdict::Accepted { code, chal }
    }

    /// What was wrong before is right now: it was the nonce, or a message that was altered.
    fn overcome(&mut self) {
        match self.session.fault.take() {
            Some(fault) if fault.what == Subject::Proof => self.record(Refusal {
                overcome: true,
                ..fault
            }),
            Some(fault) if ![NO_CREDENTIALS, NO_NONCE].contains(&&*fault.text) => {
                self.record(Refusal::stale_nonce(Party::Server));
            }
            _ => {}
        }
    }

    fn refuse_missing(&mut self, signs: bool) -> Verdict {
        // Where each message has to be proven, one that is not is wrong; a device that has not
        // been asked yet may not know (OMA-TS-DM-Security 5.4).
        let known = self.session.phase != Phase::Authenticating || self.session.challenges > 0;
        let code = if signs && known {
            StatusCode::INVALID_CREDENTIALS
        } else {
            StatusCode::CREDENTIALS_REQUIRED
        };
        let mend = "let the device's account show credentials";
        let refusal = Refusal::of_device(Subject::Credential, NO_CREDENTIALS, mend);
        self.challenge(code, refusal, false)
    }

    fn challenge(&mut self, code: StatusCode, refusal: Refusal, other_scheme: bool) -> Verdict {
        // Before the first challenge a device cannot know the nonce, nor that it must show anything.
        let counts = self.session.challenges > 0
            || (code == StatusCode::INVALID_CREDENTIALS
                && !self.exchange.device.client.scheme.needs_nonce());
        self.effects.push(Effect::AuthenticationFailed {
            refusal: refusal.clone(),
            counts,
        });
        self.session.fault = Some(refusal);
        self.begin_again();
        // An answer of another type than was asked for ends the session (OMA-TS-DM-Security 5.3).
        let stubborn = other_scheme && self.session.challenges > 0;
        let exhausted = self.session.refused_in_a_row >= CHALLENGES_IN_A_ROW
            || self.session.challenges >= MAX_CHALLENGES;
        if stubborn || exhausted {
            self.session.phase = Phase::Refused;
            return Verdict::Refused { code, chal: None };
        }
        self.session.challenges += 1;
        self.session.refused_in_a_row += 1;
        let nonce = self.fresh_nonce();
        let chal = auth::challenge(self.exchange.device.client.scheme, &nonce);
        self.session.challenge = Some(nonce);
        Verdict::Refused {
            code,
            chal: Some(chal),
        }
    }

    /// A device that was proven is not any more: after a challenge it begins with package 1, and
    /// answers no command that it was sent before (OMA-TS-DM-Security 5.3).
    fn begin_again(&mut self) {
        if self.session.phase == Phase::Authenticating {
            return;
        }
        self.session.phase = Phase::Authenticating;
        self.load_jobs();
        self.return_jobs("a message of the device proved nothing");
    }

    /// The nonce that the device has proven to know.
    fn examine(&mut self, shown: &Shown<'a>) -> Result<Vec<u8>, Fault> {
        let device = self.exchange.device;
        let scheme = match shown {
            Shown::Cred(cred) => cred.meta.type_.as_deref().and_then(AuthScheme::from_type),
            Shown::Digest(_) => Some(AuthScheme::Hmac),
        };
        let expected = self
            .session
            .challenge
            .as_ref()
            .unwrap_or(&device.client.nonce);
        if let Some(text) = self.matches(shown, expected)
            && device.known
        {
            let expected = expected.clone();
            self.session.nonce_text = text && scheme.is_some_and(AuthScheme::needs_nonce);
            return Ok(expected);
        }
        Err(Fault {
            refusal: self.diagnose(shown, scheme),
            other_scheme: scheme != Some(device.client.scheme),
        })
    }

    /// Whether the device knows this nonce; if so, whether it hashes the base64 text of a nonce,
    /// as some do, and not its octets.
    fn matches(&self, shown: &Shown<'a>, nonce: &[u8]) -> Option<bool> {
        let client = &self.exchange.device.client;
        let proves = |nonce: &[u8]| match shown {
            Shown::Cred(cred) => {
                auth::verify(client.scheme, cred, &client.user, &client.secret, nonce)
            }
            Shown::Digest(header) => {
                let body = self.exchange.body;
                auth::verify_hmac(&header.mac, &client.user, &client.secret, nonce, body)
            }
        };
        if proves(nonce) {
            Some(false)
        } else {
            proves(STANDARD.encode(nonce).as_bytes()).then_some(true)
        }
    }

    /// Whether the device used a nonce that was valid once.
    fn is_stale(&self, shown: &Shown<'a>) -> bool {
        let stored = self
            .session
            .challenge
            .is_some()
            .then_some(&self.exchange.device.client.nonce);
        let mut past = stored.into_iter().chain(&self.session.last_nonce);
        past.any(|nonce| !nonce.is_empty() && self.matches(shown, nonce).is_some())
    }

    /// Says which part was wrong, for whoever runs the server; the device is not told.
    fn diagnose(&self, shown: &Shown<'a>, scheme: Option<AuthScheme>) -> Refusal {
        let device = self.exchange.device;
        let credential = |text: String, mend| Refusal::of_device(Subject::Credential, text, mend);
        if !device.known {
            let mend = "register it with omadm-server device add";
            return credential("the device is not registered".into(), mend);
        }
        if scheme != Some(device.client.scheme) {
            let sent = match shown {
                Shown::Cred(cred) => shorten(cred.meta.type_.as_deref().unwrap_or("no type")),
                Shown::Digest(_) => AuthScheme::Hmac.as_str().to_owned(),
            };
            let wanted = device.client.scheme.as_str();
            let text = format!("the credentials are {sent}, {wanted} is registered");
            return credential(
                text,
                "let the device and its registration use the same --auth",
            );
        }
        let same = "give the device the name and secret that are registered, or register it again \
            with --replace";
        match self.shown_name(shown) {
            Some(name) if name != device.client.user => {
                let (name, user) = (shorten(name), &device.client.user);
                let text = format!("the user name is {name:?}, {user:?} is registered");
                credential(text, same)
            }
            _ if scheme == Some(AuthScheme::Basic) => credential("wrong secret".into(), same),
            _ if self.is_stale(shown) => Refusal::of_device(
                Subject::Nonce,
                "the secret is right, the nonce an old one",
                "see that no second device uses this name and that the device keeps its nonces",
            ),
            _ if self.session.phase != Phase::Authenticating => Refusal::of_device(
                Subject::Proof,
                "the digest does not fit the message, although the device was proven",
                "look for a proxy that changes messages, or for somebody who forges them",
            ),
            _ if self.session.challenge.is_some() => {
                credential("wrong secret (the nonce was fresh)".into(), same)
            }
            // A device that was never challenged cannot know better (OMA-TS-DM-Security 5.3).
            _ if device.client.nonce.is_empty() => Refusal::of_device(
                Subject::Nonce,
                NO_NONCE,
                "nothing: it is challenged, and shows its credentials again",
            ),
            _ => credential("wrong secret, or a stale nonce".into(), same),
        }
    }

    fn shown_name(&self, shown: &Shown<'a>) -> Option<&'a str> {
        match shown {
            Shown::Digest(header) if header.is_unreadable() => None,
            Shown::Digest(header) => Some(&header.user),
            Shown::Cred(_) => self.exchange.message.header.source.name.as_deref(),
        }
    }

    /// Text that C programs keep as a string without loss: no octet is zero.
    fn fresh_nonce(&self) -> Vec<u8> {
        STANDARD.encode(self.exchange.fresh).into_bytes()
    }

    /// Keeps a refusal for whoever looks at the session.
    pub(super) fn record(&mut self, refusal: Refusal) {
        let refusals = &mut self.session.refusals;
        if refusals.len() < MAX_REFUSALS && !refusals.contains(&refusal) {
            refusals.push(refusal);
        }
    }
}

const NO_CREDENTIALS: &str = "no credentials";
const NO_NONCE: &str = "the device has no nonce of this server yet";

/// What a peer sent, short enough for a line.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}
