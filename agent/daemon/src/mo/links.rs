//! The project's function Links (`urn:oma:mo:x-omadm-diag:links:1.0`): present values, one
//! interior node for each network interface.

use std::collections::BTreeSet;

use omadm_dm::ddf::DdfError;
use omadm_dm::{Ddf, ManagementObject, Snapshot};
use omadm_kpi::{KpiId, KpiSet};
use omadm_probes::Sources;
use omadm_syncml::Uri;

use super::reader::{self, Form, Reader, int, plain};

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

/// `./DiagMon/Links`
pub(super) struct Links {
    ddf: Ddf,
    reader: Reader,
    data: Uri,
}

impl Links {
    pub(super) fn new(sources: Sources) -> Result<Self, DdfError> {
        Ok(Self {
            ddf: super::ddf("links")?,
            reader: Reader::new(sources),
            data: DATA.parse().unwrap_or_else(|_| Uri::root()),
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
        let wanted: Vec<Wanted<'_>> = wanted
            .iter()
            .filter_map(|uri| Wanted::new(uri, &self.data))
            .collect();
        if wanted.is_empty() {
            return;
        }
        let needed = |leaf: &&(&str, KpiId, Form)| {
            wanted
                .iter()
                .any(|wanted| wanted.leaf.is_none_or(|name| name == leaf.0))
        };
        let leaves: Vec<_> = LEAVES.iter().filter(needed).collect();
        let kpis: KpiSet = leaves.iter().map(|(_, id, _)| *id).collect();
        let samples = self.reader.read(&kpis);
        out.interior(self.data.clone());
        let links: BTreeSet<&str> = samples
            .iter()
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
                match reader::leaf(samples, *id, Some(link), *form) {
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
