//! The form of `/proc/net/snmp` and `/proc/net/netstat`: a line of names, a line of numbers.

use crate::{KpiId, report::Report};

/// A protocol, a column and its KPI.
pub(crate) type Column = (&'static str, &'static str, KpiId);

/// One number of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell<'t> {
    pub(crate) protocol: &'t str,
    pub(crate) column: &'t str,
    /// `None` where the line of numbers is too short.
    pub(crate) number: Option<&'t str>,
    pub(crate) line: usize,
}

impl Cell<'_> {
    /// Notes the number if it is a wanted column.
    pub(crate) fn note(self, columns: &[Column], report: &mut Report<'_>) {
        let found = columns
            .iter()
            .find(|(protocol, column, _)| *protocol == self.protocol && *column == self.column);
        if let Some((_, _, id)) = found {
            report.number(*id, self.line, self.number);
        }
    }
}

/// Walks over all cells; a line of names without its line of numbers is passed over.
///
/// ```text
/// Udp: InDatagrams NoPorts
/// Udp: 129 0
/// ```
pub(crate) fn cells<'t>(text: &'t str, mut each: impl FnMut(Cell<'t>)) {
    let mut header: Option<(&str, &str)> = None;
    for (line, row) in text.lines().enumerate() {
        let Some((protocol, rest)) = row.split_once(':') else {
            continue;
        };
        let Some((_, names)) = header.take_if(|(of, _)| *of == protocol) else {
            header = Some((protocol, rest));
            continue;
        };
        let mut numbers = rest.split_ascii_whitespace();
        for column in names.split_ascii_whitespace() {
            each(Cell {
                protocol,
                column,
                number: numbers.next(),
                line: line + 1,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Option<&str>, usize)> {
        let mut found = Vec::new();
        cells(text, |cell| {
            found.push((
                format!("{}.{}", cell.protocol, cell.column),
                cell.number,
                cell.line,
            ));
        });
        found
    }

    #[test]
    fn names_meet_numbers() {
        let text = "Udp: In Out\nUdp: 1 2\nIcmp: Msgs\nIcmp: 3 4\n";
        assert_eq!(
            found(text),
            [
                ("Udp.In".to_owned(), Some("1"), 2),
                ("Udp.Out".to_owned(), Some("2"), 2),
                ("Icmp.Msgs".to_owned(), Some("3"), 4),
            ]
        );
    }

    #[test]
    fn a_row_without_its_other_half_shifts_nothing() {
        let text = "Tcp: In\nUdp: In Out\nUdp: 1\nUdp: Last\n";
        assert_eq!(
            found(text),
            [
                ("Udp.In".to_owned(), Some("1"), 3),
                ("Udp.Out".to_owned(), None, 3)
            ]
        );
    }
}
