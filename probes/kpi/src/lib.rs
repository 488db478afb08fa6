//! Names, units and kinds of the KPIs; no code that reads them.
//!
//! ```
//! use omadm_kpi::{KpiId, KpiSet, Samples};
//!
//! let wanted = KpiSet::matching("memory.*").expect("memory has KPIs");
//! assert!(wanted.contains(KpiId::MemoryAvailable));
//!
//! let mut samples = Samples::new();
//! samples.value(KpiId::MemoryAvailable, None, 734_003_200_u64);
//! for sample in &samples {
//!     let kpi = sample.id.kpi();
//!     println!("{} {} {}", kpi.name, sample.reading, kpi.unit.symbol());
//! }
//! ```
#![forbid(unsafe_code)]

mod class;
mod sample;
mod samples;
mod set;
mod table;

pub use class::{Group, Kind, Per, Privacy, Unit};
pub use sample::{Absence, Failure, Instance, Overdue, Reading, Sample, Value};
pub use samples::Samples;
pub use set::{KpiSet, UnknownKpi};
pub use table::{ALL, Kpi, KpiId};
