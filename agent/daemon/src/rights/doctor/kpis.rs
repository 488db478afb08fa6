//! The groups of KPIs: how much of each this machine tells to this user.

use std::path::Path;

use omadm_kpi::{KpiSet, Reading, Samples};
use omadm_probes::{Probes, collect};

use super::{absent, feature, ok};
use crate::control::wire::{Feature, FeatureState};
use crate::rights;

/// What a group brought.
#[derive(Default)]
struct Brought {
    values: usize,
    absent: Option<String>,
    failed: Option<String>,
}

/// Reads everything once.
pub(super) fn groups(rights_dir: &Path) -> Vec<Feature> {
    let samples = collect(
        &mut Probes::all(),
        &rights::sources(rights_dir),
        &KpiSet::all(),
    );
    judge(&samples)
}

fn judge(samples: &Samples) -> Vec<Feature> {
    let mut groups: Vec<(&'static str, Brought)> = Vec::new();
    for sample in samples {
        let name = sample.id.kpi().group.name();
        let at = groups.iter().position(|(group, _)| *group == name);
        let at = at.unwrap_or_else(|| {
            groups.push((name, Brought::default()));
            groups.len() - 1
        });
        let Some((_, brought)) = groups.get_mut(at) else {
            continue;
        };
        match &sample.reading {
            Reading::Value(_) => brought.values += 1,
            Reading::Absent(_) => {
                brought
                    .absent
                    .get_or_insert_with(|| sample.reading.to_string());
            }
            Reading::Failed(_) => {
                brought
                    .failed
                    .get_or_insert_with(|| sample.reading.to_string());
            }
        }
    }
    groups
        .into_iter()
        .map(|(name, brought)| group(name, brought))
        .collect()
}

fn group(group: &str, brought: Brought) -> Feature {
    let name = format!("kpi {group}");
    let values = brought.values;
    match brought {
        Brought {
            failed: Some(reason),
            ..
        } => Feature {
            mend: Some(format!("omadm kpi --all '{group}.*'")),
            ..feature(
                &name,
                FeatureState::Missing,
                format!("{values} values; {reason}"),
            )
        },
        Brought {
            values: 0,
            absent: Some(reason),
            ..
        } => absent(&name, reason.strip_prefix("absent: ").unwrap_or(&reason)),
        _ => ok(&name, format!("{values} values")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_kpi::{Absence, Failure, KpiId};

    #[test]
    fn a_group_is_judged_by_its_worst() {
        let mut samples = Samples::new();
        samples.value(KpiId::MemoryTotal, None, 1_u64);
        samples.absent(KpiId::MemoryZswap, None, Absence::NoSource("x".into()));
        samples.absent(KpiId::LinkMtu, None, Absence::NoSource("/sys/x".into()));
        let failure = Failure {
            source: "/proc/stat".into(),
            line: None,
            reason: "this user may not read it".into(),
        };
        samples.failed(KpiId::CpuUser, None, failure);
        let found = judge(&samples);
        let states: Vec<_> = found
            .iter()
            .map(|feature| (feature.name.as_str(), feature.state))
            .collect();
        assert_eq!(
            states,
            [
                ("kpi memory", FeatureState::Ok),
                ("kpi link", FeatureState::Absent),
                ("kpi cpu", FeatureState::Missing),
            ]
        );
        assert!(found[1].detail.contains("/sys/x"), "{found:?}");
        assert!(found[2].detail.contains("may not read"), "{found:?}");
    }
}
