//! The commented configuration as a page: its tables, its keys with their defaults, and what the
//! comments say.

use crate::roff::{Page, bold};

/// What a line of the file is.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Blank,
    Comment(&'a str),
    /// A table, and whether it is set.
    Table(&'a str),
    /// A key with its value, and whether it is set.
    Key(&'a str, bool),
}

/// A key that is commented out stands behind `#` without a space.
fn read(line: &str) -> Line<'_> {
    if let Some(comment) = line.strip_prefix("# ") {
        return Line::Comment(comment);
    }
    let (text, set) = match line.strip_prefix('#') {
        Some(text) => (text, false),
        None => (line, true),
    };
    match text.trim() {
        "" if set => Line::Blank,
        "" => Line::Comment(""),
        table if table.starts_with('[') => Line::Table(table),
        key => Line::Key(key, set),
    }
}

/// Writes tables and keys to the page. The comment that the file begins with is its description.
pub(crate) fn write(page: &mut Page, file: &str) {
    page.section("DESCRIPTION");
    let mut comment = Vec::new();
    let mut lines = file.lines();
    let mut options = false;
    while let Some(line) = lines.next() {
        match read(line) {
            Line::Comment(text) => comment.push(text),
            Line::Blank => {
                describe(page, &comment);
                comment.clear();
                // The first blank line ends the description.
                if !std::mem::replace(&mut options, true) {
                    page.section("KEYS");
                }
            }
            Line::Table(table) => {
                page.subsection(table);
                say(page, &comment);
                comment.clear();
            }
            Line::Key(key, set) => {
                let mut key = key.to_owned();
                while open(&key) {
                    let Some(more) = lines.next() else { break };
                    key.push_str(more.trim_start_matches('#').trim());
                }
                page.term(&bold(&key));
                if !set {
                    page.text("Not set.");
                }
                if comment.is_empty() {
                    page.text("As above.");
                }
                say(page, &comment);
                comment.clear();
            }
        }
    }
    describe(page, &comment);
}

/// Prints a comment that no key follows. With the heading of a table it shows a table that can be
/// there, and its keys stand behind that; what comes first says what the table is for.
fn describe(page: &mut Page, comment: &[&str]) {
    let heading = comment.iter().position(|line| is_heading(line));
    let Some((before, [table, keys @ ..])) = heading.and_then(|at| comment.split_at_checked(at))
    else {
        return say(page, comment);
    };
    page.subsection(table);
    say(page, before);
    let mut about: Vec<&str> = Vec::new();
    for line in keys {
        if !is_configuration(line) {
            about.push(line);
            continue;
        }
        page.term(&bold(line));
        page.text("Not set.");
        if about.is_empty() {
            page.text("As above.");
        }
        say(page, &about);
        about.clear();
    }
    say(page, &about);
}

fn is_heading(line: &str) -> bool {
    line.starts_with('[') && line.ends_with(']')
}

/// Whether the value goes on in the next line.
fn open(key: &str) -> bool {
    let outside = key.split('"').step_by(2).collect::<String>();
    outside.matches('[').count() > outside.matches(']').count()
}

/// The text of a comment; a line of configuration in it stands by itself.
fn say(page: &mut Page, comment: &[&str]) {
    let mut example: Vec<&str> = Vec::new();
    for line in comment {
        if is_configuration(line) {
            example.push(line);
            continue;
        }
        if !example.is_empty() {
            page.example(&example);
            example.clear();
            page.paragraph();
        }
        page.text_line(line);
    }
    if !example.is_empty() {
        page.example(&example);
    }
}

fn is_configuration(line: &str) -> bool {
    let key = line.split_once(" = ").map_or("", |(key, _)| key);
    let named = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    named || is_heading(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(read("# a comment"), Line::Comment("a comment"));
        assert_eq!(read("#"), Line::Comment(""));
        assert_eq!(read(""), Line::Blank);
        assert_eq!(read("[session]"), Line::Table("[session]"));
        assert_eq!(read("key = 1"), Line::Key("key = 1", true));
        assert_eq!(read("#key = 1"), Line::Key("key = 1", false));
        assert!(open("a = ["));
        assert!(!open("a = [\"[\"]"));
    }

    #[test]
    fn a_table_that_can_be_there_has_a_heading() {
        let mut page = Page::default();
        let file = "# About.\n\n# Why:\n# [link.NAME]\n# What it is.\n# name = 1\n\n[next]\n";
        write(&mut page, file);
        let page = page.finish();
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
        assert!(at(".SS \"[link.NAME]\"") < at("Why:"));
        assert!(at("Why:") < at(".TP\n\\fBname = 1"));
        assert!(at(".TP\n\\fBname = 1") < at("What it is."));
    }

    #[test]
    fn every_key_is_on_the_page() {
        let file = crate::CONFIGURATION;
        let mut page = Page::default();
        write(&mut page, file);
        let page = page.finish();
        let set: toml::Table = file.parse().unwrap();
        let mut keys = Vec::new();
        let mut tables = vec![&set];
        while let Some(table) = tables.pop() {
            for (key, value) in table {
                match value {
                    toml::Value::Table(inner) => tables.push(inner),
                    _ => keys.push(key.clone()),
                }
            }
        }
        assert!(keys.len() > 10, "{keys:?}");
        for key in keys {
            let term = format!(".TP\n\\fB{} = ", key.replace('-', "\\-"));
            assert!(page.contains(&term), "{key}");
        }
        assert!(page.contains("\n.SS \"[session]\"\n"));
    }
}
