//! DevInfo and DevDetail (OMA-TS-DM_StdObj 5.3.2, 5.3.3): what was found at the start.

use omadm_dm::ddf::{DdfError, DdfNode};
use omadm_dm::{Change, Ddf, ManagementObject, Snapshot, View};
use omadm_syncml::{StatusCode, Uri, UriLimits};

use crate::identity::{DevId, Machine};

/// The version of the DM client.
const CLIENT_VERSION: &str = concat!("omadm ", env!("CARGO_PKG_VERSION"));

/// A description without behaviour.
pub(super) struct Plain(Ddf);

impl Plain {
    pub(super) fn new(name: &'static str) -> Result<Self, DdfError> {
        super::ddf(name).map(Self)
    }
}

impl ManagementObject for Plain {
    fn ddf(&self) -> &Ddf {
        &self.0
    }
}

/// `./DevInfo`
pub(super) struct DevInfo {
    ddf: Ddf,
    facts: Facts,
}

impl DevInfo {
    pub(super) fn new(id: &DevId, machine: &Machine) -> Result<Self, DdfError> {
        let mut ddf = super::ddf("devinfo")?;
        // what the language is as long as nobody has replaced it
        if let Some(lang) = ddf
            .nodes
            .iter_mut()
            .flat_map(|node| &mut node.children)
            .find(|node| is(node, "Lang"))
        {
            lang.value = Some(machine.language.value.clone());
        }
        let facts = Facts::new(&[
            ("./DevInfo/DevId", &id.text),
            ("./DevInfo/Man", &machine.manufacturer.value),
            ("./DevInfo/Mod", &machine.model.value),
            ("./DevInfo/DmV", CLIENT_VERSION),
        ]);
        Ok(Self { ddf, facts })
    }
}

fn is(node: &DdfNode, name: &str) -> bool {
    node.name.as_deref() == Some(name)
}

impl ManagementObject for DevInfo {
    fn ddf(&self) -> &Ddf {
        &self.ddf
    }

    fn live(&self) -> Vec<String> {
        self.facts.live()
    }

    fn collect(&mut self, wanted: &[Uri], out: &mut Snapshot) {
        self.facts.collect(wanted, out);
    }

    fn validate(&self, change: &Change<'_>, _tree: &View<'_>) -> Result<(), StatusCode> {
        match change {
            Change::Replace { uri, node } if uri.name() == Some("Lang") => {
                let good = node.value.as_text().is_some_and(is_language);
                if good {
                    Ok(())
                } else {
                    Err(StatusCode::UNSUPPORTED_FORMAT)
                }
            }
            _ => Ok(()),
        }
    }
}

/// Whether a text is a language tag (RFC 1766, 2; digits as in its successors).
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let sized = |part: &str| (1..=8).contains(&part.len());
    let first = parts.next().unwrap_or_default();
    sized(first)
        && first.bytes().all(|letter| letter.is_ascii_alphabetic())
        && parts
            .all(|part| sized(part) && part.bytes().all(|letter| letter.is_ascii_alphanumeric()))
}

/// `./DevDetail`
pub(super) struct DevDetail {
    ddf: Ddf,
    facts: Facts,
}

impl DevDetail {
    pub(super) fn new(machine: &Machine, limits: UriLimits) -> Result<Self, DdfError> {
        let facts = Facts::new(&[
            ("./DevDetail/URI/MaxDepth", &limits.depth.to_string()),
            ("./DevDetail/URI/MaxTotLen", &limits.total.to_string()),
            ("./DevDetail/URI/MaxSegLen", &limits.segment.to_string()),
            ("./DevDetail/DevTyp", &machine.device_type.value),
            ("./DevDetail/OEM", &machine.oem.value),
            ("./DevDetail/FwV", &machine.firmware_version.value),
            ("./DevDetail/SwV", &machine.software_version.value),
            ("./DevDetail/HwV", &machine.hardware_version.value),
            ("./DevDetail/LrgObj", "false"),
        ]);
        let ddf = super::ddf("devdetail")?;
        Ok(Self { ddf, facts })
    }
}

impl ManagementObject for DevDetail {
    fn ddf(&self) -> &Ddf {
        &self.ddf
    }

    fn live(&self) -> Vec<String> {
        self.facts.live()
    }

    fn collect(&mut self, wanted: &[Uri], out: &mut Snapshot) {
        self.facts.collect(wanted, out);
    }
}

/// Leaves whose values stand for as long as the program runs.
struct Facts(Vec<(Uri, String)>);

impl Facts {
    fn new(facts: &[(&str, &str)]) -> Self {
        let fact = |(path, value): &(&str, &str)| Some((path.parse().ok()?, (*value).to_owned()));
        Self(facts.iter().filter_map(fact).collect())
    }

    fn live(&self) -> Vec<String> {
        self.0.iter().map(|(uri, _)| uri.to_string()).collect()
    }

    fn collect(&self, wanted: &[Uri], out: &mut Snapshot) {
        for (uri, value) in &self.0 {
            if wanted.iter().any(|root| uri.starts_with(root)) {
                out.leaf(uri.clone(), value.as_str());
            }
        }
    }
}
