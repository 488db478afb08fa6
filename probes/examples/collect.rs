//! Prints KPIs of this machine: `cargo run -p omadm-probes --example collect -- 'link.*'`.

use std::env::args;

use omadm_probes::{KpiSet, Probes, Sources, collect};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pattern = args().nth(1).unwrap_or_else(|| "*".to_owned());
    let wanted = KpiSet::matching(&pattern)?;
    for sample in &collect(&mut Probes::all(), &Sources::system(), &wanted) {
        let instance = sample.instance.as_ref().map_or("", |name| name.as_str());
        let unit = sample.id.kpi().unit.symbol();
        println!("{:<32} {instance:<8} {} {unit}", sample.id, sample.reading);
    }
    Ok(())
}
