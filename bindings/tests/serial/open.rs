//! Opening: settings, exclusive use, and the words of failure.

use crate::pair::{address, device, entered, read, within};

use nix::sys::termios::{ControlFlags, InputFlags, LocalFlags, SetArg, tcgetattr, tcsetattr};
use omadm_bindings::serial::{Farewell, SerialPort};
use std::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_serial::SerialPort as _;

fn refusal(path: &str) -> String {
    match SerialPort::open(&address(path, "baud=9600")) {
        Ok(_) => panic!("{path} was opened"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_line_is_raw_and_marks_a_break() {
    for (query, local) in [("carrier=ignore", true), ("carrier=follow", false)] {
        let (path, _peer, _slave) = device();
        let look = File::options().read(true).write(true).open(&path).unwrap();
        let mut before = tcgetattr(&look).unwrap();
        before.control_flags.insert(ControlFlags::HUPCL);
        tcsetattr(&look, SetArg::TCSANOW, &before).unwrap();
        let _port = SerialPort::open(&address(&path, query)).unwrap();
        let found = tcgetattr(&look).unwrap();
        assert_eq!(found.control_flags.contains(ControlFlags::CLOCAL), local);
        assert!(
            found
                .control_flags
                .contains(ControlFlags::CS8 | ControlFlags::CREAD)
        );
        assert!(!found.control_flags.contains(ControlFlags::HUPCL));
        assert!(found.input_flags.contains(InputFlags::PARMRK));
        let cooked = InputFlags::IGNBRK
            | InputFlags::BRKINT
            | InputFlags::IXON
            | InputFlags::IXOFF
            | InputFlags::ICRNL;
        assert!(!found.input_flags.intersects(cooked));
        assert!(
            !found
                .local_flags
                .intersects(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
        );
    }
}

#[tokio::test]
async fn any_speed_is_set() {
    for baud in [9_600, 115_200, 250_000, 1_234_567] {
        let (path, _peer, slave) = device();
        let _port = SerialPort::open(&address(&path, &format!("baud={baud}"))).unwrap();
        assert_eq!(slave.baud_rate().unwrap(), baud);
    }
}

#[tokio::test]
async fn only_one_program_has_it() {
    let (path, _peer, _slave) = device();
    let port = SerialPort::open(&address(&path, "baud=9600")).unwrap();
    for _ in 0..2 {
        let reason = refusal(&path);
        assert!(
            reason.starts_with(&format!("another program uses {path}")),
            "{reason}"
        );
        let process = format!("process {})", std::process::id());
        if !reason.ends_with(&process) {
            println!("skipped: only_one_program_has_it: /proc does not tell who: {reason}");
        }
    }
    drop(port);
    assert!(SerialPort::open(&address(&path, "baud=9600")).is_ok());
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for (path, reason) in [
        ("/dev/ttyNONE", "/dev/ttyNONE is not there: "),
        ("/dev/null", "/dev/null is no serial line"),
        (file.to_str().unwrap(), "is no serial line"),
    ] {
        let found = refusal(path);
        assert!(found.contains(reason), "{path}: {found}");
    }
}

#[tokio::test]
async fn every_octet_comes_through_both_ways() {
    let all: Vec<u8> = (0..=255).rev().collect();
    let raw = [&[0x80][..], &all].concat();
    let (mut line, mut peer) = entered("entry=raw", &raw, "").await;
    assert_eq!(read(&mut line, raw.len()).await, raw);
    line.write_all(&all).await.unwrap();
    peer.expect(&all).await;

    let command = b"ATE0\rAT*EOBEX\r";
    let answer = "ATE0\r\r\nOK\r\n\r\nCONNECT\r\n";
    let (mut line, mut peer) = entered("entry=at", command, answer).await;
    peer.send(&all).await;
    assert_eq!(read(&mut line, all.len()).await, all);
    line.write_all(&all).await.unwrap();
    peer.expect(&all).await;
}

#[tokio::test]
async fn long_packets_come_through_both_ways_at_once() {
    let (mut line, mut peer) = entered("entry=raw", &[0x80], "").await;
    read(&mut line, 1).await;
    // Many of the octets that a tty marks, in runs of every length.
    let sent: Vec<u8> = (0..=255).chain([0xFF; 7]).cycle().take(200_000).collect();
    let (mut from, mut to) = tokio::io::split(&mut line);
    let (mut peer_from, mut peer_to) = tokio::io::split(peer.stream());
    let mut there = vec![0; sent.len()];
    let mut back = vec![0; sent.len()];
    let (a, b, c, d) = within(async {
        tokio::join!(
            peer_to.write_all(&sent),
            from.read_exact(&mut there),
            to.write_all(&sent),
            peer_from.read_exact(&mut back),
        )
    })
    .await;
    a.and(c).unwrap();
    b.and(d).unwrap();
    assert!(there == sent && back == sent);
    within(line.leave(Farewell::Orderly)).await.unwrap();
}
