//! The samples of one collection.

use std::slice;

use crate::{Absence, Failure, Instance, KpiId, Reading, Sample, Value};

/// What one collection brought, in the order it was read.
///
/// It can be cleared and used again, so that a periodic collection keeps its memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples(Vec<Sample>);

impl Samples {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a value.
    pub fn value(&mut self, id: KpiId, instance: Option<&Instance>, value: impl Into<Value>) {
        self.note(id, instance, Reading::Value(value.into()));
    }

    /// Notes that this machine has no such value.
    pub fn absent(&mut self, id: KpiId, instance: Option<&Instance>, absence: Absence) {
        self.note(id, instance, Reading::Absent(absence));
    }

    /// Notes that a value could not be read.
    pub fn failed(&mut self, id: KpiId, instance: Option<&Instance>, failure: Failure) {
        self.note(id, instance, Reading::Failed(failure));
    }

    /// Adds a sample as it is.
    pub fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    fn note(&mut self, id: KpiId, instance: Option<&Instance>, reading: Reading) {
        self.push(Sample {
            id,
            instance: instance.cloned(),
            reading,
            overdue: None,
        });
    }

    /// All samples in the order they were read.
    pub fn iter(&self) -> slice::Iter<'_, Sample> {
        self.0.iter()
    }

    /// The samples of one KPI, one per instance.
    pub fn of(&self, id: KpiId) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(move |sample| sample.id == id)
    }

    /// What was read for one KPI of one thing; `None` for the machine.
    pub fn reading(&self, id: KpiId, instance: Option<&str>) -> Option<&Reading> {
        self.of(id)
            .find(|sample| sample.instance.as_deref() == instance)
            .map(|sample| &sample.reading)
    }

    /// The value of one KPI of one thing, if it was read.
    pub fn get(&self, id: KpiId, instance: Option<&str>) -> Option<&Value> {
        self.reading(id, instance).and_then(Reading::value)
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the samples and keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<'a> IntoIterator for &'a Samples {
    type Item = &'a Sample;
    type IntoIter = slice::Iter<'a, Sample>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Samples {
    type Item = Sample;
    type IntoIter = std::vec::IntoIter<Sample>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_value_is_not_a_zero() {
        let mut samples = Samples::new();
        let eth0 = Instance::from("eth0");
        samples.value(KpiId::LinkRxBytes, Some(&eth0), 0_u64);
        samples.absent(
            KpiId::PressureCpuSomeTotal,
            None,
            Absence::NoSource("/proc/pressure/cpu".into()),
        );
        assert_eq!(
            samples.get(KpiId::LinkRxBytes, Some("eth0")),
            Some(&Value::Integer(0))
        );
        assert_eq!(samples.get(KpiId::LinkRxBytes, Some("eth1")), None);
        assert_eq!(samples.get(KpiId::PressureCpuSomeTotal, None), None);
        assert_eq!(
            samples
                .reading(KpiId::PressureCpuSomeTotal, None)
                .map(ToString::to_string),
            Some("absent: /proc/pressure/cpu does not exist here".to_owned())
        );
    }
}
