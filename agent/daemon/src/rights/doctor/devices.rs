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
    let radios = entries(Path::new("/sys/class/ieee80211"), "radios");
    let devices = entries(Path::new("/sys/bus/usb/devices"), "devices");
    vec![
        unused("wireless", &radios),
        unused("usb", &devices),
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

/// Whether servers are waited for at an address of this scheme.
pub(super) fn waits_on(listen: &[ListenAddress], scheme: &str) -> bool {
    let mut schemes = listen.iter().map(|address| address.address().scheme());
    schemes.any(|own| own == scheme)
}

/// The controllers that the kernel lists in a directory, and whether servers are waited for there.
pub(super) fn bluetooth(directory: &Path, listen: &[ListenAddress]) -> Feature {
    let name = "bluetooth";
    // A connection is there as well, as hci0:256.
    let controllers = names(directory, |name| !name.contains(':'));
    let there_is = counted(&controllers, "controllers");
    if !waits_on(listen, "bt+obex") {
        return absent(name, format!("{there_is}; obex.listen names none"));
    }
    if controllers.is_empty() {
        let mend = "plug one in, or load its driver; rfkill list shows what is blocked";
        return missing(name, "obex.listen waits on one, and none is there", mend);
    }
    ok(name, there_is)
}

fn entries(directory: &Path, what: &str) -> String {
    counted(&names(directory, |_| true), what)
}

fn counted(names: &[String], what: &str) -> String {
    match names.len() {
        0 => format!("no {what}"),
        count => format!("{count} {what}: {}", some(names)),
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

/// What is in a directory; nothing where there is none.
pub(super) fn names(directory: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
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
