//! The right `gadget`: this machine as a USB device, with a serial port (CDC ACM), the OBEX
//! function, or both.
//!
//! The gadget is up as long as this process runs: the kernel takes the OBEX function away with the
//! last descriptor of it.

mod bridge;
mod descriptors;
mod function;
mod tree;

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use omadm_probes::FsRoot;
use sha2::{Digest as _, Sha256};

use self::bridge::Bridge;
use self::function::Function;
use self::tree::{Names, Tree};
use super::request::Refusal;
use super::wire::{Gadget, GadgetReply, UpGadget};
use crate::config::Device;
use crate::identity::Machine;

/// The name of the instance of FunctionFS.
const INSTANCE: &std::ffi::CStr = c"omadm";

/// Keeps the serial number apart from every other hash of the machine-id.
const APPLICATION: &[u8] = b"omadm USB serial number 1";

/// What is there while the gadget is up with the OBEX function.
pub(super) fn place() -> PathBuf {
    Tree::system().own().join(tree::OBEX)
}

/// What is kept of the gadget between requests.
#[derive(Debug, Default)]
pub(super) struct Held {
    up: Option<Up>,
    taken: bool,
}

#[derive(Debug)]
struct Up {
    udc: String,
    acm: bool,
    bridge: Option<Bridge>,
}

impl Held {
    /// Whether this process is needed: as long as the gadget is up.
    pub(super) fn is_up(&self) -> bool {
        self.up.is_some()
    }

    /// Whether the gadget has been taken down, with which this process ends.
    pub(super) fn is_over(&self) -> bool {
        self.taken
    }

    /// Makes the gadget and shows it to hosts.
    pub(super) fn up(&mut self, wanted: &UpGadget) -> Result<GadgetReply, Refusal> {
        if self.is_up() {
            return refused("the gadget is up already: omadm usb-gadget down takes it away");
        }
        if !wanted.acm && !wanted.obex {
            let text = "a gadget has a function: acm, obex, or both".to_owned();
            return Err(Refusal::InvalidRequest(text));
        }
        let tree = Tree::system();
        tree.check().map_err(Refusal::Failed)?;
        // An earlier helper may have been stopped in the middle.
        tree.remove().map_err(failed)?;
        let udc = tree
            .choose(wanted.udc.as_deref())
            .map_err(Refusal::Failed)?;
        match made(&tree, &udc, wanted) {
            Ok(up) => self.up = Some(up),
            Err(error) => {
                // What went wrong first is what is to be mended.
                let _ = tree.remove();
                return Err(failed(error));
            }
        }
        Ok(self.status())
    }

    /// Takes the gadget away, or what is left of one.
    pub(super) fn down(&mut self) -> Result<bool, Refusal> {
        let tree = Tree::system();
        self.up = None;
        let was_up = tree.remove().map_err(failed)?;
        self.taken = true;
        Ok(was_up)
    }

    /// What there is.
    pub(super) fn status(&self) -> GadgetReply {
        let tree = Tree::system();
        let gadget = self.up.as_ref().map(|up| {
            let acm = up.acm.then_some("acm");
            let obex = up.bridge.as_ref().map(|_| "obex");
            let functions = acm.into_iter().chain(obex).map(str::to_owned);
            Gadget {
                udc: up.udc.clone(),
                functions: functions.collect(),
                ports: acm.and_then(|_| tree.port()).into_iter().collect(),
                open: up.bridge.as_ref().is_some_and(Bridge::is_open),
            }
        });
        GadgetReply {
            gadget,
            controllers: tree.controllers(),
        }
    }

    /// The line of the OBEX function.
    pub(super) fn open(&self) -> Result<OwnedFd, Refusal> {
        let Some(up) = &self.up else {
            return refused("the USB gadget is down: omadm usb-gadget up");
        };
        let Some(bridge) = &up.bridge else {
            return refused("the USB gadget is up without the function obex");
        };
        bridge.open().map_err(failed)
    }
}

fn made(tree: &Tree, udc: &str, wanted: &UpGadget) -> std::io::Result<Up> {
    let acm = wanted.acm.then_some(tree::ACM);
    let obex = wanted.obex.then_some(tree::OBEX);
    let functions: Vec<&str> = acm.into_iter().chain(obex).collect();
    tree.make(&functions, &names(&FsRoot::system()))?;
    let function = obex.map(|_| Function::open(INSTANCE)).transpose()?;
    tree.bind(udc)?;
    let (speeds, name) = (tree.clone(), udc.to_owned());
    let packet = move || packet(speeds.attribute(&name, "current_speed").as_deref());
    let bridge = function.map(|function| Bridge::start(function, packet));
    Ok(Up {
        udc: udc.to_owned(),
        acm: wanted.acm,
        bridge: bridge.transpose()?,
    })
}

/// What a bulk endpoint carries at once, as the descriptors say for each speed.
fn packet(speed: Option<&str>) -> usize {
    match speed {
        Some("high-speed") => 512,
        Some(speed) if speed.starts_with("super-speed") => 1024,
        _ => 64,
    }
}

/// Who this machine is. The machine-id itself is never shown (machine-id(5)).
fn names(fs: &FsRoot) -> Names {
    let machine = Machine::read(&Device::default(), fs);
    let mut buffer = Vec::new();
    let id = fs.read("/etc/machine-id", &mut buffer).ok();
    Names {
        manufacturer: machine.manufacturer.value,
        product: machine.model.value,
        serial: id.map(|id| serial(id.trim())),
    }
}

fn serial(machine_id: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(APPLICATION);
    hash.update(machine_id);
    let digest = hash.finalize();
    let octets = digest.first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(octets))
}

fn refused<T>(text: &str) -> Result<T, Refusal> {
    Err(Refusal::Failed(text.to_owned()))
}

fn failed(error: impl std::fmt::Display) -> Refusal {
    Refusal::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_speed_has_its_packet() {
        let of = |speed: &str| packet(Some(speed));
        assert_eq!(of("full-speed"), 64);
        assert_eq!(of("high-speed"), 512);
        assert_eq!(of("super-speed-plus"), 1024);
        assert_eq!(packet(None), 64);
    }

    #[test]
    fn the_serial_number_is_the_machine_s_own_and_not_its_id() {
        let id = "0123456789abcdef0123456789abcdef";
        let number = serial(id);
        assert_eq!(number.len(), 16);
        assert!(!id.contains(&number));
        assert_ne!(number, serial("1123456789abcdef0123456789abcdef"));
    }

    #[test]
    fn a_gadget_that_is_down_cannot_be_opened() {
        let refusal = Held::default().open().unwrap_err();
        let Refusal::Failed(text) = refusal else {
            panic!("{refusal:?}");
        };
        assert!(text.contains("omadm usb-gadget up"), "{text}");
    }
}
