//! How the server proves itself to the device: challenges out, credentials in
//! (OMA-TS-DM-Security 5, OMA-TS-DM-Protocol 9).

use super::nonces::{Nonces, Shown};
use super::outcome::Note;
use super::random::Random;
use super::refusal::Refusal;
use crate::{Account, Credential};
use omadm_syncml::auth::{self, AuthScheme, NonceForm};
use omadm_syncml::{Envelope, Header, Meta, PeerProof, StatusCode, Uri};

/// How many challenges either end may take up in a session. One more is due after a wrong nonce
/// (OMA-TS-DM-Security 5.3), and a digest with each message may go wrong again later.
pub(super) const MAX_CHALLENGES: u8 = 3;

/// The server's side of authentication in one session.
pub(super) struct ServerAuth {
    credential: Option<Credential>,
    server_id: String,
    proof: PeerProof,
    /// The transport proof stands in place of SyncML credentials.
    proven: bool,
    form: NonceForm,
    nonces: Nonces,
    authenticated: bool,
    /// How often in a row it has shown something wrong, and how often nothing.
    wrong: u8,
    missing: u8,
    challenges: u8,
    /// What was wrong with what it showed last, while it has not shown better.
    fault: Option<Refusal>,
    /// The nonce that the server has proven to know.
    confirmed: Option<Vec<u8>>,
    /// The nonce that it is given for the next time.
    next: Option<Vec<u8>>,
    notes: Vec<Note>,
    refusals: Vec<Refusal>,
}

/// What the device thinks of a message of the server.
#[derive(Debug)]
pub(super) enum ServerVerdict {
    /// The message is obeyed.
    Trusted {
        /// 200 or 212 for the header.
        code: StatusCode,
        /// The nonce of the next session.
        challenge: Option<Meta>,
    },
    /// The message asks for nothing and anyone could have sent it: it may end the session, and
    /// what it says of the device's alerts proves nothing.
    Believed {
        /// The next message has to prove more (OMA-TS-DM-Security 5.3).
        challenge: Meta,
    },
    /// No command of the message is obeyed.
    Refused {
        /// 401 or 407, for the header and for each command.
        code: StatusCode,
        /// What the server has to answer; `None` when it had its chances.
        challenge: Option<Meta>,
        /// Why the session ends, once no more challenge is given.
        end: Option<Refusal>,
    },
}

impl ServerAuth {
    pub(super) fn new(account: &Account, proof: PeerProof) -> Self {
        let credential = account.server.clone();
        let stored = credential.as_ref().map(|c| c.nonce.clone());
        Self {
            credential,
            server_id: account.server_id.clone(),
            proof,
            proven: account.accepts(proof),
            form: account.nonce_form,
            nonces: Nonces::new(stored.unwrap_or_default()),
            authenticated: false,
            wrong: 0,
            missing: 0,
            challenges: 0,
            fault: None,
            confirmed: None,
            next: None,
            notes: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Why no message of the server could ever be trusted, if that is so.
    pub(super) fn impossible(&self) -> Option<Refusal> {
        (!self.proven && self.credential.is_none())
            .then_some(Refusal::ServerUnprovable { proof: self.proof })
    }

    /// Why the server stays a stranger, now that the session ends.
    pub(super) fn estranged(&self) -> Vec<Refusal> {
        let proof = (self.proof != PeerProof::None)
            .then_some(Refusal::ProofNotAccepted { proof: self.proof });
        self.fault.iter().cloned().chain(proof).collect()
    }

    /// Whether an earlier message of the session has authenticated the server.
    pub(super) fn was_authenticated(&self) -> bool {
        self.authenticated || self.proven
    }

    /// What is worth telling.
    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// What was refused and both ends got over.
    pub(super) fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// The nonce that the server will use the next time, and its leaf, if it is not the stored
    /// one. What it is given in this message only counts if the message is sent.
    pub(super) fn unstored_nonce(&self, is_sent: bool) -> Option<(&Uri, &[u8])> {
        let credential = self.credential.as_ref()?;
        let next = self.next.as_ref().filter(|_| is_sent);
        let nonce = next.or(self.confirmed.as_ref())?;
        let uri = credential.nonce_uri.as_ref()?;
        (*nonce != credential.nonce).then_some((uri, nonce.as_slice()))
    }

    /// That nonce has been stored.
    pub(super) fn nonce_stored(&mut self, nonce: Vec<u8>) {
        if let Some(credential) = &mut self.credential {
            credential.nonce = nonce;
        }
        self.next = None;
        self.confirmed = None;
    }

    /// Whether a nonce that could not be stored is not given to the server either. A digest over
    /// each message needs a new one for the next, even if the next session has to renew it.
    pub(super) fn forgets_unstored(&mut self) -> bool {
        self.next = None;
        !self.signs_messages()
    }

    fn signs_messages(&self) -> bool {
        let scheme = self.credential.as_ref().map(|c| c.scheme);
        scheme == Some(AuthScheme::Hmac)
    }

    /// What a message shows in its transport's header, found out before the message is read: the
    /// digest is that of its octets. `None` if it shows nothing, or the account asks for another
    /// kind of credential.
    pub(super) fn examine_octets(&mut self, envelope: &Envelope) -> Option<Shown> {
        let credential = self.credential.clone()?;
        let header = envelope.hmac.as_ref()?;
        if credential.scheme != AuthScheme::Hmac {
            return None;
        }
        let with = |name: &str, nonce: &[u8]| {
            auth::verify_hmac(&header.mac, name, &credential.secret, nonce, &envelope.body)
        };
        let name = Some(header.user.as_str()).filter(|_| !header.is_unreadable());
        Some(self.examine_with(&credential, name, with))
    }

    /// What a message shows altogether.
    fn shown(&mut self, header: &Header, octets: Option<Shown>) -> Option<Shown> {
        if octets.is_some() {
            return octets;
        }
        let cred = header.cred.as_ref()?;
        let Some(credential) = self.credential.clone() else {
            return Some(Shown::Wrong {
                stale: false,
                name: None,
            });
        };
        let with = |name: &str, nonce: &[u8]| {
            auth::verify(credential.scheme, cred, name, &credential.secret, nonce)
        };
        Some(self.examine_with(&credential, header.source.name.as_deref(), with))
    }

    /// Judges a message by what it shows and by whether it wants something done.
    pub(super) fn judge(
        &mut self,
        header: &Header,
        octets: Option<Shown>,
        has_commands: bool,
        random: &mut Random,
    ) -> ServerVerdict {
        let lasting = self.authenticated && !self.signs_messages();
        match self.shown(header, octets) {
            Some(Shown::Right(nonce)) => self.accept(nonce, random),
            Some(Shown::Repeatable) if self.proven || !has_commands => {
                let challenge = self.believe(random);
                if self.proven {
                    trusted(StatusCode::OK, Some(challenge))
                } else {
                    ServerVerdict::Believed { challenge }
                }
            }
            Some(_) if self.proven => {
                // Without one of its own the account has nothing that they could differ from.
                if self.credential.is_some() {
                    self.record(Refusal::CredentialIgnored);
                }
                trusted(StatusCode::OK, None)
            }
            None if self.proven || lasting => trusted(StatusCode::OK, None),
            Some(shown) => self.refuse_wrong(shown, &header.source.uri, random),
            None => self.refuse_missing(&header.source.uri, random),
        }
    }

    fn accept(&mut self, nonce: Vec<u8>, random: &mut Random) -> ServerVerdict {
        self.overcome();
        let first = !std::mem::replace(&mut self.authenticated, true);
        let signs = self.signs_messages();
        let scheme = self.credential.as_ref().map(|c| c.scheme);
        let renews = scheme.filter(|scheme| scheme.needs_nonce() && (first || signs));
        let challenge = renews.map(|scheme| {
            self.confirmed = Some(nonce);
            let (meta, octets) = self.new_challenge(scheme, random);
            if signs {
                // Each message has a nonce of its own (OMA-TS-DM-Security 5.4).
                self.nonces.renew(octets.clone());
            } else {
                // A server may go on showing the credential that was accepted.
                self.nonces.add(octets.clone());
            }
            self.next = Some(octets);
            meta
        });
        let code = if signs {
            StatusCode::OK
        } else {
            StatusCode::AUTHENTICATED
        };
        trusted(code, challenge)
    }

    /// What was wrong before is right now: tells which kind of fault it was.
    fn overcome(&mut self) {
        let had_nonce = |credential: &Credential| !credential.nonce.is_empty();
        let had_nonce = self.credential.as_ref().is_some_and(had_nonce);
        (self.wrong, self.missing) = (0, 0);
        match self.fault.take() {
            None | Some(Refusal::ServerCredentialMissing { .. }) => {}
            Some(Refusal::ServerMac { .. }) => self.record(Refusal::ServerMac { overcome: true }),
            Some(_) if had_nonce => self.record(Refusal::ServerNonce { renewed: true }),
            Some(_) => {}
        }
    }

    /// Takes a digest that anyone could repeat for a message that asks for nothing. 200 with a
    /// nonce: the next message has to prove more (OMA-TS-DM-Security 5.3).
    fn believe(&mut self, random: &mut Random) -> Meta {
        let scheme = self.credential.as_ref().map(|c| c.scheme);
        let (meta, octets) = self.new_challenge(scheme.unwrap_or(AuthScheme::Md5), random);
        self.nonces.renew(octets.clone());
        self.next = Some(octets);
        meta
    }

    fn refuse_wrong(&mut self, shown: Shown, source: &str, random: &mut Random) -> ServerVerdict {
        self.next = None;
        self.wrong += 1;
        let fault = self.diagnose(shown, source);
        self.fault = Some(fault.clone());
        self.authenticated = false;
        // After a wrong nonce one more challenge is due, then no other (OMA-TS-DM-Security 5.3).
        let end = (self.wrong >= 2 || self.challenges >= MAX_CHALLENGES).then_some(fault);
        self.refuse(StatusCode::INVALID_CREDENTIALS, end, random)
    }

    /// What is wrong with a credential that proves nothing.
    fn diagnose(&self, shown: Shown, source: &str) -> Refusal {
        let expected = self.credential.as_ref().map(|c| c.name.clone());
        let expected = expected.unwrap_or_default();
        let source = source.to_owned();
        match shown {
            Shown::Wrong { stale: true, .. } => Refusal::ServerNonce { renewed: false },
            Shown::Wrong {
                name: Some(shown), ..
            } if !shown.is_empty() && shown != expected && shown != self.server_id => {
                Refusal::ServerName { expected, shown }
            }
            _ if self.signs_messages() && self.authenticated => {
                Refusal::ServerMac { overcome: false }
            }
            _ if self.challenges > 0 => Refusal::ServerSecret { expected, source },
            _ => Refusal::ServerCredential { expected, source },
        }
    }

    fn refuse_missing(&mut self, source: &str, random: &mut Random) -> ServerVerdict {
        let fault = Refusal::ServerCredentialMissing {
            source: source.to_owned(),
        };
        self.missing += 1;
        self.authenticated = false;
        self.next = None;
        self.fault = Some(fault.clone());
        let end = (self.missing > 2 || self.challenges >= MAX_CHALLENGES).then_some(fault);
        // A digest that has to be there with each message is wrong when it is not
        // (OMA-TS-DM-Security 5.4).
        let code = if self.signs_messages() {
            StatusCode::INVALID_CREDENTIALS
        } else {
            StatusCode::CREDENTIALS_REQUIRED
        };
        self.refuse(code, end, random)
    }

    fn refuse(
        &mut self,
        code: StatusCode,
        end: Option<Refusal>,
        random: &mut Random,
    ) -> ServerVerdict {
        let scheme = self.credential.as_ref().map(|c| c.scheme);
        let challenge = match (&end, scheme) {
            (None, Some(scheme)) => {
                self.challenges += 1;
                let (meta, octets) = self.new_challenge(scheme, random);
                self.nonces.renew(octets);
                Some(meta)
            }
            _ => None,
        };
        ServerVerdict::Refused {
            code,
            challenge,
            end,
        }
    }

    /// A challenge and the octets that its answer has to be made with.
    fn new_challenge(&self, scheme: AuthScheme, random: &mut Random) -> (Meta, Vec<u8>) {
        let nonce = random.nonce();
        let meta = auth::challenge(scheme, &nonce);
        let octets = meta
            .next_nonce
            .as_ref()
            .and_then(|data| auth::nonce_octets(data, self.form))
            .unwrap_or(nonce);
        (meta, octets)
    }

    /// Tries the names and nonces that a credential may be made with.
    fn examine_with(
        &mut self,
        credential: &Credential,
        shown_as: Option<&str>,
        with: impl Fn(&str, &[u8]) -> bool,
    ) -> Shown {
        let by_name = self
            .nonces
            .check(credential.scheme, |nonce| with(&credential.name, nonce));
        if !matches!(by_name, Shown::Wrong { .. }) || credential.name == self.server_id {
            return by_name.named(shown_as);
        }
        // Deployed servers also sign with their ServerID.
        let by_id = self
            .nonces
            .check(credential.scheme, |nonce| with(&self.server_id, nonce));
        if matches!(by_id, Shown::Wrong { stale: false, .. }) {
            return by_name.named(shown_as);
        }
        self.note(Note::ServerIdAsName);
        by_id
    }

    fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn record(&mut self, refusal: Refusal) {
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }
}

const fn trusted(code: StatusCode, challenge: Option<Meta>) -> ServerVerdict {
    ServerVerdict::Trusted { code, challenge }
}
