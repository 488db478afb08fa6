//! Dials a peer.
#![expect(clippy::disallowed_methods, reason = "driver: pauses")]

use super::adapters::{bluez, bonded, ready, told};
use super::address::{BluetoothAddress, Service};
use super::classes::ServiceClass;
use super::search::find;
use crate::obex::Link;
use crate::peer::PeerAddress;

use bluer::rfcomm::{Security, SecurityLevel, Socket, SocketAddr, Stream};
use bluer::{Adapter, Session};
use std::io;
use std::time::Duration;

/// How often a channel is tried that is still taken by a connection before.
const TRIES: u32 = 6;

/// How long it is left alone in between.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a step may take. The pages of one that is not there end after 5.12 s.
const STEP: Duration = Duration::from_secs(10);

/// Opens an RFCOMM connection to a paired peer.
pub(super) async fn dial(address: &BluetoothAddress) -> io::Result<Link> {
    if address.peer.is_none() && address.service == Service::Server {
        let text = "an address without a peer is waited at; dial one: bt+obex://00:1A:7D:DA:71:13";
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    let (_bus, session) = bluez().await?;
    let adapter = adapter(&session, address.adapter.as_deref()).await?;
    let own = PeerAddress::from(adapter.address().await.map_err(told)?);
    let Some(peer) = address.peer else {
        return first_device(&adapter, own, address).await;
    };
    paired(&adapter, peer).await?;
    let stream = match reach(&adapter, own, peer, address).await {
        // A link that neither carries anything nor goes away by itself is in the way of a new one.
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            log::info!("{peer}: {error}: the link is opened anew");
            let device = adapter.device(peer.into()).map_err(told)?;
            tokio::time::timeout(STEP, device.disconnect())
                .await?
                .map_err(told)?;
            reach(&adapter, own, peer, address).await?
        }
        reached => reached?,
    };
    Ok(link(peer, stream))
}

fn link(peer: PeerAddress, stream: Stream) -> Link {
    Link {
        bonded: Some(peer.to_string()),
        ..Link::new(stream)
    }
}

/// The first paired peer that can be reached and offers the service of a device; those that are
/// connected come first.
async fn first_device(
    adapter: &Adapter,
    own: PeerAddress,
    address: &BluetoothAddress,
) -> io::Result<Link> {
    let mut peers = bonded(adapter).await?;
    peers.sort_by_key(|peer| !peer.connected);
    let mut failure = io::Error::new(
        io::ErrorKind::NotFound,
        format!(
            "{} is paired with nobody: pair first: omadm-server bluetooth pair ADDRESS",
            adapter.name()
        ),
    );
    for peer in peers {
        match reach(adapter, own, peer.address, address).await {
            Ok(stream) => return Ok(link(peer.address, stream)),
            Err(error) => {
                let text = format!("{}: {error}", peer.address);
                log::debug!("{text}");
                failure = io::Error::new(error.kind(), text);
            }
        }
    }
    Err(failure)
}

/// Finds the channel and connects.
async fn reach(
    adapter: &Adapter,
    own: PeerAddress,
    peer: PeerAddress,
    address: &BluetoothAddress,
) -> io::Result<Stream> {
    let late = |what| io::Error::new(io::ErrorKind::TimedOut, what);
    let channel = match address.channel {
        Some(channel) => channel,
        None => tokio::time::timeout(STEP, search(own, peer, address.service))
            .await
            .map_err(|_| late("it does not answer the search for its service"))??,
    };
    tokio::time::timeout(STEP, connect(adapter, own, peer, channel))
        .await
        .map_err(|_| late("it does not answer on its channel"))?
}

/// The adapter that is named, or else the first that is switched on.
pub(super) async fn adapter(session: &Session, wanted: Option<&str>) -> io::Result<Adapter> {
    let all = ready(session, wanted).await?;
    let first = all.into_iter().next();
    first.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no Bluetooth adapter"))
}

/// Sees that the keys of an earlier pairing are there. Without, connecting would pair, with
/// whoever has the address now.
async fn paired(adapter: &Adapter, peer: PeerAddress) -> io::Result<()> {
    let device = adapter.device(peer.into()).map_err(told)?;
    match device.is_paired().await {
        Ok(true) => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "{} is not paired with it: pair first, on a server with: omadm-server bluetooth \
                 pair {peer}",
                adapter.name()
            ),
        )),
    }
}

async fn search(own: PeerAddress, peer: PeerAddress, service: Service) -> io::Result<u8> {
    let classes: &[ServiceClass] = match service {
        Service::Server => &[
            ServiceClass::DmServer,
            ServiceClass::SyncServer,
            ServiceClass::DmClient,
        ],
        Service::Client => &[ServiceClass::DmClient],
    };
    let found = find(own, peer, classes).await.map_err(explained)?;
    match found {
        Some((class, channel)) => {
            log::debug!("{peer} offers {class} on RFCOMM channel {channel}");
            Ok(channel)
        }
        None => Err(io::Error::new(
            io::ErrorKind::NotFound,
            match service {
                Service::Server => "it offers no device management: ?channel= skips the search",
                Service::Client => {
                    "it does not offer the service SyncML DM Client: a device does with \
                     listen = [\"bt+obex:\"]"
                }
            },
        )),
    }
}

async fn connect(
    adapter: &Adapter,
    own: PeerAddress,
    peer: PeerAddress,
    channel: u8,
) -> io::Result<Stream> {
    for tried in 1.. {
        match attempt(own, peer, channel).await {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && tried <= TRIES => {
                // What is left of an earlier connection goes with the link below it.
                if tried == TRIES {
                    let device = adapter.device(peer.into()).map_err(told)?;
                    device.disconnect().await.map_err(told)?;
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(explained(error)),
            Ok(stream) => return Ok(stream),
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Connects, with a link that both ends have proven the key of and that is encrypted with it.
async fn attempt(own: PeerAddress, peer: PeerAddress, channel: u8) -> io::Result<Stream> {
    let socket = Socket::new()?;
    socket.set_security(Security {
        level: SecurityLevel::Medium,
        key_size: 0,
    })?;
    socket.bind(SocketAddr::new(own.into(), 0))?;
    socket.connect(SocketAddr::new(peer.into(), channel)).await
}

/// What the kernel's error means for a Bluetooth peer.
fn explained(error: io::Error) -> io::Error {
    let text = match error.raw_os_error() {
        Some(nix::libc::EHOSTDOWN | nix::libc::ETIMEDOUT) => {
            "it does not answer: it is out of range or switched off"
        }
        Some(nix::libc::ECONNRESET) => {
            "it hangs up: a device lets in the peers alone that an account of it lists \
             (omadm account set NAME --bluetooth-peer)"
        }
        Some(nix::libc::ECONNREFUSED) => "it refuses: nobody waits on the channel there",
        Some(nix::libc::EACCES | nix::libc::EPERM | nix::libc::EKEYREJECTED) => {
            "it refuses the key of the pairing: remove the pairing at both ends and pair again"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_kernel_are_told_in_words() {
        let told = |code| explained(io::Error::from_raw_os_error(code)).to_string();
        assert!(told(nix::libc::EHOSTDOWN).contains("out of range"));
        assert!(told(nix::libc::EACCES).contains("pair again"));
        assert!(told(nix::libc::ECONNRESET).contains("--bluetooth-peer"));
        assert!(told(nix::libc::EIO).contains("nput/output"));
    }
}
