//! Conversations.

use super::device::{Device, credential, dialled, dialled_with, heard, message};
use super::relay::{Wire, raw};

use bytes::Bytes;
use omadm_bindings::obex::ResponseCode;
use omadm_bindings::{BearerEvent, Error, LineState, ObexFault, SessionOpening as Opening};
use omadm_syncml::{MediaType, PeerProof};
use tokio::io::AsyncReadExt as _;

fn socket(directory: &tempfile::TempDir) -> String {
    format!("unix+obex://{}", directory.path().join("obex").display())
}

/// A whole session over a line: what the peer sends, and what the device does.
async fn session(device: &mut Device, address: &str, octets: usize) {
    let peer = async {
        let mut line = dialled(address, None).await.expect("a line");
        line.put_notification(Bytes::from_static(b"package 0"))
            .await
            .unwrap();
        for id in 1..4 {
            let received = line.get_message(MediaType::DmXml).await.unwrap();
            assert_eq!(received, message(id, octets));
            line.put_message(&message(id + 100, octets)).await.unwrap();
        }
        line.disconnect().await.unwrap();
    };
    let agent = async {
        let mut arrival = device.arrival().await;
        let expected = Opening::Notification(Bytes::from_static(b"package 0"));
        assert_eq!(arrival.opening, expected);
        assert_eq!(arrival.bearer.proof, PeerProof::None);
        for id in 1..4 {
            arrival.bearer.out.send(message(id, octets)).await.unwrap();
            match heard(&mut arrival).await {
                BearerEvent::Message(envelope) => assert_eq!(envelope, message(id + 100, octets)),
                other @ BearerEvent::Closed(_) => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(peer, agent);
}

fn refused(error: &Error) -> Option<ResponseCode> {
    match error {
        Error::Obex(ObexFault::Refused { code, .. }) => Some(*code),
        _ => None,
    }
}

#[tokio::test]
async fn a_session_over_a_socket_and_another_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let address = socket(&directory);
    let mut device = Device::wait(&address, Vec::new());
    device.is(LineState::Waiting).await;
    session(&mut device, &address, 0).await;
    session(&mut device, &address, 60_000).await;
}

#[tokio::test]
async fn a_session_over_tcp() {
    let mut device = Device::wait("tcp+obex://127.0.0.1:47650", Vec::new());
    device.is(LineState::Waiting).await;
    session(&mut device, "tcp+obex://127.0.0.1:47650", 1000).await;
}

#[tokio::test]
async fn a_session_over_a_serial_line_by_each_way_into_obex() {
    for (waits, dials) in [
        ("", "at"),
        ("", "raw"),
        ("&entry=at", "at"),
        ("&entry=raw", "raw"),
    ] {
        let wire = Wire::new();
        let waiting = format!("tty+obex://{}?baud=921600{waits}", wire.far);
        let dialling = format!("tty+obex://{}?baud=921600&entry={dials}", wire.near);
        let mut device = Device::wait(&waiting, Vec::new());
        device.is(LineState::Waiting).await;
        session(&mut device, &dialling, 3000).await;
        // It waits again, and is entered again.
        device.is(LineState::Waiting).await;
        session(&mut device, &dialling, 10).await;
    }
}

#[tokio::test]
async fn a_modem_user_gets_its_answers_between_sessions() {
    let wire = Wire::new();
    let address = format!("tty+obex://{}", wire.far);
    let mut device = Device::wait(&address, Vec::new());
    device.is(LineState::Waiting).await;
    let heard = raw(&wire.near, b"AT\r").await;
    assert!(heard.ends_with(b"\r\nOK\r\n"), "{}", heard.escape_ascii());
}

#[tokio::test]
async fn who_was_refused_gets_back_to_commands_by_a_disconnect() {
    let wire = Wire::new();
    let mut device = Device::wait(&format!("tty+obex://{}", wire.far), Vec::new());
    device.is(LineState::Waiting).await;
    // Another service is asked for, and given up as obexftp does it.
    let foreign = b"AT+CPROT=0\r\x80\x00\x15\x10\x00\x04\x00\x46\x00\x0ESYNCML-SYNC\x81\x00\x03";
    let heard = raw(&wire.near, foreign).await;
    let expected = b"\xC4\x00\x07\x10\x00\x04\x80\xA0\x00\x03\r\nOK\r\n";
    assert!(heard.ends_with(expected), "{}", heard.escape_ascii());
}

#[tokio::test]
async fn who_hangs_up_ends_the_session_and_may_come_back() {
    let wire = Wire::new();
    let waiting = format!("tty+obex://{}?entry=raw", wire.far);
    let dialling = format!("tty+obex://{}", wire.near);
    let mut device = Device::wait(&waiting, Vec::new());
    device.is(LineState::Waiting).await;
    let mut line = dialled(&dialling, None).await.unwrap();
    line.put_notification(Bytes::from_static(b"one"))
        .await
        .unwrap();
    let mut arrival = device.arrival().await;
    arrival.bearer.out.send(message(1, 0)).await.unwrap();
    line.get_message(MediaType::DmXml).await.unwrap();
    // A direct cable shows nothing when the program at its other end dies.
    drop(line);
    let mut line = dialled(&dialling, None).await.unwrap();
    match heard(&mut arrival).await {
        BearerEvent::Closed(Err(Error::Obex(ObexFault::Restarted))) => {}
        other => panic!("{other:?}"),
    }
    // The session before it still holds its bearer, and must not hold up the next one.
    line.put_notification(Bytes::from_static(b"two"))
        .await
        .unwrap();
    let next = device.arrival().await;
    drop(arrival);
    next.bearer.out.send(message(2, 0)).await.unwrap();
    assert_eq!(
        line.get_message(MediaType::DmXml).await.unwrap(),
        message(2, 0)
    );
}

#[tokio::test]
async fn a_session_that_nobody_takes_is_refused_when_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let address = socket(&directory);
    let mut device = Device::wait(&address, Vec::new());
    device.is(LineState::Waiting).await;
    let mut line = dialled(&address, None).await.unwrap();
    line.put_notification(Bytes::from_static(b"bad"))
        .await
        .unwrap();
    drop(device.arrival().await);
    let error = line.get_message(MediaType::DmXml).await.unwrap_err();
    assert_eq!(refused(&error), Some(ResponseCode::UNAVAILABLE), "{error}");
}

#[tokio::test]
async fn a_peer_waits_for_a_session_that_thinks_longer_than_it_would_for_a_packet() {
    let directory = tempfile::tempdir().unwrap();
    let address = socket(&directory);
    let mut device = Device::wait(&address, Vec::new());
    device.is(LineState::Waiting).await;
    let mut line = dialled(&address, None).await.unwrap();
    line.put_notification(Bytes::from_static(b"x"))
        .await
        .unwrap();
    let arrival = device.arrival().await;
    let think = async {
        tokio::time::sleep(std::time::Duration::from_millis(450)).await;
        arrival.bearer.out.send(message(1, 0)).await.unwrap();
    };
    let (received, ()) = tokio::join!(line.get_message(MediaType::DmXml), think);
    assert_eq!(received.unwrap(), message(1, 0));
    // CONNECT, PUT, the end of GET, and a sign of life each tenth of a second.
    let received = line.traffic().received();
    assert!(received >= 24 + 3 + 3 * 6, "{received}");
}

#[tokio::test]
async fn a_device_in_a_session_is_busy_on_its_other_lines() {
    let directory = tempfile::tempdir().unwrap();
    let address = socket(&directory);
    let mut device = Device::wait(&address, Vec::new());
    device.is(LineState::Waiting).await;
    device.busy.send_replace(true);
    let error = dialled(&address, None).await.unwrap_err();
    assert_eq!(refused(&error), Some(ResponseCode::UNAVAILABLE));
    assert!(error.to_string().contains("busy"), "{error}");
    device.busy.send_replace(false);
    dialled(&address, None).await.unwrap();
}

#[tokio::test]
async fn secrets_are_proven_both_ways() {
    let directory = tempfile::tempdir().unwrap();
    let address = socket(&directory);
    let mut device = Device::wait(&address, vec![credential("secret")]);
    device.is(LineState::Waiting).await;
    let none = dialled(&address, None).await.unwrap_err();
    assert_eq!(refused(&none), Some(ResponseCode::UNAUTHORIZED));
    let wrong = dialled(&address, Some(credential("wrong")))
        .await
        .unwrap_err();
    assert_eq!(refused(&wrong), Some(ResponseCode::UNAUTHORIZED));
    let mut line = dialled(&address, Some(credential("secret"))).await.unwrap();
    line.put_notification(Bytes::from_static(b"x"))
        .await
        .unwrap();
    let arrival = device.arrival().await;
    assert_eq!(arrival.bearer.proof, PeerProof::ObexDigest);
    assert_eq!(arrival.proven.unwrap().user, "dm");
    // A server that does not prove itself is not taken for proven.
    let open = tempfile::tempdir().unwrap();
    let address = socket(&open);
    let mut device = Device::wait(&address, Vec::new());
    device.is(LineState::Waiting).await;
    let error = dialled(&address, Some(credential("secret")))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("did not prove"), "{error}");
}

#[tokio::test]
async fn a_line_that_is_pulled_out_is_away() {
    let wire = Wire::new();
    let mut device = Device::wait(&format!("tty+obex://{}", wire.far), Vec::new());
    device.is(LineState::Waiting).await;
    wire.cut();
    let mut state = device.listening.state.clone();
    let away = state.wait_for(|state| matches!(state, LineState::Away(_)));
    tokio::time::timeout(super::device::LIMIT, away)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_socket_that_is_taken_is_told_and_a_stale_one_is_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let address = socket(&directory);
    let path = directory.path().join("obex");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut device = Device::wait(&address, Vec::new());
    device.is(LineState::Waiting).await;
    let other = Device::wait(&address, Vec::new());
    let mut state = other.listening.state.clone();
    let away = state.wait_for(|state| matches!(state, LineState::Away(_)));
    tokio::time::timeout(super::device::LIMIT, away)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn what_is_no_socket_is_left_where_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("obex");
    let elsewhere = directory.path().join("elsewhere");
    std::fs::write(&elsewhere, "precious").unwrap();
    for linked in [false, true] {
        if linked {
            std::fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        } else {
            std::fs::write(&path, "precious").unwrap();
        }
        let device = Device::wait(&socket(&directory), Vec::new());
        let mut state = device.listening.state.clone();
        let known = state.wait_for(|state| *state != LineState::Opening);
        let state = tokio::time::timeout(super::device::LIMIT, known).await;
        let state = state.unwrap().unwrap().clone();
        assert!(matches!(state, LineState::Away(_)), "{state:?}");
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        assert_eq!(path.is_symlink(), linked);
    }
}

#[tokio::test]
async fn a_line_is_connected_as_long_as_one_of_its_peers_is() {
    let directory = tempfile::tempdir().unwrap();
    let address = socket(&directory);
    let mut device = Device::wait(&address, Vec::new());
    device.is(LineState::Waiting).await;
    let stays = dialled(&address, None).await.unwrap();
    let goes = dialled(&address, None).await.unwrap();
    device.is(LineState::Connected).await;
    let mut state = device.listening.state.clone();
    goes.disconnect().await.unwrap();
    let waits = state.wait_for(|state| *state == LineState::Waiting);
    let waits = tokio::time::timeout(std::time::Duration::from_millis(300), waits).await;
    assert!(waits.is_err(), "one peer is still there");
    drop(stays);
    device.is(LineState::Waiting).await;
}

#[tokio::test]
async fn a_server_that_is_slow_to_begin_is_asked_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("obex");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let heard = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        // Longer than a serial line is waited for.
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
        let mut heard = [0; 100];
        let count = stream.read(&mut heard).await.unwrap();
        heard[..count].to_vec()
    };
    let address = socket(&directory);
    let dialled = dialled_with(&address, None, super::device::LIMIT);
    let heard = tokio::select! {
        heard = heard => heard,
        dialled = dialled => panic!("{dialled:?}"),
    };
    assert_eq!(heard.len(), 0x13, "{}", heard.escape_ascii());
}
