//! Lists what can be met on USB.

use super::address::{DeviceName, Function, UsbAddress};
use super::{device, port};

use std::io;

/// A function of an attached device that OBEX can run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it is dialled by.
    pub address: UsbAddress,
    /// What the device calls the function, where it may be asked: `SYNCML-DM` is the one for
    /// device management.
    pub name: Option<String>,
    /// The serial port, where it is one.
    pub port: Option<String>,
    /// Why the device could not be asked.
    pub refused: Option<String>,
}

/// The OBEX functions and the serial ports of all attached devices.
///
/// Fails where the machine's USB cannot be read; waits for slow devices for some seconds.
pub fn list() -> io::Result<Vec<Listed>> {
    let mut all: Vec<Listed> = device::find()?.iter().map(function).collect();
    all.extend(port::all().into_iter().map(|port| Listed {
        address: UsbAddress {
            device: Some(port.device),
            function: Function::Acm,
        },
        name: None,
        port: Some(port.path.display().to_string()),
        refused: None,
    }));
    Ok(all)
}

fn function(found: &device::Found) -> Listed {
    let (words, refused) = match found.device.open() {
        Ok(handle) => (device::words(&handle, found), None),
        Err(error) => (device::Words::default(), Some(error.to_string())),
    };
    let device = DeviceName {
        vendor: found.vendor,
        product: found.product,
        serial: words.serial.filter(|serial| !serial.is_empty()),
    };
    Listed {
        address: UsbAddress {
            device: Some(device),
            function: Function::Obex,
        },
        name: words.name,
        port: None,
        refused,
    }
}
