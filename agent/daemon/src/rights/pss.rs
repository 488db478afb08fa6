//! The right `pss`: what `/proc/PID/smaps_rollup` says.
#![expect(clippy::disallowed_types, reason = "driver: reads /proc")]

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::time::Instant;

use nix::errno::Errno;

use super::line::is_over;
use super::request::Refusal;
use super::wire::{ProcessMemory, PssReply, ReadPss};

/// Processes in one request.
pub(super) const MAX_PIDS: usize = 256;

/// The kernel writes some twenty lines.
const MAX_FILE: u64 = 8 * 1024;

/// Reads each process until the deadline; the rest says that its turn did not come.
pub(super) fn read(asked: &ReadPss, deadline: Instant) -> Result<PssReply, Refusal> {
    if asked.pids.len() > MAX_PIDS {
        let text = format!("{} processes: at most {MAX_PIDS}", asked.pids.len());
        return Err(Refusal::InvalidRequest(text));
    }
    let one = |&pid: &u32| {
        if is_over(deadline) {
            failed(pid, "not read in time")
        } else {
            process(pid, rollup(pid))
        }
    };
    let processes = asked.pids.iter().map(one).collect();
    Ok(PssReply { processes })
}

/// The name is made of a number: nothing that the caller sends is part of a path.
fn rollup(pid: u32) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(format!("/proc/{pid}/smaps_rollup"))?;
    file.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

fn process(pid: u32, rollup: io::Result<String>) -> ProcessMemory {
    match rollup {
        Ok(text) => parse(pid, &text),
        Err(error) if is_gone(&error) => ProcessMemory {
            pid,
            ..ProcessMemory::default()
        },
        Err(error) => failed(pid, &error.to_string()),
    }
}

/// It has ended, before or after the file was opened, or is a thread of the kernel.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ESRCH as i32)
}

fn failed(pid: u32, reason: &str) -> ProcessMemory {
    ProcessMemory {
        pid,
        reason: Some(reason.to_owned()),
        ..ProcessMemory::default()
    }
}

/// Reads the lines `Pss:  6764 kB` (`Documentation/filesystems/proc.rst`, `smaps`).
fn parse(pid: u32, text: &str) -> ProcessMemory {
    let octets = |key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let number = line?.trim().strip_suffix("kB")?.trim_end();
        number.parse::<u64>().ok()?.checked_mul(1024)
    };
    let private = ["Private_Clean", "Private_Dirty"].map(octets);
    let huge = octets("Private_Hugetlb").unwrap_or(0);
    let uss = private
        .into_iter()
        .try_fold(huge, |sum, part| sum.checked_add(part?));
    ProcessMemory {
        pid,
        pss: octets("Pss"),
        uss,
        swap_pss: octets("SwapPss"),
        reason: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::line::within;
    use std::time::Duration;

    const ROLLUP: &str = "\
55d0a0a4d000-7ffd3e5f1000 ---p 00000000 00:00 0                          [rollup]
Rss:                9480 kB
Pss:                6764 kB
Pss_Dirty:          4100 kB
Shared_Clean:       2900 kB
Shared_Dirty:          0 kB
Private_Clean:      2480 kB
Private_Dirty:      4100 kB
Swap:                 12 kB
SwapPss:              11 kB
Private_Hugetlb:    2048 kB
Locked:                0 kB
";

    #[test]
    fn the_sums_are_read() {
        let expected = ProcessMemory {
            pid: 7,
            pss: Some(6764 * 1024),
            uss: Some((2480 + 4100 + 2048) * 1024),
            swap_pss: Some(11 * 1024),
            reason: None,
        };
        assert_eq!(parse(7, ROLLUP), expected);
    }

    #[test]
    fn what_is_not_there_is_no_zero() {
        for text in [
            "",
            "Pss:",
            "Pss: x kB\nPrivate_Clean: 1 kB\n",
            "Pss: 18446744073709551615 kB",
        ] {
            let found = parse(7, text);
            assert_eq!((found.pss, found.uss), (None, None), "{text:?}");
        }
    }

    #[test]
    fn own_memory_is_read_and_what_is_gone_or_absurd_has_none() {
        let own = std::process::id();
        let asked = ReadPss {
            pids: vec![own, 0, u32::MAX, 4_194_304],
        };
        let reply = read(&asked, within(Duration::from_secs(20))).unwrap();
        let [mine, others @ ..] = reply.processes.as_slice() else {
            panic!("{reply:?}");
        };
        assert!(mine.pss.unwrap() >= mine.uss.unwrap(), "{mine:?}");
        assert!(mine.uss.unwrap() > 0, "{mine:?}");
        for other in others {
            assert_eq!((other.pss, other.reason.as_deref()), (None, None));
        }
    }

    #[test]
    fn a_request_has_a_bound_in_number_and_time() {
        let asked = ReadPss {
            pids: vec![1; MAX_PIDS + 1],
        };
        assert!(matches!(
            read(&asked, within(Duration::from_secs(20))),
            Err(Refusal::InvalidRequest(_))
        ));
        let asked = ReadPss { pids: vec![1] };
        let reply = read(&asked, within(Duration::ZERO)).unwrap();
        assert_eq!(
            reply.processes[0].reason.as_deref(),
            Some("not read in time")
        );
    }
}
