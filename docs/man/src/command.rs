//! A command line: its synopsis, options and verbs.

use clap::{Arg, Command};

use crate::roff::{Page, bold, italic, prose, synopsis};

/// What stands below a help: paragraphs, examples and exit codes.
#[derive(Debug, Default)]
pub(crate) struct Below {
    /// What is no example and no list of exit codes; examples within it are indented.
    pub text: Vec<String>,
    /// The lines of the examples.
    pub examples: Vec<String>,
    /// Each code and what it means.
    pub exit_codes: Vec<(String, String)>,
}

impl Below {
    /// Reads what stands below the help of a command.
    pub(crate) fn of(command: &Command) -> Self {
        let help = command.get_after_help().map(ToString::to_string);
        let mut below = Self::default();
        for paragraph in help.unwrap_or_default().split("\n\n") {
            let (heading, rest) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
            if matches!(heading, "Example:" | "Examples:") {
                let lines = rest
                    .lines()
                    .map(|line| line.strip_prefix("  ").unwrap_or(line));
                below.examples.extend(lines.map(str::to_owned));
            } else if let Some(codes) = paragraph.strip_prefix("Exit codes: ") {
                below.exit_codes = exit_codes(codes);
            } else if !paragraph.is_empty() {
                below.text.push(paragraph.to_owned());
            }
        }
        below
    }
}

/// `0 done, 1 failed.`
fn exit_codes(text: &str) -> Vec<(String, String)> {
    let joined = text.replace('\n', " ");
    let each = joined.trim_end_matches('.').split(", ");
    let mut codes: Vec<(String, String)> = Vec::new();
    for part in each {
        match part.split_once(' ') {
            Some((code, meaning)) if code.parse::<u8>().is_ok() => {
                codes.push((code.to_owned(), meaning.to_owned()));
            }
            // A meaning with a comma in it.
            _ => {
                if let Some((_, meaning)) = codes.last_mut() {
                    meaning.push_str(", ");
                    meaning.push_str(part);
                }
            }
        }
    }
    codes
}

/// A whole page of a program; `more` is roff that follows what the program says of itself.
pub(crate) fn page(mut command: Command, section: u8, more: &str, date: &str) -> Page {
    command.build();
    let name = command.get_name().to_owned();
    let mut page = Page::new(&name, section, date);
    page.name(&name, &lower(&about(&command)));
    page.section("SYNOPSIS");
    page.raw(&synopsis(&usage(&command)));
    page.section("DESCRIPTION");
    let below = Below::of(&command);
    let (description, rest) = more.split_once(".\\\" REST\n").unwrap_or((more, ""));
    page.raw(description);
    for text in &below.text {
        paragraph(&mut page, text);
    }
    page.section("OPTIONS");
    for argument in shown(&command, true) {
        describe(&mut page, argument);
    }
    let verbs = verbs(&command);
    if !verbs.is_empty() {
        page.section("VERBS");
        for verb in verbs {
            describe_verb(&mut page, verb);
        }
    }
    if !below.exit_codes.is_empty() {
        page.section("EXIT STATUS");
        for (code, meaning) in &below.exit_codes {
            page.term(&bold(code));
            page.text(meaning);
        }
    }
    page.raw(rest);
    if !below.examples.is_empty() {
        page.section("EXAMPLES");
        page.example(&lines(&below.examples));
    }
    page
}

/// The commands that do something, in the order of the help.
fn verbs(command: &Command) -> Vec<&Command> {
    let mut found = Vec::new();
    for verb in command.get_subcommands() {
        if verb.get_name() == "help" || verb.is_hide_set() {
            continue;
        }
        found.push(verb);
        found.extend(verbs(verb));
    }
    found
}

fn describe_verb(page: &mut Page, verb: &Command) {
    let title = verb.get_bin_name().unwrap_or(verb.get_name());
    page.subsection(title);
    page.raw(&synopsis(&usage(verb)));
    page.paragraph();
    page.text(&sentence(&about(verb)));
    for argument in shown(verb, false) {
        describe(page, argument);
    }
    let below = Below::of(verb);
    for text in &below.text {
        paragraph(page, text);
    }
    if !below.examples.is_empty() {
        page.example(&lines(&below.examples));
    }
}

/// A paragraph with indented lines among its text.
fn paragraph(page: &mut Page, text: &str) {
    page.paragraph();
    let mut block: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(line) = line.strip_prefix("  ") {
            block.push(line);
            continue;
        }
        if !block.is_empty() {
            page.example(&block);
            block.clear();
            page.paragraph();
        }
        page.raw(&prose_line(line));
    }
    if !block.is_empty() {
        page.example(&block);
    }
}

fn prose_line(line: &str) -> String {
    let shown = prose(line);
    if shown.starts_with(['.', '\'']) {
        format!("\\&{shown}")
    } else {
        shown
    }
}

/// The arguments that are shown: those that every verb has, once only.
fn shown(command: &Command, of_the_program: bool) -> Vec<&Arg> {
    let arguments = command.get_arguments().filter(|argument| {
        let everywhere =
            argument.is_global_set() || matches!(argument.get_id().as_str(), "help" | "version");
        !argument.is_hide_set() && (of_the_program || !everywhere)
    });
    let mut arguments: Vec<_> = arguments.collect();
    // What stands on its own comes before what has a name.
    arguments.sort_by_key(|argument| !argument.is_positional());
    arguments
}

fn describe(page: &mut Page, argument: &Arg) {
    page.term(&term(argument));
    page.text(&sentence(&help(argument)));
    let values = argument.get_possible_values();
    let takes = argument.get_action().takes_values();
    let described = values.iter().any(|value| value.get_help().is_some());
    if takes && !argument.is_hide_possible_values_set() && !values.is_empty() {
        let each = values
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| {
                let meaning = value.get_help().map(ToString::to_string);
                let meaning = meaning.filter(|_| described);
                let meaning = meaning.map_or_else(String::new, |help| {
                    format!(" ({})", prose(help.trim_end_matches('.')))
                });
                format!("{}{meaning}", bold(value.get_name()))
            });
        page.raw(&format!("One of {}.", each.collect::<Vec<_>>().join(", ")));
    }
    let defaults = argument.get_default_values();
    if takes && !defaults.is_empty() && !argument.is_hide_default_value_set() {
        let each = defaults.iter().map(|value| bold(&value.to_string_lossy()));
        let each = each.collect::<Vec<_>>().join(" ");
        page.raw(&format!("Default: {each}"));
    }
}

fn term(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let value = names
        .iter()
        .map(|name| italic(name))
        .collect::<Vec<_>>()
        .join(" ");
    let optional = argument
        .get_num_args()
        .is_some_and(|number| number.min_values() == 0);
    if argument.is_positional() {
        return value;
    }
    let short = argument.get_short().map(|short| bold(&format!("-{short}")));
    let long = argument.get_long_and_visible_aliases().unwrap_or_default();
    let long = long.into_iter().map(|long| bold(&format!("--{long}")));
    let flags = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    match (argument.get_action().takes_values(), optional) {
        (false, _) => flags,
        (true, true) if argument.is_require_equals_set() => format!("{flags}[={value}]"),
        (true, true) => format!("{flags} [{value}]"),
        (true, false) => format!("{flags} {value}"),
    }
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

fn about(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    about.trim_end_matches('.').to_owned()
}

/// As it stands after a dash: in lower case, unless it begins with an abbreviation.
fn lower(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_lowercase);
    if text.chars().nth(1).is_some_and(char::is_uppercase) {
        return text.to_owned();
    }
    first.into_iter().flatten().chain(characters).collect()
}

fn help(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    help.map(ToString::to_string).unwrap_or_default()
}

fn sentence(text: &str) -> String {
    if text.is_empty() || text.ends_with(['.', ':']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

fn lines(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_read_apart() {
        let codes = exit_codes("0 done, 64 usage,\n74 this, that or other, 75 busy.");
        let expected = [
            ("0", "done"),
            ("64", "usage"),
            ("74", "this, that or other"),
            ("75", "busy"),
        ];
        let expected = expected.map(|(code, meaning)| (code.to_owned(), meaning.to_owned()));
        assert_eq!(codes, expected);
    }
}
