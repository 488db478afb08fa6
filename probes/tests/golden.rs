//! What the probes read from recorded machines, against one listing for each.
//!
//! `OMADM_BLESS=1 cargo test -p omadm-probes --test golden` writes the listings anew: read the
//! difference before committing it.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: reads and writes the listings"
)]

use std::{
    collections::HashSet,
    env, fs, io,
    path::{Path, PathBuf},
};

use omadm_probes::{KpiId, KpiSet, Probes, Samples, Sources, collect};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn read(machine: &str, wanted: &KpiSet) -> Samples {
    let sources = Sources::recorded(fixtures().join(machine));
    collect(&mut Probes::all(), &sources, wanted)
}

fn listing(samples: &Samples) -> String {
    let mut listing = String::new();
    for sample in samples {
        let kpi = sample.id.kpi();
        let instance = sample
            .instance
            .as_ref()
            .map_or(String::new(), |name| format!("[{name}]"));
        let unit = if sample.reading.value().is_some() {
            kpi.unit.symbol()
        } else {
            ""
        };
        let line = format!("{}{instance} = {} {unit}", kpi.name, sample.reading);
        listing.push_str(line.trim_end());
        listing.push('\n');
    }
    listing
}

fn compare(machine: &str) -> io::Result<()> {
    let found = listing(&read(machine, &KpiSet::all()));
    let path = fixtures().join(format!("{machine}.golden"));
    if env::var_os("OMADM_BLESS").is_some() {
        fs::write(&path, &found)?;
    }
    let expected = fs::read_to_string(&path)?;
    for (line, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{} line {}", path.display(), line + 1);
    }
    assert_eq!(
        found.lines().count(),
        expected.lines().count(),
        "{}",
        path.display()
    );
    Ok(())
}

// The recorded dumps are in the octet order of the machine that made them.
#[cfg(target_endian = "little")]
#[test]
fn gateway() -> io::Result<()> {
    compare("gateway")
}

#[cfg(target_endian = "little")]
#[test]
fn old_kernel() -> io::Result<()> {
    compare("old")
}

#[cfg(target_endian = "little")]
#[test]
fn broken_files_and_no_netlink() -> io::Result<()> {
    compare("broken")
}

#[test]
fn an_empty_machine_has_no_values() {
    let samples = read("none", &KpiSet::all());
    for sample in &samples {
        assert_eq!(sample.reading.value(), None, "{}", sample.id);
        assert_eq!(sample.instance, None, "{}", sample.id);
    }
    assert_eq!(samples.len(), KpiSet::all().len());
}

#[test]
fn every_wanted_kpi_is_accounted_for() {
    for machine in ["gateway", "old", "broken", "none"] {
        let found: HashSet<KpiId> = read(machine, &KpiSet::all()).iter().map(|s| s.id).collect();
        let missing: Vec<_> = KpiSet::all()
            .iter()
            .filter(|id| !found.contains(id))
            .collect();
        assert_eq!(missing, [], "{machine}");
    }
}

#[test]
fn only_what_is_wanted_comes() {
    for id in KpiSet::all().iter() {
        let samples = read("gateway", &[id].into_iter().collect());
        assert!(!samples.is_empty(), "{id}");
        assert!(
            samples.iter().all(|sample| sample.id == id),
            "{id}: {samples:?}"
        );
    }
}

#[test]
fn each_kpi_has_one_probe() {
    let probes = Probes::all();
    let mut all = KpiSet::EMPTY;
    for (name, kpis) in probes.iter() {
        assert!(all.intersection(&kpis).is_empty(), "{name}");
        all = all.union(&kpis);
    }
    assert_eq!(all, KpiSet::all());
}

#[test]
fn instances_are_told_apart() {
    for machine in ["gateway", "old", "broken"] {
        let mut seen = HashSet::new();
        for sample in &read(machine, &KpiSet::all()) {
            let key = (sample.id, sample.instance.clone());
            assert!(
                seen.insert(key),
                "{machine}: {} {:?}",
                sample.id,
                sample.instance
            );
        }
    }
}
