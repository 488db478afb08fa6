//! Listens to what the kernel says of the network.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, getsockname,
    recvfrom, sendto, socket,
};
use tokio::io::{Interest, unix::AsyncFd};

use super::{Changed, Network, Output};
use crate::daemon::clock::{Alarm, now};

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV6_IFADDR` and
/// `RTMGRP_IPV6_ROUTE` (linux/rtnetlink.h).
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// The kernel fills datagrams of a dump up to this size.
const DATAGRAM: usize = 32 * 1024;

/// Tells when the uplinks of the machine change.
pub(in crate::daemon) struct NetworkWatch {
    socket: AsyncFd<OwnedFd>,
    alarm: Alarm,
    network: Network,
    buffer: Vec<u8>,
}

impl NetworkWatch {
    #[expect(
        deprecated,
        reason = "the successor is unsafe, and what it has to be promised holds: the descriptor is owned"
    )]
    pub(in crate::daemon) fn new() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let protocol = SockProtocol::NetlinkRoute;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        let own: NetlinkAddr = getsockname(socket.as_raw_fd())?;
        Ok(Self {
            socket: AsyncFd::with_interest(socket, Interest::READABLE)?,
            alarm: Alarm::new()?,
            network: Network::new(own.pid(), now().boot),
            buffer: vec![0; DATAGRAM],
        })
    }

    /// Waits for a change; the first one is what there is. Cancel-safe.
    pub(in crate::daemon) async fn changed(&mut self) -> io::Result<Changed> {
        loop {
            while let Some(output) = self.network.poll(now().boot) {
                match output {
                    Output::Ask(request) => {
                        let kernel = NetlinkAddr::new(0, 0);
                        let socket = self.socket.get_ref().as_raw_fd();
                        // For want of memory, say: what has come so far stays true.
                        if let Err(error) = sendto(socket, &request, &kernel, MsgFlags::empty()) {
                            log::debug!("the kernel is not asked for the network: {error}");
                            self.network.failed(now().boot);
                        }
                    }
                    Output::Changed(changed) => return Ok(changed),
                }
            }
            let deadline = self.network.deadline();
            tokio::select! {
                received = receive(&self.socket, &mut self.buffer) => {
                    match self.buffer.get(..received?.unwrap_or(usize::MAX)) {
                        Some(datagram) => self.network.handle(datagram, now().boot),
                        None => self.network.lost(now().boot),
                    }
                }
                rung = self.alarm.wait(deadline) => rung?,
            }
        }
    }
}

/// The length of the next datagram from the kernel; `None` when something was lost.
async fn receive(socket: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        let mut ready = socket.readable().await?;
        let read = ready.try_io(|socket| {
            let socket = socket.get_ref().as_raw_fd();
            Ok(recvfrom::<NetlinkAddr>(socket, buffer)?)
        });
        match read {
            // Only the kernel is believed.
            Ok(Ok((length, Some(from)))) if from.pid() == 0 => return Ok(Some(length)),
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                return Ok(None);
            }
            Ok(Err(error)) => return Err(error),
        }
    }
}
