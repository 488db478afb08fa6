//! What the probes have read for the live leaves, and how a KPI becomes a leaf.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omadm_kpi::{KpiId, Reading, Samples, Value as Kpi};
use omadm_syncml::{StatusCode, Value};

/// Where the event loop lays what the probes have read, before it asks the objects for their
/// leaves: an object must not read a device itself, because a read can take for ever.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Samples>>);

impl Board {
    /// Lays down the samples of one collection in the place of those before.
    pub fn put(&self, samples: Samples) {
        *self.samples() = samples;
    }

    /// The samples that lie there.
    pub(super) fn samples(&self) -> MutexGuard<'_, Samples> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
