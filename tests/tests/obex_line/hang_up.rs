//! The plug comes out at every octet of a session, in turn.

use crate::connect;

use omadm_bindings::Error;
use omadm_syncml::MediaType;
use omadm_tests::canned;
use omadm_tests::line::{End, LineSettings, Relay, socket_pair};
use omadm_tests::waiting::{Waiting, runtime};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const MTU: u16 = 255;
const PATIENCE: Duration = Duration::from_secs(10);

/// The session that is written down, as its server carries it.
async fn session(stream: UnixStream) -> Result<(), Error> {
    let mut line = connect(stream, MTU).await?;
    let package_0 = canned::package_0("dms.example", "secret", b"nonce", 7);
    line.put_notification(package_0.into()).await?;
    for (said, answer) in canned::device(MediaType::DmWbxml)
        .into_iter()
        .zip(canned::server(MediaType::DmWbxml))
    {
        assert_eq!(line.get_message(MediaType::DmWbxml).await?, said);
        line.put_message(&answer).await?;
    }
    line.disconnect().await.map(drop)
}

/// The same over a line of which the plug comes out after so many octets; how many it carried.
fn over_a_line(socket: &Path, hang_up_at: Option<u64>) -> (Result<(), Error>, u64) {
    let (stream, near) = socket_pair().unwrap();
    let settings = LineSettings {
        hang_up_at,
        ..LineSettings::default()
    };
    let relay = Relay::start(near, End::connect(socket).unwrap(), &settings).unwrap();
    let ended = runtime().block_on(async {
        let ended = tokio::time::timeout(PATIENCE, session(stream)).await;
        ended.unwrap_or_else(|_| panic!("the server's end hangs"))
    });
    let [there, back] = relay.counts().octets;
    (ended, there + back)
}

#[test]
fn a_session_that_breaks_off_anywhere_can_begin_again() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("device.sock");
    let script = Arc::new(|_: &_| canned::device(MediaType::DmWbxml));
    let address = format!("unix+obex://{}", socket.display());
    let device = Waiting::at(&address, vec![], script);
    let (ended, whole) = over_a_line(&socket, None);
    ended.unwrap();
    assert_eq!(device.heard().broken, None);
    for octet in 0..whole {
        let (ended, carried) = over_a_line(&socket, Some(octet));
        assert!(ended.is_err(), "at octet {octet} of {whole}");
        // The plug comes out with the first octet at the earliest.
        assert!(carried <= octet.max(1), "at octet {octet}: {carried}");
        let again = UnixStream::connect(&socket).unwrap();
        runtime().block_on(session(again)).unwrap();
        check_device(&device, octet);
    }
    let before = device.processor_time();
    std::thread::sleep(Duration::from_millis(500));
    let spent = device.processor_time().saturating_sub(before);
    assert!(
        spent < Duration::from_millis(100),
        "{spent:?} of work for nothing"
    );
}

/// The session after the one that broke off was whole, and that one, if the device heard of it,
/// was told as broken, unless nothing but the farewell was missing.
fn check_device(device: &Waiting, octet: u64) {
    loop {
        let heard = device.heard();
        let whole = heard.messages.len() == 2;
        assert_eq!(heard.broken.is_none(), whole, "at octet {octet}: {heard:?}");
        if whole {
            return;
        }
    }
}
