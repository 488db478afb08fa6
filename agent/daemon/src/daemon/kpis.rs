//! `ReadKpis`: runs the probes outside the event loop, because a file system that hangs makes
//! `statvfs` hang.

use omadm_kpi::KpiSet;
use omadm_probes::{Probes, Sources, collect};

use crate::cli;
use crate::control::Answer;
use crate::control::wire::{Error, ReadKpisReply};

/// Answers from a thread of its own.
pub(super) fn answer(patterns: Vec<String>, answer: Answer) {
    tokio::task::spawn_blocking(move || answer.finish(read(&patterns)));
}

fn read(patterns: &[String]) -> Result<ReadKpisReply, Error> {
    let wanted = wanted(patterns)?;
    let samples = collect(&mut Probes::all(), &Sources::system(), &wanted);
    Ok(ReadKpisReply {
        samples: samples.iter().map(cli::kpi_sample).collect(),
    })
}

fn wanted(patterns: &[String]) -> Result<KpiSet, Error> {
    if patterns.is_empty() {
        return Ok(KpiSet::all());
    }
    let mut wanted = KpiSet::EMPTY;
    for pattern in patterns {
        let matching = KpiSet::matching(pattern);
        let matching = matching.map_err(|error| Error::InvalidRequest(error.to_string()))?;
        wanted = wanted.union(&matching);
    }
    Ok(wanted)
}
