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
struct Storage {
    buffer: Vec<u8>,
}

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Storage { buffer: Vec::new() })
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
        let mounts = match from.fs.read(PATH, &mut self.buffer) {
            Ok(text) => parse(&text),
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
            let space = from.fs.space(&mount.point, &mut self.buffer);
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

/// The file systems with room of their own, each device once, by its shortest mount point.
///
/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
/// (Documentation/filesystems/proc.rst, 3.5). The device number tells bind mounts and subvolumes
/// of one file system; the last mount on a point hides those before it.
fn parse(text: &str) -> Vec<Mount> {
    let mut visible: BTreeMap<String, (&str, Mount)> = BTreeMap::new();
    for (device, mount) in text.lines().filter_map(entry) {
        visible.insert(mount.point.clone(), (device, mount));
    }
    let mut mounts: BTreeMap<&str, Mount> = BTreeMap::new();
    for (device, mount) in visible.into_values() {
        let kept = mounts.entry(device).or_insert_with(|| mount.clone());
        if mount.point.len() < kept.point.len() {
            *kept = mount;
        }
    }
    let mut mounts: Vec<_> = mounts.into_values().collect();
    mounts.retain(|mount| !PSEUDO.contains(&mount.kind.as_str()));
    mounts.sort_by(|a, b| a.point.cmp(&b.point));
    mounts
}

fn entry(line: &str) -> Option<(&str, Mount)> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(2);
    let (device, _root, point) = (fields.next()?, fields.next()?, fields.next()?);
    let mut fields = file_system.split(' ');
    let (kind, options) = (fields.next()?, fields.nth(1)?);
    let mount = Mount {
        point: unescape(point),
        kind: kind.to_owned(),
        read_only: options.split(',').any(|option| option == "ro"),
    };
    Some((device, mount))
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
