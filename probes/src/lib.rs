//! Reads KPIs from the operating system.
//!
//! A probe reads one source and only the files that the wanted KPIs need. One bad device costs one
//! value: what a machine does not have is *absent*, what cannot be read has *failed*, and neither
//! is ever a zero.
//!
//! ```
//! use omadm_probes::{Collector, KpiSet, Samples, Sources};
//!
//! let mut collector = Collector::new(Sources::system);
//! let wanted = KpiSet::matching("memory.*").expect("memory has KPIs");
//! let mut samples = Samples::new();
//! collector.collect_into(&wanted, &mut samples);
//! for sample in &samples {
//!     let kpi = sample.id.kpi();
//!     println!("{} = {} {}", kpi.name, sample.reading, kpi.unit.symbol());
//! }
//! ```

mod addresses;
mod collector;
mod columns;
mod conntrack;
mod file_nr;
mod fs;
mod last;
mod links;
mod loadavg;
mod meminfo;
mod neighbours;
mod net_netstat;
mod net_snmp;
mod netlink;
mod power;
mod pressure;
mod privileged;
mod processes;
mod report;
mod routes;
mod softnet;
mod stat;
mod storage;
#[cfg(test)]
mod testing;
mod text;
mod thermal;
mod uptime;
mod vmstat;

use std::path::PathBuf;

pub use omadm_kpi::{
    Absence, Failure, Instance, Kpi, KpiId, KpiSet, Overdue, Reading, Sample, Samples, Value,
};

pub use collector::Collector;
pub use fs::{FsRoot, ReadError, Space};
pub use netlink::{Dump, DumpError, KernelNetlink, RecordedNetlink, Table};
pub use privileged::Privileged;

/// Where the probes read: the machine itself, or a recorded tree.
pub struct Sources {
    /// `/proc`, `/sys` and the file systems.
    pub fs: FsRoot,
    /// The kernel's network tables.
    pub netlink: Box<dyn Dump + Send>,
    /// Whoever has more rights; without it what needs them is absent.
    pub privileged: Option<Box<dyn Privileged>>,
}

impl Sources {
    /// This machine, with the rights of this process alone.
    pub fn system() -> Self {
        Self {
            fs: FsRoot::system(),
            netlink: Box::new(KernelNetlink::default()),
            privileged: None,
        }
    }

    /// A recorded tree; see [`FsRoot::recorded`] and [`RecordedNetlink`].
    pub fn recorded(dir: impl Into<PathBuf>) -> Self {
        let fs = FsRoot::recorded(dir);
        Self {
            netlink: Box::new(RecordedNetlink::new(fs.clone())),
            privileged: None,
            fs,
        }
    }
}

/// Reads one source.
///
/// An implementer reads only what the wanted KPIs need, reports each wanted KPI of its own as a
/// value, as absent or as failed, and keeps no values from one time to the next.
pub trait Probe {
    /// The name of the source: `meminfo`.
    fn name(&self) -> &'static str;

    /// The KPIs that this probe can bring.
    fn kpis(&self) -> KpiSet;

    /// Reads the wanted KPIs; those of other probes are passed over.
    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples);
}

/// The maker of each probe, in the order of listings.
pub const ALL: &[fn() -> Box<dyn Probe + Send>] = &[
    meminfo::probe,
    vmstat::probe,
    pressure::cpu,
    pressure::io,
    pressure::memory,
    stat::probe,
    uptime::probe,
    loadavg::probe,
    file_nr::probe,
    processes::probe,
    thermal::probe,
    power::probe,
    storage::probe,
    links::probe,
    addresses::probe,
    routes::probe,
    neighbours::probe,
    softnet::probe,
    net_snmp::probe,
    net_netstat::probe,
    conntrack::entries,
    conntrack::limit,
];

/// A set of probes.
pub struct Probes(Vec<Box<dyn Probe + Send>>);

impl Probes {
    /// One of each.
    pub fn all() -> Self {
        Self(ALL.iter().map(|make| make()).collect())
    }

    /// The probes by name, with what each can bring.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, KpiSet)> + '_ {
        self.0.iter().map(|probe| (probe.name(), probe.kpis()))
    }

    /// Reads the wanted KPIs into samples that may be kept from the last time.
    ///
    /// `out` is cleared first. Probes without a wanted KPI read nothing.
    pub fn collect_into(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        out.clear();
        for probe in &mut self.0 {
            let own = probe.kpis().intersection(wanted);
            if !own.is_empty() {
                probe.collect(from, &own, out);
            }
        }
    }
}

/// Reads the wanted KPIs once.
///
/// Waits as long as the slowest device does; [`Collector`] bounds that.
pub fn collect(probes: &mut Probes, from: &Sources, wanted: &KpiSet) -> Samples {
    let mut samples = Samples::new();
    probes.collect_into(from, wanted, &mut samples);
    samples
}
