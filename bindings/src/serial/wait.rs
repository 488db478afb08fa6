//! Waits on a serial line: as a modem does, or for OBEX alone.

use super::{Entry, Farewell, SerialAddress, SerialLine, SerialPort, Waiting};
use crate::arrival::{Identity, LineState};
use crate::obex::{End, Host, Role, serve};

use std::io;

/// Waits for peers, and for the device where it is unplugged.
pub(super) async fn wait(address: SerialAddress, mut host: Host) {
    // A line on which only OBEX is spoken has nothing to return to.
    host.leaves = address.entry != Some(Entry::Raw);
    let identity = match &host.role {
        Role::Device { identity, .. } => identity.clone(),
        Role::System => Identity::default(),
    };
    let mut waiting = Waiting::new(address);
    loop {
        let away = |error: &io::Error| {
            host.state.send_replace(LineState::Away(error.to_string()));
        };
        let port = waiting.open(away).await;
        log::debug!("{}: waits for a peer", host.address);
        let lost = peers(port, &identity, &mut host, &mut waiting).await;
        waiting.lost(&lost);
        host.state.send_replace(LineState::Away(lost.to_string()));
    }
}

/// Serves one peer after the other until the port is lost.
async fn peers(
    mut port: SerialPort,
    identity: &Identity,
    host: &mut Host,
    waiting: &mut Waiting,
) -> io::Error {
    loop {
        host.state.send_replace(LineState::Waiting);
        let mut line = match port.accept(identity.clone()).await {
            Ok(line) => line,
            Err(error) => return error,
        };
        waiting.was_useful();
        let end = serve(&mut line, host).await;
        let farewell = farewell(&end, &line, host);
        port = match line.leave(farewell).await {
            Ok(port) => port,
            Err(error) => return error,
        };
    }
}

fn farewell(end: &End, line: &SerialLine, host: &Host) -> Farewell {
    match (end, line.left()) {
        (End::Disconnected, _) => return Farewell::Orderly,
        (_, Some(left)) => log::debug!("{}: OBEX has ended: {left}", host.address),
        (End::GivenUp(fault), _) => log::debug!("{}: OBEX has ended: {fault}", host.address),
        (End::HungUp(Err(error)), _) => log::debug!("{}: OBEX has ended: {error}", host.address),
        (End::HungUp(Ok(())), None) => {}
    }
    Farewell::Failed
}
