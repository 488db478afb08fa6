//! Periodic collection leaves no file descriptor behind, whether there is something to read or not.
//!
//! One test alone in its program: others would open and close files meanwhile.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: counts the descriptors of this process"
)]

use std::{fs, io};

use omadm_probes::{KpiSet, Probes, Samples, Sources};

fn open_descriptors() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}

#[test]
fn descriptors_do_not_leak() -> Result<(), Box<dyn std::error::Error>> {
    let memory = KpiSet::matching("memory.total")?;
    let network = ["link.*", "address.*", "route.*", "neighbour.*"];
    let mut probes = Probes::all();
    let mut samples = Samples::new();
    for sources in [Sources::system(), Sources::recorded("/nonexistent")] {
        let before = open_descriptors()?;
        for _ in 0..10_000 {
            probes.collect_into(&sources, &memory, &mut samples);
        }
        assert_eq!(
            open_descriptors()?,
            before,
            "after 10,000 collections of meminfo"
        );
        for pattern in network {
            let wanted = KpiSet::matching(pattern)?;
            for _ in 0..300 {
                probes.collect_into(&sources, &wanted, &mut samples);
            }
            assert_eq!(open_descriptors()?, before, "after 300 dumps for {pattern}");
        }
        for _ in 0..100 {
            probes.collect_into(&sources, &KpiSet::all(), &mut samples);
        }
        assert_eq!(
            open_descriptors()?,
            before,
            "after 100 collections of everything"
        );
    }
    Ok(())
}
