//! A cable that can be cut in the middle of a message.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of a test function"
)]
#![expect(clippy::disallowed_types, reason = "driver: sockets of the tests")]

use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

/// Carries one connection from `near` to `far`, and ends when the near side has sent so many
/// octets: what is left of its message does not arrive.
pub(crate) async fn carry_until(listener: &UnixListener, far: &Path, octets: usize) {
    let (mut near, _) = listener.accept().await.unwrap();
    let mut far = UnixStream::connect(far).await.unwrap();
    let (mut up, mut down) = (vec![0; 1024], vec![0; 64 * 1024]);
    let mut carried = 0;
    while carried < octets {
        tokio::select! {
            read = near.read(&mut up) => {
                let read = read.unwrap();
                assert!(read > 0, "the server has hung up first");
                carried += read;
                far.write_all(&up[..read]).await.unwrap();
            }
            read = far.read(&mut down) => {
                let read = read.unwrap();
                assert!(read > 0, "the device has hung up first");
                near.write_all(&down[..read]).await.unwrap();
            }
        }
    }
}

/// Carries one connection as it is.
pub(crate) async fn carry(listener: &UnixListener, far: &Path) {
    let (mut near, _) = listener.accept().await.unwrap();
    let mut far = UnixStream::connect(far).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}
