//! Makes Package 0, by which a device is asked for a session (OMA-TS-DM_Notification 1.2.1).

use super::Server;
use crate::error::Error;
use crate::session::{Credential, RESYNC_NONCE};
use crate::store::devices;
use crate::store::notifications::{self, Past};
use omadm_syncml::{Initiator, MediaType, Notification, UiMode, Wall};

/// After so many that were ignored the nonce is taken for lost.
const IGNORED: usize = 2;

/// What is wanted of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The device.
    pub device: String,
    /// What its user is to see of the session.
    pub ui_mode: UiMode,
    /// Who wants the session.
    pub initiator: Initiator,
    /// Whether to resynchronise nonces even if the stored one may do.
    pub resync: bool,
}

/// A notification that was made, and is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notified {
    /// Whom it is for.
    pub device: String,
    /// Its octets: Package 0.
    pub package: Vec<u8>,
    /// What it says.
    pub notification: Notification,
    /// Whether its session begins with the nonce to resynchronise with.
    pub resync: bool,
    /// The encoding that the device spoke last.
    pub encoding: Option<MediaType>,
}

impl Server {
    /// Makes a notification for a registered device. The number of its session grows out of
    /// `random`; neither it nor the nonce to resynchronise with is used again too soon.
    pub fn notify(&mut self, wish: &Wish, now: Wall, random: [u8; 2]) -> Result<Notified, Error> {
        let device = wish.device.as_str();
        let (past, credential) = self.ground(device, now)?;
        let resync = resynchronises(wish, &past, &credential)?;
        let number = number(&past.numbers, u16::from_be_bytes(random));
        let notification = Notification {
            version: Notification::VERSION,
            ui_mode: wish.ui_mode,
            initiator: wish.initiator,
            session_id: number,
            server_id: self.policy.settings.server_id.clone(),
            vendor: Vec::new(),
        };
        let nonce = if resync {
            &RESYNC_NONCE
        } else {
            credential.nonce.as_slice()
        };
        // With the server's identifier, whatever the name of its credential (6.2.2.2).
        let name = &notification.server_id;
        let package = notification
            .seal(name, &credential.secret, nonce)
            .map_err(|e| Error::Data(format!("no notification can be made: {e}")))?;
        self.store
            .change(|transaction| notifications::begin(transaction, device, number, resync, now))?;
        Ok(Notified {
            device: device.to_owned(),
            package,
            notification,
            resync,
            encoding: past.encoding,
        })
    }

    /// What a notification is made of.
    fn ground(&self, device: &str, now: Wall) -> Result<(Past, Credential), Error> {
        if !self.store.has_device(device)? {
            return Err(Error::NotFound(format!(
                "there is no device {device}; `omadm-server device add {device}` registers it"
            )));
        }
        self.store
            .read(|connection| {
                let past = notifications::past(connection, device, now)?;
                Ok((past, devices::load(connection, device)?.server))
            })
            .and_then(|(past, credential)| {
                let credential = credential.ok_or_else(|| {
                    Error::Data(format!(
                        "a notification is proven by the server's secret, and {device} has none \
                         of it: register it again with --replace --server-auth md5"
                    ))
                })?;
                Ok((past, credential))
            })
    }
}

/// Whether to use the nonce that everyone knows: when there is no other, or when the stored one
/// does not seem to be what the device has; and never often.
fn resynchronises(wish: &Wish, past: &Past, credential: &Credential) -> Result<bool, Error> {
    if wish.resync && past.resynchronised {
        return Err(Error::TimedOut(format!(
            "{} was notified with the nonce to resynchronise with less than an hour ago; \
             wait, or notify it without --resync",
            wish.device
        )));
    }
    let needed = credential.nonce.is_empty() || past.ignored >= IGNORED;
    Ok(wish.resync || (needed && !past.resynchronised))
}

/// The first number from `start` on that the device has not seen lately; the specification
/// begins at 1.
fn number(taken: &[u16], start: u16) -> u16 {
    (0..=u16::MAX)
        .map(|step| start.wrapping_add(step))
        .find(|number| *number != 0 && !taken.contains(number))
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_at_1_and_are_not_repeated() {
        assert_eq!(number(&[], 0), 1);
        assert_eq!(number(&[7, 8], 7), 9);
        assert_eq!(number(&[u16::MAX], u16::MAX), 1);
        let all: Vec<u16> = (2..=u16::MAX).collect();
        assert_eq!(number(&all, 500), 1);
    }
}
