//! What the drivers of both roles do alike: packets go out, and deadlines come.
#![expect(clippy::disallowed_methods, reason = "driver: writes and waits")]

use crate::bearer::Traffic;

use bytes::Bytes;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

/// A peer that takes nothing for so long is gone, however slow its line.
const WRITE: Duration = Duration::from_mins(2);

/// Octets that are read at once.
pub(super) const READ: usize = 16 * 1024;

/// Sends a packet in one write: some peers cannot put its first octets together.
pub(super) async fn send<S: AsyncWrite + Unpin>(
    io: &mut S,
    packet: &Bytes,
    traffic: &Traffic,
) -> io::Result<()> {
    let write = async {
        io.write_all(packet).await?;
        io.flush().await
    };
    let written = tokio::time::timeout(WRITE, write).await;
    written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    traffic.add_sent(packet.len());
    Ok(())
}

/// When an engine that began then wants to be told of its deadline.
pub(super) fn instant(began: Instant, deadline: Duration) -> Instant {
    let at = began.checked_add(deadline);
    at.unwrap_or_else(|| Instant::now() + Duration::from_hours(24))
}
