//! The right `kmsg`: the records of `/dev/kmsg` (`Documentation/ABI/testing/dev-kmsg`).
#![expect(clippy::disallowed_types, reason = "driver: reads /dev/kmsg")]

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Instant;

use nix::libc::O_NONBLOCK;

use super::line::is_over;
use super::request::Refusal;
use super::wire::{KernelRecord, KmsgReply, ReadKmsg};

const DEVICE: &str = "/dev/kmsg";

/// Records in one answer.
const USUAL: usize = 200;
const MOST: usize = 1000;

/// The kernel hands out a record a read, and none is longer (`PRINTK_MESSAGE_MAX` and the
/// dictionary behind it).
const LONGEST: usize = 16 * 1024;

/// The messages of one answer, in octets.
const MAX_OCTETS: usize = 512 * 1024;

/// Reads from the wanted record on.
pub(super) fn read(asked: ReadKmsg, deadline: Instant) -> Result<KmsgReply, Refusal> {
    let limit = asked.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        let text = format!("limit is {limit}: 1 to {MOST}");
        return Err(Refusal::InvalidRequest(text));
    }
    let failed = |error| Refusal::Failed(format!("{DEVICE}: {error}"));
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(O_NONBLOCK);
    let mut device = options.open(DEVICE).map_err(failed)?;
    gather(asked.since, limit, deadline, |buffer| device.read(buffer)).map_err(failed)
}

/// Takes record after record from `next`, the oldest first.
fn gather(
    since: Option<u64>,
    limit: usize,
    deadline: Instant,
    mut next: impl FnMut(&mut [u8]) -> std::io::Result<usize>,
) -> std::io::Result<KmsgReply> {
    let mut buffer = vec![0; LONGEST];
    let mut reply = KmsgReply {
        next: since.unwrap_or(0),
        ..KmsgReply::default()
    };
    let mut octets = 0;
    let mut first = None;
    while reply.records.len() < limit && octets < MAX_OCTETS && !is_over(deadline) {
        let length = match next(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            // The record was overwritten: the next read goes on with the oldest there is.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => continue,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let Some(record) = parse(buffer.get(..length).unwrap_or_default()) else {
            continue;
        };
        if since.is_some_and(|since| record.sequence < since) {
            continue;
        }
        first.get_or_insert(record.sequence);
        reply.next = record.sequence.saturating_add(1);
        octets += record.message.len();
        reply.records.push(record);
    }
    let wanted = reply
        .next
        .saturating_sub(since.or(first).unwrap_or(reply.next));
    reply.lost = wanted.saturating_sub(reply.records.len() as u64);
    Ok(reply)
}

/// Reads `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];MESSAGE\n KEY=VALUE\n…`.
fn parse(record: &[u8]) -> Option<KernelRecord> {
    let text = String::from_utf8_lossy(record);
    let (prefix, rest) = text.split_once(';')?;
    let mut numbers = prefix.split(',');
    let priority: u32 = numbers.next()?.parse().ok()?;
    Some(KernelRecord {
        sequence: numbers.next()?.parse().ok()?,
        microseconds: numbers.next()?.parse().ok()?,
        level: (priority & 7).try_into().ok()?,
        facility: priority >> 3,
        message: rest.lines().next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::line::within;
    use std::io;
    use std::time::Duration;

    fn gathered(since: Option<u64>, limit: usize, reads: Vec<io::Result<&str>>) -> KmsgReply {
        let mut reads = reads.into_iter();
        let deadline = within(Duration::from_secs(20));
        let next = |buffer: &mut [u8]| match reads.next() {
            Some(Ok(text)) => text.as_bytes().read(buffer),
            Some(Err(error)) => Err(error),
            None => Err(ErrorKind::WouldBlock.into()),
        };
        gather(since, limit, deadline, next).unwrap()
    }

    #[test]
    fn a_record_has_numbers_and_a_message() {
        let record =
            "30,1087,4112,-,caller=T1;usb 1-1: new device\n SUBSYSTEM=usb\n DEVICE=+usb:1-1\n";
        let expected = KernelRecord {
            sequence: 1087,
            level: 6,
            facility: 3,
            microseconds: 4112,
            message: "usb 1-1: new device".to_owned(),
        };
        assert_eq!(parse(record.as_bytes()), Some(expected));
        for bad in ["", "6,1,2", "x,1,2,-;a", "6,1;a", "-1,1,2,-;a"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
        let empty = parse(b"6,1,2,-;\n").unwrap();
        assert_eq!(empty.message, "");
    }

    #[test]
    fn reading_goes_on_where_it_ended() {
        let log = || {
            vec![
                Ok("6,5,1,-;five\n"),
                Ok("6,6,1,-;six\n"),
                Ok("6,7,1,-;seven\n"),
            ]
        };
        let first = gathered(None, 2, log());
        assert_eq!((first.records.len(), first.next, first.lost), (2, 7, 0));
        let second = gathered(Some(first.next), 2, log());
        assert_eq!(second.records[0].message, "seven");
        assert_eq!((second.records.len(), second.next, second.lost), (1, 8, 0));
        let third = gathered(Some(second.next), 2, log());
        assert_eq!((third.records.len(), third.next, third.lost), (0, 8, 0));
    }

    #[test]
    fn what_was_overwritten_is_counted() {
        let overwritten = || Err(io::Error::from(ErrorKind::BrokenPipe));
        let reads = vec![Ok("6,5,1,-;a\n"), overwritten(), Ok("6,9,1,-;b\n")];
        let reply = gathered(Some(3), 10, reads);
        assert_eq!((reply.records.len(), reply.next, reply.lost), (2, 10, 5));
    }

    #[test]
    fn an_answer_is_bounded() {
        let long = format!("6,1,1,-;{}\n", "x".repeat(10_000));
        let reads = (0..200).map(|_| Ok(long.as_str())).collect();
        let reply = gathered(None, MOST, reads);
        assert!(reply.records.len() < 60, "{}", reply.records.len());
        for limit in [0, MOST + 1] {
            let asked = ReadKmsg {
                since: None,
                limit: Some(limit),
            };
            let refused = read(asked, within(Duration::from_secs(20)));
            assert!(matches!(refused, Err(Refusal::InvalidRequest(_))));
        }
    }
}
