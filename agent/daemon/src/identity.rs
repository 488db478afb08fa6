//! Who this device is: its `DevId`, and what its hardware and system say about themselves.
//!
//! `DevId` is chosen once, at the first start, and kept by the store from then on. By default
//! it is a UUID derived from the machine-id, which systemd makes anew at the first boot of
//! each copy of an image; the machine-id itself is never shown (machine-id(5)). Where there is
//! no machine-id, or the image left it uninitialized, the UUID is random. Either way two
//! copies of an image that had not been started have two ids. A copy made of a device that
//! *had* started carries the kept id; [`DevId::is_copied`] tells it, unless the machine-id was
//! copied as well: the id that is then chosen by command is random.

mod facts;
#[cfg(test)]
pub(crate) mod fixture;
mod machine;

use std::fmt;
use std::fmt::Write as _;

use omadm_probes::FsRoot;
use sha2::{Digest, Sha256};

use crate::config::{Device, IdKind};

pub use facts::{Fact, Source};
pub use machine::Machine;

/// Keeps our hash of the machine-id apart from that of every other program.
const APPLICATION: &[u8] = b"omadm DevId 1";

/// The identity of the device, with how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevId {
    /// The value of `./DevInfo/DevId`.
    pub text: String,
    /// What it was made from.
    pub origin: Origin,
}

/// What a [`DevId`] was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A hash of the machine-id.
    MachineId,
    /// Random octets, because there was no machine-id, or the one there is gave the id that
    /// was to be replaced.
    Random,
    /// The IMEI of the modem.
    Imei,
}

impl Origin {
    /// The word that the store keeps beside the id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MachineId => "machine-id",
            Self::Random => "random",
            Self::Imei => "imei",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::MachineId, Self::Random, Self::Imei];
        all.into_iter().find(|origin| origin.as_str() == word)
    }
}

/// Why no [`DevId`] could be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityError {
    /// `id-kind = "imei"` without an IMEI.
    NoImei,
    /// The IMEI is not one.
    BadImei,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoImei => "device.id-kind is \"imei\", but device.imei is not set",
            Self::BadImei => "device.imei must have 14 digits, or 15 with a right check digit",
        })
    }
}

impl std::error::Error for IdentityError {}

impl DevId {
    /// Chooses the identity of a device that has none yet, or wants another than `old`. `random`
    /// is used where the machine has no machine-id, got `old` from it, or was given up for it.
    pub fn choose(
        device: &Device,
        fs: &FsRoot,
        old: Option<&Self>,
        random: [u8; 16],
    ) -> Result<Self, IdentityError> {
        match device.id_kind {
            IdKind::Imei => {
                let imei = device.imei.as_deref().ok_or(IdentityError::NoImei)?;
                Self::from_imei(imei)
            }
            IdKind::Uuid => Ok(match machine_id(fs).map(|id| urn(derive(id))) {
                Some(text) if old.is_none_or(|old| old.may_become(&text)) => Self {
                    text,
                    origin: Origin::MachineId,
                },
                _ => Self {
                    text: urn(uuid(random, 4)),
                    origin: Origin::Random,
                },
            }),
        }
    }

    /// Whether the id of this machine's machine-id would be a new one. Once it was not, the
    /// machine-id is a copy, and so it stays.
    fn may_become(&self, text: &str) -> bool {
        self.text != text && self.origin != Origin::Random
    }

    /// The identity of an IMEI (3GPP TS 23.003, 6.2): 14 digits, or 15 with the check digit.
    pub fn from_imei(imei: &str) -> Result<Self, IdentityError> {
        let digits: Option<Vec<u32>> = imei.chars().map(|digit| digit.to_digit(10)).collect();
        let digits = digits.ok_or(IdentityError::BadImei)?;
        if digits.len() != 14 && !(digits.len() == 15 && luhn(&digits)) {
            return Err(IdentityError::BadImei);
        }
        Ok(Self {
            text: format!("IMEI:{imei}"),
            origin: Origin::Imei,
        })
    }

    /// Whether this machine's machine-id is another than the one the identity was made from: the
    /// state was copied from a device that had been started, and two devices have one id.
    pub fn is_copied(&self, fs: &FsRoot) -> bool {
        let now = machine_id(fs).map(|id| urn(derive(id)));
        self.origin == Origin::MachineId && now.is_some_and(|now| now != self.text)
    }
}

impl fmt::Display for DevId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The machine-id, if it has been initialized: 32 hexadecimal digits, not all zero.
fn machine_id(fs: &FsRoot) -> Option<[u8; 16]> {
    let text = facts::text(fs, "/etc/machine-id")?;
    if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let id = u128::from_str_radix(&text, 16).ok()?;
    (id != 0).then(|| id.to_be_bytes())
}

/// A UUID of version 8 (RFC 9562, 5.8) out of a hash that cannot be turned back.
fn derive(machine_id: [u8; 16]) -> [u8; 16] {
    let hash = Sha256::new()
        .chain_update(APPLICATION)
        .chain_update(machine_id)
        .finalize();
    let mut octets = [0; 16];
    for (octet, hashed) in octets.iter_mut().zip(hash) {
        *octet = hashed;
    }
    uuid(octets, 8)
}

/// Sets version and variant (RFC 9562, 4).
fn uuid(mut octets: [u8; 16], version: u8) -> [u8; 16] {
    octets[6] = octets[6] & 0x0f | version << 4;
    octets[8] = octets[8] & 0x3f | 0x80;
    octets
}

fn urn(uuid: [u8; 16]) -> String {
    let mut text = "urn:uuid:".to_owned();
    for (at, octet) in uuid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // writing to a String cannot fail
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// The check digit of 3GPP TS 23.003, annex B: every second digit counts double.
fn luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| digit * 2 / 10 + digit * 2 % 10;
    let weigh = |(at, digit): (usize, &u32)| if at % 2 == 1 { doubled(*digit) } else { *digit };
    digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::fixture::recorded;
    use super::*;

    fn root(machine_id: Option<&str>) -> (tempfile::TempDir, FsRoot) {
        let files: Vec<_> = machine_id
            .map(|text| ("/etc/machine-id", text))
            .into_iter()
            .collect();
        recorded(&files)
    }

    const ID: &str = "0123456789abcdef0123456789abcdef\n";

    #[test]
    fn the_id_is_a_hash_of_the_machine_id_and_does_not_show_it() {
        let (_dir, fs) = root(Some(ID));
        let chosen = DevId::choose(&Device::default(), &fs, None, [1; 16]).unwrap();
        assert_eq!(chosen.origin, Origin::MachineId);
        let hex = chosen
            .text
            .strip_prefix("urn:uuid:")
            .unwrap()
            .replace('-', "");
        assert_eq!(hex.len(), 32);
        assert_eq!(&hex[12..13], "8");
        assert!(matches!(&hex[16..17], "8" | "9" | "a" | "b"));
        assert_ne!(hex, ID.trim());
        let again = DevId::choose(&Device::default(), &fs, None, [2; 16]).unwrap();
        assert_eq!(again, chosen);
    }

    #[test]
    fn two_machine_ids_give_two_ids_and_a_copied_state_is_told() {
        let (_one, first) = root(Some(ID));
        let (_two, second) = root(Some("fedcba9876543210fedcba9876543210\n"));
        let device = Device::default();
        let one = DevId::choose(&device, &first, None, [0; 16]).unwrap();
        let two = DevId::choose(&device, &second, None, [0; 16]).unwrap();
        assert_ne!(one.text, two.text);
        assert!(!one.is_copied(&first));
        assert!(one.is_copied(&second));
    }

    #[test]
    fn a_copied_machine_id_does_not_bring_the_copied_id_back() {
        let (_dir, fs) = root(Some(ID));
        let device = Device::default();
        let original = DevId::choose(&device, &fs, None, [0; 16]).unwrap();
        let copy = DevId::choose(&device, &fs, Some(&original), [0xab; 16]).unwrap();
        assert_eq!(copy.text, "urn:uuid:abababab-abab-4bab-abab-abababababab");
        assert_eq!(copy.origin, Origin::Random);
        assert!(!copy.is_copied(&fs));
        let again = DevId::choose(&device, &fs, Some(&copy), [0xcd; 16]).unwrap();
        assert_eq!(again.origin, Origin::Random);
        let mut other = original.clone();
        other.text = "urn:uuid:other".into();
        let own = DevId::choose(&device, &fs, Some(&other), [0; 16]).unwrap();
        assert_eq!(own, original);
    }

    #[test]
    fn without_a_machine_id_the_id_is_random() {
        let zero = "00000000000000000000000000000000\n";
        for text in [
            None,
            Some(""),
            Some("uninitialized\n"),
            Some(zero),
            Some("xyz"),
        ] {
            let (_dir, fs) = root(text);
            let choose = |random| DevId::choose(&Device::default(), &fs, None, random).unwrap();
            let chosen = choose([0xab; 16]);
            assert_eq!(
                chosen.text, "urn:uuid:abababab-abab-4bab-abab-abababababab",
                "{text:?}"
            );
            assert_eq!(chosen.origin, Origin::Random);
            assert_ne!(choose([0xcd; 16]), chosen);
            assert!(!chosen.is_copied(&fs));
        }
    }

    #[test]
    fn an_imei_is_taken_when_it_is_one() {
        let (_dir, fs) = root(Some(ID));
        let with = |imei: Option<&str>| {
            let device = Device {
                id_kind: IdKind::Imei,
                imei: imei.map(str::to_owned),
                ..Device::default()
            };
            DevId::choose(&device, &fs, None, [0; 16]).map(|id| id.text)
        };
        assert_eq!(
            with(Some("490154203237518")),
            Ok("IMEI:490154203237518".to_owned())
        );
        assert_eq!(
            with(Some("49015420323751")),
            Ok("IMEI:49015420323751".to_owned())
        );
        assert_eq!(with(Some("490154203237519")), Err(IdentityError::BadImei));
        assert_eq!(with(Some("49015420323751x")), Err(IdentityError::BadImei));
        assert_eq!(with(None), Err(IdentityError::NoImei));
    }

    #[test]
    fn origins_are_kept_as_words() {
        for origin in [Origin::MachineId, Origin::Random, Origin::Imei] {
            assert_eq!(Origin::parse(origin.as_str()), Some(origin));
        }
        assert_eq!(Origin::parse("x"), None);
    }
}
