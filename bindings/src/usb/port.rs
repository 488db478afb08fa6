//! Serial ports of attached devices, as sysfs shows them.
#![expect(clippy::disallowed_methods, reason = "driver: reads sysfs")]

use super::address::DeviceName;
use crate::serial::{Entry, SerialAddress};

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the kernel lists its ttys.
const TTYS: &str = "/sys/class/tty";

/// What the driver for CDC ACM calls its own.
const ACM: &str = "ttyACM";

/// A port and the device that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) path: PathBuf,
    pub(super) device: DeviceName,
}

/// Every CDC ACM port, by name.
pub(super) fn all() -> Vec<Port> {
    below(Path::new(TTYS))
}

fn below(ttys: &Path) -> Vec<Port> {
    let entries = fs::read_dir(ttys).into_iter().flatten().flatten();
    let mut ports: Vec<Port> = entries.filter_map(|entry| port(&entry.path())).collect();
    ports.sort_by(|a, b| a.path.cmp(&b.path));
    ports
}

/// `device` leads to the interface, above which the device is.
fn port(tty: &Path) -> Option<Port> {
    let name = tty.file_name()?.to_str()?;
    if !name.starts_with(ACM) {
        return None;
    }
    let device = fs::canonicalize(tty.join("device")).ok()?;
    let device = device.parent()?;
    let read = |attribute: &str| {
        let text = fs::read_to_string(device.join(attribute)).ok()?;
        Some(text.trim().to_owned())
    };
    let number = |attribute| u16::from_str_radix(&read(attribute)?, 16).ok();
    Some(Port {
        path: Path::new("/dev").join(name),
        device: DeviceName {
            vendor: number("idVendor")?,
            product: number("idProduct")?,
            serial: read("serial").filter(|serial| !serial.is_empty()),
        },
    })
}

/// The line over the first port of a device: OBEX and nothing else.
pub(super) fn line(wanted: &DeviceName) -> io::Result<SerialAddress> {
    let port = all().into_iter().find(|port| fits(&port.device, wanted));
    let port = port.ok_or_else(|| {
        let text =
            format!("no USB device {wanted} with a serial port (CDC ACM): is it plugged in?");
        io::Error::new(io::ErrorKind::NotFound, text)
    })?;
    let path = port.path.to_string_lossy();
    let address: SerialAddress = path.parse().map_err(io::Error::other)?;
    Ok(SerialAddress {
        entry: Some(Entry::Raw),
        ..address
    })
}

fn fits(found: &DeviceName, wanted: &DeviceName) -> bool {
    let serial = wanted.serial.is_none() || wanted.serial == found.serial;
    (found.vendor, found.product) == (wanted.vendor, wanted.product) && serial
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn ports_are_found_with_their_devices() {
        let root = tempfile::tempdir().unwrap();
        let device = root.path().join("1-1");
        for (attribute, text) in [
            ("idVendor", "1d6b\n"),
            ("idProduct", "0104\n"),
            ("serial", "0123\n"),
        ] {
            fs::create_dir_all(device.join("1-1:1.0")).unwrap();
            fs::write(device.join(attribute), text).unwrap();
        }
        let ttys = root.path().join("tty");
        for name in ["ttyACM1", "ttyACM0", "ttyS0", "ttyACM7"] {
            fs::create_dir_all(ttys.join(name)).unwrap();
            if name != "ttyACM7" {
                symlink(device.join("1-1:1.0"), ttys.join(name).join("device")).unwrap();
            }
        }
        let found = below(&ttys);
        let paths: Vec<&Path> = found.iter().map(|port| port.path.as_path()).collect();
        assert_eq!(
            paths,
            [Path::new("/dev/ttyACM0"), Path::new("/dev/ttyACM1")]
        );
        let name = |text: &str| text.parse::<DeviceName>().unwrap();
        assert_eq!(found[0].device, name("1d6b:0104:0123"));
        assert!(fits(&found[0].device, &name("1d6b:0104")));
        assert!(!fits(&found[0].device, &name("1d6b:0104:9")));
        assert!(!fits(&found[0].device, &name("1d6b:0105")));
        assert_eq!(below(&root.path().join("none")), []);
    }
}
