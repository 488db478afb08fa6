//! Where a bearer leads: `scheme:rest`, checked by its scheme before it is kept.

use crate::SCHEMES;

use std::fmt;
use std::str::FromStr;

/// Why nobody waits at an attached device, or at a Bluetooth peer.
pub(crate) const DIALLED_USB: &str = "an attached device is dialled, not waited for; this machine's own function is usb-gadget+obex:";
pub(crate) const DIALLED_BLUETOOTH: &str =
    "an address with a peer is dialled; a device waits at bt+obex:";

/// The address of a peer, such as `https://dm.example.net/dm`.
///
/// Its text is kept as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    scheme: &'static str,
    text: String,
}

impl Address {
    /// The scheme in lower case.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a local line, which a device can wait on.
    pub fn is_line(&self) -> bool {
        self.scheme.ends_with("+obex")
    }

    /// Whether it can be waited at, and if not, why.
    pub fn check_waiting(&self) -> Result<(), AddressError> {
        let text = match self.scheme {
            "usb+obex" => DIALLED_USB,
            "bt+obex" if self.bluetooth_peer().is_some() => DIALLED_BLUETOOTH,
            _ if self.is_line() => return Ok(()),
            _ => {
                "no line to wait on: use tty+obex, bt+obex, usb-gadget+obex, unix+obex or tcp+obex"
            }
        };
        Err(AddressError::new(text))
    }

    /// The address of the Bluetooth peer that it leads to, if it names one.
    pub fn bluetooth_peer(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once("://")?;
        let peer = rest.split('?').next().filter(|peer| !peer.is_empty());
        peer.filter(|_| self.scheme == "bt+obex")
    }

    /// The same address with this port, if it names a host and no port of its own: the
    /// `PortNbr` of an account.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        let Some(start) = self.text.find("://").map(|at| at + 3) else {
            return self;
        };
        let rest = self.text.get(start..).unwrap_or_default();
        let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..length).unwrap_or_default();
        // The colons of an IPv6 address stand in brackets.
        let named = authority.rsplit(']').next().unwrap_or_default();
        if !authority.is_empty() && !named.contains(':') {
            self.text.insert_str(start + length, &format!(":{port}"));
        }
        self
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let name = text.split_once(':').map_or("", |(scheme, _)| scheme);
        if text.starts_with("/dev/") {
            let form = format!("a serial port is written tty+obex://{text}");
            return Err(AddressError::new(form));
        }
        let scheme = SCHEMES
            .iter()
            .find(|known| known.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| AddressError::scheme(name))?;
        scheme.check(text)?;
        Ok(Self {
            scheme: scheme.name,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not the address of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    reason: String,
}

impl AddressError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }

    pub(crate) fn scheme(name: &str) -> Self {
        let known: Vec<_> = SCHEMES.iter().map(|scheme| scheme.name).collect();
        Self::new(if name.is_empty() {
            format!("no scheme; this build knows {}", known.join(", "))
        } else {
            let shown: String = name.chars().take(32).collect();
            format!(
                "unknown scheme {shown:?}; this build knows {}",
                known.join(", ")
            )
        })
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for AddressError {}
