//! Waits for a device that is unplugged, and says so once.
#![expect(clippy::disallowed_methods, reason = "driver: waits")]

use super::address::SerialAddress;
use super::backoff::Backoff;
use super::port::SerialPort;

use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A port that was lost sooner than this was never of use.
const USEFUL: Duration = Duration::from_secs(10);

/// Opens one device again and again.
#[derive(Debug)]
pub struct Waiting {
    address: SerialAddress,
    backoff: Backoff,
    /// When the device was last opened.
    opened: Option<Instant>,
    /// Why it is away, as far as it has been said.
    said: Option<io::ErrorKind>,
}

impl Waiting {
    /// For this device.
    pub fn new(address: SerialAddress) -> Self {
        Self {
            address,
            backoff: Backoff::default(),
            opened: None,
            said: None,
        }
    }

    /// A peer has used the device: when it is lost now, it may be opened again at once.
    pub fn was_useful(&mut self) {
        self.opened = None;
    }

    /// The device was lost: the log says so, and nothing more until it is back.
    pub fn lost(&mut self, error: &io::Error) {
        log::warn!("{error}: waiting for it");
        self.said = Some(io::ErrorKind::NotFound);
    }

    /// Opens the device, after as long as it takes to be there and free.
    ///
    /// One line in the log says what is in the way, and one when it is not any more. A device that
    /// hangs up as soon as it is open is left alone for a while, too. `told` hears each failure.
    pub async fn open(&mut self, mut told: impl FnMut(&io::Error)) -> SerialPort {
        let lived = self.opened.take().map(|opened| opened.elapsed());
        match lived {
            Some(lived) if lived < USEFUL => sleep(self.backoff.pause()).await,
            _ => self.backoff.reset(),
        }
        loop {
            match SerialPort::open(&self.address) {
                Ok(port) => {
                    if self.said.take().is_some() {
                        log::info!("{} is back", self.address.path.display());
                    }
                    self.opened = Some(Instant::now());
                    return port;
                }
                Err(error) => {
                    told(&error);
                    self.say(&error);
                }
            }
            sleep(self.backoff.pause()).await;
        }
    }

    fn say(&mut self, error: &io::Error) {
        if self.said.replace(error.kind()) == Some(error.kind()) {
            return;
        }
        match error.kind() {
            io::ErrorKind::NotFound => {
                log::warn!(
                    "{} is not there: waiting for it",
                    self.address.path.display()
                );
            }
            _ => log::warn!("{error}: trying again"),
        }
    }
}
