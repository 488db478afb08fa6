//! Two pseudo-terminals with a wire between them.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio_serial::{SerialPort as _, SerialStream};

/// The paths of both ends; octets pass until the wire is cut.
pub(crate) struct Wire {
    pub(crate) near: String,
    pub(crate) far: String,
    task: tokio::task::JoinHandle<()>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let (mut one, near_end) = SerialStream::pair().expect("a pseudo-terminal");
        let (mut other, far_end) = SerialStream::pair().expect("a pseudo-terminal");
        let (near, far) = (near_end.name().unwrap(), far_end.name().unwrap());
        let task = tokio::spawn(async move {
            // The ends stay open, so that none hangs up before its program has opened it.
            let _held = (near_end, far_end);
            drop(copy_bidirectional(&mut one, &mut other).await);
        });
        Self { near, far, task }
    }

    /// Pulls the plug at both ends.
    pub(crate) fn cut(&self) {
        self.task.abort();
    }
}

/// Writes to a device as it is, and reads for a while.
pub(crate) async fn raw(path: &str, octets: &[u8]) -> Vec<u8> {
    let builder = tokio_serial::new(path, 115_200);
    let mut port = SerialStream::open(&builder).expect("the device");
    port.write_all(octets).await.unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 256];
    while let Ok(Ok(read)) =
        tokio::time::timeout(Duration::from_millis(300), port.read(&mut buffer)).await
    {
        heard.extend(buffer.iter().take(read));
    }
    heard
}
