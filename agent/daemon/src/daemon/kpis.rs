//! `ReadKpis`: runs the probes outside the event loop, because a file system that hangs makes
//! `statvfs` hang.
#![expect(clippy::disallowed_methods, reason = "driver: runs the probes")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use omadm_kpi::KpiSet;
use omadm_probes::{Probes, collect};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::cli;
use crate::control::Answer;
use crate::control::wire::{Error, ReadKpisReply};
use crate::rights;

/// One reading at a time: a hung one must not take the threads that look up host names.
static TURN: Semaphore = Semaphore::const_new(1);

/// How long a reading waits for the one before it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers from a thread of its own.
pub(super) fn answer(patterns: Vec<String>, rights_dir: PathBuf, answer: Answer) {
    tokio::spawn(async move {
        let Ok(Ok(turn)) = timeout(PATIENCE, TURN.acquire()).await else {
            let text = "the probes still read for somebody else: does a file system hang?";
            return answer.finish(Err::<ReadKpisReply, _>(Error::Busy(text.to_owned())));
        };
        tokio::task::spawn_blocking(move || {
            answer.finish(read(&patterns, &rights_dir));
            drop(turn);
        });
    });
}

fn read(patterns: &[String], rights_dir: &Path) -> Result<ReadKpisReply, Error> {
    let wanted = wanted(patterns)?;
    let samples = collect(&mut Probes::all(), &rights::sources(rights_dir), &wanted);
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
