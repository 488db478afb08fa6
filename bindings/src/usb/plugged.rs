//! Says when a device is plugged in.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: a thread for libusb's events"
)]

use super::address::UsbAddress;

use rusb::{Context, Device, Hotplug, HotplugBuilder, UsbContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// The class of a device whose interfaces say what it is, and of one that is for communications.
const PER_INTERFACE: u8 = 0x00;
const COMMUNICATIONS: u8 = 0x02;
const MISCELLANEOUS: u8 = 0xef;

/// How long libusb may wait for an event until it is asked whether anybody still cares.
const TURN: Duration = Duration::from_secs(1);

/// Devices that an address may mean and that are plugged in from now on.
#[derive(Debug)]
pub struct Plugged {
    arrivals: watch::Receiver<u64>,
    over: Arc<AtomicBool>,
}

impl Plugged {
    /// Begins to watch. `None` where libusb cannot say it, and devices have to be looked for.
    pub fn watch(wanted: &UsbAddress) -> Option<Self> {
        let context = Context::new().ok()?;
        let (counter, arrivals) = watch::channel(0);
        let callback = Box::new(Arrival(counter));
        let mut builder = HotplugBuilder::new();
        if let Some(device) = &wanted.device {
            builder.vendor_id(device.vendor).product_id(device.product);
        }
        let registration = builder.register(context.clone(), callback).ok()?;
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let thread = std::thread::Builder::new().name("usb-hotplug".to_owned());
        let spawned = thread.spawn(move || {
            events(&context, &stop);
            drop(registration);
        });
        spawned.ok()?;
        Some(Self { arrivals, over })
    }

    /// Waits for the next device that may have a function for OBEX. It may be dropped and called
    /// again without losing one.
    pub async fn next(&mut self) {
        if self.arrivals.changed().await.is_err() {
            // libusb has given up.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn events(context: &Context, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        if let Err(error) = context.handle_events(Some(TURN)) {
            return log::warn!("USB: devices are looked for from now on: {error}");
        }
    }
}

/// Nothing is asked of a device here: libusb may not wait in a callback.
struct Arrival(watch::Sender<u64>);

impl Hotplug<Context> for Arrival {
    fn device_arrived(&mut self, device: Device<Context>) {
        let class = device.device_descriptor().map(|device| device.class_code());
        let likely = [PER_INTERFACE, COMMUNICATIONS, MISCELLANEOUS];
        if class.is_ok_and(|class| likely.contains(&class)) {
            self.0.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    fn device_left(&mut self, _: Device<Context>) {}
}
