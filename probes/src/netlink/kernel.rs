//! Dumps tables of the running kernel through a blocking socket.
#![expect(clippy::disallowed_types, reason = "driver: netlink sockets")]

use std::{cell::RefCell, io};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage};
use netlink_packet_route::{
    RouteNetlinkMessage,
    address::AddressMessage,
    link::{LinkAttribute, LinkExtentMask, LinkMessage},
    neighbour::NeighbourMessage,
    route::{RouteHeader, RouteMessage},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::{
    errno::Errno,
    sys::{
        socket::{MsgFlags, setsockopt, sockopt::ReceiveTimeout},
        time::TimeVal,
    },
};

use super::{
    Dump, DumpError, Table,
    stream::{Progress, walk},
};

/// The kernel fills datagrams of a dump up to this size (`netlink_dump` in the kernel).
const DATAGRAM: usize = 32 * 1024;

/// The kernel answers at once; only a stopped machine lets this pass.
const PATIENCE: TimeVal = TimeVal::new(2, 0);

/// Tables of the running kernel, of the network namespace of this process.
///
/// Each dump has a socket of its own, so that no answer to a question that was given up is ever
/// taken for an answer to the next.
#[derive(Debug, Default)]
pub struct KernelNetlink {
    buffer: RefCell<Vec<u8>>,
}

impl Dump for KernelNetlink {
    fn dump(&self, table: Table, each: &mut dyn FnMut(&[u8])) -> Result<(), DumpError> {
        let socket = ask(table).map_err(|error| unavailable(&error))?;
        let mut buffer = self.buffer.take();
        let outcome = answer(&socket, table, &mut buffer, each);
        self.buffer.replace(buffer);
        outcome
    }
}

fn ask(table: Table) -> io::Result<Socket> {
    let socket = Socket::new(NETLINK_ROUTE)?;
    setsockopt(&socket, ReceiveTimeout, &PATIENCE)?;
    // Since Linux 4.20; older kernels send more than was asked for, and the rest is passed over.
    let _ = socket.set_netlink_get_strict_chk(true);
    // A connected socket takes messages of the kernel only.
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut message = NetlinkMessage::from(request(table));
    message.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    Ok(socket)
}

fn request(table: Table) -> RouteNetlinkMessage {
    match table {
        Table::Links => RouteNetlinkMessage::GetLink(LinkMessage::default()),
        Table::LinkNames => {
            let mut message = LinkMessage::default();
            message.attributes = vec![LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])];
            RouteNetlinkMessage::GetLink(message)
        }
        Table::Addresses => RouteNetlinkMessage::GetAddress(AddressMessage::default()),
        Table::Routes => {
            let mut message = RouteMessage::default();
            message.header.table = RouteHeader::RT_TABLE_MAIN;
            RouteNetlinkMessage::GetRoute(message)
        }
        Table::Neighbours => RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()),
    }
}

fn answer(
    socket: &Socket,
    table: Table,
    buffer: &mut Vec<u8>,
    each: &mut dyn FnMut(&[u8]),
) -> Result<(), DumpError> {
    loop {
        buffer.clear();
        buffer.reserve(DATAGRAM);
        let length = receive(socket, buffer).map_err(|error| unavailable(&error))?;
        if length > buffer.len() {
            let reason = format!("a message of {length} octets is longer than the buffer");
            return Err(DumpError::Malformed(reason));
        }
        if walk(buffer, table.reply(), each)? == Progress::Done {
            return Ok(());
        }
    }
}

fn receive(socket: &Socket, buffer: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        match socket.recv(buffer, MsgFlags::MSG_TRUNC.bits()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn unavailable(error: &io::Error) -> DumpError {
    let reason = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EAGAIN) => "the kernel did not answer in time".to_owned(),
        Some(Errno::EAFNOSUPPORT | Errno::EPERM | Errno::EACCES) => {
            format!("{error}: the sandbox must allow AF_NETLINK (RestrictAddressFamilies=)")
        }
        _ => error.to_string(),
    };
    DumpError::Unavailable(reason)
}
