//! `/proc/self/mountinfo` and `statvfs(3)`: room on the mounted file systems.
//!
//! Readable by every user who may enter the mount point. `statvfs` waits as long as the device
//! does, so that only wanted mounts are asked and never one that lives on another machine.

use std::collections::BTreeMap;

use crate::{
    Absence, Instance, KpiId, KpiSet, Probe, ReadError, Samples, Sources, Space, report::Report,
};

const PATH: &str = "/proc/self/mountinfo";

const ROOM: [KpiId; 5] = [
    KpiId::StorageSize,
    KpiId::StorageFree,
    KpiId::StorageAvailable,
    KpiId::StorageFiles,
    KpiId::StorageFilesFree,
];

const KPIS: [KpiId; 7] = [
    KpiId::StorageType,
    KpiId::StorageReadOnly,
    KpiId::StorageSize,
    KpiId::StorageFree,
    KpiId::StorageAvailable,
    KpiId::StorageFiles,
    KpiId::StorageFilesFree,
];

/// File systems without room of their own: interfaces of the kernel.
const PSEUDO: &[&str] = &[
    "autofs",
    "binder",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sysfs",
    "tracefs",
];

/// File systems that another machine or program answers for, as late as it likes.
const REMOTE: &[&str] = &[
    "9p", "afs", "ceph", "cifs", "nfs", "nfs4", "smb3", "virtiofs",
];

/// Room on mounted file systems, one instance per device.
struct Storage;

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Storage)
}

impl Probe for Storage {
    fn name(&self) -> &'static str {
        "storage"
    }

    fn kpis(&self) -> KpiSet {
        KPIS.into_iter().collect()
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let wanted = wanted.intersection(&self.kpis());
        let mut report = Report::new(PATH, wanted, out);
        let mounts = match from.fs.with(PATH, parse) {
            Ok(mounts) => mounts,
            Err(error) => return report.unreadable(&error),
        };
        if mounts.is_empty() {
            return report.without("no file system with room of its own is mounted");
        }
        for mount in &mounts {
            let instance = Instance::from(&*mount.point);
            report.value_of(KpiId::StorageType, &instance, &*mount.kind);
            report.value_of(KpiId::StorageReadOnly, &instance, mount.read_only);
            if !wanted.contains_any(&ROOM) {
                continue;
            }
            if mount.is_remote() {
                none(
                    &ROOM,
                    &format!("{} may keep us waiting: not asked", mount.kind),
                    &instance,
                    &mut report,
                );
                continue;
            }
            let space = from.fs.space(&mount.point);
            room(space, mount, &instance, &mut report);
        }
    }
}

fn room(
    space: Result<Space, ReadError>,
    mount: &Mount,
    instance: &Instance,
    report: &mut Report<'_>,
) {
    let space = match space {
        Ok(space) => space,
        Err(error) => {
            return ROOM
                .into_iter()
                .for_each(|id| report.unreadable_of(id, instance, &error));
        }
    };
    report.value_of(KpiId::StorageSize, instance, space.size);
    report.value_of(KpiId::StorageFree, instance, space.free);
    report.value_of(KpiId::StorageAvailable, instance, space.available);
    if space.files > 0 {
        report.value_of(KpiId::StorageFiles, instance, space.files);
        report.value_of(KpiId::StorageFilesFree, instance, space.files_free);
        return;
    }
    let files = [KpiId::StorageFiles, KpiId::StorageFilesFree];
    none(
        &files,
        &format!("{} counts no inodes", mount.kind),
        instance,
        report,
    );
}

fn none(ids: &[KpiId], reason: &str, instance: &Instance, report: &mut Report<'_>) {
    let absence = Absence::NoSubject(reason.into());
    for id in ids {
        report.absent_of(*id, instance, absence.clone());
    }
}

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    device: String,
    /// Whether only a folder of it is mounted.
    part: bool,
    point: String,
    kind: String,
    /// Of the file system itself: a sandbox may see a writable one through a read-only mount.
    read_only: bool,
}

impl Mount {
    fn is_remote(&self) -> bool {
        REMOTE.contains(&self.kind.as_str()) || self.kind.starts_with("fuse.")
    }
}

/// The file systems with room of their own, each device once: where its root is mounted, by its
/// shortest mount point.
///
/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
/// (Documentation/filesystems/proc.rst, 3.5). The device number tells bind mounts and subvolumes
/// of one file system; the last mount on a point hides those before it.
fn parse(text: &str) -> Vec<Mount> {
    let mut visible: BTreeMap<String, Mount> = BTreeMap::new();
    for mount in text.lines().filter_map(entry) {
        visible.insert(mount.point.clone(), mount);
    }
    let mut mounts: Vec<_> = visible.into_values().collect();
    mounts.sort_by(|a, b| {
        (&a.device, a.part, a.point.len()).cmp(&(&b.device, b.part, b.point.len()))
    });
    mounts.dedup_by(|later, kept| later.device == kept.device);
    mounts.retain(|mount| !PSEUDO.contains(&mount.kind.as_str()));
    mounts.sort_by(|a, b| a.point.cmp(&b.point));
    mounts
}

fn entry(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(2);
    let (device, root, point) = (fields.next()?, fields.next()?, fields.next()?);
    let mut fields = file_system.split(' ');
    let (kind, options) = (fields.next()?, fields.nth(1)?);
    Some(Mount {
        device: device.to_owned(),
        part: root != "/",
        point: unescape(point),
        kind: kind.to_owned(),
        read_only: options.split(',').any(|option| option == "ro"),
    })
}

/// Blank, tab, newline and backslash stand as `\040`, `\011`, `\012` and `\134`.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        let octal = escape
            .get(1..4)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(octet) = octal.filter(u8::is_ascii) {
            plain.push(octet.into());
            rest = escape.get(4..).unwrap_or_default();
        } else {
            plain.push('\\');
            rest = escape.get(1..).unwrap_or_default();
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::damages;

    const TEXT: &str = include_str!("../tests/fixtures/gateway/proc/self/mountinfo");

    fn points(text: &str) -> Vec<String> {
        parse(text).into_iter().map(|mount| mount.point).collect()
    }

    #[test]
    fn each_device_comes_once_and_pseudo_file_systems_never() {
        assert_eq!(
            points(TEXT),
            [
                "/",
                "/boot/firmware",
                "/media/usb stick",
                "/mnt/gone",
                "/mnt/nas",
                "/opt",
                "/run",
                "/var"
            ]
        );
    }

    #[test]
    fn the_whole_comes_before_a_part_of_it() {
        let text = "1 1 8:1 /a /b rw - ext4 /dev/x rw\n2 1 8:1 / /long rw - ext4 /dev/x rw\n";
        assert_eq!(points(text), ["/long"]);
        let text = "1 1 8:1 /a /bb rw - ext4 /dev/x rw\n2 1 8:1 /c /b rw - ext4 /dev/x rw\n";
        assert_eq!(points(text), ["/b"]);
    }

    #[test]
    fn read_only_is_of_the_file_system_not_of_the_mount() {
        let text = "1 1 8:1 / /a ro,nosuid - ext4 /dev/x rw\n2 1 8:2 / /b rw - ext4 /dev/y errors=remount-ro,ro\n";
        let read_only: Vec<_> = parse(text)
            .into_iter()
            .map(|mount| mount.read_only)
            .collect();
        assert_eq!(read_only, [false, true]);
    }

    #[test]
    fn octal_escapes_are_taken_back() {
        assert_eq!(unescape(r"/a\040b\011\012\134c"), "/a b\t\n\\c");
        assert_eq!(unescape(r"/\9\04\777"), r"/\9\04\777");
        assert_eq!(unescape("\\é40"), "\\é40");
    }

    #[test]
    fn damage_is_survived() {
        for damaged in damages(TEXT.as_bytes()) {
            parse(&String::from_utf8_lossy(&damaged));
        }
    }
}
