//! A pseudo-terminal: its path is a device, its other end the peer.

use omadm_bindings::serial::{Identity, SerialAddress, SerialLine, SerialPort};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_serial::{SerialPort as _, SerialStream};

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(10);

/// The end of the peer.
pub(crate) struct Peer(SerialStream);

/// The path of a new device, and its other end.
pub(crate) fn device() -> (String, Peer, SerialStream) {
    let (master, slave) = SerialStream::pair().expect("a pseudo-terminal");
    let path = slave.name().expect("it has a path");
    (path, Peer(master), slave)
}

/// An open device with these settings, and its peer.
pub(crate) fn open(query: &str) -> (SerialPort, Peer) {
    let (path, peer, slave) = device();
    let port = SerialPort::open(&address(&path, query)).expect("it can be opened");
    drop(slave);
    (port, peer)
}

pub(crate) fn address(path: &str, query: &str) -> SerialAddress {
    format!("tty+obex://{path}?{query}")
        .parse()
        .expect("an address")
}

pub(crate) fn identity() -> Identity {
    Identity {
        manufacturer: "Maker".into(),
        model: "Box".into(),
        revision: "1.0".into(),
        serial: "42".into(),
    }
}

/// A waiting end that a peer has entered by `first`, after that was answered with `answer`.
pub(crate) async fn entered(query: &str, first: &[u8], answer: &str) -> (SerialLine, Peer) {
    let (port, mut peer) = open(query);
    let (line, ()) = tokio::join!(within(port.accept(identity())), async {
        peer.send(first).await;
        peer.expect(answer.as_bytes()).await;
    });
    (line.expect("OBEX mode"), peer)
}

impl Peer {
    pub(crate) async fn send(&mut self, octets: &[u8]) {
        within(self.0.write_all(octets))
            .await
            .expect("the line takes it");
    }

    /// The next octets are these.
    pub(crate) async fn expect(&mut self, octets: &[u8]) {
        let mut found = vec![0; octets.len()];
        within(self.0.read_exact(&mut found))
            .await
            .expect("an answer");
        assert_eq!(
            found.escape_ascii().to_string(),
            octets.escape_ascii().to_string()
        );
    }

    /// Nothing comes for a while.
    pub(crate) async fn hears_nothing(&mut self) {
        let mut found = [0; 64];
        let heard = timeout(Duration::from_millis(200), self.0.read(&mut found)).await;
        assert!(
            heard.is_err(),
            "{heard:?} {:?}",
            found.escape_ascii().to_string()
        );
    }

    pub(crate) fn stream(&mut self) -> &mut SerialStream {
        &mut self.0
    }
}

/// What a line reads next, exactly so long.
pub(crate) async fn read(line: &mut SerialLine, length: usize) -> Vec<u8> {
    let mut found = vec![0; length];
    within(line.read_exact(&mut found))
        .await
        .expect("so many octets");
    found
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}
