//! How the server proves itself to the device, and what the device says of it.

use super::authenticate::shorten;
use super::refusal::{Party, Refusal, Subject};
use super::{Credential, Device, Effect, Phase, Session, Turn};
use omadm_syncml::auth::{self, AuthScheme, NonceForm};
use omadm_syncml::{Command, Cred, HmacHeader, Meta, Status, StatusCode};
use serde::{Deserialize, Serialize};

/// How often the server shows its credentials again after a refusal.
const MAX_SERVER_REFUSALS: u8 = 2;

/// Longer nonces serve no purpose, and whoever has proven nothing may send them.
const LONGEST_NONCE: usize = 1_024;

/// What the device thinks of the server's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Standing {
    /// It has not seen any.
    #[default]
    Unseen,
    /// It has been shown some.
    Shown,
    /// It has refused what it was shown, and was shown others since.
    Doubted,
    /// It needs no more of them in this session.
    Accepted,
}

/// What the server shows with one message.
#[derive(Default)]
pub(super) struct Own {
    /// Its name, if it shows anything.
    pub(super) user: Option<String>,
    /// In the header of the message.
    pub(super) cred: Option<Cred>,
    /// Beside the message: the nonce of the digest.
    pub(super) nonce: Option<Vec<u8>>,
}

impl Session {
    /// The digest over the last message of the session, whose octets are `body`, if it has one.
    pub fn sign(&self, device: &Device, body: &[u8]) -> Option<HmacHeader> {
        let (nonce, server) = self.signed_with.as_ref().zip(device.server.as_ref())?;
        Some(HmacHeader {
            user: server.user.clone(),
            mac: auth::hmac(&server.user, &server.secret, nonce, body),
        })
    }

    /// What the server proves itself with: what is registered, or what the device asks for and is
    /// stronger.
    fn server_scheme(&self, server: &Credential) -> AuthScheme {
        let asked = self
            .server_scheme
            .as_deref()
            .and_then(AuthScheme::from_word);
        asked.unwrap_or(server.scheme)
    }
}

impl Turn<'_> {
    /// Keeps the nonce that the device gives with its Status for the server's header: the newest
    /// one makes the server's next credentials, whoever sent it.
    pub(super) fn remember_server_nonce(&mut self) {
        let form = if self.session.nonce_text {
            NonceForm::Text
        } else {
            NonceForm::Decoded
        };
        let nonce = self
            .header_status()
            .and_then(|status| status.chal.as_ref())
            .and_then(|chal| chal.next_nonce.as_ref())
            .and_then(|nonce| auth::nonce_octets(nonce, form))
            .filter(|nonce| nonce.len() <= LONGEST_NONCE);
        if nonce.is_some() {
            self.session.server_nonce = nonce;
        }
    }

    /// Reads what the device says of the server's credentials. `false` when it refuses them for good.
    pub(super) fn hear_about_credentials(&mut self) -> bool {
        // Only now is the device known, so only now may its nonce outlast the session.
        if let Some(nonce) = self.session.server_nonce.clone() {
            self.effects.push(Effect::ServerNonce(nonce));
        }
        let Some(status) = self.header_status() else {
            return true;
        };
        match StatusCode::parse(&status.data) {
            Some(StatusCode::INVALID_CREDENTIALS | StatusCode::CREDENTIALS_REQUIRED) => {
                let chal = status.chal.clone();
                return self.server_refused(chal.as_ref());
            }
            Some(code) if code.is_success() => self.server_believed(code),
            Some(code) => self.message_refused(code),
            None => {}
        }
        true
    }

    fn server_believed(&mut self, code: StatusCode) {
        if self.session.standing == Standing::Doubted {
            self.record(Refusal::stale_nonce(Party::Device));
            self.session.standing = Standing::Shown;
        }
        if code == StatusCode::AUTHENTICATED {
            self.session.standing = Standing::Accepted;
        }
    }

    fn message_refused(&mut self, code: StatusCode) {
        let reason = format!("the device refuses the message: {code} {}", code.phrase());
        self.note(reason.clone());
        if code == StatusCode::NOT_FOUND {
            let mend = "compare the address in the device's account with the server's URL";
            self.record(Refusal::of_server(Subject::Url, reason.clone(), mend));
        }
        self.refusal = Some(reason);
    }

    fn server_refused(&mut self, chal: Option<&Meta>) -> bool {
        self.session.server_refusals = self.session.server_refusals.saturating_add(1);
        let verdict = self.may_try_again(chal);
        let reason = verdict.as_ref().err().map_or_else(
            || "the device wants the server's credentials with a new nonce".to_owned(),
            |fault| format!("the device refuses the server: {fault}"),
        );
        // A device that had been shown nothing has not refused a nonce.
        if self.session.standing != Standing::Unseen {
            self.session.standing = Standing::Doubted;
        }
        if verdict.is_err() {
            let mend = "register the device again with the server credentials that its account \
                has: device add --replace --server-auth … --server-secret-file …";
            self.record(Refusal::of_server(
                Subject::Credential,
                reason.clone(),
                mend,
            ));
        }
        // The device has executed nothing of what it refused to hear.
        self.take_back(&reason);
        self.note(reason);
        verdict.is_ok()
    }

    fn may_try_again(&mut self, chal: Option<&Meta>) -> Result<(), String> {
        let server = self.exchange.device.server.as_ref();
        let server = server.ok_or("it wants server credentials, and none are registered")?;
        let chal = chal.ok_or_else(|| format!("wrong secret for server user {:?}", server.user))?;
        if self.session.server_refusals > MAX_SERVER_REFUSALS {
            return Err(format!(
                "wrong secret for server user {:?} (the nonce was fresh)",
                server.user
            ));
        }
        let ours = self.session.server_scheme(server);
        let Some(type_) = chal.type_.as_deref() else {
            return Ok(());
        };
        // Never the secret itself where a digest is registered.
        match AuthScheme::from_type(type_) {
            Some(wanted) if wanted >= ours => {
                self.session.server_scheme = Some(wanted.as_word().to_owned());
                Ok(())
            }
            _ => Err(format!(
                "it wants {}, {} is registered",
                shorten(type_),
                server.scheme.as_str()
            )),
        }
    }

    /// What the server shows, once the device has proven itself: a credential until the device has
    /// accepted it, a digest with each message.
    pub(super) fn own(&self) -> Own {
        let proven = matches!(self.session.phase, Phase::Open | Phase::Ended);
        let signed_before = self.session.signed_with.is_some();
        let Some(server) = &self.exchange.device.server else {
            return Own::default();
        };
        let scheme = self.session.server_scheme(server);
        let nonce = self.session.server_nonce.as_ref().unwrap_or(&server.nonce);
        let user = Some(server.user.clone());
        if scheme == AuthScheme::Hmac && (proven || signed_before) {
            return Own {
                user,
                cred: None,
                nonce: Some(nonce.clone()),
            };
        }
        let shows = proven && self.session.standing != Standing::Accepted;
        let cred = shows.then(|| auth::credential(scheme, &server.user, &server.secret, nonce));
        let cred = cred.flatten();
        Own {
            user: user.filter(|_| cred.is_some()),
            cred,
            nonce: None,
        }
    }

    /// The device's Status for the server's header, wherever it stands among the others.
    fn header_status(&self) -> Option<&Status> {
        let commands = self.exchange.message.commands.iter();
        commands
            .filter_map(|command| match command {
                Command::Status(status) => Some(status),
                _ => None,
            })
            .find(|status| is_for_header(status))
    }
}

/// Whether a Status is about `SyncHdr`; some devices leave its `CmdRef` out.
pub(super) fn is_for_header(status: &Status) -> bool {
    status.cmd == "SyncHdr"
        && matches!(
            status.cmd_ref.as_deref().map(str::trim),
            None | Some("" | "0")
        )
}
