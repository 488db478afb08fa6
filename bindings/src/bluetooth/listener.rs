//! Waits for peers: a profile that BlueZ publishes, and whom it lets in.
#![expect(clippy::disallowed_methods, reason = "driver: pauses")]

use super::adapters::{bluez, ready, told};
use super::address::BluetoothAddress;
use super::bus::Bus;
use super::classes::ServiceClass;
use super::record::service_record;
use crate::address::DIALLED_BLUETOOTH;
use crate::arrival::ListenSettings;
use crate::obex::{Link, Listener, Task};
use crate::peer::PeerAddress;

use bluer::rfcomm::{
    ConnectRequest, Profile, ProfileHandle, ReqError, Role, SecurityLevel, Socket, SocketAddr,
    Stream,
};
use bluer::{Adapter, Session};
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_stream::StreamExt as _;

/// How many peers are remembered as having been refused, so that each is told of once.
const REMEMBERED: usize = 64;

/// A service that BlueZ publishes.
pub(super) struct ProfileListener {
    session: Session,
    profile: ProfileHandle,
    bus: Bus,
    /// The `bluetoothd` that has the profile.
    bluetoothd: String,
    adapter: Option<String>,
    door: Arc<Door>,
    /// A peer that is being looked at. What drops the wait for it must not lose it.
    admission: Option<Task<'static, io::Result<Link>>>,
    /// Whether there has been news that has not been looked at.
    stale: bool,
    lost: bool,
}

impl ProfileListener {
    /// Has the service published.
    pub(super) async fn open(
        address: &BluetoothAddress,
        settings: &ListenSettings,
    ) -> io::Result<Self> {
        if address.peer.is_some() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                DIALLED_BLUETOOTH,
            ));
        }
        let (bus, session) = bluez().await?;
        let bluetoothd = bus.bluetoothd().await?;
        let channel = address.own_channel();
        let adapters = ready(&session, address.adapter.as_deref()).await?;
        for adapter in &adapters {
            claim(adapter, channel).await?;
        }
        let profile = session.register_profile(profile(channel)).await;
        let profile = profile.map_err(told)?;
        for adapter in &adapters {
            is_published(adapter, channel).await?;
        }
        Ok(Self {
            door: Arc::new(Door::new(address.adapter.clone(), &settings.peers)),
            session,
            profile,
            bus,
            bluetoothd,
            adapter: address.adapter.clone(),
            admission: None,
            stale: false,
            lost: false,
        })
    }

    async fn next(&mut self) -> io::Result<Link> {
        loop {
            if let Some(admission) = &mut self.admission {
                let admitted = admission.await;
                self.admission = None;
                return admitted;
            }
            if self.stale {
                self.look().await.inspect_err(|_| self.lost = true)?;
                self.stale = false;
            }
            tokio::select! {
                request = self.profile.next() => {
                    let Some(request) = request else {
                        self.lost = true;
                        return Err(io::Error::other("bluetoothd has let go of the service"));
                    };
                        let (door, session) = (Arc::clone(&self.door), self.session.clone());
                        self.admission = Some(Box::pin(door.admit(session, request)));
                }
                () = self.bus.news() => self.stale = true,
            }
        }
    }

    /// Whether the service is still there.
    async fn look(&mut self) -> io::Result<()> {
        if self.bus.bluetoothd().await? != self.bluetoothd {
            return Err(io::Error::other("bluetoothd has been restarted"));
        }
        ready(&self.session, self.adapter.as_deref()).await?;
        Ok(())
    }
}

impl Listener for ProfileListener {
    fn accept(&mut self) -> Task<'_, io::Result<Link>> {
        Box::pin(self.next())
    }

    fn is_lost(&self) -> bool {
        self.lost
    }
}

/// The service as BlueZ is told of it.
fn profile(channel: u8) -> Profile {
    Profile {
        uuid: bluer::Uuid::from_u128(ServiceClass::DmClient.uuid()),
        name: Some(ServiceClass::DmClient.to_string()),
        role: Some(Role::Server),
        channel: Some(channel.into()),
        require_authentication: Some(true),
        require_authorization: Some(false),
        auto_connect: Some(false),
        service_record: Some(service_record(channel)),
        ..Profile::default()
    }
}

/// Sees that a channel is free. BlueZ says that a service is registered even if it could not bind
/// its channel.
async fn claim(adapter: &Adapter, channel: u8) -> io::Result<()> {
    match bind(adapter, channel).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!(
                "RFCOMM channel {channel} of {} is taken by another program: choose another \
                 with bt+obex:?channel=",
                adapter.name()
            ),
        )),
        bound => bound,
    }
}

/// Sees that BlueZ waits on the channel.
async fn is_published(adapter: &Adapter, channel: u8) -> io::Result<()> {
    for _ in 0..10 {
        match bind(adapter, channel).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(()),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    Err(io::Error::other(format!(
        "bluetoothd does not wait on RFCOMM channel {channel} of {}: its log says why",
        adapter.name()
    )))
}

/// Binds a channel, and lets go of it.
async fn bind(adapter: &Adapter, channel: u8) -> io::Result<()> {
    let address = adapter.address().await.map_err(told)?;
    Socket::new()?.bind(SocketAddr::new(address, channel))
}

/// Whom a device lets in.
struct Door {
    adapter: Option<String>,
    peers: HashSet<PeerAddress>,
    refused: Mutex<HashSet<PeerAddress>>,
}

impl Door {
    fn new(adapter: Option<String>, peers: &[String]) -> Self {
        let peers = peers.iter().filter_map(|peer| peer.parse().ok());
        Self {
            adapter,
            peers: peers.collect(),
            refused: Mutex::default(),
        }
    }

    /// Lets a peer in that is listed, paired, and connected by an encrypted link.
    async fn admit(self: Arc<Self>, session: Session, request: ConnectRequest) -> io::Result<Link> {
        let peer = PeerAddress::from(request.device());
        if !self.peers.contains(&peer) {
            request.reject(ReqError::Rejected);
            return Err(self.refuse(peer, "no account lists it as its peer"));
        }
        let stream = request.accept().map_err(told)?;
        if let Err(reason) = self.check(&session, peer, &stream).await {
            return Err(self.refuse(peer, &reason));
        }
        if let Ok(mut refused) = self.refused.lock() {
            refused.remove(&peer);
        }
        Ok(Link {
            bonded: Some(peer.to_string()),
            ..Link::new(stream)
        })
    }

    /// Why a link that stands does not prove its peer.
    async fn check(
        &self,
        session: &Session,
        peer: PeerAddress,
        stream: &Stream,
    ) -> Result<(), String> {
        let said = |error: io::Error| error.to_string();
        let local = stream.as_ref().local_addr().map_err(said)?.addr;
        let all = super::adapters::every(session).await.map_err(said)?;
        let mut own = None;
        for adapter in all {
            if adapter.address().await.ok() == Some(local) {
                own = Some(adapter);
            }
        }
        let own = own.ok_or("its adapter has gone")?;
        if self.adapter.as_ref().is_some_and(|name| name != own.name()) {
            return Err(format!("it came by {}", own.name()));
        }
        let device = own.device(peer.into()).map_err(told).map_err(said)?;
        if !device.is_paired().await.unwrap_or(false) {
            return Err("it is not paired".to_owned());
        }
        let security = stream.as_ref().security().map_err(said)?;
        if security.level < SecurityLevel::Medium {
            return Err("its link is not encrypted".to_owned());
        }
        Ok(())
    }

    /// Tells of a peer that was refused, once until it is let in.
    fn refuse(&self, peer: PeerAddress, reason: &str) -> io::Error {
        let text = format!("the Bluetooth peer {peer} is refused: {reason}");
        if let Ok(mut refused) = self.refused.lock()
            && refused.len() < REMEMBERED
            && refused.insert(peer)
        {
            log::warn!("{text}");
        }
        io::Error::new(io::ErrorKind::PermissionDenied, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_known_in_either_case() {
        let door = Door::new(None, &["00:aa:01:00:00:ff".to_owned(), "x".to_owned()]);
        assert!(door.peers.contains(&"00:AA:01:00:00:FF".parse().unwrap()));
        assert_eq!(door.peers.len(), 1);
    }

    #[test]
    fn refused_peers_are_remembered_within_bounds() {
        let door = Door::new(None, &[]);
        for n in 0..=255 {
            let error = door.refuse(PeerAddress([0, 0, 0, 0, 0, n]), "it is not paired");
            assert!(error.to_string().contains("not paired"));
        }
        assert_eq!(door.refused.lock().unwrap().len(), REMEMBERED);
    }
}
