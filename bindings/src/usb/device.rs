//! Attached devices: finds their OBEX functions and opens one.
#![expect(clippy::disallowed_methods, reason = "driver: USB devices")]

use super::address::DeviceName;
use super::descriptor::{DataInterface, Endpoint, ObexFunction, Pipe, Setting, functions};
use super::pipe::{Piped, Sink, Source};

use rusb::{Context, Device, DeviceHandle, UsbContext};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a transfer may take until it is asked whether it is still wanted.
const TURN: Duration = Duration::from_millis(250);

/// How often a function that is in use is tried again.
const RETRIES: u32 = 8;

/// How long a device may take to tell a string.
const STRING: Duration = Duration::from_secs(1);

/// What the service for device management is called among several.
const SYNCML_DM: &str = "SYNCML-DM";

/// A string descriptor has no more UTF-16 units (USB 2.0, 9.6.7).
const MAX_STRING: usize = 126;

/// A function of an attached device.
pub(super) struct Found {
    pub(super) device: Device<Context>,
    pub(super) vendor: u16,
    pub(super) product: u16,
    /// The index of its serial number.
    serial: Option<u8>,
    pub(super) function: ObexFunction,
}

/// Every OBEX function of every attached device.
pub(super) fn find() -> io::Result<Vec<Found>> {
    let context = Context::new().map_err(|error| told("the USB of this machine", error))?;
    let devices = context.devices();
    let devices = devices.map_err(|error| told("the USB of this machine", error))?;
    Ok(devices.iter().flat_map(|device| found(&device)).collect())
}

/// The OBEX functions of a device. One that has just gone has none.
pub(super) fn found(device: &Device<Context>) -> Vec<Found> {
    let Ok((descriptor, settings)) = read(device) else {
        return Vec::new();
    };
    let function = |function| Found {
        device: device.clone(),
        vendor: descriptor.vendor_id(),
        product: descriptor.product_id(),
        serial: descriptor.serial_number_string_index(),
        function,
    };
    functions(&settings).into_iter().map(function).collect()
}

fn read(device: &Device<Context>) -> rusb::Result<(rusb::DeviceDescriptor, Vec<Setting>)> {
    let configuration = device.active_config_descriptor()?;
    let all = configuration.interfaces().flat_map(|all| all.descriptors());
    let settings = all.map(|setting| Setting {
        interface: setting.interface_number(),
        alternate: setting.setting_number(),
        class: setting.class_code(),
        subclass: setting.sub_class_code(),
        name: setting.description_string_index().unwrap_or(0),
        extra: setting.extra().to_vec(),
        endpoints: setting
            .endpoint_descriptors()
            .map(|e| endpoint(&e))
            .collect(),
    });
    Ok((device.device_descriptor()?, settings.collect()))
}

fn endpoint(descriptor: &rusb::EndpointDescriptor<'_>) -> Endpoint {
    Endpoint {
        address: descriptor.address(),
        attributes: descriptor.transfer_type() as u8,
        packet: descriptor.max_packet_size(),
    }
}

/// What a device says of a function in words.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) serial: Option<String>,
    pub(super) name: Option<String>,
}

/// Asks the device for its words; one that has none, or none of them, is asked in vain.
pub(super) fn words(handle: &DeviceHandle<Context>, found: &Found) -> Words {
    let languages = handle.read_languages(STRING).unwrap_or_default();
    let string = |index: u8| {
        let language = *languages.first()?;
        let read = handle.read_string_descriptor(language, index, STRING);
        let text = read.ok()?;
        let sound = text.chars().filter(|c| !c.is_control());
        Some(sound.take(MAX_STRING).collect())
    };
    let name = Some(found.function.name).filter(|index| *index != 0);
    Words {
        serial: found.serial.and_then(string),
        name: name.and_then(string),
    }
}

/// Opens the function of a device, or of the first that has one.
pub(super) fn open(wanted: Option<&DeviceName>) -> io::Result<Piped> {
    let (handle, data, control, shown) = choose(wanted)?;
    let handle = Arc::new(handle);
    claim(&handle, control, data).map_err(|error| told(&shown, error))?;
    let open = Arc::new(Open {
        handle,
        data,
        shown,
        gone: AtomicBool::new(false),
    });
    Piped::start(Incoming(Arc::clone(&open)), Outgoing(open))
}

type Chosen = (DeviceHandle<Context>, DataInterface, u8, String);

/// The function for device management among those that fit, or the first of them.
fn choose(wanted: Option<&DeviceName>) -> io::Result<Chosen> {
    let mut first = None;
    let mut refused = None;
    for found in find()? {
        let kind = (found.vendor, found.product);
        if wanted.is_some_and(|name| (name.vendor, name.product) != kind) {
            continue;
        }
        let shown = format!("the USB device {:04x}:{:04x}", found.vendor, found.product);
        let handle = match found.device.open() {
            Ok(handle) => handle,
            Err(error) => {
                refused = Some(told(&shown, error));
                continue;
            }
        };
        let words = words(&handle, &found);
        let serial = wanted.and_then(|name| name.serial.as_deref());
        if serial.is_some_and(|serial| words.serial.as_deref() != Some(serial)) {
            continue;
        }
        let chosen = (handle, found.function.data, found.function.control, shown);
        if words.name.as_deref() == Some(SYNCML_DM) {
            return Ok(chosen);
        }
        first.get_or_insert(chosen);
    }
    first.ok_or_else(|| refused.unwrap_or_else(|| absent(wanted)))
}

fn absent(wanted: Option<&DeviceName>) -> io::Error {
    let text = match wanted {
        Some(name) => format!("no USB device {name} with an OBEX function: is it plugged in?"),
        None => "no USB device with an OBEX function: is one plugged in?".to_owned(),
    };
    io::Error::new(io::ErrorKind::NotFound, text)
}

/// Takes the interfaces. An earlier link of this program may take a moment to end.
fn claim(
    handle: &Arc<DeviceHandle<Context>>,
    control: u8,
    data: DataInterface,
) -> rusb::Result<()> {
    for _ in 0..RETRIES {
        match begin(handle, control, data) {
            Err(rusb::Error::Busy) => std::thread::sleep(TURN),
            result => return result,
        }
    }
    begin(handle, control, data)
}

/// Takes both interfaces and begins the link: the active setting (USB WMC 1.1, OBEX).
fn begin(
    handle: &Arc<DeviceHandle<Context>>,
    control: u8,
    data: DataInterface,
) -> rusb::Result<()> {
    // Where the system cannot, no driver is to be detached either.
    let _ = handle.set_auto_detach_kernel_driver(true);
    handle.claim_interface(control)?;
    handle.claim_interface(data.interface)?;
    if let Some(idle) = data.idle {
        // One that an earlier host left open begins anew.
        choose_setting(handle, data.interface, idle)?;
    }
    choose_setting(handle, data.interface, data.active)?;
    // Some devices do not know the request, and are not halted.
    let _ = handle.clear_halt(data.incoming.address);
    let _ = handle.clear_halt(data.outgoing.address);
    Ok(())
}

/// Chooses an alternate setting of a device that may have gone.
///
/// Before 1.0.27, libusb then unlocks the lock of the handle once too often, and ends the whole
/// program when the handle is closed (libusb, issue 1199): such a handle stays open for ever, which
/// costs a file descriptor.
fn choose_setting(
    handle: &Arc<DeviceHandle<Context>>,
    interface: u8,
    setting: u8,
) -> rusb::Result<()> {
    let chosen = handle.set_alternate_setting(interface, setting);
    let version = rusb::version();
    let version = (version.major(), version.minor(), version.micro());
    if chosen == Err(rusb::Error::NoDevice) && version < (1, 0, 27) {
        std::mem::forget(Arc::clone(handle));
    }
    chosen
}

/// A link that has begun; it ends when this is dropped, and the interfaces are let go.
struct Open {
    handle: Arc<DeviceHandle<Context>>,
    data: DataInterface,
    shown: String,
    /// A transfer has failed of it.
    gone: AtomicBool,
}

impl Drop for Open {
    fn drop(&mut self) {
        let gone = self.gone.load(Ordering::Relaxed);
        if let Some(idle) = self.data.idle.filter(|_| !gone) {
            // A device that goes now has ended it itself.
            let _ = choose_setting(&self.handle, self.data.interface, idle);
        }
    }
}

impl Open {
    fn moved(&self, result: rusb::Result<usize>) -> io::Result<usize> {
        match result {
            Err(rusb::Error::Timeout | rusb::Error::Interrupted) => Ok(0),
            Err(error) => {
                // What libusb says of a device that goes during a transfer, and after it.
                let gone = matches!(error, rusb::Error::NoDevice | rusb::Error::Io);
                self.gone.fetch_or(gone, Ordering::Relaxed);
                Err(told(&self.shown, error))
            }
            Ok(count) => Ok(count),
        }
    }
}

struct Incoming(Arc<Open>);

impl Source for Incoming {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let Pipe { address, packet } = self.0.data.incoming;
        let whole = octets.len() - octets.len() % usize::from(packet);
        let room = octets.get_mut(..whole).unwrap_or_default();
        self.0.moved(self.0.handle.read_bulk(address, room, TURN))
    }
}

struct Outgoing(Arc<Open>);

impl Sink for Outgoing {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let address = self.0.data.outgoing.address;
        self.0
            .moved(self.0.handle.write_bulk(address, octets, TURN))
    }

    /// A transfer that is a multiple of the endpoint's packet has no end of its own.
    fn mark(&mut self, written: usize) -> io::Result<()> {
        let Pipe { address, packet } = self.0.data.outgoing;
        if written.is_multiple_of(usize::from(packet)) {
            self.0.moved(self.0.handle.write_bulk(address, &[], TURN))?;
        }
        Ok(())
    }
}

/// An error of libusb with the mend it has.
fn told(shown: &str, error: rusb::Error) -> io::Error {
    let (kind, text) = match error {
        rusb::Error::NoDevice => (io::ErrorKind::NotConnected, format!("{shown} is unplugged")),
        rusb::Error::Access => (
            io::ErrorKind::PermissionDenied,
            format!("{shown}: no permission: its node below /dev/bus/usb is another user's"),
        ),
        rusb::Error::Busy => (
            io::ErrorKind::ResourceBusy,
            format!("another program uses {shown}"),
        ),
        // What libusb says of a device that goes during a transfer.
        rusb::Error::Io => (
            io::ErrorKind::ConnectionReset,
            format!("{shown} does not answer: is it still plugged in?"),
        ),
        error => (io::ErrorKind::Other, format!("{shown}: {error}")),
    };
    io::Error::new(kind, text)
}
