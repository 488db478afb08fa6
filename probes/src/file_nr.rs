//! `/proc/sys/fs/file-nr`: open file handles of the machine. Readable by every user.

use crate::{KpiId, Probe, report::Report, text::TextProbe};

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    let kpis = [KpiId::SystemFilesOpen, KpiId::SystemFilesLimit];
    TextProbe::boxed("file-nr", "/proc/sys/fs/file-nr", kpis, parse)
}

/// `1024 0 9223372036854775807`: in use, a zero of old, the limit.
fn parse(text: &str, report: &mut Report<'_>) {
    let mut words = text.split_ascii_whitespace();
    report.number(KpiId::SystemFilesOpen, 1, words.next());
    report.number(KpiId::SystemFilesLimit, 1, words.nth(1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, survives};

    #[test]
    fn the_zero_between_is_passed_over() {
        let found = read("1024\t0\t9223372036854775807\n", parse);
        assert_eq!(
            found,
            [
                "system.files.open = 1024",
                "system.files.limit = 9223372036854775807"
            ]
        );
    }

    #[test]
    fn damage_is_survived() {
        survives("1024\t0\t9223372036854775807\n", probe().kpis(), parse);
    }
}
