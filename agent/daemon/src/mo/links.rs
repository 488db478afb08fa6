//! The project's function Links (`urn:oma:mo:x-omadm-diag:links:1.0`): present values, one
//! interior node for each network interface.

use std::collections::BTreeSet;

use omadm_dm::ddf::DdfError;
use omadm_dm::{Ddf, ManagementObject, Snapshot};
use omadm_kpi::{KpiId, KpiSet};
use omadm_syncml::Uri;

use super::reader::{self, Board, Form, int, plain};

const DATA: &str = "./DiagMon/Links/DiagMonData";

/// The leaves of an interface.
const LEAVES: &[(&str, KpiId, Form)] = &[
    ("Kind", KpiId::LinkKind, plain),
    ("OperState", KpiId::LinkState, plain),
    ("Carrier", KpiId::LinkCarrier, plain),
    ("MTU", KpiId::LinkMtu, int),
    ("RxBytes", KpiId::LinkRxBytes, plain),
    ("TxBytes", KpiId::LinkTxBytes, plain),
    ("RxPackets", KpiId::LinkRxPackets, plain),
    ("TxPackets", KpiId::LinkTxPackets, plain),
    ("RxErrors", KpiId::LinkRxErrors, plain),
    ("TxErrors", KpiId::LinkTxErrors, plain),
    ("RxDropped", KpiId::LinkRxDropped, plain),
    ("TxDropped", KpiId::LinkTxDropped, plain),
    ("RxMulticast", KpiId::LinkRxMulticast, plain),
    ("Collisions", KpiId::LinkCollisions, plain),
    ("CarrierChanges", KpiId::LinkCarrierChanges, plain),
];

/// What the wanted leaves are made of.
pub(super) fn kpis(wanted: &[Uri]) -> KpiSet {
    let wanted = within(wanted, &data());
    needed(&wanted).map(|(_, id, _)| *id).collect()
}

fn data() -> Uri {
    DATA.parse().unwrap_or_else(|_| Uri::root())
}

fn within<'a>(wanted: &'a [Uri], data: &Uri) -> Vec<Wanted<'a>> {
    let wanted = wanted.iter().filter_map(|uri| Wanted::new(uri, data));
    wanted.collect()
}

/// The leaves that are wanted of some interface.
fn needed(wanted: &[Wanted<'_>]) -> impl Iterator<Item = &'static (&'static str, KpiId, Form)> {
    let is_needed = |leaf: &&(&str, KpiId, Form)| {
        let is_it = |wanted: &Wanted<'_>| wanted.leaf.is_none_or(|name| name == leaf.0);
        wanted.iter().any(is_it)
    };
    LEAVES.iter().filter(is_needed)
}

/// `./DiagMon/Links`
pub(super) struct Links {
    ddf: Ddf,
    board: Board,
    data: Uri,
}

impl Links {
    pub(super) fn new(board: Board) -> Result<Self, DdfError> {
        Ok(Self {
            ddf: super::ddf("links")?,
            board,
            data: data(),
        })
    }
}

impl ManagementObject for Links {
    fn ddf(&self) -> &Ddf {
        &self.ddf
    }

    fn live(&self) -> Vec<String> {
        vec![DATA.to_owned()]
    }

    fn collect(&mut self, wanted: &[Uri], out: &mut Snapshot) {
        let wanted = within(wanted, &self.data);
        if wanted.is_empty() {
            return;
        }
        let leaves: Vec<_> = needed(&wanted).collect();
        let is_needed = |id: KpiId| leaves.iter().any(|(_, needed, _)| *needed == id);
        let samples = self.board.samples();
        out.interior(self.data.clone());
        let links: BTreeSet<&str> = samples
            .iter()
            .filter(|sample| is_needed(sample.id))
            .filter_map(|sample| sample.instance.as_deref())
            .collect();
        for link in links
            .into_iter()
            .filter(|link| wanted.iter().any(|wanted| wanted.has(link)))
        {
            let Ok(uri) = self.data.join(link) else {
                log::debug!("interface {link:?} cannot be the name of a node");
                continue;
            };
            out.interior(uri.clone());
            for (name, id, form) in &leaves {
                let Ok(uri) = uri.join(name) else { continue };
                match reader::leaf(&samples, *id, Some(link), *form) {
                    Some(Ok(value)) => out.leaf(uri, value),
                    Some(Err(status)) => out.failed(uri, status),
                    None => {}
                }
            }
        }
    }
}

/// What one address asks for: all interfaces or one, all leaves or one.
struct Wanted<'a> {
    link: Option<&'a str>,
    leaf: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn new(uri: &'a Uri, data: &Uri) -> Option<Self> {
        if data.starts_with(uri) {
            return Some(Self {
                link: None,
                leaf: None,
            });
        }
        let mut below = uri.segments().skip(data.depth());
        uri.starts_with(data).then(|| Self {
            link: below.next(),
            leaf: below.next(),
        })
    }

    fn has(&self, link: &str) -> bool {
        self.link.is_none_or(|wanted| wanted == link)
    }
}
