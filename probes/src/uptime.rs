//! `/proc/uptime`: how long the machine runs. Readable by every user.

use crate::{KpiId, Probe, report::Report, text::TextProbe};

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    TextProbe::boxed("uptime", "/proc/uptime", [KpiId::SystemUptime], parse)
}

/// `907.75 1582.22`: seconds since the start, suspension included, and idle seconds of all
/// processors.
fn parse(text: &str, report: &mut Report<'_>) {
    report.real(KpiId::SystemUptime, 1, text.split_ascii_whitespace().next());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    #[test]
    fn the_first_number_counts() {
        assert_eq!(read("907.75 1582.22\n", parse), ["system.uptime = 907.75"]);
    }

    #[test]
    fn damage_is_survived() {
        survives("907.75 1582.22\n", probe().kpis(), parse);
    }
}
