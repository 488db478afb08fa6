//! What a source brought last, for the time in which it does not answer.

use std::{sync::Arc, time::Duration};

use crate::{Failure, KpiSet, Overdue, Sample, Samples};

/// The last reading of each KPI of one source.
#[derive(Default)]
pub(crate) struct Last(Vec<Batch>);

/// What one collection brought. No KPI stands in two batches, so that there are never more of
/// them than the source has KPIs.
struct Batch {
    at: Duration,
    of: KpiSet,
    samples: Samples,
}

impl Last {
    /// Takes what was read at this time, and gives back a buffer that is not needed any more.
    pub(crate) fn learn(&mut self, at: Duration, of: KpiSet, samples: Samples) -> Samples {
        for batch in &mut self.0 {
            batch.of = batch.of.difference(&of);
        }
        let outdated = self.0.iter().position(|batch| batch.of.is_empty());
        let buffer = outdated.map(|index| self.0.swap_remove(index).samples);
        self.0.push(Batch { at, of, samples });
        buffer.unwrap_or_default()
    }

    /// The samples of a collection that has just been learnt.
    pub(crate) fn fresh(&self) -> impl Iterator<Item = &Sample> {
        self.0.last().into_iter().flat_map(|batch| &batch.samples)
    }

    /// Puts the last readings in the place of those that a source owes since a time.
    pub(crate) fn stand_in(
        &self,
        source: &str,
        wanted: &KpiSet,
        since: Duration,
        now: Duration,
        out: &mut Samples,
    ) {
        let waiting = now.saturating_sub(since);
        let mut never = *wanted;
        for batch in &self.0 {
            let known = batch.of.intersection(wanted);
            never = never.difference(&known);
            let age = now.saturating_sub(batch.at);
            for sample in batch.samples.iter().filter(|s| known.contains(s.id)) {
                out.push(Sample {
                    overdue: Some(Overdue { age, waiting }),
                    ..sample.clone()
                });
            }
        }
        let reason = format!(
            "overdue for {:.1} s, and never read before",
            waiting.as_secs_f64()
        );
        let failure = Failure {
            source: source.into(),
            line: None,
            reason: Arc::from(reason),
        };
        for id in never.iter() {
            out.failed(id, None, failure.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Instance, KpiId};

    const SECOND: Duration = Duration::from_secs(1);

    fn samples(readings: &[(KpiId, u64)]) -> Samples {
        let mut samples = Samples::new();
        for (id, value) in readings {
            samples.value(*id, None, *value);
        }
        samples
    }

    fn lines(last: &Last, wanted: &KpiSet) -> Vec<String> {
        let mut out = Samples::new();
        last.stand_in("meminfo", wanted, SECOND * 8, SECOND * 10, &mut out);
        let line = |sample: &Sample| {
            let overdue = sample.overdue.map_or(String::new(), |o| format!(", {o}"));
            format!("{} = {}{overdue}", sample.id, sample.reading)
        };
        out.iter().map(line).collect()
    }

    #[test]
    fn each_kpi_keeps_its_own_age() {
        let both: KpiSet = [KpiId::MemoryFree, KpiId::MemoryTotal]
            .into_iter()
            .collect();
        let free: KpiSet = [KpiId::MemoryFree].into_iter().collect();
        let mut last = Last::default();
        last.learn(
            SECOND,
            both,
            samples(&[(KpiId::MemoryFree, 1), (KpiId::MemoryTotal, 2)]),
        );
        last.learn(SECOND * 7, free, samples(&[(KpiId::MemoryFree, 3)]));
        assert_eq!(
            lines(&last, &both),
            [
                "memory.total = 2, read 9.0 s ago; the source is overdue for 2.0 s",
                "memory.free = 3, read 3.0 s ago; the source is overdue for 2.0 s",
            ]
        );
        assert_eq!(lines(&last, &free).len(), 1);
    }

    #[test]
    fn what_was_never_read_has_failed() {
        let wanted = [KpiId::MemoryFree].into_iter().collect();
        assert_eq!(
            lines(&Last::default(), &wanted),
            ["memory.free = failed: meminfo: overdue for 2.0 s, and never read before"]
        );
    }

    #[test]
    fn things_that_are_gone_are_forgotten_and_buffers_come_back() {
        let wanted: KpiSet = [KpiId::LinkRxBytes].into_iter().collect();
        let mut last = Last::default();
        let mut buffer = Samples::new();
        for round in 0..1000_u64 {
            buffer.clear();
            let link = Instance::from(&*format!("ppp{round}"));
            buffer.value(KpiId::LinkRxBytes, Some(&link), round);
            buffer = last.learn(SECOND, wanted, buffer);
        }
        assert_eq!(lines(&last, &wanted).len(), 1);
        assert_eq!(last.0.len(), 1);
        assert_eq!(buffer.len(), 1);
    }
}
