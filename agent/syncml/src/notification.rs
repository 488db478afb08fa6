//! Package 0, by which a server asks for a session (OMA-TS-DM_Notification 1.2.1, 6.2).
//!
//! How it travels, whether its sender is known and whether it came before is left to others.

mod fields;

pub use fields::{Initiator, UiMode};

use crate::Secret;
use crate::auth::body_digest;
use crate::dump::{hexadecimal, line};
use std::fmt;
use subtle::ConstantTimeEq;

/// The media type of a notification (6.2); its code in WSP is 0x44.
pub const MEDIA_TYPE: &str = "application/vnd.syncml.notification";

/// The most octets of a vendor's part; the specification sets no bound.
pub const MAX_VENDOR: usize = 4_096;

/// The nonce when both sides lost theirs, `0x00000000` (OMA-TS-DM-Security 1.2.1), as octets.
const RESYNC_OCTETS: &[u8] = &[0; 4];

/// The same as the text that some servers hash.
const RESYNC_TEXT: &[u8] = b"0x00000000";

/// A notification that was received: what it says, and what proves it once it is verified.
///
/// ```
/// use omadm_syncml::{Initiator, NonceUsed, Notification, Package0, Secret, UiMode};
///
/// let secret = Secret::from_text("srvpass");
/// let sent = Notification {
///     version: Notification::VERSION,
///     ui_mode: UiMode::Background,
///     initiator: Initiator::Server,
///     session_id: 0xA1,
///     server_id: "com.example.dm".to_owned(),
///     vendor: Vec::new(),
/// };
/// let octets = sent.seal("com.example.dm", &secret, b"Nonce")?;
/// let received = Package0::parse(&octets)?;
/// let proof = received.verify(&["com.example.dm"], &secret, b"Nonce");
/// assert_eq!(proof, Some(NonceUsed::Stored));
/// assert_eq!(received.notification().session_text(), "A1");
/// # Ok::<(), omadm_syncml::NotificationError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Package0 {
    digest: [u8; 16],
    /// What the digest is made of, bits without a meaning included.
    trigger: Vec<u8>,
    notification: Notification,
}

impl Package0 {
    /// Reads a notification, which is a claim of anyone until [`Self::verify`] has a proof.
    pub fn parse(octets: &[u8]) -> Result<Self, NotificationError> {
        let (digest, trigger) = octets
            .split_first_chunk()
            .ok_or(NotificationError::TooShort)?;
        Ok(Self {
            digest: *digest,
            notification: Notification::parse(trigger)?,
            trigger: trigger.to_vec(),
        })
    }

    /// The digest as it was received.
    pub fn digest(&self) -> &[u8; 16] {
        &self.digest
    }

    /// What it says.
    pub fn notification(&self) -> &Notification {
        &self.notification
    }

    /// The nonce with which the digest proves the server's secret under one of `names`; none
    /// when there is no such nonce.
    ///
    /// `nonce` is the stored one and tried first, then the two forms of the one to resynchronise
    /// with. The digest is made with the server identifier (6.2.2.2), yet servers exist that use
    /// the `AAuthName` of their credential: name both, the likelier one first.
    pub fn verify(&self, names: &[&str], secret: &Secret, nonce: &[u8]) -> Option<NonceUsed> {
        [nonce, RESYNC_OCTETS, RESYNC_TEXT]
            .into_iter()
            .find(|nonce| names.iter().any(|name| self.fits(name, secret, nonce)))
            .map(NonceUsed::of)
    }

    fn fits(&self, name: &str, secret: &Secret, nonce: &[u8]) -> bool {
        let expected = body_digest(name, secret, nonce, &self.trigger);
        expected.ct_eq(&self.digest).into()
    }
}

impl fmt::Display for Package0 {
    /// One field a line, indented, each line with its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Package 0\n  digest: ")?;
        for octet in self.digest {
            write!(f, "{octet:02x}")?;
        }
        let Notification {
            version,
            ui_mode,
            initiator,
            server_id,
            vendor,
            ..
        } = &self.notification;
        let (major, minor) = (version / 10, version % 10);
        writeln!(f, "\n  version: {major}.{minor} ({version})")?;
        writeln!(f, "  ui-mode: {ui_mode}")?;
        writeln!(f, "  initiator: {initiator}")?;
        writeln!(f, "  session id: {}", self.notification.session_text())?;
        writeln!(f, "  server id: {}", line(server_id))?;
        if vendor.is_empty() {
            return Ok(());
        }
        writeln!(f, "  vendor: {}", hexadecimal(vendor))
    }
}

impl fmt::Debug for Package0 {
    /// Without the digest, which lets weak secrets be guessed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Package0")
            .field("notification", &self.notification)
            .finish_non_exhaustive()
    }
}

/// The nonce that the digest of a notification was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NonceUsed {
    /// The stored one: the notification was made for this device, after the last session.
    Stored,
    /// The stored one, which is empty: the notification may be an old one.
    Empty,
    /// The one to resynchronise with, as four zero octets: it may be an old one.
    ResyncOctets,
    /// The one to resynchronise with, as the text `0x00000000`: it may be an old one.
    ResyncText,
}

impl NonceUsed {
    /// The octets of the nonce to resynchronise with, in the form that was used; none for the
    /// stored one. The session that follows is begun with them (OMA-TS-DM-Security 1.2.1).
    pub const fn resync(self) -> Option<&'static [u8]> {
        match self {
            Self::Stored | Self::Empty => None,
            Self::ResyncOctets => Some(RESYNC_OCTETS),
            Self::ResyncText => Some(RESYNC_TEXT),
        }
    }

    /// What a nonce counts for. One that everyone knows proves no more when it is the stored one as
    /// well.
    pub fn of(nonce: &[u8]) -> Self {
        match nonce {
            [] => Self::Empty,
            RESYNC_OCTETS => Self::ResyncOctets,
            RESYNC_TEXT => Self::ResyncText,
            _ => Self::Stored,
        }
    }
}

/// What a notification says (6.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The version of the notification in tenths, as it is sent.
    pub version: u16,
    /// What the user is to see of the session.
    pub ui_mode: UiMode,
    /// Who wanted the session.
    pub initiator: Initiator,
    /// The number of the session that is asked for. The specification begins at 1; 0 is read too.
    pub session_id: u16,
    /// The `ServerID` of the account that is to be used.
    pub server_id: String,
    /// What a vendor adds, at most [`MAX_VENDOR`] octets.
    pub vendor: Vec<u8>,
}

impl Notification {
    /// The version to send, 1.1 (6.2.2.6).
    pub const VERSION: u16 = 11;

    /// The notification with its digest, in the form that [`Package0::parse`] reads.
    pub fn seal(
        &self,
        name: &str,
        secret: &Secret,
        nonce: &[u8],
    ) -> Result<Vec<u8>, NotificationError> {
        let trigger = self.trigger()?;
        let digest = body_digest(name, secret, nonce, &trigger);
        Ok([digest.as_slice(), &trigger].concat())
    }

    /// The `SessionID` of the session: upper-case hexadecimal without leading zeros (6.2.2.10).
    pub fn session_text(&self) -> String {
        format!("{:X}", self.session_id)
    }

    /// Reads what the digest is followed by (6.2.1): 10 bits of version, 2 of mode, 1 of
    /// initiator and 27 without a meaning; session, length of the server identifier and itself.
    fn parse(trigger: &[u8]) -> Result<Self, NotificationError> {
        let (&[first, second, _, _, _, high, low, length], rest) = trigger
            .split_first_chunk()
            .ok_or(NotificationError::TooShort)?;
        let (server_id, vendor) = rest
            .split_at_checked(usize::from(length))
            .ok_or(NotificationError::ServerIdLength)?;
        let version = u16::from_be_bytes([first, second]) >> 6;
        let server_id = std::str::from_utf8(server_id).map_err(|_| NotificationError::ServerId)?;
        check(version, server_id, vendor)?;
        Ok(Self {
            version,
            ui_mode: UiMode::of(second),
            initiator: Initiator::of(second),
            session_id: u16::from_be_bytes([high, low]),
            server_id: server_id.to_owned(),
            vendor: vendor.to_vec(),
        })
    }

    fn trigger(&self) -> Result<Vec<u8>, NotificationError> {
        let length =
            u8::try_from(self.server_id.len()).map_err(|_| NotificationError::ServerIdLength)?;
        check(self.version, &self.server_id, &self.vendor)?;
        let [first, second] = (self.version << 6).to_be_bytes();
        let second = second | self.ui_mode.bits() | self.initiator.bits();
        let [high, low] = self.session_id.to_be_bytes();
        let header = [first, second, 0, 0, 0, high, low, length];
        Ok([&header, self.server_id.as_bytes(), &self.vendor].concat())
    }
}

/// What is asked of a notification in both directions.
fn check(version: u16, server_id: &str, vendor: &[u8]) -> Result<(), NotificationError> {
    // What follows 1.2 has another format and media type.
    if !(10..=12).contains(&version) {
        return Err(NotificationError::Version(version));
    }
    if server_id.is_empty() || server_id.chars().any(char::is_control) {
        return Err(NotificationError::ServerId);
    }
    if vendor.len() > MAX_VENDOR {
        return Err(NotificationError::TooLong);
    }
    Ok(())
}

/// Why a notification cannot be read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationError {
    /// It ends before its server identifier.
    TooShort,
    /// A vendor's part is longer than [`MAX_VENDOR`].
    TooLong,
    /// Its version, in tenths, is not one of 1.0 to 1.2.
    Version(u16),
    /// Its server identifier is longer than what is left of it, or than 255 octets.
    ServerIdLength,
    /// Its server identifier is empty, no UTF-8, or has control characters.
    ServerId,
}

impl fmt::Display for NotificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => f.write_str("it ends before its server identifier"),
            Self::TooLong => write!(f, "a vendor's part is longer than {MAX_VENDOR} bytes"),
            Self::Version(version) => {
                let (major, minor) = (version / 10, version % 10);
                write!(f, "its version {major}.{minor} is not one of 1.0 to 1.2")
            }
            Self::ServerIdLength => f.write_str("its server identifier does not fit it"),
            Self::ServerId => f.write_str("its server identifier is empty or not plain text"),
        }
    }
}

impl std::error::Error for NotificationError {}

#[cfg(test)]
mod tests;
