//! A session that both ends begin with the nonce that everyone knows, because one of them has lost
//! its own (OMA-TS-DM-Security 1.2.1, nonce resynchronisation).

use super::sent::Sent;
use super::track::Running;
use super::{Device, Phase, Session, Turn};
use crate::job::{self, Operation};
use omadm_syncml::auth::AuthScheme;
use serde::{Deserialize, Serialize};

/// The nonce to resynchronise with: `0x00000000`, as octets.
pub(crate) const RESYNC_NONCE: [u8; 4] = [0; 4];

/// The job of what the server asks for itself; those of the queue count from 1.
pub(super) const OWN_JOB: i64 = 0;

/// What the server asks when it has nothing to ask: every device has it, and reading it is harmless.
const HARMLESS: &str = "./DevInfo/DevId";

/// Whether a session resynchronises nonces, and how far that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Resync {
    /// It does not.
    #[default]
    No,
    /// It has begun with the nonce that everyone knows.
    Begun,
    /// The device was asked something, so that it gives the server a fresh nonce.
    Asked,
}

impl Session {
    /// A session that begins with a notification that resynchronises.
    pub fn resynchronising() -> Self {
        Self {
            resync: Resync::Begun,
            ..Self::new()
        }
    }

    /// Puts the nonces in place that hold in this session until it has fresh ones.
    pub fn set_nonces(&self, device: &mut Device) {
        if self.resync == Resync::No {
            return;
        }
        if self.phase == Phase::Authenticating {
            device.client.nonce = RESYNC_NONCE.to_vec();
        }
        if let Some(server) = &mut device.server {
            server.nonce = RESYNC_NONCE.to_vec();
        }
    }
}

impl Turn<'_> {
    /// A device that is asked nothing answers nothing, and so gives no nonce: the next notification
    /// could prove nothing. So it is asked something, once.
    pub(super) fn ask_for_nonce(&mut self) -> Vec<Sent> {
        let server = self.exchange.device.server.as_ref();
        let needed = server.is_some_and(|server| AuthScheme::needs_nonce(server.scheme));
        let missing = self.session.server_nonce.is_none();
        if self.session.resync != Resync::Begun || !needed || !missing {
            return Vec::new();
        }
        self.session.resync = Resync::Asked;
        let get = Operation::Get {
            uri: HARMLESS.into(),
        };
        let Ok(mut commands) = job::commands(&[get], self.exchange.media_type) else {
            return Vec::new();
        };
        let own = Running::own();
        let msg_id = self.session.messages.to_string();
        let mut packed = Vec::new();
        for command in &mut commands {
            self.reply.number(command);
            packed.extend(Sent::entries(command, &own, 0, &msg_id));
            self.reply.push(command.clone());
        }
        packed
    }
}
