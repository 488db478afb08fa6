//! `tty+obex`: a serial line as a place where OBEX is spoken.

use super::address::SerialAddress;
use super::port::SerialPort;
use crate::Scheme;
use crate::arrival::ListenSettings;
use crate::obex::{Host, Link, Listener, Place, Task};

use std::io;

/// `tty+obex`
pub(crate) const SCHEME: Scheme = Scheme::line("tty+obex", |text| {
    Ok(Box::new(text.parse::<SerialAddress>()?))
});

impl Place for SerialAddress {
    fn receive(&self) -> u16 {
        self.packet_octets()
    }

    fn is_noisy(&self) -> bool {
        true
    }

    fn dial(&self) -> Task<'_, io::Result<Link>> {
        Box::pin(async {
            let port = SerialPort::open(self)?;
            Ok(Link::new(port.dial(self.entry).await?))
        })
    }

    /// A port is never without a peer that could be told from another: see [`Place::wait`].
    fn listen<'a>(&'a self, _: &'a ListenSettings) -> Task<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn wait(&self, host: &Host) -> Option<Task<'static, ()>> {
        Some(Box::pin(super::wait::wait(self.clone(), host.clone())))
    }
}
