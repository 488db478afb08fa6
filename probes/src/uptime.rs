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
