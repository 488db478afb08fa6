//! Ways out of OBEX, and the end of a line.

use crate::pair::{entered, identity, open, read, within};

use omadm_bindings::serial::{Farewell, Leave};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

const COMMAND: &[u8] = b"ATE0;*EOBEX\r";
const ANSWER: &str = "ATE0;*EOBEX\r\r\nCONNECT\r\n";

/// What this thread has spent on the processor.
fn spent() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[tokio::test]
async fn the_escape_leads_back_to_commands() {
    let (mut line, mut peer) = entered("entry=at", COMMAND, ANSWER).await;
    peer.send(b"\x80+++").await;
    assert_eq!(read(&mut line, 4).await, b"\x80+++");
    sleep(Duration::from_millis(1100)).await;
    peer.send(b"+++").await;
    let mut rest = Vec::new();
    within(line.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"");
    assert_eq!(line.left(), Some(Leave::Escape));
    assert!(line.write_all(b"x").await.is_err());
    let port = within(line.leave(Farewell::Failed)).await.unwrap();
    peer.expect(b"\r\nOK\r\n").await;
    let (line, ()) = tokio::join!(within(port.accept(identity())), async {
        peer.send(b"AT\r").await;
        peer.expect(b"\r\nOK\r\n").await;
        peer.send(b"AT*EOBEX\r\x80").await;
        peer.expect(b"\r\nCONNECT\r\n").await;
    });
    assert_eq!(read(&mut line.unwrap(), 1).await, [0x80]);
}

#[tokio::test]
async fn a_held_escape_is_passed_on_with_what_follows() {
    let (mut line, mut peer) = entered("entry=at", COMMAND, ANSWER).await;
    sleep(Duration::from_millis(1100)).await;
    peer.send(b"+++").await;
    let mut nothing = [0];
    let early = timeout(Duration::from_millis(300), line.read(&mut nothing)).await;
    assert!(early.is_err());
    peer.send(b"\x00").await;
    assert_eq!(read(&mut line, 4).await, b"+++\x00");
    sleep(Duration::from_millis(1100)).await;
    peer.send(b"++").await;
    assert_eq!(read(&mut line, 2).await, b"++");
    assert_eq!(line.left(), None);
}

#[tokio::test]
async fn the_user_of_a_command_is_told_the_end() {
    let (line, mut peer) = entered("entry=at", COMMAND, ANSWER).await;
    let port = within(line.leave(Farewell::Orderly)).await.unwrap();
    peer.expect(b"\r\nOK\r\n").await;
    let accepted = tokio::spawn(port.accept(identity()));
    peer.send(b"AT+CPROT=0\r").await;
    peer.expect(b"\r\nCONNECT\r\n").await;
    let line = within(accepted).await.unwrap().unwrap();
    within(line.leave(Farewell::Failed)).await.unwrap();
    peer.expect(b"\r\nNO CARRIER\r\n").await;
}

#[tokio::test]
async fn raw_obex_ends_in_silence() {
    for query in ["entry=raw", "baud=115200"] {
        let (line, mut peer) = entered(query, b"\x80", "").await;
        let _port = within(line.leave(Farewell::Orderly)).await.unwrap();
        peer.hears_nothing().await;
    }
}

#[tokio::test]
async fn a_hangup_is_the_end_at_once() {
    let (mut line, mut peer) = entered("entry=raw", b"\x80", "").await;
    peer.send(b"last").await;
    read(&mut line, 5).await;
    let began = Instant::now();
    let gone = tokio::spawn(async move {
        sleep(Duration::from_millis(300)).await;
        drop(peer);
    });
    let mut octets = [0; 16];
    assert_eq!(within(line.read(&mut octets)).await.unwrap(), 0);
    gone.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(line.left(), Some(Leave::Hangup));
    assert_eq!(line.read(&mut octets).await.unwrap(), 0);
    assert!(line.write_all(b"x").await.is_err());
    let error = line
        .leave(Farewell::Failed)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("hung up"), "{error}");
}

#[tokio::test]
async fn a_hangup_ends_waiting() {
    let (port, peer) = open("baud=115200");
    let accepted = tokio::spawn(port.accept(identity()));
    tokio::task::yield_now().await;
    drop(peer);
    let error = within(accepted).await.unwrap().err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn waiting_takes_no_time_of_the_processor() {
    let Some(before) = spent() else {
        return println!("skipped: waiting_takes_no_time_of_the_processor: no schedstat");
    };
    let (port, _peer) = open("entry=at");
    assert!(
        timeout(Duration::from_secs(1), port.accept(identity()))
            .await
            .is_err()
    );
    let (mut line, peer_again) = entered("entry=at", COMMAND, ANSWER).await;
    let mut octets = [0; 16];
    assert!(
        timeout(Duration::from_secs(1), line.read(&mut octets))
            .await
            .is_err()
    );
    drop(peer_again);
    assert_eq!(line.read(&mut octets).await.unwrap(), 0);
    sleep(Duration::from_secs(1)).await;
    let used = spent().unwrap().saturating_sub(before);
    assert!(used < Duration::from_millis(200), "{used:?}");
}
