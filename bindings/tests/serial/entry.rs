//! Ways into OBEX, at the waiting and at the dialling end.

use crate::pair::{Peer, entered, identity, open, read, within};

use omadm_bindings::serial::{Entry, Farewell, SerialLine, SerialPort};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;

const CONNECT: &[u8] = b"\x80\x00\x07\x10\x00\x10\x00";
const PROBE: &[u8] = b"\xFF\x00\x08\xCBATZ\r";

#[tokio::test]
async fn each_command_enters() {
    for (command, result) in [
        ("AT+CPROT=0", "CONNECT"),
        ("AT*EOBEX", "CONNECT"),
        ("AT^SQWE=3", "OK"),
        ("AT+MODE=22", "CONNECT"),
        ("AT+SYNCML=MOBEXSTART", "OK"),
        ("AT+SYNCML=OBEXSTART", "OK"),
    ] {
        let answer = format!("{command}\r\r\n{result}\r\n");
        let typed = format!("{command}\r");
        let (mut line, mut peer) = entered("entry=at", typed.as_bytes(), &answer).await;
        peer.send(CONNECT).await;
        assert_eq!(read(&mut line, CONNECT.len()).await, CONNECT, "{command}");
    }
}

#[tokio::test]
async fn raw_obex_is_noticed() {
    for query in ["baud=115200", "entry=at", "entry=raw"] {
        let (mut line, mut peer) = entered(query, CONNECT, "").await;
        assert_eq!(read(&mut line, CONNECT.len()).await, CONNECT);
        line.write_all(b"\xA0\x00\x03").await.unwrap();
        peer.expect(b"\xA0\x00\x03").await;
    }
}

#[tokio::test]
async fn the_probe_of_obexftp_is_survived() {
    for query in ["baud=115200", "entry=raw"] {
        let (mut line, _peer) = entered(query, PROBE, "").await;
        assert_eq!(read(&mut line, PROBE.len()).await, PROBE);
    }
    let (port, mut peer) = open("entry=at");
    let accepted = tokio::spawn(port.accept(identity()));
    peer.send(PROBE).await;
    peer.expect(b"ATZ\r\r\nOK\r\n").await;
    peer.send(b"AT+GMI\r").await;
    peer.expect(b"AT+GMI\r\r\nMaker\r\n\r\nOK\r\n").await;
    assert!(!accepted.is_finished());
}

/// The ports at the two ends of a cable.
fn cable(query: &str) -> (SerialPort, SerialPort, JoinHandle<()>) {
    let (one, mut near) = open(query);
    let (other, mut far) = open(query);
    let carried = tokio::spawn(async move {
        // It ends with an end.
        let _ = tokio::io::copy_bidirectional(near.stream(), far.stream()).await;
    });
    (one, other, carried)
}

async fn both(
    waiting: SerialPort,
    dialling: SerialPort,
    entry: Option<Entry>,
) -> (SerialLine, SerialLine) {
    within(async {
        // A raw line is entered with what is sent first.
        let dialled = async {
            let mut line = dialling.dial(entry).await?;
            line.write_all(CONNECT).await?;
            Ok::<_, std::io::Error>(line)
        };
        let (mut accepted, dialled) =
            tokio::try_join!(waiting.accept(identity()), dialled).unwrap();
        assert_eq!(read(&mut accepted, CONNECT.len()).await, CONNECT);
        (accepted, dialled)
    })
    .await
}

#[tokio::test]
async fn the_two_ends_find_each_other() {
    for (query, entry) in [
        ("baud=115200", Some(Entry::At)),
        ("entry=at", Some(Entry::At)),
        ("baud=115200", None),
        ("entry=raw", Some(Entry::Raw)),
    ] {
        let (mut waiting, mut dialling, _cable) = cable(query);
        for farewell in [Farewell::Orderly, Farewell::Failed, Farewell::Orderly] {
            let (mut accepted, mut dialled) = both(waiting, dialling, entry).await;
            accepted.write_all(b"\xA0\x00\x03").await.unwrap();
            assert_eq!(read(&mut dialled, 3).await, b"\xA0\x00\x03");
            waiting = within(accepted.leave(farewell)).await.unwrap();
            dialling = within(dialled.leave(farewell)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_modem_that_does_not_know_obex_is_quoted() {
    let (port, mut peer) = open("baud=115200");
    let dialled = tokio::spawn(port.dial(Some(Entry::At)));
    modem(&mut peer).await;
    let error = match within(dialled).await.unwrap() {
        Ok(_) => panic!("it was entered"),
        Err(error) => error.to_string(),
    };
    for part in [
        "AT+CPROT=0 was answered \"ERROR\"",
        "AT+MODE=22 was answered \"ERROR\"",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

async fn modem(peer: &mut Peer) {
    for (command, answer) in [
        ("AT\r", "AT\r\r\nOK\r\n"),
        ("ATE0\r", "ATE0\r\r\nOK\r\n"),
        ("AT+CPROT=0\r", "\r\nERROR\r\n"),
        ("AT*EOBEX\r", "\r\nERROR\r\n"),
        ("AT^SQWE=3\r", "\r\nERROR\r\n"),
        ("AT+MODE=22\r", "\r\nERROR\r\n"),
    ] {
        peer.expect(command.as_bytes()).await;
        peer.send(answer.as_bytes()).await;
    }
}
