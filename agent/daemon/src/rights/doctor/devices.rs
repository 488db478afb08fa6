//! Serial lines on which servers are waited for; radios, buses and ports, which this version leaves
//! alone: what there is of them.
#![expect(clippy::disallowed_methods, reason = "driver: looks at /sys and /dev")]

use std::fs;
use std::path::Path;

use nix::unistd::AccessFlags;

use super::place::may;
use super::{AGENT_USER, absent, missing, ok, unused};
use crate::config::ListenAddress;
use crate::control::wire::Feature;

/// So many names are enough.
const NAMED: usize = 4;

/// What is there.
pub(super) fn buses() -> Vec<Feature> {
    vec![
        unused("wireless", &entries("/sys/class/ieee80211", "radios")),
        unused("bluetooth", &entries("/sys/class/bluetooth", "controllers")),
        unused("usb", &entries("/sys/bus/usb/devices", "devices")),
        unused("serial ports", &ports(Path::new("/dev"))),
    ]
}

/// The serial lines on which servers are waited for, and whether this user may open them. Those
/// that are not there are waited for.
pub(super) fn lines(listen: &[ListenAddress]) -> Feature {
    let name = "serial lines";
    let paths = listen.iter().filter_map(|address| {
        let rest = address.address().as_str().strip_prefix("tty+obex://")?;
        rest.split('?').next().map(Path::new)
    });
    let paths: Vec<&Path> = paths.collect();
    if paths.is_empty() {
        return absent(name, "obex.listen names none");
    }
    let both = AccessFlags::R_OK | AccessFlags::W_OK;
    let there = paths.iter().filter(|path| path.exists());
    let closed: Vec<String> = there
        .filter(|path| !may(path, both))
        .map(|path| path.display().to_string())
        .collect();
    if closed.is_empty() {
        return ok(name, format!("{} in obex.listen", paths.len()));
    }
    let mend = format!("usermod -aG dialout {AGENT_USER} && systemctl restart omadmd");
    missing(
        name,
        format!("closed to this user: {}", some(&closed)),
        mend,
    )
}

fn entries(directory: &str, what: &str) -> String {
    let names = names(Path::new(directory), |_| true);
    match names.len() {
        0 => format!("no {what}"),
        count => format!("{count} {what}: {}", some(&names)),
    }
}

/// Ports that a modem or a line may be at, and whether this user may open them.
fn ports(directory: &Path) -> String {
    let kinds = ["ttyUSB", "ttyACM", "ttyAMA", "ttyGS", "ttyS"];
    let names = names(directory, |name| {
        kinds.iter().any(|kind| name.starts_with(kind))
    });
    if names.is_empty() {
        return "none to be seen".to_owned();
    }
    let both = AccessFlags::R_OK | AccessFlags::W_OK;
    let closed: Vec<String> = names
        .iter()
        .filter(|name| !may(&directory.join(name), both))
        .cloned()
        .collect();
    match closed.len() {
        0 => format!("{} open to this user: {}", names.len(), some(&names)),
        count => format!(
            "{count} of {} closed to this user ({}): usermod -aG dialout omadm",
            names.len(),
            some(&closed)
        ),
    }
}

fn names(directory: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| wanted(name)).collect();
    names.sort();
    names
}

fn some(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > NAMED {
        format!("{shown} …")
    } else {
        shown
    }
}
