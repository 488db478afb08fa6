//! The address of a serial line: the device and how it is set.

use crate::address::AddressError;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What an address begins with where it is not a bare path.
const SCHEME: &str = "tty+obex:";

/// `PATH_MAX` of Linux, without its NUL.
const MAX_PATH: usize = 4095;

const DEFAULT_BAUD: u32 = 115_200;

/// More than any UART with an RS-232 or TTL level does.
const MAX_BAUD: u32 = 12_000_000;

/// A device and its settings, such as `tty+obex:///dev/ttyS0?baud=115200&entry=at`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SerialAddress {
    /// The device; absolute.
    pub path: PathBuf,
    /// Bits per second, of any value that the device can do.
    pub baud: u32,
    /// How OBEX is entered. Without it a waiting end takes both and a dialling end goes raw.
    pub entry: Option<Entry>,
    /// How a side that is too slow stops the other.
    pub flow: Flow,
    /// Whether the line lives only as long as the carrier.
    pub carrier: Carrier,
}

/// How a line gets to carry OBEX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    /// By an AT command, as with a modem.
    At,
    /// It carries nothing else.
    Raw,
}

/// Flow control; XON and XOFF are of no use since OBEX is binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// None: three wires are enough.
    None,
    /// RTS and CTS.
    Hardware,
}

/// What the carrier (DCD) means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// Nothing to the kernel (`CLOCAL`), as on a direct cable.
    Ignore,
    /// The kernel hangs up when it drops.
    Follow,
}

impl SerialAddress {
    /// The size of an OBEX packet that lasts about 100 ms, in octets.
    ///
    /// Shorter ones spend the line on waiting for answers, longer ones cost more when an octet is
    /// lost. An octet takes ten bits on the line.
    pub fn packet_octets(&self) -> u16 {
        let octets = u16::try_from(self.baud / 100).unwrap_or(u16::MAX);
        octets.clamp(255, 16_384)
    }

    fn over(path: &str) -> Result<Self, AddressError> {
        Ok(Self {
            path: checked_path(path)?.to_owned(),
            baud: DEFAULT_BAUD,
            entry: None,
            flow: Flow::None,
            carrier: Carrier::Ignore,
        })
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), AddressError> {
        match key {
            "baud" => self.baud = baud(value)?,
            "entry" => {
                self.entry = Some(choice(
                    key,
                    value,
                    [("at", Entry::At), ("raw", Entry::Raw)],
                )?);
            }
            "flow" => {
                let known = [("none", Flow::None), ("hardware", Flow::Hardware)];
                self.flow = choice(key, value, known)?;
            }
            "carrier" => {
                let known = [("ignore", Carrier::Ignore), ("follow", Carrier::Follow)];
                self.carrier = choice(key, value, known)?;
            }
            _ => {
                return Err(AddressError::new(format!(
                    "unknown key {:?}; there are baud, entry, flow and carrier",
                    shown(key)
                )));
            }
        }
        Ok(())
    }
}

impl FromStr for SerialAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        let mut address = Self::over(without_scheme(path)?)?;
        let mut seen = Vec::new();
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                AddressError::new(format!("{:?} is not of the form key=value", shown(pair)))
            })?;
            if seen.contains(&key) {
                return Err(AddressError::new(format!("{key} is given twice")));
            }
            address.set(key, value)?;
            seen.push(key);
        }
        Ok(address)
    }
}

impl fmt::Display for SerialAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}//{}?baud={}", self.path.display(), self.baud)?;
        match self.entry {
            Some(Entry::At) => f.write_str("&entry=at")?,
            Some(Entry::Raw) => f.write_str("&entry=raw")?,
            None => {}
        }
        if self.flow == Flow::Hardware {
            f.write_str("&flow=hardware")?;
        }
        if self.carrier == Carrier::Follow {
            f.write_str("&carrier=follow")?;
        }
        Ok(())
    }
}

/// The path of an address with or without scheme.
fn without_scheme(text: &str) -> Result<&str, AddressError> {
    let scheme = text.get(..SCHEME.len());
    if !scheme.is_some_and(|found| found.eq_ignore_ascii_case(SCHEME)) {
        return Ok(text);
    }
    let rest = text.get(SCHEME.len()..).unwrap_or_default();
    match rest.strip_prefix("//") {
        Some(path) if path.starts_with('/') => Ok(path),
        _ => Err(AddressError::new(
            "three slashes lead to a device: tty+obex:///dev/ttyS0",
        )),
    }
}

fn checked_path(text: &str) -> Result<&Path, AddressError> {
    let path = Path::new(text);
    let reason = if text.is_empty() {
        "it names no device: /dev/ttyS0 is one"
    } else if text.chars().any(char::is_control) {
        "the path of a device holds no control characters"
    } else if !path.is_absolute() {
        "the path of a device is absolute: it begins with /"
    } else if text.split('/').any(|part| part == "..") {
        "the path of a device holds no .."
    } else if text.len() > MAX_PATH {
        "the path of a device has at most 4095 octets"
    } else {
        return Ok(path);
    };
    Err(AddressError::new(reason))
}

fn baud(value: &str) -> Result<u32, AddressError> {
    let digits = !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_digit());
    let number = value.parse().ok().filter(|_| digits);
    number
        .filter(|number| (1..=MAX_BAUD).contains(number))
        .ok_or_else(|| {
            AddressError::new(format!(
                "baud is a number from 1 to {MAX_BAUD}, not {:?}",
                shown(value)
            ))
        })
}

fn choice<T>(key: &str, value: &str, known: [(&str, T); 2]) -> Result<T, AddressError> {
    let names = known.each_ref().map(|(name, _)| *name).join(" or ");
    let found = known.into_iter().find(|(name, _)| *name == value);
    found
        .map(|(_, choice)| choice)
        .ok_or_else(|| AddressError::new(format!("{key} is {names}, not {:?}", shown(value))))
}

/// As much of a wrong word as an error needs.
fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<SerialAddress, String> {
        text.parse()
            .map_err(|error: AddressError| error.to_string())
    }

    #[test]
    fn a_bare_path_has_the_defaults() {
        let address = parsed("/dev/ttyUSB0").unwrap();
        assert_eq!(address, parsed("tty+obex:///dev/ttyUSB0").unwrap());
        assert_eq!(address.path, Path::new("/dev/ttyUSB0"));
        assert_eq!(address.baud, 115_200);
        assert_eq!(address.entry, None);
        assert_eq!(address.flow, Flow::None);
        assert_eq!(address.carrier, Carrier::Ignore);
    }

    #[test]
    fn every_setting_is_understood() {
        let text = "TTY+OBEX:///dev/serial/by-path/pci-0:1-port0?carrier=follow&baud=250000&flow=hardware&entry=at";
        let address = parsed(text).unwrap();
        assert_eq!(address.baud, 250_000);
        assert_eq!(address.entry, Some(Entry::At));
        assert_eq!(address.flow, Flow::Hardware);
        assert_eq!(address.carrier, Carrier::Follow);
        assert_eq!(
            parsed("/dev/ttyS0?entry=raw").unwrap().entry,
            Some(Entry::Raw)
        );
    }

    #[test]
    fn what_is_shown_is_the_same_address() {
        for text in [
            "tty+obex:///dev/ttyS0?baud=115200",
            "tty+obex:///dev/ttyS0?baud=1&entry=raw",
            "tty+obex:///dev/ttyS0?baud=12000000&entry=at&flow=hardware&carrier=follow",
        ] {
            assert_eq!(parsed(text).unwrap().to_string(), text);
        }
        let bare = parsed("/dev/ttyS1?flow=none").unwrap();
        assert_eq!(parsed(&bare.to_string()).unwrap(), bare);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, reason) in [
            ("", "names no device"),
            ("tty+obex:", "three slashes"),
            ("tty+obex://dev/ttyS0", "three slashes"),
            ("tty+obex:/dev/ttyS0", "three slashes"),
            ("dev/ttyS0", "absolute"),
            ("https://example.net/", "absolute"),
            ("/dev/../etc/passwd", "no .."),
            ("/dev/tty\0S0", "control characters"),
            ("/dev/ttyS0\n", "control characters"),
            ("/dev/ttyS0?", "key=value"),
            ("/dev/ttyS0?baud", "key=value"),
            ("/dev/ttyS0?baud=", "from 1 to 12000000"),
            ("/dev/ttyS0?baud=0", "from 1 to 12000000"),
            ("/dev/ttyS0?baud=12000001", "from 1 to 12000000"),
            ("/dev/ttyS0?baud=+9600", "from 1 to 12000000"),
            ("/dev/ttyS0?baud=99999999999", "from 1 to 12000000"),
            ("/dev/ttyS0?baud=1&baud=1", "baud is given twice"),
            (
                "/dev/ttyS0?speed=1",
                "there are baud, entry, flow and carrier",
            ),
            ("/dev/ttyS0?entry=modem", "entry is at or raw"),
            ("/dev/ttyS0?flow=xon", "flow is none or hardware"),
            ("/dev/ttyS0?carrier=no", "carrier is ignore or follow"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_packet_lasts_a_tenth_of_a_second() {
        let octets = |baud| {
            let address = parsed(&format!("/dev/ttyS0?baud={baud}")).unwrap();
            address.packet_octets()
        };
        assert_eq!(octets(1), 255);
        assert_eq!(octets(9_600), 255);
        assert_eq!(octets(115_200), 1_152);
        assert_eq!(octets(921_600), 9_216);
        assert_eq!(octets(12_000_000), 16_384);
    }
}
