//! Pairs with peers. Whoever runs it says whether a passkey is the right one.
#![expect(clippy::disallowed_methods, reason = "driver: waits for BlueZ")]

use super::adapters::{bluez, every, told};
use super::dial::adapter;
use crate::peer::PeerAddress;

use bluer::agent::{Agent, ReqError, ReqResult};
use bluer::{Adapter, Address, DiscoveryFilter, DiscoveryTransport};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;

/// How long a peer is looked for that has not been seen yet. An inquiry takes 10.24 s.
const LOOKING: Duration = Duration::from_secs(15);

/// How long a pairing may take once it has been confirmed here.
const PAIRING: Duration = Duration::from_secs(30);

/// What somebody has to say yes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who wants to pair.
    pub peer: PeerAddress,
    /// The number that the peer shows too, 0 to 999999. A peer that shows nothing proves nothing.
    pub passkey: Option<u32>,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.passkey {
            Some(passkey) => write!(f, "pair with {}, which shows {passkey:06}?", self.peer),
            None => write!(
                f,
                "pair with {}, which shows no number to compare?",
                self.peer
            ),
        }
    }
}

/// Answers questions.
pub type Confirm =
    Arc<dyn Fn(Question) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// How waiting for a peer has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paired {
    /// With a peer that is paired now.
    With(PeerAddress),
    /// Nobody came in time, or it was stopped.
    Nobody,
}

/// Lets one peer find this machine and pair with it, for so long or until `stop` ends, and puts
/// back how the adapter was. BlueZ does so itself, later, if the program does not live to do it.
pub async fn be_paired(
    wanted: Option<&str>,
    time: Duration,
    confirm: Confirm,
    stop: impl Future<Output = ()>,
) -> io::Result<Paired> {
    let (_bus, session) = bluez().await?;
    let adapter = adapter(&session, wanted).await?;
    let (asked, mut peers) = mpsc::channel(4);
    let _agent = session
        .register_agent(agent(true, confirm, Some(asked)))
        .await
        .map_err(told)?;
    let before = Window::of(&adapter).await?;
    let opened = Window::open(time).set(&adapter).await;
    let ended = match opened {
        Ok(()) => {
            tokio::select! {
                paired = first(&adapter, &mut peers) => paired,
                () = tokio::time::sleep(time) => Ok(Paired::Nobody),
                () = stop => Ok(Paired::Nobody),
            }
        }
        Err(error) => Err(error),
    };
    before.set(&adapter).await?;
    ended
}

/// The first peer that has confirmed too.
async fn first(adapter: &Adapter, peers: &mut mpsc::Receiver<PeerAddress>) -> io::Result<Paired> {
    while let Some(peer) = peers.recv().await {
        if becomes_paired(adapter, peer).await {
            return Ok(Paired::With(peer));
        }
        log::warn!("{peer} has not confirmed, or gave up");
    }
    Ok(Paired::Nobody)
}

async fn becomes_paired(adapter: &Adapter, peer: PeerAddress) -> bool {
    let Ok(device) = adapter.device(peer.into()) else {
        return false;
    };
    let pairing = async {
        while !device.is_paired().await.unwrap_or(false) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PAIRING, pairing).await.is_ok()
}

/// Pairs with a peer that can be found. One that is paired already stays so.
pub async fn pair(wanted: Option<&str>, peer: PeerAddress, confirm: Confirm) -> io::Result<()> {
    let (_bus, session) = bluez().await?;
    let adapter = adapter(&session, wanted).await?;
    let _agent = session
        .register_agent(agent(false, confirm, None))
        .await
        .map_err(told)?;
    look_for(&adapter, peer.into()).await?;
    let device = adapter.device(peer.into()).map_err(told)?;
    if device.is_paired().await.unwrap_or(false) {
        return Ok(());
    }
    device.pair().await.map_err(|error| {
        let error = told(error);
        io::Error::new(error.kind(), format!("{peer} has not paired: {error}"))
    })
}

/// BlueZ pairs with those alone that it has seen.
async fn look_for(adapter: &Adapter, peer: Address) -> io::Result<()> {
    let is_known = async || adapter.device_addresses().await.map_err(told);
    if is_known().await?.contains(&peer) {
        return Ok(());
    }
    let filter = DiscoveryFilter {
        transport: DiscoveryTransport::BrEdr,
        ..DiscoveryFilter::default()
    };
    adapter.set_discovery_filter(filter).await.map_err(told)?;
    let events = adapter.discover_devices().await.map_err(told)?;
    tokio::pin!(events);
    let looking = async {
        while events.next().await.is_some() {
            if is_known().await?.contains(&peer) {
                break;
            }
        }
        Ok(())
    };
    match tokio::time::timeout(LOOKING, looking).await {
        Ok(found) => found,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "{} is not seen: it has to be in range and discoverable, as a device is during: \
                 omadm bluetooth pair",
                PeerAddress::from(peer)
            ),
        )),
    }
}

/// Removes a pairing from every adapter; whether there was one.
pub async fn unpair(peer: PeerAddress) -> io::Result<bool> {
    let (_bus, session) = bluez().await?;
    let mut found = false;
    for adapter in every(&session).await? {
        let known = adapter.device_addresses().await.map_err(told)?;
        if known.contains(&peer.into()) {
            adapter.remove_device(peer.into()).await.map_err(told)?;
            found = true;
        }
    }
    Ok(found)
}

/// An agent that asks. With `asked` it tells who was said yes to.
fn agent(default: bool, confirm: Confirm, asked: Option<mpsc::Sender<PeerAddress>>) -> Agent {
    let ask =
        move |peer: Address, passkey| -> Pin<Box<dyn Future<Output = ReqResult<()>> + Send>> {
            let (confirm, asked) = (Arc::clone(&confirm), asked.clone());
            let peer = PeerAddress::from(peer);
            Box::pin(async move {
                if !confirm(Question { peer, passkey }).await {
                    return Err(ReqError::Rejected);
                }
                if let Some(asked) = asked {
                    // Nobody may be left to hear it.
                    let _ = asked.send(peer).await;
                }
                Ok(())
            })
        };
    let authorize = ask.clone();
    Agent {
        request_default: default,
        request_confirmation: Some(Box::new(move |request| {
            ask(request.device, Some(request.passkey))
        })),
        request_authorization: Some(Box::new(move |request| authorize(request.device, None))),
        ..Agent::default()
    }
}

/// How an adapter shows itself.
struct Window {
    discoverable: bool,
    pairable: bool,
    discoverable_for: u32,
    pairable_for: u32,
}

impl Window {
    async fn of(adapter: &Adapter) -> io::Result<Self> {
        Ok(Self {
            discoverable: adapter.is_discoverable().await.map_err(told)?,
            pairable: adapter.is_pairable().await.map_err(told)?,
            discoverable_for: adapter.discoverable_timeout().await.map_err(told)?,
            pairable_for: adapter.pairable_timeout().await.map_err(told)?,
        })
    }

    fn open(time: Duration) -> Self {
        // Zero would be for ever.
        let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX).max(1);
        Self {
            discoverable: true,
            pairable: true,
            discoverable_for: seconds,
            pairable_for: seconds,
        }
    }

    /// A timeout counts from when its flag is set. What is to be shut is shut first: should this
    /// program end in the middle, the timeout that was there before may be for ever.
    async fn set(&self, adapter: &Adapter) -> io::Result<()> {
        if !self.discoverable {
            adapter.set_discoverable(false).await.map_err(told)?;
        }
        if !self.pairable {
            adapter.set_pairable(false).await.map_err(told)?;
        }
        let timeout = self.discoverable_for;
        adapter
            .set_discoverable_timeout(timeout)
            .await
            .map_err(told)?;
        let timeout = self.pairable_for;
        adapter.set_pairable_timeout(timeout).await.map_err(told)?;
        if self.pairable {
            adapter.set_pairable(true).await.map_err(told)?;
        }
        if self.discoverable {
            adapter.set_discoverable(true).await.map_err(told)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passkey_is_shown_with_all_its_digits() {
        let peer = PeerAddress([0; 6]);
        let passkey = Some(42);
        let shown = Question { peer, passkey }.to_string();
        assert!(shown.contains("000042"), "{shown}");
        let passkey = None;
        let shown = Question { peer, passkey }.to_string();
        assert!(shown.contains("no number"), "{shown}");
    }

    #[tokio::test]
    async fn the_agent_asks_and_tells_who_was_said_yes_to() {
        let (asked, mut peers) = mpsc::channel(1);
        let confirm: Confirm =
            Arc::new(|question| Box::pin(async move { question.passkey.is_some() }));
        assert!(agent(true, Arc::clone(&confirm), None).request_default);
        let agent = agent(false, confirm, Some(asked));
        assert!(agent.request_confirmation.is_some() && agent.request_authorization.is_some());
        drop(agent);
        assert!(peers.recv().await.is_none());
    }
}
