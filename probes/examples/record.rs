//! Records what the probes read into a tree that [`Sources::recorded`] can play back:
//! `cargo run -p omadm-probes --example record -- DIR`. The tree holds MAC and IP addresses
//! and the names of processes.
#![expect(clippy::disallowed_methods, reason = "driver: writes the recording")]

use std::{env::args, fs, path::Path};

use omadm_probes::{KpiId, KpiSet, Probes, Sources, Table, collect};

const FILES: &[&str] = &[
    "/proc/meminfo",
    "/proc/vmstat",
    "/proc/pressure/cpu",
    "/proc/pressure/io",
    "/proc/pressure/memory",
    "/proc/stat",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/sys/fs/file-nr",
    "/proc/self/mountinfo",
    "/proc/net/softnet_stat",
    "/sys/devices/system/cpu/online",
    "/proc/net/dev",
    "/proc/net/snmp",
    "/proc/net/netstat",
    "/proc/sys/net/netfilter/nf_conntrack_count",
    "/proc/sys/net/netfilter/nf_conntrack_max",
];

/// Folders whose entries have files that are read, and those files.
const FOLDERS: &[(&str, &[&str])] = &[
    ("/proc", &["statm", "stat", "smaps_rollup"]),
    ("/sys/class/power_supply", &["uevent"]),
    ("/sys/class/thermal", &["type", "temp"]),
    ("/sys/class/thermal", &TRIPS),
];

/// As many trip points as most drivers have.
const TRIPS: [&str; 8] = [
    "trip_point_0_type",
    "trip_point_0_temp",
    "trip_point_1_type",
    "trip_point_1_temp",
    "trip_point_2_type",
    "trip_point_2_temp",
    "trip_point_3_type",
    "trip_point_3_temp",
];

const TABLES: &[(Table, u16, &str)] = &[
    (Table::Links, 16, "links"),
    (Table::Addresses, 20, "addresses"),
    (Table::Routes, 24, "routes"),
    (Table::Neighbours, 28, "neighbours"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = args().nth(1).ok_or("usage: record DIR")?;
    let dir = Path::new(&dir);
    let sources = Sources::system();
    let mut buffer = Vec::new();
    for path in FILES {
        match sources.fs.read(path, &mut buffer) {
            Ok(text) => write(&dir.join(path.trim_start_matches('/')), text.as_bytes())?,
            Err(error) => eprintln!("{path}: {error:?}"),
        }
    }
    for (folder, files) in FOLDERS {
        record_below(&sources, folder, files, dir)?;
    }
    write(&dir.join("statvfs"), room(&sources).as_bytes())?;
    for (table, kind, name) in TABLES {
        let mut dump = Vec::new();
        sources
            .netlink
            .dump(*table, &mut |body| frame(*kind, body, &mut dump))?;
        frame(3, &[0; 4], &mut dump);
        write(&dir.join("netlink").join(name), &dump)?;
    }
    Ok(())
}

/// Of `/proc` the processes only; what an entry does not have is passed over.
fn record_below(
    sources: &Sources,
    folder: &str,
    files: &[&str],
    dir: &Path,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_process = name.bytes().all(|octet| octet.is_ascii_digit());
        for file in files.iter().filter(|_| folder != "/proc" || is_process) {
            let path = format!("{folder}/{name}/{file}");
            if let Ok(text) = sources.fs.read(&path, &mut buffer) {
                write(&dir.join(path.trim_start_matches('/')), text.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// A netlink message of several (netlink(7)).
fn frame(kind: u16, body: &[u8], dump: &mut Vec<u8>) {
    let length = u32::try_from(body.len() + 16).unwrap_or(u32::MAX);
    dump.extend(length.to_ne_bytes());
    dump.extend(kind.to_ne_bytes());
    dump.extend(2_u16.to_ne_bytes());
    dump.extend([0; 8]);
    dump.extend(body);
    dump.resize(dump.len().next_multiple_of(4), 0);
}

fn room(sources: &Sources) -> String {
    let wanted: KpiSet = [KpiId::StorageType].into_iter().collect();
    let mut listing = String::new();
    for sample in &collect(&mut Probes::all(), sources, &wanted) {
        let Some(mount) = &sample.instance else {
            continue;
        };
        if let Ok(space) = sources.fs.space(mount) {
            let (size, free, available) = (space.size, space.free, space.available);
            let (files, files_free) = (space.files, space.files_free);
            let line = format!("{mount} {size} {free} {available} {files} {files_free}\n");
            listing.push_str(&line);
        }
    }
    listing
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, bytes)
}
