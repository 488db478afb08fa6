//! Which program keeps a device from others, as far as the system tells.
#![expect(clippy::disallowed_methods, reason = "driver: reads /proc")]

use nix::sys::stat::{major, minor};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Name and number of the process that holds a device, such as `minicom, process 4711`.
///
/// Found by its lock, which everyone may see, or by its open files, which only its own user may.
pub(super) fn holder(path: &Path) -> Option<String> {
    let process = by_lock(path).or_else(|| by_files(path))?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    let name: String = name.chars().filter(|found| !found.is_control()).collect();
    Some(format!("{name}, process {process}"))
}

fn by_lock(path: &Path) -> Option<u32> {
    let found = fs::metadata(path).ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let device = (major(found.dev()), minor(found.dev()));
    lock_holder(&locks, device, found.ino())
}

fn by_files(path: &Path) -> Option<u32> {
    let path = fs::canonicalize(path).ok()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|&process| process != std::process::id())
        .find(|process| has_open(*process, &path))
}

fn has_open(process: u32, path: &Path) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else {
        return false;
    };
    files
        .flatten()
        .any(|file| fs::read_link(file.path()).is_ok_and(|target| target == path))
}

/// The process that locks a whole file in the words of `/proc/locks` (`proc_locks(5)`).
fn lock_holder(locks: &str, device: (u64, u64), inode: u64) -> Option<u32> {
    let wanted = format!("{:02x}:{:02x}:{inode}", device.0, device.1);
    locks.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let locked = fields.next()? == "FLOCK";
        let process = fields.nth(2)?;
        let same = locked && fields.next()? == wanted;
        // A process outside this container has no number here.
        process.parse().ok().filter(|number| same && *number > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_the_device_is_found() {
        let locks = "1: POSIX  ADVISORY  READ 15 00:06:7 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 16 00:06:7 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 17 00:06:77 0 EOF\n\
                     3: FLOCK\n\n\
                     4: FLOCK  ADVISORY  WRITE 0 00:06:8 0 EOF\n\
                     5: FLOCK  ADVISORY  WRITE 18 00:06:7 0 EOF\n\
                     6: FLOCK  ADVISORY  WRITE 19 fd:00:9 0 EOF\n";
        assert_eq!(lock_holder(locks, (0, 6), 7), Some(18));
        assert_eq!(lock_holder(locks, (0, 6), 8), None);
        assert_eq!(lock_holder(locks, (0xFD, 0), 9), Some(19));
        assert_eq!(lock_holder("", (0, 6), 7), None);
    }
}
