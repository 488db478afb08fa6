//! The machine's Bluetooth adapters, and what keeps them from being used.

use super::bus::Bus;
use super::session::session;
use crate::peer::PeerAddress;

use bluer::rfcomm;
use bluer::{Adapter, Session};
use std::io;
use std::time::Duration;

/// An adapter as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterStatus {
    /// Its name, such as `hci0`.
    pub name: String,
    /// Its address.
    pub address: PeerAddress,
    /// Whether it is switched on.
    pub powered: bool,
    /// Whether others find it by looking around.
    pub discoverable: bool,
    /// Whether it lets others pair.
    pub pairable: bool,
    /// How long it stays discoverable once it is; for ever when zero.
    pub discoverable_for: Duration,
    /// The devices that it is paired with.
    pub bonded: Vec<Bonded>,
}

/// A device that an adapter is paired with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bonded {
    /// Its address.
    pub address: PeerAddress,
    /// Its name, where it is known.
    pub name: Option<String>,
    /// Whether it is connected now.
    pub connected: bool,
}

/// All adapters and the devices that they are paired with, by their names.
pub async fn adapters() -> io::Result<Vec<AdapterStatus>> {
    let (_, session) = bluez().await?;
    let mut all = Vec::new();
    for adapter in every(&session).await? {
        let bonded = bonded(&adapter).await?;
        all.push(AdapterStatus {
            name: adapter.name().to_owned(),
            address: adapter.address().await.map_err(told)?.into(),
            powered: adapter.is_powered().await.map_err(told)?,
            discoverable: adapter.is_discoverable().await.map_err(told)?,
            pairable: adapter.is_pairable().await.map_err(told)?,
            discoverable_for: seconds(adapter.discoverable_timeout().await.map_err(told)?),
            bonded,
        });
    }
    Ok(all)
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// The devices that an adapter is paired with. One may go while it is looked at.
pub(super) async fn bonded(adapter: &Adapter) -> io::Result<Vec<Bonded>> {
    let mut found = Vec::new();
    for address in adapter.device_addresses().await.map_err(told)? {
        let device = adapter.device(address).map_err(told)?;
        if device.is_paired().await.unwrap_or(false) {
            found.push(Bonded {
                address: address.into(),
                name: device.name().await.ok().flatten(),
                connected: device.is_connected().await.unwrap_or(false),
            });
        }
    }
    found.sort_by_key(|bonded| bonded.address);
    Ok(found)
}

/// BlueZ, where the kernel knows Bluetooth and `bluetoothd` runs.
pub(super) async fn bluez() -> io::Result<(Bus, Session)> {
    rfcomm::Socket::new().map_err(|error| match error.raw_os_error() {
        Some(nix::libc::EAFNOSUPPORT | nix::libc::EPROTONOSUPPORT) => io::Error::new(
            io::ErrorKind::NotFound,
            "the kernel has no RFCOMM: modprobe rfcomm, if it has Bluetooth at all",
        ),
        _ => error,
    })?;
    let bus = Bus::connect().await?;
    bus.bluetoothd().await?;
    Ok((bus, session().await?))
}

/// Every adapter, by name.
pub(super) async fn every(session: &Session) -> io::Result<Vec<Adapter>> {
    let mut names = session.adapter_names().await.map_err(told)?;
    names.sort();
    let all = names.iter().map(|name| session.adapter(name).map_err(told));
    all.collect()
}

/// The adapters that are named and switched on, or else why there are none. Without a name all of
/// them are meant.
pub(super) async fn ready(session: &Session, wanted: Option<&str>) -> io::Result<Vec<Adapter>> {
    let mut ready = Vec::new();
    let mut states = Vec::new();
    for adapter in every(session).await? {
        let name = adapter.name().to_owned();
        let powered = adapter.is_powered().await.unwrap_or(false);
        if powered && wanted.is_none_or(|wanted| wanted == name) {
            ready.push(adapter);
        }
        states.push((name, powered));
    }
    match hindrance(&states, wanted) {
        Some(reason) => Err(io::Error::new(io::ErrorKind::NotFound, reason)),
        None => Ok(ready),
    }
}

/// Why none of these adapters, each with whether it is switched on, can be used.
fn hindrance(states: &[(String, bool)], wanted: Option<&str>) -> Option<String> {
    let mut meant = states
        .iter()
        .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name));
    let Some((first, _)) = meant.clone().next() else {
        return Some(match wanted {
            Some(name) => format!("there is no Bluetooth adapter {name}"),
            None => "there is no Bluetooth adapter".to_owned(),
        });
    };
    if meant.any(|(_, powered)| *powered) {
        return None;
    }
    Some(format!("{first} is powered off: bluetoothctl power on"))
}

/// What BlueZ says, as a sentence.
pub(super) fn told(error: bluer::Error) -> io::Error {
    let text = error.to_string();
    if text.contains("ServiceUnknown") || text.contains("NameHasNoOwner") {
        let text = "bluetoothd is not running: systemctl start bluetooth (apt install bluez)";
        return io::Error::new(io::ErrorKind::NotFound, text);
    }
    if text.contains("AccessDenied") {
        return io::Error::new(
            io::ErrorKind::PermissionDenied,
            "D-Bus lets this user not talk to bluetoothd: run as root, or join the group bluetooth",
        );
    }
    let kind = io::Error::from(error).kind();
    io::Error::new(kind, format!("BlueZ: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_adapters_from_being_used_is_said_with_its_mend() {
        let off = [("hci0".to_owned(), false), ("hci1".to_owned(), true)];
        let all_off = [("hci0".to_owned(), false), ("hci1".to_owned(), false)];
        for (states, wanted, said) in [
            (&off[..], None, None),
            (&off, Some("hci1"), None),
            (
                &off,
                Some("hci0"),
                Some("hci0 is powered off: bluetoothctl power on"),
            ),
            (
                &all_off,
                None,
                Some("hci0 is powered off: bluetoothctl power on"),
            ),
            (
                &off,
                Some("hci7"),
                Some("there is no Bluetooth adapter hci7"),
            ),
            (&[], None, Some("there is no Bluetooth adapter")),
        ] {
            assert_eq!(hindrance(states, wanted).as_deref(), said);
        }
    }
}
