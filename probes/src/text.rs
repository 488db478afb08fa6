//! A probe that reads one text file.

use crate::{KpiId, KpiSet, Probe, Samples, Sources, report::Report};

/// Reads one file and hands its text to a parser.
pub(crate) struct TextProbe {
    name: &'static str,
    path: &'static str,
    kpis: KpiSet,
    parse: fn(&str, &mut Report<'_>),
}

impl TextProbe {
    /// A probe of these KPIs.
    pub(crate) fn boxed(
        name: &'static str,
        path: &'static str,
        kpis: impl IntoIterator<Item = KpiId>,
        parse: fn(&str, &mut Report<'_>),
    ) -> Box<dyn Probe + Send> {
        Box::new(Self {
            name,
            path,
            kpis: kpis.into_iter().collect(),
            parse,
        })
    }
}

impl Probe for TextProbe {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kpis(&self) -> KpiSet {
        self.kpis
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let wanted = wanted.intersection(&self.kpis);
        if wanted.is_empty() {
            return;
        }
        let mut report = Report::new(self.path, wanted, out);
        let parse = |text: &str| (self.parse)(text, &mut report);
        match from.fs.with(self.path, parse) {
            Ok(()) => report.finish(),
            Err(error) => report.unreadable(&error),
        }
    }
}
