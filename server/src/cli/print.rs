//! Tables and JSON, with texts of strangers made harmless.

use crate::error::Error;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write;

use super::written;

/// Prints JSON and a line feed.
pub(super) fn json(out: &mut dyn Write, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).map_err(|e| written(e.into()))?;
    line(out, &text)
}

/// Prints a line.
pub(super) fn line(out: &mut dyn Write, text: &str) -> Result<(), Error> {
    writeln!(out, "{text}").map_err(written)
}

/// Control characters, and those that reorder or hide text, are shown as escapes: no text of a
/// device may steer the terminal.
pub(super) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_steering(c) {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A time of RFC 3339 without its fraction of a second.
pub(super) fn moment(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => time.to_owned(),
    }
}

/// No column is wider, whatever a device has put into a cell; formatting takes 65,535 at most.
const WIDEST: usize = 1000;

/// Rows with aligned columns.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// The column that is said once, above, when it is the same in all rows.
    folded: Option<&'static str>,
}

impl Table {
    pub(super) fn new(heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned());
        Self {
            rows: vec![heads.collect()],
            folded: None,
        }
    }

    /// Names a wide column that often has the same cell in every row; such a cell is printed
    /// once.
    pub(super) const fn fold(mut self, head: &'static str) -> Self {
        self.folded = Some(head);
        self
    }

    /// Adds a row; an empty cell is shown as a dash.
    pub(super) fn row(&mut self, cells: &[&str]) {
        let cells = cells.iter().map(|cell| match *cell {
            "" => "-".to_owned(),
            cell => harmless(cell),
        });
        self.rows.push(cells.collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    pub(super) fn print(&self, out: &mut dyn Write) -> Result<(), Error> {
        let Some((column, cell)) = self.same() else {
            return aligned(&self.rows, out);
        };
        let head = self.folded.unwrap_or_default();
        line(out, &format!("{head}  {cell}"))?;
        line(out, "")?;
        let mut rows = self.rows.clone();
        for row in &mut rows {
            row.remove(column);
        }
        aligned(&rows, out)
    }

    /// The folded column and its only cell.
    fn same(&self) -> Option<(usize, &str)> {
        let (heads, rows) = self.rows.split_first()?;
        let column = heads.iter().position(|head| self.folded == Some(head))?;
        let mut cells = rows.iter().filter_map(|row| row.get(column));
        let first = cells.next()?;
        cells.all(|cell| cell == first).then_some((column, first))
    }
}

fn aligned(rows: &[Vec<String>], out: &mut dyn Write) -> Result<(), Error> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count()).min(WIDEST);
        }
    }
    for row in rows {
        let mut text = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "{cell:<width$}  ");
        }
        line(out, text.trim_end())?;
    }
    Ok(())
}

/// Names and values, one on each line.
pub(super) fn facts(out: &mut dyn Write, facts: &[(&str, String)]) -> Result<(), Error> {
    let told = || facts.iter().filter(|(_, value)| !value.is_empty());
    let width = told().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in told() {
        line(out, &format!("{name:<width$}  {}", harmless(value)))?;
    }
    Ok(())
}

/// XML as our own encoder writes it, one element on a line, so that people can read it.
pub(super) fn indented(xml: &str) -> String {
    let mut shown = String::with_capacity(xml.len() * 2);
    let mut depth = 0_usize;
    let mut rest = xml;
    while let Some((tag, after)) = next_tag(rest) {
        rest = after;
        if tag.starts_with("</") {
            depth = depth.saturating_sub(1);
            indent(&mut shown, depth, tag);
        } else if tag.ends_with("/>") || tag.starts_with("<?") {
            indent(&mut shown, depth, tag);
        } else {
            // A leaf stays on one line with its text and its end.
            let (text, after_text) = after.split_at(after.find('<').unwrap_or(after.len()));
            match next_tag(after_text) {
                Some((close, after_close)) if close.starts_with("</") => {
                    indent(
                        &mut shown,
                        depth,
                        &format!("{tag}{}{close}", harmless(text)),
                    );
                    rest = after_close;
                }
                _ => {
                    indent(&mut shown, depth, tag);
                    depth += 1;
                }
            }
        }
    }
    if !rest.is_empty() {
        indent(&mut shown, depth, &harmless(rest));
    }
    shown
}

fn next_tag(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with('<') {
        return None;
    }
    let end = text.find('>')?;
    text.split_at_checked(end + 1)
}

fn indent(shown: &mut String, depth: usize, text: &str) {
    let _ = writeln!(shown, "{:width$}{text}", "", width = depth * 2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_harmless() {
        let mut table = Table::new(&["A", "LONG HEAD"]);
        table.row(&["wide cell", "x"]);
        table.row(&["", "\u{1b}[2J"]);
        let mut out = Vec::new();
        table.print(&mut out).unwrap();
        let expected = "A          LONG HEAD\nwide cell  x\n-          \\u{1b}[2J\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_cell_that_is_the_same_in_all_rows_is_said_once() {
        let shown = |devices: [&str; 2]| {
            let mut table = Table::new(&["JOB", "DEVICE", "STATE"]).fold("DEVICE");
            table.row(&["1", devices[0], "done"]);
            table.row(&["2", devices[1], "queued"]);
            let mut out = Vec::new();
            table.print(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            shown(["a", "a"]),
            "DEVICE  a\n\nJOB  STATE\n1    done\n2    queued\n"
        );
        assert_eq!(
            shown(["a", "b"]),
            "JOB  DEVICE  STATE\n1    a       done\n2    b       queued\n"
        );
    }

    #[test]
    fn a_huge_cell_stands_out_of_its_column() {
        let mut table = Table::new(&["A", "B"]);
        table.row(&[&"x".repeat(100_000), "1"]);
        table.row(&["y", "2"]);
        let mut out = Vec::new();
        table.print(&mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().ends_with("  2\n"));
    }

    #[test]
    fn xml_is_indented() {
        let xml = "<A xmlns=\"x\"><B>1 &lt; 2</B><C/><D><E></E></D></A>";
        let expected =
            "<A xmlns=\"x\">\n  <B>1 &lt; 2</B>\n  <C/>\n  <D>\n    <E></E>\n  </D>\n</A>\n";
        assert_eq!(indented(xml), expected);
        assert_eq!(indented("no XML"), "no XML\n");
        assert_eq!(indented("<A><B>cut"), "<A>\n  <B>\n    cut\n");
    }
}
