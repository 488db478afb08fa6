//! The address of a function of an attached device.

use crate::address::AddressError;

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// What an address begins with.
const SCHEME: &str = "usb+obex:";

/// A string descriptor has at most this many UTF-16 units (USB 2.0, 9.6.7).
const MAX_SERIAL: usize = 126;

/// Which function of which device, such as `usb+obex://1d6b:0104:0123?function=acm`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UsbAddress {
    /// The device; the first that has the function when there is none.
    pub device: Option<DeviceName>,
    /// The function.
    pub function: Function,
}

/// How a device is told from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceName {
    /// `idVendor`.
    pub vendor: u16,
    /// `idProduct`.
    pub product: u16,
    /// `iSerialNumber`, where several devices are of one kind.
    pub serial: Option<String>,
}

/// What OBEX runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Function {
    /// The class for it (USB WMC 1.1, OBEX).
    #[default]
    Obex,
    /// A serial port of the class CDC ACM.
    Acm,
}

impl FromStr for UsbAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_at_checked(SCHEME.len()).ok_or_else(form)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(form());
        }
        let (device, query) = match rest.split_once('?') {
            Some((device, query)) => (device, Some(query)),
            None => (rest, None),
        };
        let device = match device {
            "" | "//" => None,
            device => Some(device.strip_prefix("//").ok_or_else(form)?.parse()?),
        };
        let function = query.map_or(Ok(Function::Obex), function)?;
        if device.is_none() && function == Function::Acm {
            return Err(AddressError::new(
                "a serial port says nothing of OBEX: name its device, \
                 usb+obex://1d6b:0104?function=acm",
            ));
        }
        Ok(Self { device, function })
    }
}

impl FromStr for DeviceName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let (vendor, rest) = text.split_once(':').ok_or_else(form)?;
        let (product, serial) = match rest.split_once(':') {
            Some((product, serial)) => (product, Some(decoded(serial)?)),
            None => (rest, None),
        };
        Ok(Self {
            vendor: hex(vendor)?,
            product: hex(product)?,
            serial,
        })
    }
}

impl fmt::Display for UsbAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        if let Some(device) = &self.device {
            write!(f, "//{:04x}:{:04x}", device.vendor, device.product)?;
            if let Some(serial) = &device.serial {
                write!(f, ":{}", escaped(serial))?;
            }
        }
        match self.function {
            Function::Obex => Ok(()),
            Function::Acm => f.write_str("?function=acm"),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.product)?;
        match &self.serial {
            Some(serial) => write!(f, " with serial number {serial}"),
            None => Ok(()),
        }
    }
}

fn form() -> AddressError {
    AddressError::new(
        "usb+obex leads to a device by its identifiers and perhaps its serial number: \
         usb+obex://1d6b:0104, usb+obex://1d6b:0104:0123; usb+obex: is the only one",
    )
}

fn function(query: &str) -> Result<Function, AddressError> {
    match query {
        "function=obex" => Ok(Function::Obex),
        "function=acm" => Ok(Function::Acm),
        _ => Err(AddressError::new(
            "after ? there is function=obex or function=acm",
        )),
    }
}

fn hex(text: &str) -> Result<u16, AddressError> {
    let digits = text.len() == 4 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
    let number = u16::from_str_radix(text, 16).ok().filter(|_| digits);
    number.ok_or_else(form)
}

/// Resolves the escapes of a serial number (RFC 3986, 2.1).
fn decoded(text: &str) -> Result<String, AddressError> {
    let wrong = || {
        AddressError::new(
            "a serial number is text of 1 to 126 characters; after % come two hexadecimal digits",
        )
    };
    let mut octets = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    octets.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or_else(wrong)?;
        let sound = digits.bytes().all(|octet| octet.is_ascii_hexdigit());
        let octet = u8::from_str_radix(digits, 16).ok().filter(|_| sound);
        octets.push(octet.ok_or_else(wrong)?);
        octets.extend(rest.bytes());
    }
    let serial = String::from_utf8(octets).map_err(|_| wrong())?;
    let length = serial.encode_utf16().count();
    let sound = (1..=MAX_SERIAL).contains(&length) && !serial.chars().any(char::is_control);
    if sound { Ok(serial) } else { Err(wrong()) }
}

/// Escapes what is not unreserved (RFC 3986, 2.3).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            escaped.push(char::from(octet));
        } else {
            let _ = write!(escaped, "%{octet:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(serial: Option<&str>) -> DeviceName {
        DeviceName {
            vendor: 0x1d6b,
            product: 0x0104,
            serial: serial.map(str::to_owned),
        }
    }

    #[test]
    fn devices_are_named_by_their_identifiers() {
        for (text, device, function) in [
            ("usb+obex:", None, Function::Obex),
            ("USB+OBEX://", None, Function::Obex),
            ("usb+obex://1d6b:0104", Some(named(None)), Function::Obex),
            ("usb+obex://1D6B:0104/", Some(named(None)), Function::Obex),
            (
                "usb+obex://1d6b:0104:0123",
                Some(named(Some("0123"))),
                Function::Obex,
            ),
            (
                "usb+obex://1d6b:0104:a%20%2f:%3F?function=acm",
                Some(named(Some("a /:?"))),
                Function::Acm,
            ),
        ] {
            let address = UsbAddress { device, function };
            assert_eq!(text.parse::<UsbAddress>(), Ok(address.clone()), "{text}");
            assert_eq!(address.to_string().parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn what_leads_nowhere_says_how_it_is_written() {
        for (text, said) in [
            ("tcp+obex://1d6b:0104", "usb+obex://"),
            ("usb", "usb+obex://"),
            ("usb+obex:1d6b:0104", "usb+obex://"),
            ("usb+obex://1d6b", "usb+obex://"),
            ("usb+obex://1d6b:104", "usb+obex://"),
            ("usb+obex://+d6b:0104", "usb+obex://"),
            ("usb+obex://1d6b:01045", "usb+obex://"),
            ("usb+obex://1d6b:0104:", "1 to 126"),
            ("usb+obex://1d6b:0104:%+1", "two hexadecimal"),
            ("usb+obex://1d6b:0104:%", "two hexadecimal"),
            ("usb+obex://1d6b:0104:%00", "1 to 126"),
            ("usb+obex://1d6b:0104:%ff", "1 to 126"),
            ("usb+obex://1d6b:0104?function=hid", "function=acm"),
            ("usb+obex:?function=acm", "name its device"),
        ] {
            let error = text.parse::<UsbAddress>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        let long = format!("usb+obex://1d6b:0104:{}", "a".repeat(127));
        assert!(long.parse::<UsbAddress>().is_err());
    }
}
