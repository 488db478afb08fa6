//! The address of a Bluetooth device.

use crate::address::AddressError;

use std::fmt;
use std::str::FromStr;

/// `BD_ADDR`: six octets, the first one as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerAddress(pub [u8; 6]);

impl FromStr for PeerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let form = || {
            let shown: String = text.chars().take(32).collect();
            AddressError::new(format!(
                "{shown:?} is no Bluetooth address: six octets, such as 00:1A:7D:DA:71:13"
            ))
        };
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().ok_or_else(form)?;
            let is_octet = part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
            if !is_octet {
                return Err(form());
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| form())?;
        }
        match parts.next() {
            None => Ok(Self(octets)),
            Some(_) => Err(form()),
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02X}")?;
        }
        Ok(())
    }
}

#[cfg(feature = "bluetooth")]
impl From<bluer::Address> for PeerAddress {
    fn from(address: bluer::Address) -> Self {
        Self(address.0)
    }
}

#[cfg(feature = "bluetooth")]
impl From<PeerAddress> for bluer::Address {
    fn from(address: PeerAddress) -> Self {
        Self(address.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        let address: PeerAddress = "00:aa:01:Bc:00:ff".parse().unwrap();
        assert_eq!(address.to_string(), "00:AA:01:BC:00:FF");
    }

    #[test]
    fn what_is_none_shows_the_form() {
        for text in [
            "",
            "00:AA:01:00:00",
            "00:AA:01:00:00:00:00",
            "00-AA-01-00-00-00",
            "0:AA:01:00:00:00",
            "+0:AA:01:00:00:00",
            "GG:AA:01:00:00:00",
        ] {
            let error = text.parse::<PeerAddress>().unwrap_err().to_string();
            assert!(error.contains("00:1A:7D"), "{text}: {error}");
        }
    }
}
