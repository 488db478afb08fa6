//! The DiagMon function Memory (`urn:oma:mo:oma-diag:memory:1.0`): present values.

use omadm_dm::ddf::DdfError;
use omadm_dm::{Ddf, ManagementObject, Snapshot};
use omadm_kpi::{KpiId, KpiSet, Samples};
use omadm_syncml::{StatusCode, Uri, Value};

use super::reader::{self, Board, Form, float, int, kibibytes, mebibytes, plain};

const DATA: &str = "./DiagMon/Memory/DiagMonData";

/// The leaves below `DiagMonData` that are one KPI each.
const LEAVES: &[(&str, KpiId, Form)] = &[
    ("Total", KpiId::MemoryTotal, mebibytes),
    ("Avail", KpiId::MemoryAvailable, mebibytes),
    ("RAM/TotalKB", KpiId::MemoryTotal, kibibytes),
    ("RAM/AvailKB", KpiId::MemoryAvailable, kibibytes),
    ("RAM/FreeKB", KpiId::MemoryFree, kibibytes),
    ("RAM/BuffersKB", KpiId::MemoryBuffers, kibibytes),
    ("RAM/CachedKB", KpiId::MemoryCached, kibibytes),
    ("RAM/SlabKB", KpiId::MemorySlab, kibibytes),
    (
        "RAM/SUnreclaimKB",
        KpiId::MemorySlabUnreclaimable,
        kibibytes,
    ),
    ("RAM/SwapTotalKB", KpiId::MemorySwapTotal, kibibytes),
    ("RAM/SwapFreeKB", KpiId::MemorySwapFree, kibibytes),
    ("RAM/CommitKB", KpiId::MemoryCommitted, kibibytes),
    ("RAM/PsiSome10", KpiId::PressureMemorySomeAvg10, float),
    ("RAM/PsiFull10", KpiId::PressureMemoryFullAvg10, float),
    ("RAM/OomKills", KpiId::MemoryOomKills, int),
];

/// The leaf that needs two.
const PERCENT_FREE: &str = "PercentFree";

/// What the wanted leaves are made of.
pub(super) fn kpis(wanted: &[Uri]) -> KpiSet {
    let is_wanted = |path: &str| uri(path).is_some_and(|uri| concerns(&uri, wanted));
    let leaves = LEAVES.iter().filter(|(path, ..)| is_wanted(path));
    let mut kpis: KpiSet = leaves.map(|(_, id, _)| *id).collect();
    if is_wanted(PERCENT_FREE) {
        kpis.extend([KpiId::MemoryTotal, KpiId::MemoryAvailable]);
    }
    kpis
}

fn uri(path: &str) -> Option<Uri> {
    format!("{DATA}/{path}").parse().ok()
}

fn concerns(uri: &Uri, wanted: &[Uri]) -> bool {
    wanted.iter().any(|root| uri.starts_with(root))
}

/// `./DiagMon/Memory`
pub(super) struct Memory {
    ddf: Ddf,
    board: Board,
    leaves: Vec<(Uri, KpiId, Form)>,
    percent_free: Option<Uri>,
}

impl Memory {
    pub(super) fn new(board: Board) -> Result<Self, DdfError> {
        let leaf = |(path, id, form): &(&str, KpiId, Form)| Some((uri(path)?, *id, *form));
        Ok(Self {
            ddf: super::ddf("memory")?,
            board,
            leaves: LEAVES.iter().filter_map(leaf).collect(),
            percent_free: uri(PERCENT_FREE),
        })
    }
}

impl ManagementObject for Memory {
    fn ddf(&self) -> &Ddf {
        &self.ddf
    }

    fn live(&self) -> Vec<String> {
        vec![DATA.to_owned()]
    }

    fn collect(&mut self, wanted: &[Uri], out: &mut Snapshot) {
        let samples = self.board.samples();
        for (uri, id, form) in &self.leaves {
            if concerns(uri, wanted) {
                enter(uri, reader::leaf(&samples, *id, None, *form), out);
            }
        }
        if let Some(uri) = &self.percent_free
            && concerns(uri, wanted)
        {
            enter(uri, share_free(&samples), out);
        }
    }
}

fn enter(uri: &Uri, leaf: Option<Result<Value, StatusCode>>, out: &mut Snapshot) {
    match leaf {
        Some(Ok(value)) => out.leaf(uri.clone(), value),
        Some(Err(status)) => out.failed(uri.clone(), status),
        None => {}
    }
}

/// Whole percent, rounded down.
fn share_free(samples: &Samples) -> Option<Result<Value, StatusCode>> {
    let octets = |id| reader::leaf(samples, id, None, plain);
    let number = |value: Value| value.as_text()?.parse::<u128>().ok();
    let (available, total) = match (octets(KpiId::MemoryAvailable)?, octets(KpiId::MemoryTotal)?) {
        (Ok(available), Ok(total)) => (number(available)?, number(total)?),
        (Err(status), _) | (_, Err(status)) => return Some(Err(status)),
    };
    let share = (available * 100).checked_div(total)?;
    Some(Ok(share.to_string().into()))
}
