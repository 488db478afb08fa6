//! How the server proves itself to the device: challenges out, credentials in
//! (OMA-TS-DM-Security 5, OMA-TS-DM-Protocol 9).

use super::outcome::{Note, Refusal};
use super::random::Random;
use crate::{Account, Credential};
use omadm_syncml::auth::{self, AuthScheme, NonceForm};
use omadm_syncml::{Cred, Header, Meta, PeerProof, StatusCode, Uri};

/// The server's side of authentication in one session.
pub(super) struct ServerAuth {
    credential: Option<Credential>,
    server_id: String,
    proof: PeerProof,
    /// The transport proof stands in place of SyncML credentials.
    proven: bool,
    form: NonceForm,
    /// The nonces that a digest may be made with now.
    nonces: Vec<Vec<u8>>,
    authenticated: bool,
    wrong: u8,
    challenges: u8,
    /// The nonce that the server has proven to know.
    confirmed: Option<Vec<u8>>,
    /// The nonce that it is given for the next time.
    next: Option<Vec<u8>>,
    notes: Vec<Note>,
}

/// What a credential of the server proves.
enum Shown {
    /// Nothing.
    Wrong,
    /// That somebody has seen a message of the server: its nonce is empty, so that every session
    /// has the same digest.
    Repeatable,
    /// That the server knows the secret and this nonce.
    Right(Vec<u8>),
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
        let nonces = credential
            .iter()
            .map(|c| c.nonce.clone())
            .filter(|nonce| !nonce.is_empty())
            .collect();
        Self {
            credential,
            server_id: account.server_id.clone(),
            proof,
            proven: account.accepts(proof),
            form: account.nonce_form,
            nonces,
            authenticated: false,
            wrong: 0,
            challenges: 0,
            confirmed: None,
            next: None,
            notes: Vec::new(),
        }
    }

    /// Why no message of the server could ever be trusted, if that is so.
    pub(super) fn impossible(&self) -> Option<Refusal> {
        (!self.proven && self.credential.is_none())
            .then_some(Refusal::ServerUnprovable { proof: self.proof })
    }

    /// Whether it has shown wrong credentials.
    pub(super) fn was_wrong(&self) -> bool {
        self.wrong > 0
    }

    /// What is worth telling.
    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
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

    /// The nonce of the next time has not been stored and will not be sent.
    pub(super) fn forget_next(&mut self) {
        self.next = None;
    }

    /// Judges a message by its header and by whether it wants something done.
    pub(super) fn judge(
        &mut self,
        header: &Header,
        has_commands: bool,
        random: &mut Random,
    ) -> ServerVerdict {
        match header.cred.as_ref().map(|cred| self.examine(cred)) {
            Some(Shown::Right(nonce)) => self.accept(nonce, random),
            Some(Shown::Repeatable) if self.proven || !has_commands => self.believe(random),
            Some(_) if self.proven => {
                self.note(Note::WrongCredentialIgnored);
                trusted(StatusCode::OK)
            }
            None if self.proven || self.authenticated => trusted(StatusCode::OK),
            Some(_) => self.refuse_wrong(&header.source.uri, random),
            None => self.refuse_missing(&header.source.uri, random),
        }
    }

    fn accept(&mut self, nonce: Vec<u8>, random: &mut Random) -> ServerVerdict {
        let had_nonce = |credential: &Credential| !credential.nonce.is_empty();
        if self.wrong > 0 && self.credential.as_ref().is_some_and(had_nonce) {
            self.note(Note::StaleServerNonce);
        }
        let scheme = self.credential.as_ref().map(|c| c.scheme);
        let first = !std::mem::replace(&mut self.authenticated, true);
        let challenge = (first && scheme == Some(AuthScheme::Md5)).then(|| {
            self.confirmed = Some(nonce);
            let (meta, octets) = self.new_challenge(AuthScheme::Md5, random);
            // A server may go on showing the credential that was accepted.
            self.nonces.push(octets.clone());
            self.next = Some(octets);
            meta
        });
        ServerVerdict::Trusted {
            code: StatusCode::AUTHENTICATED,
            challenge,
        }
    }

    /// Takes a digest that anyone could repeat for a message that asks for nothing. 200 with a
    /// nonce: the next message has to prove more (OMA-TS-DM-Security 5.3).
    fn believe(&mut self, random: &mut Random) -> ServerVerdict {
        let (meta, octets) = self.new_challenge(AuthScheme::Md5, random);
        self.nonces = vec![octets.clone()];
        self.next = Some(octets);
        ServerVerdict::Trusted {
            code: StatusCode::OK,
            challenge: Some(meta),
        }
    }

    fn refuse_wrong(&mut self, source: &str, random: &mut Random) -> ServerVerdict {
        self.authenticated = false;
        self.next = None;
        self.wrong += 1;
        let expected = self
            .credential
            .as_ref()
            .map(|c| c.name.clone())
            .unwrap_or_default();
        // After a wrong nonce one more challenge is due, then no other (OMA-TS-DM-Security 5.3).
        let end = (self.wrong >= 2).then(|| Refusal::ServerSecret {
            expected,
            source: source.to_owned(),
        });
        self.refuse(StatusCode::INVALID_CREDENTIALS, end, random)
    }

    fn refuse_missing(&mut self, source: &str, random: &mut Random) -> ServerVerdict {
        let end = (self.challenges >= 2).then(|| Refusal::ServerCredentialMissing {
            source: source.to_owned(),
        });
        self.refuse(StatusCode::CREDENTIALS_REQUIRED, end, random)
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
                self.nonces = vec![octets];
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

    fn examine(&mut self, cred: &Cred) -> Shown {
        let Some(credential) = &self.credential else {
            return Shown::Wrong;
        };
        let by_name = self.check(credential, &credential.name, cred);
        if !matches!(by_name, Shown::Wrong) || credential.name == self.server_id {
            return by_name;
        }
        // Deployed servers also sign with their ServerID.
        let by_id = self.check(credential, &self.server_id, cred);
        if !matches!(by_id, Shown::Wrong) {
            self.note(Note::ServerIdAsName);
        }
        by_id
    }

    fn check(&self, credential: &Credential, name: &str, cred: &Cred) -> Shown {
        let with =
            |nonce: &[u8]| auth::verify(credential.scheme, cred, name, &credential.secret, nonce);
        if credential.scheme == AuthScheme::Basic {
            return if with(&[]) {
                Shown::Right(Vec::new())
            } else {
                Shown::Wrong
            };
        }
        match self.nonces.iter().find(|nonce| with(nonce)) {
            Some(nonce) => Shown::Right(nonce.clone()),
            None if self.nonces.is_empty() && with(&[]) => Shown::Repeatable,
            None => Shown::Wrong,
        }
    }

    fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

const fn trusted(code: StatusCode) -> ServerVerdict {
    ServerVerdict::Trusted {
        code,
        challenge: None,
    }
}
