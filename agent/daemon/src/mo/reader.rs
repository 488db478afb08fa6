//! Reads the probes for the live leaves that are wanted, once for each collection.

use omadm_kpi::{KpiId, KpiSet, Reading, Samples, Value as Kpi};
use omadm_probes::{Probes, Sources};
use omadm_syncml::{StatusCode, Value};

/// The probes of one management object, with buffers that are used again.
pub(super) struct Reader {
    probes: Probes,
    sources: Sources,
    samples: Samples,
}

impl Reader {
    pub(super) fn new(sources: Sources) -> Self {
        Self {
            probes: Probes::all(),
            sources,
            samples: Samples::new(),
        }
    }

    /// Reads what is wanted, and nothing where nothing is.
    pub(super) fn read(&mut self, wanted: &KpiSet) -> &Samples {
        self.probes
            .collect_into(&self.sources, wanted, &mut self.samples);
        &self.samples
    }
}

/// How a KPI becomes the value of a leaf; `None` where the leaf's format cannot hold it.
pub(super) type Form = fn(&Kpi) -> Option<String>;

/// The value of a leaf: absent KPIs have no leaf, failed ones one that cannot be read.
pub(super) fn leaf(
    samples: &Samples,
    id: KpiId,
    instance: Option<&str>,
    form: Form,
) -> Option<Result<Value, StatusCode>> {
    match samples.reading(id, instance)? {
        Reading::Value(value) => Some(
            form(value)
                .map(Value::from)
                .ok_or(StatusCode::COMMAND_FAILED),
        ),
        Reading::Absent(_) => None,
        Reading::Failed(failure) => {
            log::debug!("{id}: {failure}");
            Some(Err(StatusCode::COMMAND_FAILED))
        }
    }
}

/// As it is: words, truth values and counts of 64 bits in a leaf of format `chr` or `bool`.
pub(super) fn plain(value: &Kpi) -> Option<String> {
    Some(value.to_string()).filter(|text| !text.is_empty())
}

/// A count in a leaf of format `int`, 32 bits signed.
pub(super) fn int(value: &Kpi) -> Option<String> {
    let count = i32::try_from(value.as_u64()?).ok()?;
    Some(count.to_string())
}

/// Octets as KiB in a leaf of format `int`.
pub(super) fn kibibytes(value: &Kpi) -> Option<String> {
    int(&Kpi::Integer(value.as_u64()? / 1024))
}

/// Octets as MiB in a leaf of format `float`.
pub(super) fn mebibytes(value: &Kpi) -> Option<String> {
    float(&Kpi::Real(value.as_f64()? / f64::from(1 << 20)))
}

/// A number in a leaf of format `float`.
pub(super) fn float(value: &Kpi) -> Option<String> {
    Some(format!("{:.2}", value.as_f64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_fit_are_no_values() {
        assert_eq!(
            int(&Kpi::Integer(2_147_483_647)).as_deref(),
            Some("2147483647")
        );
        assert_eq!(int(&Kpi::Integer(2_147_483_648)), None);
        assert_eq!(int(&Kpi::from("x")), None);
        assert_eq!(kibibytes(&Kpi::Integer(2047)).as_deref(), Some("1"));
        assert_eq!(mebibytes(&Kpi::Integer(1_572_864)).as_deref(), Some("1.50"));
        assert_eq!(
            plain(&Kpi::Integer(u64::MAX)).as_deref(),
            Some("18446744073709551615")
        );
    }
}
