//! Asks a peer by SDP on which RFCOMM channel it offers a service.
#![expect(clippy::disallowed_methods, reason = "driver: waits for answers")]

use super::classes::ServiceClass;
use super::sdp::{MTU, Next, PSM, Search};
use crate::peer::PeerAddress;

use bluer::AddressType;
use bluer::l2cap::{SeqPacket, Socket, SocketAddr};
use std::io;
use std::time::Duration;

/// How long a peer may take to answer a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first of these classes that the peer offers, and the channel.
pub(super) async fn find(
    own: PeerAddress,
    peer: PeerAddress,
    classes: &[ServiceClass],
) -> io::Result<Option<(ServiceClass, u8)>> {
    let line = connect(own, peer).await?;
    for class in classes {
        if let Some(channel) = ask(&line, *class).await? {
            return Ok(Some((*class, channel)));
        }
    }
    Ok(None)
}

/// All of these classes that the peer offers.
pub(super) async fn offered(own: PeerAddress, peer: PeerAddress) -> io::Result<Vec<ServiceClass>> {
    let line = connect(own, peer).await?;
    let mut found = Vec::new();
    for class in ServiceClass::ALL {
        if ask(&line, class).await?.is_some() {
            found.push(class);
        }
    }
    Ok(found)
}

async fn connect(own: PeerAddress, peer: PeerAddress) -> io::Result<SeqPacket> {
    let socket = Socket::new_seq_packet()?;
    let at = |address: PeerAddress, psm| SocketAddr::new(address.into(), AddressType::BrEdr, psm);
    socket.bind(at(own, 0))?;
    socket.connect(at(peer, PSM)).await
}

async fn ask(line: &SeqPacket, class: ServiceClass) -> io::Result<Option<u8>> {
    let mut search = Search::new(class.uuid());
    let mut buffer = [0; MTU as usize];
    loop {
        line.send(&search.request()).await?;
        let read = tokio::time::timeout(PATIENCE, line.recv(&mut buffer)).await??;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let response = search.response(buffer.get(..read).unwrap_or_default());
        match response.map_err(|fault| io::Error::other(fault.to_string()))? {
            Next::Ask => {}
            Next::Found(channels) => return Ok(channels.first().copied()),
        }
    }
}
