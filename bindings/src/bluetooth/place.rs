//! `bt+obex`: Bluetooth as a place where OBEX is spoken.
#![expect(clippy::disallowed_methods, reason = "driver: waits for what is away")]

use super::address::BluetoothAddress;
use super::bus::Bus;
use super::dial::dial;
use super::listener::ProfileListener;
use crate::Scheme;
use crate::arrival::ListenSettings;
use crate::obex::{Link, Listener, Place, Task};

use std::io;
use std::sync::Mutex;
use std::time::Duration;

/// `bt+obex`
pub(crate) const SCHEME: Scheme = Scheme::line("bt+obex", |text| {
    Ok(Box::new(BluetoothPlace {
        address: text.parse()?,
        said: Mutex::default(),
    }))
});

/// How often it is looked whether a channel is free again, which nobody tells.
const LOOK: Duration = Duration::from_secs(5);

/// Bluetooth.
#[derive(Debug)]
struct BluetoothPlace {
    address: BluetoothAddress,
    /// Why it could not be waited on the last time.
    said: Mutex<Option<String>>,
}

impl Place for BluetoothPlace {
    fn dial(&self) -> Task<'_, io::Result<Link>> {
        Box::pin(dial(&self.address))
    }

    /// What has kept it from being waited on is told once. Then it returns when that is over, or
    /// when it is something else.
    fn listen<'a>(
        &'a self,
        settings: &'a ListenSettings,
    ) -> Task<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async {
            loop {
                let error = match ProfileListener::open(&self.address, settings).await {
                    Ok(listener) => {
                        self.say(None);
                        return Ok(Box::new(listener) as Box<dyn Listener>);
                    }
                    Err(error) => error,
                };
                if self.say(Some(error.to_string())) {
                    return Err(error);
                }
                change().await;
            }
        })
    }
}

impl BluetoothPlace {
    /// Whether this is new.
    fn say(&self, reason: Option<String>) -> bool {
        let Ok(mut said) = self.said.lock() else {
            return true;
        };
        let new = *said != reason;
        *said = reason;
        new
    }
}

/// Waits until BlueZ or an adapter has changed, or until it is time to look again.
async fn change() {
    match Bus::connect().await {
        Ok(bus) => drop(tokio::time::timeout(LOOK, bus.news()).await),
        Err(_) => tokio::time::sleep(LOOK).await,
    }
}
