//! Looks for devices around.
#![expect(clippy::disallowed_methods, reason = "driver: waits for answers")]

use super::adapters::{bluez, told};
use super::classes::ServiceClass;
use super::dial::adapter;
use super::search::offered;
use crate::peer::PeerAddress;

use bluer::{Adapter, AdapterEvent, DiscoveryFilter, DiscoveryTransport};
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;
use tokio_stream::StreamExt as _;

/// How many devices are told of.
const MOST: usize = 256;

/// How long one device may take to be asked for its services.
const PATIENCE: Duration = Duration::from_secs(8);

/// A device that has been found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: PeerAddress,
    /// Its name, where it tells it.
    pub name: Option<String>,
    /// Whether it is paired with this machine.
    pub paired: bool,
    /// The services of SyncML that it offers.
    pub classes: Vec<ServiceClass>,
}

/// Looks around for so long, then asks those who have been found or are paired for their
/// services. `wanted` is an adapter's name.
pub async fn scan(wanted: Option<&str>, time: Duration) -> io::Result<Vec<Neighbour>> {
    let (_bus, session) = bluez().await?;
    let adapter = adapter(&session, wanted).await?;
    let own = PeerAddress::from(adapter.address().await.map_err(told)?);
    let mut all = Vec::new();
    for address in around(&adapter, time).await? {
        let device = adapter.device(address.into()).map_err(told)?;
        let asked = tokio::time::timeout(PATIENCE, offered(own, address)).await;
        // One that does not answer may have said what it offers when it was seen.
        let classes = match asked {
            Ok(Ok(classes)) => classes,
            _ => advertised(&device).await,
        };
        all.push(Neighbour {
            address,
            name: device.name().await.ok().flatten(),
            paired: device.is_paired().await.unwrap_or(false),
            classes,
        });
    }
    Ok(all)
}

async fn advertised(device: &bluer::Device) -> Vec<ServiceClass> {
    let uuids = device.uuids().await.ok().flatten().unwrap_or_default();
    let classes = uuids
        .iter()
        .filter_map(|uuid| ServiceClass::of(uuid.as_u128()));
    let classes: BTreeSet<_> = classes.collect();
    classes.into_iter().collect()
}

/// The devices that are seen now and those that are paired.
async fn around(adapter: &Adapter, time: Duration) -> io::Result<BTreeSet<PeerAddress>> {
    let filter = DiscoveryFilter {
        transport: DiscoveryTransport::BrEdr,
        ..DiscoveryFilter::default()
    };
    adapter.set_discovery_filter(filter).await.map_err(told)?;
    let events = adapter.discover_devices().await.map_err(told)?;
    tokio::pin!(events);
    let mut seen = BTreeSet::new();
    let looking = async {
        while let Some(event) = events.next().await {
            if let AdapterEvent::DeviceAdded(address) = event
                && seen.len() < MOST
            {
                seen.insert(PeerAddress::from(address));
            }
        }
    };
    drop(tokio::time::timeout(time, looking).await);
    Ok(seen)
}
