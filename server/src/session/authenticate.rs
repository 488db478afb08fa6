//! Who is who: the device's credentials, the server's own, and the nonces of both.

use super::{Effect, Phase, Turn};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_syncml::auth::{self, AuthScheme, NonceForm};
use omadm_syncml::{Command, Cred, Meta, Status, StatusCode};

/// After a wrong nonce one more challenge must be given, and none after that
/// (OMA-TS-DM-Security 5.3).
const MAX_CHALLENGES: u8 = 2;

/// How often the server shows its credentials again after a refusal.
const MAX_SERVER_REFUSALS: u8 = 2;

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

impl Turn<'_> {
    pub(super) fn authenticate(&mut self) -> Verdict {
        if self.session.phase != Phase::Authenticating {
            return Verdict::Accepted {
                code: StatusCode::OK,
                chal: None,
            };
        }
        match &self.exchange.message.header.cred {
            None => self.challenge(StatusCode::CREDENTIALS_REQUIRED, "no credentials", false),
            Some(cred) => match self.examine(cred) {
                Ok(()) => self.accept(),
                Err(fault) => self.challenge(
                    StatusCode::INVALID_CREDENTIALS,
                    &fault.reason,
                    fault.other_scheme,
                ),
            },
        }
    }

    fn accept(&mut self) -> Verdict {
        self.session.phase = Phase::Open;
        self.session.challenge = None;
        self.effects.push(Effect::Authenticated);
        let scheme = self.exchange.device.client.scheme;
        let chal = scheme.needs_nonce().then(|| {
            let nonce = self.fresh_nonce();
            self.effects.push(Effect::ClientNonce(nonce.clone()));
            auth::challenge(scheme, &nonce)
        });
        Verdict::Accepted {
            code: StatusCode::AUTHENTICATED,
            chal,
        }
    }

    fn challenge(&mut self, code: StatusCode, reason: &str, other_scheme: bool) -> Verdict {
        // Before the first challenge a device cannot know the nonce, nor that it must show anything.
        let counts = self.session.challenges > 0
            || (code == StatusCode::INVALID_CREDENTIALS
                && !self.exchange.device.client.scheme.needs_nonce());
        self.effects.push(Effect::AuthenticationFailed {
            reason: reason.to_owned(),
            counts,
        });
        // An answer of another type than was asked for ends the session (OMA-TS-DM-Security 5.3).
        let stubborn = other_scheme && self.session.challenges > 0;
        if stubborn || self.session.challenges >= MAX_CHALLENGES {
            self.session.phase = Phase::Refused;
            return Verdict::Refused { code, chal: None };
        }
        self.session.challenges += 1;
        let nonce = self.fresh_nonce();
        let chal = auth::challenge(self.exchange.device.client.scheme, &nonce);
        self.session.challenge = Some(nonce);
        Verdict::Refused {
            code,
            chal: Some(chal),
        }
    }

    fn examine(&self, cred: &Cred) -> Result<(), Fault> {
        let device = self.exchange.device;
        let scheme = cred.meta.type_.as_deref().and_then(AuthScheme::from_type);
        let sound = self.matches(cred);
        if sound && device.known {
            return Ok(());
        }
        Err(Fault {
            reason: self.diagnose(cred, scheme),
            other_scheme: scheme != Some(device.client.scheme),
        })
    }

    fn matches(&self, cred: &Cred) -> bool {
        let client = &self.exchange.device.client;
        let nonce = self.session.challenge.as_ref().unwrap_or(&client.nonce);
        let proves =
            |nonce: &[u8]| auth::verify(client.scheme, cred, &client.user, &client.secret, nonce);
        // Some devices hash the base64 text of the nonce, not its octets.
        proves(nonce) || proves(STANDARD.encode(nonce).as_bytes())
    }

    /// Says which part was wrong, for whoever runs the server; the device is not told.
    fn diagnose(&self, cred: &Cred, scheme: Option<AuthScheme>) -> String {
        let device = self.exchange.device;
        let name = self.exchange.message.header.source.name.as_deref();
        if !device.known {
            return "the device is not registered".into();
        }
        if scheme != Some(device.client.scheme) {
            let sent = shorten(cred.meta.type_.as_deref().unwrap_or("no type"));
            let wanted = device.client.scheme.as_str();
            return format!("the credentials are {sent}, {wanted} is registered");
        }
        match name {
            Some(name) if name != device.client.user => format!(
                "the user name is {:?}, {:?} is registered",
                shorten(name),
                device.client.user
            ),
            _ if scheme == Some(AuthScheme::Basic) => "wrong secret".into(),
            _ if self.session.challenge.is_some() => "wrong secret (the nonce was fresh)".into(),
            _ => "wrong secret, or a stale nonce".into(),
        }
    }

    /// Text that C programs keep as a string without loss: no octet is zero.
    fn fresh_nonce(&self) -> Vec<u8> {
        STANDARD.encode(self.exchange.fresh).into_bytes()
    }

    /// Keeps the nonce that the device gives with its Status for the server's header: the newest
    /// one makes the server's next credentials, whoever sent it.
    pub(super) fn remember_server_nonce(&mut self) {
        let nonce = self
            .header_status()
            .and_then(|status| status.chal.as_ref())
            .and_then(|chal| chal.next_nonce.as_ref())
            .and_then(|nonce| auth::nonce_octets(nonce, NonceForm::Decoded));
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
            Some(StatusCode::AUTHENTICATED) => self.session.server_accepted = true,
            Some(StatusCode::INVALID_CREDENTIALS | StatusCode::CREDENTIALS_REQUIRED) => {
                let chal = status.chal.clone();
                return self.server_refused(chal.as_ref());
            }
            Some(code) if !code.is_success() => {
                let reason = format!("the device refuses the message: {code} {}", code.phrase());
                self.note(reason.clone());
                self.refusal = Some(reason);
            }
            _ => {}
        }
        true
    }

    fn server_refused(&mut self, chal: Option<&Meta>) -> bool {
        self.session.server_accepted = false;
        self.session.server_refusals = self.session.server_refusals.saturating_add(1);
        let verdict = self.may_try_again(chal);
        let reason = verdict.as_ref().err().map_or_else(
            || "the device wants the server's credentials with a new nonce".to_owned(),
            |fault| format!("the device refuses the server: {fault}"),
        );
        // The device has executed nothing of what it refused to hear.
        self.take_back(&reason);
        self.note(reason);
        verdict.is_ok()
    }

    fn may_try_again(&self, chal: Option<&Meta>) -> Result<(), String> {
        let server = self.exchange.device.server.as_ref();
        let server = server.ok_or("it wants server credentials, and none are registered")?;
        let chal = chal.ok_or_else(|| format!("wrong secret for server user {:?}", server.user))?;
        if self.session.server_refusals > MAX_SERVER_REFUSALS {
            return Err(format!("wrong secret for server user {:?}", server.user));
        }
        let wanted = chal.type_.as_deref().and_then(AuthScheme::from_type);
        // Never the secret itself where a digest is registered.
        if wanted.is_some_and(|wanted| wanted != server.scheme) {
            let wanted = shorten(chal.type_.as_deref().unwrap_or_default());
            let ours = server.scheme.as_str();
            return Err(format!("it wants {wanted}, {ours} is registered"));
        }
        Ok(())
    }

    /// The server's credentials, once the device has proven itself and until it has accepted them.
    pub(super) fn server_cred(&self) -> Option<Cred> {
        let server = self.exchange.device.server.as_ref()?;
        if self.session.server_accepted || !matches!(self.session.phase, Phase::Open | Phase::Ended)
        {
            return None;
        }
        let nonce = self.session.server_nonce.as_ref().unwrap_or(&server.nonce);
        auth::credential(server.scheme, &server.user, &server.secret, nonce)
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

struct Fault {
    reason: String,
    other_scheme: bool,
}

/// What a peer sent, short enough for a line.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}
