//! The management objects of the device: a description each, and a little behaviour.
//!
//! A new object is a file in `ddf/`, a module here, and its lines in [`DDFS`] and [`all`].

pub mod dmacc;
mod facts;
mod links;
mod memory;
mod reader;

use omadm_dm::ddf::DdfError;
use omadm_dm::{Ddf, ManagementObject};
use omadm_kpi::KpiSet;
use omadm_syncml::{Uri, UriLimits};

use crate::identity::{DevId, Machine};

pub use reader::Board;

/// The descriptions that the program brings, by name, in OMA's own format.
pub const DDFS: &[(&str, &str)] = &[
    ("devinfo", include_str!("../../ddf/devinfo.xml")),
    ("devdetail", include_str!("../../ddf/devdetail.xml")),
    ("dmacc", include_str!("../../ddf/dmacc.xml")),
    ("diagmon", include_str!("../../ddf/diagmon.xml")),
    ("memory", include_str!("../../ddf/memory.xml")),
    ("links", include_str!("../../ddf/links.xml")),
];

/// Every management object, to be mounted in this order. `board` is where they find what the
/// probes have read.
pub fn all(
    id: &DevId,
    machine: &Machine,
    limits: UriLimits,
    board: &Board,
) -> Result<Vec<Box<dyn ManagementObject>>, DdfError> {
    Ok(vec![
        Box::new(facts::DevInfo::new(id, machine)?),
        Box::new(facts::DevDetail::new(machine, limits)?),
        Box::new(dmacc::DmAcc::new()?),
        Box::new(facts::Plain::new("diagmon")?),
        Box::new(memory::Memory::new(board.clone())?),
        Box::new(links::Links::new(board.clone())?),
    ])
}

/// What has to lie on the board before the live subtrees at these roots are collected.
pub fn kpis(roots: &[Uri]) -> KpiSet {
    memory::kpis(roots).union(&links::kpis(roots))
}

/// Reads a description of our own.
fn ddf(name: &'static str) -> Result<Ddf, DdfError> {
    let text = DDFS.iter().find(|(known, _)| *known == name);
    Ddf::parse(&format!("{name}.xml"), text.map_or("", |(_, text)| text))
}

#[cfg(test)]
mod tests;
