//! The system bus: whether `bluetoothd` is there, and news of it and its adapters.
//!
//! BlueZ is only looked for, never called, before it is known to run: a call would start it.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: a task for the connection"
)]

use crate::arrival::AbortOnDrop;

use dbus::channel::MatchingReceiver as _;
use dbus::message::MatchRule;
use dbus::nonblock::{Proxy, SyncConnection};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long the bus may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// BlueZ on the bus.
const BLUEZ: &str = "org.bluez";

/// The signals that are waited for.
const RULES: [&str; 3] = [
    "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'",
    "type='signal',sender='org.bluez',interface='org.freedesktop.DBus.ObjectManager'",
    "type='signal',sender='org.bluez',member='PropertiesChanged',arg0='org.bluez.Adapter1'",
];

/// A connection to the system bus that hears of BlueZ.
pub(super) struct Bus {
    connection: Arc<SyncConnection>,
    news: Arc<Notify>,
    task: AbortOnDrop,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").finish_non_exhaustive()
    }
}

impl Bus {
    /// Connects.
    pub(super) async fn connect() -> io::Result<Self> {
        // It says hello, and waits for the answer of a bus that may just be starting.
        let connecting = tokio::task::spawn_blocking(dbus_tokio::connection::new_system_sync);
        let connected = connecting.await.map_err(io::Error::other)?;
        let (resource, connection) = connected.map_err(|error| refused(&error))?;
        let news = Arc::new(Notify::new());
        let ended = Arc::clone(&news);
        let task = AbortOnDrop(tokio::spawn(async move {
            let error = resource.await;
            log::debug!("the system bus is gone: {error}");
            ended.notify_one();
        }));
        let bus = Self {
            connection,
            news,
            task,
        };
        for rule in RULES {
            let () = bus.call("AddMatch", (rule,)).await?;
        }
        let heard = Arc::clone(&bus.news);
        bus.connection.start_receive(
            MatchRule::new().with_type(dbus::MessageType::Signal),
            Box::new(move |_, _| {
                heard.notify_one();
                true
            }),
        );
        Ok(bus)
    }

    /// The unique name of the `bluetoothd` that runs.
    pub(super) async fn bluetoothd(&self) -> io::Result<String> {
        match self.call("GetNameOwner", (BLUEZ,)).await {
            Ok((owner,)) => Ok(owner),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "bluetoothd is not running: systemctl start bluetooth (apt install bluez)",
            )),
            Err(error) => Err(error),
        }
    }

    /// Whether the bus, or the runtime in which it was connected to, is no more.
    pub(super) fn is_gone(&self) -> bool {
        self.task.0.is_finished()
    }

    /// Waits until something may have changed. News that came before is not lost.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    async fn call<A: dbus::arg::AppendAll, R: dbus::arg::ReadAll + 'static>(
        &self,
        method: &'static str,
        arguments: A,
    ) -> io::Result<R> {
        let connection = Arc::clone(&self.connection);
        let bus = "org.freedesktop.DBus";
        let proxy = Proxy::new(bus, "/org/freedesktop/DBus", PATIENCE, connection);
        let called = proxy.method_call(bus, method, arguments).await;
        called.map_err(|error| refused(&error))
    }
}

fn refused(error: &dbus::Error) -> io::Error {
    let name = error.name().unwrap_or_default();
    if name == "org.freedesktop.DBus.Error.NameHasNoOwner" {
        return io::ErrorKind::NotFound.into();
    }
    let text = error.message().unwrap_or(name);
    io::Error::other(format!("the system bus cannot be used: {text}"))
}
