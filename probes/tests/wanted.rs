//! What is not wanted is not asked for.

use std::sync::{Arc, Mutex, PoisonError};

use omadm_probes::{Dump, DumpError, FsRoot, KpiId, KpiSet, Probes, Samples, Sources, Table};

/// Has empty tables and remembers which were dumped.
struct Asked(Arc<Mutex<Vec<Table>>>);

impl Dump for Asked {
    fn dump(&self, table: Table, _: &mut dyn FnMut(&[u8])) -> Result<(), DumpError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(table);
        Ok(())
    }
}

fn asked(pattern: &str) -> Vec<Table> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let sources = Sources {
        fs: FsRoot::recorded("/nonexistent"),
        netlink: Box::new(Asked(Arc::clone(&asked))),
        privileged: None,
    };
    let wanted = KpiSet::matching(pattern).unwrap_or_default();
    let mut samples = Samples::new();
    Probes::all().collect_into(&sources, &wanted, &mut samples);
    assert!(!samples.is_empty());
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    asked.clone()
}

#[test]
fn only_the_tables_that_are_needed_are_dumped() {
    assert_eq!(asked("memory.*"), []);
    assert_eq!(asked("storage.*"), []);
    assert_eq!(asked("link.rx.bytes"), [Table::Links]);
    assert_eq!(
        asked("link.state"),
        [Table::LinkNames],
        "without the counters"
    );
    assert_eq!(asked("address.*"), [Table::LinkNames, Table::Addresses]);
    assert_eq!(
        asked("route.ipv4.count"),
        [Table::Routes],
        "without the names"
    );
    assert_eq!(asked("neighbour.*"), [Table::LinkNames, Table::Neighbours]);
}

#[test]
fn samples_are_forgotten_before_the_next_collection() {
    let sources = Sources::recorded("/nonexistent");
    let mut samples = Samples::new();
    let mut probes = Probes::all();
    let one: KpiSet = [KpiId::SystemUptime].into_iter().collect();
    for _ in 0..3 {
        probes.collect_into(&sources, &one, &mut samples);
        assert_eq!(samples.len(), 1);
    }
}
