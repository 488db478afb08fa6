//! What `--help` shows: an example of every command, and examples that the program accepts.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use clap::Command;

/// The words of a line as a shell would read them, without comments, redirections and what
/// follows a pipe.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut spaces = 0;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '|' | '<' | '>') => break,
            // A comment stands apart.
            (None, ' ') if spaces == 1 => break,
            (None, ' ') => {
                spaces += 1;
                words.push(String::new());
                continue;
            }
            _ => words.last_mut().unwrap().push(character),
        }
        spaces = 0;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The examples below a help, also those after a pipe, with the lines that they go on in.
fn examples(help: &str, program: &str) -> Vec<Vec<String>> {
    let mut joined = String::new();
    let mut goes_on = false;
    for line in help.lines() {
        joined.push_str(if goes_on { line.trim_start() } else { line });
        goes_on = line.ends_with('\\');
        if goes_on {
            joined.pop();
        } else {
            joined.push('\n');
        }
    }
    let heading = |line: &&str| !matches!(*line, "Example:" | "Examples:");
    let below = joined.lines().skip_while(heading);
    let parts = below
        .filter_map(|line| line.strip_prefix("  "))
        .flat_map(|line| line.split(" | "))
        .filter(|part| part.split(' ').next() == Some(program));
    parts.map(words).collect()
}

/// Every command below this one, itself first, with the words that lead to it.
fn all(command: &Command) -> Vec<(String, Command)> {
    let mut found = vec![(command.get_name().to_owned(), command.clone())];
    for sub in command.get_subcommands() {
        let below = all(sub).into_iter();
        found.extend(below.map(|(path, sub)| (format!("{} {path}", command.get_name()), sub)));
    }
    found
}

/// Every command shows an example of itself, and every example is accepted.
fn check(program: &Command) {
    let name = program.get_name().to_owned();
    for (path, command) in all(program) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let examples = examples(&help, &name);
        assert!(!examples.is_empty(), "{path}: --help shows no example");
        let own = examples.iter().any(|words| leads(words, &path));
        assert!(own, "{path}: no example is of this command: {examples:?}");
        for words in examples {
            if let Err(error) = program.clone().try_get_matches_from(&words) {
                panic!("{path}: the example {words:?} is refused: {error}");
            }
        }
    }
}

/// Whether the words of the path stand among these, in this order.
fn leads(words: &[String], path: &str) -> bool {
    let mut words = words.iter();
    path.split(' ')
        .all(|wanted| words.any(|word| word == wanted))
}

#[test]
fn every_command_shows_examples_that_it_accepts() {
    check(&omadm_agent::cli::command());
    check(&omadm_agent::daemon::command());
    check(&omadm_server::cli::command());
}

#[test]
fn every_program_lists_its_exit_codes() {
    for program in [
        omadm_agent::cli::command(),
        omadm_agent::daemon::command(),
        omadm_server::cli::command(),
    ] {
        let help = program.get_after_help().unwrap().to_string();
        assert!(help.contains("\nExit codes: 0 done, "), "{help}");
        assert!(program.get_version().is_some());
    }
}

#[test]
fn a_line_is_read_as_a_shell_would() {
    assert_eq!(words("a 'b  c' --d > e"), ["a", "b  c", "--d"]);
    assert_eq!(words("a b   what it does"), ["a", "b"]);
    assert_eq!(words("a \"$B\" | c"), ["a", "$B"]);
    let help = "Examples:\n  p a \\\n      --b | p c -\n  q d\n  p e   well";
    let found = examples(help, "p");
    assert_eq!(
        found,
        [vec!["p", "a", "--b"], vec!["p", "c", "-"], vec!["p", "e"]]
    );
}
