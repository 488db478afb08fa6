//! obexftp as the peer, over AT commands and raw.

use crate::pair::{device, identity, open, within};

use omadm_bindings::serial::{Farewell, SerialLine};
use std::io::{self, ErrorKind};
use std::process::{Command, Output};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One OBEX packet; `None` at the end.
async fn packet(line: &mut SerialLine) -> Option<Vec<u8>> {
    let mut head = [0; 3];
    line.read_exact(&mut head).await.ok()?;
    let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
    let mut packet = head.to_vec();
    packet.resize(length, 0);
    line.read_exact(&mut packet[3..]).await.ok()?;
    Some(packet)
}

/// Answers as an inbox does, until DISCONNECT; what came.
async fn serve(line: &mut SerialLine) -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    while let Some(request) = packet(line).await {
        let opcode = request[0];
        let answer: &[u8] = match opcode {
            0x80 => b"\xA0\x00\x07\x10\x00\x04\x00",
            0x02 => b"\x90\x00\x03",
            _ => b"\xA0\x00\x03",
        };
        line.write_all(answer).await.unwrap();
        requests.push(request);
        if opcode == 0x81 {
            break;
        }
    }
    requests
}

/// Sends a file over a device.
async fn obexftp(device: String, file: String) -> io::Result<Output> {
    let arguments = ["-t", &device, "-U", "none", "-S", "-p", &file].map(str::to_owned);
    let run = move || Command::new("obexftp").args(arguments).output();
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn obexftp_sends_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let data = b"\xFF\x00+++\x11\x13".repeat(100);
    std::fs::write(&file, &data).unwrap();
    // Its probe is an ABORT where OBEX may begin unasked; elsewhere it finds a modem.
    let raw = &[0xFF, 0x80, 0x02, 0x82, 0x81][..];
    for (query, expected) in [
        ("baud=115200", raw),
        ("entry=at", &raw[1..]),
        ("entry=raw", raw),
    ] {
        let (port, mut near) = open(query);
        let (path, mut far, _slave) = device();
        let _cable = tokio::spawn(async move {
            let _ = tokio::io::copy_bidirectional(near.stream(), far.stream()).await;
        });
        let sent = tokio::spawn(obexftp(path, file.to_str().unwrap().to_owned()));
        let served = tokio::spawn(async {
            let mut line = port.accept(identity()).await.unwrap();
            let requests = serve(&mut line).await;
            (requests, line.leave(Farewell::Orderly).await.unwrap())
        });
        let output = match within(sent).await.unwrap() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return println!("skipped: obexftp_sends_a_file: no obexftp");
            }
            output => output.unwrap(),
        };
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("Disconnecting"), "{query}: {told}");
        let (requests, _port) = within(served).await.unwrap();
        let opcodes: Vec<_> = requests.iter().map(|request| request[0]).collect();
        assert_eq!(opcodes, expected, "{query}: {told}");
        let carried = |request: &Vec<u8>| request.windows(data.len()).any(|part| part == data);
        assert!(requests.iter().any(carried), "{query}");
    }
}
