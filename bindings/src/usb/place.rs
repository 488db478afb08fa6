//! `usb+obex`: the function of an attached device as a place where OBEX is spoken.

use super::address::{Function, UsbAddress};
use super::{device, port};
use crate::Scheme;
use crate::address::DIALLED_USB;
use crate::arrival::ListenSettings;
use crate::obex::{Link, Listener, Place, Task};
use crate::serial::SerialPort;

use std::io;

/// `usb+obex`
pub(crate) const SCHEME: Scheme =
    Scheme::line("usb+obex", |text| Ok(Box::new(text.parse::<UsbAddress>()?)));

impl Place for UsbAddress {
    fn dial(&self) -> Task<'_, io::Result<Link>> {
        match (self.function, &self.device) {
            (Function::Acm, Some(name)) => Box::pin(async {
                let line = port::line(name)?;
                let port = SerialPort::open(&line)?;
                Ok(Link::new(port.dial(line.entry).await?))
            }),
            _ => Box::pin(async {
                let device = self.device.clone();
                let open = tokio::task::spawn_blocking(move || device::open(device.as_ref()));
                Ok(Link::new(open.await.map_err(io::Error::other)??))
            }),
        }
    }

    fn listen<'a>(&'a self, _: &'a ListenSettings) -> Task<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async { Err(io::Error::new(io::ErrorKind::Unsupported, DIALLED_USB)) })
    }
}
