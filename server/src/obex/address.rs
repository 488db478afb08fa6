//! Lines as the command line names them: an address, and which device is there.

use omadm_bindings::Address;

/// A line and the device on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAddress {
    /// Where it leads.
    pub address: Address,
    /// The `DevId` of the device there; the only one that is registered when left out.
    pub device: Option<String>,
}

impl LineAddress {
    /// A serial port: `/dev/ttyS0?baud=115200&device=IMEI:490154203237518`.
    pub fn serial(text: &str) -> Result<Self, String> {
        Self::obex(&serial(text))
    }

    /// A Bluetooth device: `00:1A:7D:DA:71:13?device=IMEI:490154203237518`; the first paired one
    /// that offers the service when nothing names it.
    pub fn bluetooth(text: &str) -> Result<Self, String> {
        Self::obex(&bluetooth(text))
    }

    /// A device on USB: `1d6b:0104:0123?device=IMEI:490154203237518`; the first with an OBEX
    /// function when nothing names it.
    pub fn usb(text: &str) -> Result<Self, String> {
        Self::obex(&usb(text))
    }

    /// An address of any line: `tcp+obex://127.0.0.1:650?device=IMEI:490154203237518`.
    pub fn obex(text: &str) -> Result<Self, String> {
        let (address, device) = split(text)?;
        let address = listening(&address)?;
        Ok(Self { address, device })
    }
}

/// An address that OBEX runs on.
fn listening(text: &str) -> Result<Address, String> {
    let address: Address = text.parse().map_err(|e| format!("{e}"))?;
    if address.scheme().ends_with("+obex") {
        Ok(address)
    } else {
        let scheme = address.scheme();
        Err(format!(
            "no OBEX runs over {scheme}; over http and https devices come to --listen"
        ))
    }
}

/// An address at which devices that dial can be waited for.
pub fn waited(text: &str) -> Result<Address, String> {
    let address = listening(text)?;
    let mend = match address.scheme() {
        "bt+obex" => "--bluetooth",
        "usb+obex" | "usb-gadget+obex" => "--usb",
        _ => return Ok(address),
    };
    Err(format!(
        "devices do not dial over {}: dial them with {mend}",
        address.scheme()
    ))
}

/// The address of a serial port.
fn serial(text: &str) -> String {
    let scheme = text.get(..8).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("tty+obex") {
        text.to_owned()
    } else {
        format!("tty+obex://{text}")
    }
}

/// The address of a Bluetooth device. What it offers as a client is what is searched.
fn bluetooth(text: &str) -> String {
    let scheme = text.get(..7).unwrap_or_default();
    let mut address = if scheme.eq_ignore_ascii_case("bt+obex") {
        text.to_owned()
    } else if text.is_empty() || text.starts_with('?') {
        format!("bt+obex:{text}")
    } else {
        format!("bt+obex://{text}")
    };
    address.push(if address.contains('?') { '&' } else { '?' });
    address + "service=client"
}

/// The address of a device on USB.
fn usb(text: &str) -> String {
    let scheme = text.get(..9).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("usb+obex:") {
        text.to_owned()
    } else if text.is_empty() || text.starts_with('?') {
        format!("usb+obex:{text}")
    } else {
        format!("usb+obex://{text}")
    }
}

/// Takes `device=` out of the query; the rest is for the line.
fn split(text: &str) -> Result<(String, Option<String>), String> {
    let Some((base, query)) = text.split_once('?') else {
        return Ok((text.to_owned(), None));
    };
    let (mut rest, mut device) = (Vec::new(), None);
    for pair in query.split('&') {
        match pair.strip_prefix("device=") {
            Some("") => return Err("device= names no device".into()),
            Some(_) if device.is_some() => return Err("device= is there twice".into()),
            Some(id) => device = Some(decoded(id)?),
            None => rest.push(pair),
        }
    }
    let address = if rest.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", rest.join("&"))
    };
    Ok((address, device))
}

/// Resolves the escapes of a query (RFC 3986, 2.1): a `DevId` may hold an ampersand.
fn decoded(text: &str) -> Result<String, String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    octets.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let wrong = || format!("device={text}: after % come two hexadecimal digits");
        let (digits, rest) = part.split_at_checked(2).ok_or_else(wrong)?;
        octets.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        octets.extend(rest.bytes());
    }
    String::from_utf8(octets).map_err(|_| format!("device={text} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_is_taken_out_of_the_query() {
        for (text, address, device) in [
            ("x:///a", "x:///a", None),
            ("x:///a?device=IMEI:4", "x:///a", Some("IMEI:4")),
            (
                "x:///a?baud=9600&device=a%26b&entry=at",
                "x:///a?baud=9600&entry=at",
                Some("a&b"),
            ),
            ("x:///a?baud=9600", "x:///a?baud=9600", None),
        ] {
            let expected = (address.to_owned(), device.map(str::to_owned));
            assert_eq!(split(text), Ok(expected), "{text}");
        }
        for text in [
            "x?device=",
            "x?device=a&device=b",
            "x?device=%4",
            "x?device=%zz",
            "x?device=%ff",
        ] {
            assert!(split(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_is_an_address_of_a_serial_line() {
        for (text, expected) in [
            ("/dev/ttyS0", "tty+obex:///dev/ttyS0"),
            ("/dev/ttyS0?baud=9600", "tty+obex:///dev/ttyS0?baud=9600"),
            ("tty+obex:///dev/ttyS0", "tty+obex:///dev/ttyS0"),
        ] {
            assert_eq!(serial(text), expected);
        }
    }

    #[test]
    fn a_bluetooth_device_is_searched_for_its_service() {
        for (text, expected) in [
            (
                "00:1a:7d:da:71:13",
                "bt+obex://00:1a:7d:da:71:13?service=client",
            ),
            (
                "00:1a:7d:da:71:13?channel=9&device=d",
                "bt+obex://00:1a:7d:da:71:13?channel=9&service=client",
            ),
            (
                "bt+obex://00:1a:7d:da:71:13?adapter=hci1",
                "bt+obex://00:1a:7d:da:71:13?adapter=hci1&service=client",
            ),
            ("", "bt+obex:?service=client"),
            ("?adapter=hci1", "bt+obex:?adapter=hci1&service=client"),
        ] {
            let line = LineAddress::bluetooth(text).unwrap();
            assert_eq!(line.address.as_str(), expected);
        }
        assert!(LineAddress::bluetooth("phone").is_err());
    }

    #[test]
    fn a_device_on_usb_needs_no_name() {
        for (text, address, device) in [
            ("", "usb+obex:", None),
            ("?device=a", "usb+obex:", Some("a")),
            ("1d6b:0104", "usb+obex://1d6b:0104", None),
            ("usb+obex:", "usb+obex:", None),
            (
                "1d6b:0104:01?function=acm&device=a",
                "usb+obex://1d6b:0104:01?function=acm",
                Some("a"),
            ),
        ] {
            let line = LineAddress::usb(text).unwrap();
            let found = (line.address.as_str(), line.device.as_deref());
            assert_eq!(found, (address, device), "{text}");
        }
        assert!(LineAddress::usb("1d6b").is_err());
    }

    #[test]
    fn devices_are_waited_for_where_they_dial() {
        assert!(waited("unix+obex:///run/x.sock").is_ok());
        for (text, mend) in [
            ("bt+obex:", "--bluetooth"),
            ("bt+obex://00:1a:7d:da:71:13", "--bluetooth"),
            ("usb+obex:", "--usb"),
            ("usb-gadget+obex:", "--usb"),
            ("https://x.example/", "--listen"),
        ] {
            let error = waited(text).unwrap_err();
            assert!(error.contains(mend), "{text}: {error}");
        }
    }

    #[test]
    fn only_obex_runs_on_lines() {
        let line = LineAddress::obex("unix+obex:///run/x.sock?device=d").unwrap();
        assert_eq!(line.address.as_str(), "unix+obex:///run/x.sock");
        assert_eq!(line.device.as_deref(), Some("d"));
        for text in ["http://127.0.0.1/dm", "127.0.0.1", "unix+obex://x"] {
            assert!(LineAddress::obex(text).is_err(), "{text}");
        }
    }
}
