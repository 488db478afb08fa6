//! Periodic collection leaves no file descriptor, no thread and no memory behind, whether there is
//! something to read or not.
//!
//! One test alone in its program: others would open and close files meanwhile.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: counts what this process holds"
)]

use std::{fs, io, path::Path, thread, time::Duration};

use omadm_probes::{Collector, KpiSet, Samples, Sources};

/// What a process may gain in ten thousand collections: the allocator's own unevenness, and far
/// less than one object leaked by each.
const UNEVEN: usize = 512 * 1024;

#[derive(Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    threads: usize,
}

fn held() -> io::Result<Held> {
    Ok(Held {
        descriptors: fs::read_dir("/proc/self/fd")?.count(),
        threads: fs::read_dir("/proc/self/task")?.count(),
    })
}

/// Resident memory in bytes.
fn resident() -> io::Result<usize> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    Ok(pages.unwrap_or(0_usize) * 4096)
}

/// An ended thread is seen a moment longer.
fn settle(before: &Held) -> io::Result<()> {
    for _ in 0..2_000 {
        if held()? == *before {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(held()?, *before);
    Ok(())
}

fn many(count: usize, wanted: &KpiSet, collector: &mut Collector) -> io::Result<()> {
    let before = held()?;
    let mut samples = Samples::new();
    for _ in 0..count / 10 {
        collector.collect_into(wanted, &mut samples);
    }
    let early = resident()?;
    for _ in 0..count {
        collector.collect_into(wanted, &mut samples);
    }
    settle(&before)?;
    let grown = resident()?.saturating_sub(early);
    assert!(grown < UNEVEN, "{grown} bytes more after {count}");
    Ok(())
}

#[test]
fn nothing_is_left_behind() -> Result<(), Box<dyn std::error::Error>> {
    let gateway = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gateway");
    let machines: [fn() -> Sources; 2] = [Sources::system, || Sources::recorded("/nonexistent")];
    let memory = KpiSet::matching("memory.*")?;
    for machine in machines {
        let mut collector = Collector::new(machine);
        many(10_000, &memory, &mut collector)?;
        many(300, &KpiSet::all(), &mut collector)?;
    }
    let mut collector = Collector::new(move || Sources::recorded(&gateway));
    many(10_000, &KpiSet::all(), &mut collector)?;
    Ok(())
}
