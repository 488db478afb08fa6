//! How the device proves itself to the server: credentials out, challenges in
//! (OMA-TS-DM-Security 5, OMA-TS-DM-Protocol 9).

use super::refusal::Refusal;
use super::server_auth::MAX_CHALLENGES;
use crate::{Account, Credential};
use omadm_syncml::auth::{self, AuthScheme, HmacHeader, NonceForm};
use omadm_syncml::{Cred, Meta, StatusCode, Uri};

/// The device's side of authentication in one session.
pub(super) struct ClientAuth {
    credential: Option<Credential>,
    form: NonceForm,
    scheme: Option<AuthScheme>,
    nonce: Vec<u8>,
    state: State,
    /// How often in a row the server has refused what it was shown.
    refusals: u8,
    /// How many challenges were taken up.
    challenges: u8,
    stale: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is shown until the server asks.
    Silent,
    /// Each message shows a credential made with the stored nonce.
    Stored,
    /// Each message shows a credential made with the nonce of a challenge.
    Challenged,
    /// 212: the server wants nothing more in this session.
    Accepted,
}

/// What the server's status for the header means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClientVerdict {
    /// The session goes on.
    Accepted,
    /// Package 1 has to be sent again, with the credential that was asked for.
    Again,
    /// Neither end can do more.
    End(Refusal),
}

impl ClientAuth {
    pub(super) fn new(account: &Account) -> Self {
        let credential = account.client.clone();
        let state = match &credential {
            Some(_) if account.offers_credentials => State::Stored,
            _ => State::Silent,
        };
        Self {
            form: account.nonce_form,
            scheme: credential.as_ref().map(|c| c.scheme),
            nonce: credential
                .as_ref()
                .map(|c| c.nonce.clone())
                .unwrap_or_default(),
            credential,
            state,
            refusals: 0,
            challenges: 0,
            stale: false,
        }
    }

    /// The name that goes in `Source/LocName` of the next message, if it shows a credential.
    pub(super) fn name(&self) -> Option<&str> {
        Some(&self.shown()?.1.name)
    }

    /// The `Cred` of the next message.
    pub(super) fn cred(&self) -> Option<Cred> {
        let (scheme, credential) = self.shown()?;
        auth::credential(scheme, &credential.name, &credential.secret, &self.nonce)
    }

    /// What goes beside the next message, whose octets are `body`.
    pub(super) fn sign(&self, body: &[u8]) -> Option<HmacHeader> {
        let (scheme, own) = self.shown()?;
        (scheme == AuthScheme::Hmac).then(|| HmacHeader {
            user: own.name.clone(),
            mac: auth::hmac(&own.name, &own.secret, &self.nonce, body),
        })
    }

    fn shown(&self) -> Option<(AuthScheme, &Credential)> {
        if matches!(self.state, State::Silent | State::Accepted) {
            return None;
        }
        self.scheme.zip(self.credential.as_ref())
    }

    /// Takes the server's status for the header, 200, 212, 401 or 407, and its challenge.
    pub(super) fn handle_status(
        &mut self,
        code: StatusCode,
        challenge: Option<&Meta>,
    ) -> ClientVerdict {
        if code.is_success() {
            self.accept(code, challenge);
            return ClientVerdict::Accepted;
        }
        match self.take_challenge(challenge) {
            Ok(()) => ClientVerdict::Again,
            Err(refusal) => ClientVerdict::End(refusal),
        }
    }

    /// Whether a stored nonce was refused and a fresh one accepted.
    pub(super) fn nonce_was_stale(&self) -> bool {
        self.stale
    }

    /// The newest nonce and its leaf, if it is not the stored one.
    ///
    /// It is only to be stored for a server that has authenticated itself: anyone else could
    /// make the device forget the right one.
    pub(super) fn unstored_nonce(&self) -> Option<(&Uri, &[u8])> {
        let credential = self.credential.as_ref()?;
        let uri = credential.nonce_uri.as_ref()?;
        (self.nonce != credential.nonce).then_some((uri, self.nonce.as_slice()))
    }

    /// The newest nonce has been stored.
    pub(super) fn nonce_stored(&mut self) {
        if let Some(credential) = &mut self.credential {
            credential.nonce.clone_from(&self.nonce);
        }
    }

    fn accept(&mut self, code: StatusCode, challenge: Option<&Meta>) {
        let had_nonce = |credential: &Credential| !credential.nonce.is_empty();
        let had_nonce = self.credential.as_ref().is_some_and(had_nonce);
        if self.state == State::Challenged && self.refusals > 0 && had_nonce {
            self.stale = true;
        }
        self.refusals = 0;
        // 200 asks for credentials in each message, 212 does not (OMA-TS-DM-Security 5.3). A
        // digest over the message goes with each, once it has been used (5.4).
        if code == StatusCode::AUTHENTICATED && self.scheme != Some(AuthScheme::Hmac) {
            self.state = State::Accepted;
        }
        if let Some(nonce) = challenge.and_then(|meta| self.nonce_of(meta)) {
            self.nonce = nonce;
        }
    }

    fn take_challenge(&mut self, challenge: Option<&Meta>) -> Result<(), Refusal> {
        let Some(credential) = &self.credential else {
            return Err(Refusal::ClientCredentialMissing);
        };
        let name = credential.name.clone();
        let allowed = credential.scheme;
        let shown = self.state != State::Silent;
        let previous = self.scheme;
        let Some(meta) = challenge else {
            // A bare 407 to a message without credentials still asks for them.
            return self
                .show_stored()
                .ok_or(Refusal::ClientUnchallenged { name });
        };
        let scheme = scheme_of(meta, allowed)?;
        self.refusals += u8::from(shown);
        // A name and password that were refused once are wrong; a digest may have had a stale
        // nonce, for which one more challenge is due (OMA-TS-DM-Security 5.3).
        let repeated = shown && scheme == AuthScheme::Basic && previous == Some(scheme);
        if repeated || self.refusals >= 2 {
            return Err(Refusal::ClientSecret { name });
        }
        self.challenges += 1;
        if self.challenges > MAX_CHALLENGES {
            return Err(Refusal::ClientNonce { renewed: false });
        }
        if scheme.needs_nonce() {
            self.nonce = self
                .nonce_of(meta)
                .ok_or(Refusal::ClientUnchallenged { name })?;
        }
        self.scheme = Some(scheme);
        self.state = State::Challenged;
        Ok(())
    }

    fn show_stored(&mut self) -> Option<()> {
        if self.state != State::Silent {
            return None;
        }
        self.state = State::Stored;
        Some(())
    }

    fn nonce_of(&self, meta: &Meta) -> Option<Vec<u8>> {
        let nonce = auth::nonce_octets(meta.next_nonce.as_ref()?, self.form)?;
        (nonce.len() <= LONGEST_NONCE).then_some(nonce)
    }
}

/// More octets than this serve no purpose and would have to be stored.
const LONGEST_NONCE: usize = 1_024;

/// The scheme that a challenge asks for, unless it would give away more than the account allows:
/// whoever asks for a password in clear has not authenticated itself yet.
fn scheme_of(meta: &Meta, allowed: AuthScheme) -> Result<AuthScheme, Refusal> {
    let Some(asked) = meta.type_.as_deref() else {
        return Ok(allowed);
    };
    match AuthScheme::from_type(asked) {
        Some(scheme) if scheme >= allowed => Ok(scheme),
        _ => Err(Refusal::Scheme {
            asked: asked.to_owned(),
            allowed,
        }),
    }
}
