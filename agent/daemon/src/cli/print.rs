//! What every verb prints with: colours, tables, and texts of strangers made harmless.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use serde::Serialize;

use super::failure::Failure;

/// Whether the output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Plain text.
    Plain,
    /// ANSI colours, for a terminal.
    Colour,
}

impl Style {
    /// A heading or a name.
    pub(super) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What matters less.
    pub(super) fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// What went wrong.
    pub(super) fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

/// A text of a peer or a device: control characters are shown as escapes, so that no
/// text can steer the terminal. Line feeds and tabs are escaped too.
pub(crate) struct Harmless<'a>(pub(crate) &'a str);

impl fmt::Display for Harmless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if is_steering(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Control characters, and those that reorder or hide text.
fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Prints JSON in a single line, for a reader that takes line after line.
pub(super) fn json_line(out: &mut dyn Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Prints JSON and a line feed.
pub(super) fn json(out: &mut dyn Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Which way a column leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// No column is wider, whatever a cell holds; formatting takes 65,535 at most.
const WIDEST: usize = 1000;

/// What a terminal shows of a line; a table that fits keeps its columns whole.
const TERMINAL: usize = 100;

/// A table of harmless texts with aligned columns.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    name: &'static str,
    align: Align,
    /// The widest where there is room for the table, and where there is not.
    roomy: usize,
    tight: usize,
}

impl Table {
    /// An empty table with these headings.
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        let column = |&(name, align)| Column {
            name,
            align,
            roomy: WIDEST,
            tight: WIDEST,
        };
        Self {
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
        }
    }

    /// Lets a cell of this column that is wider stand out, so that it moves its own line alone.
    pub(super) fn at_most(self, name: &str, widest: usize) -> Self {
        self.limit(name, widest, widest)
    }

    /// The same only where the table would be too wide otherwise.
    pub(super) fn gives_way(self, name: &str, widest: usize) -> Self {
        self.limit(name, WIDEST, widest)
    }

    fn limit(mut self, name: &str, roomy: usize, tight: usize) -> Self {
        let named = |column: &&mut Column| column.name == name;
        for column in self.columns.iter_mut().filter(named) {
            (column.roomy, column.tight) = (roomy, tight);
        }
        self
    }

    /// Adds a row; missing cells are empty.
    pub(super) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.cells(&cells);
    }

    /// Adds a row with as many cells as there are columns this time.
    pub(super) fn cells(&mut self, cells: &[&str]) {
        let cells = cells.iter().map(|cell| Harmless(cell).to_string());
        self.rows.push(cells.collect());
    }

    /// Prints the headings and the rows.
    pub(super) fn print(&self, out: &mut dyn Write, style: Style) -> io::Result<()> {
        let widths = self.widths();
        let headings: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.name.to_owned())
            .collect();
        writeln!(out, "{}", style.strong(&self.line(&headings, &widths)))?;
        for row in &self.rows {
            writeln!(out, "{}", self.line(row, &widths))?;
        }
        Ok(())
    }

    fn widths(&self) -> Vec<usize> {
        let roomy = self.widths_within(|column| column.roomy);
        let gaps = 2 * roomy.len().saturating_sub(1);
        if roomy.iter().sum::<usize>() + gaps <= TERMINAL {
            return roomy;
        }
        self.widths_within(|column| column.tight)
    }

    fn widths_within(&self, limit: impl Fn(&Column) -> usize) -> Vec<usize> {
        let width = |(index, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let widest = cells.map(|cell| cell.chars().count()).max();
            let widest = widest.unwrap_or(0).min(limit(column));
            widest.max(column.name.chars().count())
        };
        self.columns.iter().enumerate().map(width).collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let cells = cells.iter().zip(widths).zip(&self.columns);
        let padded = cells.map(|((cell, width), column)| match column.align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        let mut line = padded.collect::<Vec<String>>().join("  ");
        line.truncate(line.trim_end().len());
        line
    }
}

/// Octets as people read them: `1.5 KiB`.
pub(crate) fn octets(count: f64) -> String {
    let larger = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let step = |(rest, unit): (f64, &'static str), next| match rest.abs() {
        // what would be printed as 1024.0 belongs to the next unit
        size if size < 1023.95 => (rest, unit),
        _ => (rest / 1024.0, next),
    };
    match larger.into_iter().fold((count, "B"), step) {
        (rest, "B") => format!("{rest:.0} B"),
        (rest, unit) => format!("{rest:.1} {unit}"),
    }
}

/// A time of RFC 3339 without its fraction of a second.
pub(super) fn moment(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, fraction)) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{whole}{zone}")
        }
        None => time.to_owned(),
    }
}

/// A count with the noun or verb that it takes.
pub(super) fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Seconds as people read them: `2 d 03:04:05`.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return format!("{seconds} s");
    }
    if seconds < 60.0 {
        let digits = if seconds < 10.0 { 3 } else { 1 };
        return format!("{seconds:.digits$} s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and not negative; a cast saturates"
    )]
    let whole = seconds as u64;
    let (days, hours) = (whole / 86_400, whole / 3_600 % 24);
    let clock = format!("{hours:02}:{:02}:{:02}", whole / 60 % 60, whole % 60);
    match days {
        0 => clock,
        days => format!("{days} d {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_cannot_steer_the_terminal() {
        assert_eq!(
            Harmless("a\x1b[2Jb\r\nc").to_string(),
            "a\\u{1b}[2Jb\\r\\nc"
        );
        assert_eq!(Harmless("Grüße ✓").to_string(), "Grüße ✓");
        assert_eq!(Harmless("x\u{202e}y").to_string(), "x\\u{202e}y");
        assert_eq!(Harmless("\u{9b}1m").to_string(), "\\u{9b}1m");
    }

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_blanks() {
        let mut table = Table::new(&[
            ("KPI", Align::Left),
            ("VALUE", Align::Right),
            ("UNIT", Align::Left),
        ]);
        table.row(["mem.total", "12345", "kB"]);
        table.row(["äö", "1", ""]);
        let mut out = Vec::new();
        table.print(&mut out, Style::Plain).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "KPI        VALUE  UNIT\nmem.total  12345  kB\näö             1\n"
        );
    }

    #[test]
    fn a_narrow_column_lets_a_wide_cell_move_its_own_line_alone() {
        let columns = [("A", Align::Left), ("B", Align::Right), ("C", Align::Left)];
        let mut table = Table::new(&columns).at_most("B", 4);
        table.row(["a", "123456", "x"]);
        table.row(["b", "12", "y"]);
        let mut out = Vec::new();
        table.print(&mut out, Style::Plain).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "A     B  C\na  123456  x\nb    12  y\n"
        );
    }

    #[test]
    fn a_column_gives_way_only_where_the_table_is_too_wide() {
        let print = |rest: &str| {
            let columns = [("ADDRESS", Align::Left), ("REST", Align::Left)];
            let mut table = Table::new(&columns).gives_way("ADDRESS", 10);
            table.row(["https://dm.example:8443/dm", rest]);
            table.row(["-", "-"]);
            let mut out = Vec::new();
            table.print(&mut out, Style::Plain).unwrap();
            String::from_utf8(out).unwrap()
        };
        let fits = print("x");
        assert!(
            fits.contains(&format!("\n-{}-\n", " ".repeat(27))),
            "{fits}"
        );
        let wide = print(&"x".repeat(90));
        assert!(
            wide.contains(&format!("\n-{}-\n", " ".repeat(11))),
            "{wide}"
        );
    }

    #[test]
    fn a_huge_cell_stands_out_of_its_column() {
        let mut table = Table::new(&[("A", Align::Left), ("B", Align::Right)]);
        table.row([&"x".repeat(100_000), "1"]);
        table.row(["y", "2"]);
        let mut out = Vec::new();
        table.print(&mut out, Style::Plain).unwrap();
        assert!(String::from_utf8(out).unwrap().ends_with("  2\n"));
    }

    #[test]
    fn colours_are_left_out_of_plain_output() {
        assert_eq!(Style::Plain.bad("x"), "x");
        assert_eq!(Style::Colour.bad("x"), "\x1b[31mx\x1b[0m");
        assert_eq!(Style::Colour.bad(""), "");
    }

    #[test]
    fn octets_choose_the_unit() {
        for (count, expected) in [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1024.0, "1.0 KiB"),
            (1_048_575.0, "1.0 MiB"),
            (1_572_864.0, "1.5 MiB"),
            (f64::from(u32::MAX) * 1e12, "3814697.3 PiB"),
        ] {
            assert_eq!(octets(count), expected, "{count}");
        }
    }

    #[test]
    fn moments_have_whole_seconds() {
        for (time, expected) in [
            ("2026-11-22T00:39:11.434Z", "2026-11-22T00:39:11Z"),
            ("2026-11-22T00:39:11Z", "2026-11-22T00:39:11Z"),
            ("2026-11-22T00:39:11.4+01:00", "2026-11-22T00:39:11+01:00"),
        ] {
            assert_eq!(moment(time), expected);
        }
    }

    #[test]
    fn durations_are_read_at_a_glance() {
        for (seconds, expected) in [
            (0.1234, "0.123 s"),
            (42.04, "42.0 s"),
            (60.0, "00:01:00"),
            (93_784.9, "1 d 02:03:04"),
            (f64::NAN, "NaN s"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
