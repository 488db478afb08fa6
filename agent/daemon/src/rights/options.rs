//! The command line of `omadm-helper`. It is read by hand: what has a privilege had better be
//! small, and only units call it.

use std::time::Duration;

use super::Right;

/// What is printed for `--help`, and behind a mistake.
pub(super) const USAGE: &str = "\
Usage: omadm-helper RIGHT [--for USER] [--idle SECONDS]

Answers the requests of one right on the socket that the service manager passes, to USER (omadm
when left out; a name or a number) and root alone, and ends when nobody has asked for SECONDS (30).

RIGHT is one of: pss, kmsg, pstore, gadget.";

/// What the helper is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Serve.
    Serve(Options),
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
}

/// How it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) right: Right,
    /// Whom beside root.
    pub(super) user: String,
    /// How long without a request.
    pub(super) idle: Duration,
}

/// Reads the arguments behind the program's name; a mistake is said in a sentence.
pub(super) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Asked, String> {
    let mut arguments = arguments.into_iter();
    let (mut right, mut user, mut idle) = (None, "omadm".to_owned(), Duration::from_secs(30));
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--version" | "-V" => return Ok(Asked::Version),
            "--for" => user = arguments.next().ok_or("--for needs a user")?,
            "--idle" => {
                let given = arguments.next().as_deref().and_then(seconds);
                idle = given.ok_or("--idle needs whole seconds, 1 to 86400")?;
            }
            name if right.is_none() => {
                let unknown = || format!("no right is called {name:?}");
                right = Some(Right::parse(name).ok_or_else(unknown)?);
            }
            other => return Err(format!("{other:?} is one argument too many")),
        }
    }
    let right = right.ok_or("which right?")?;
    Ok(Asked::Serve(Options { right, user, idle }))
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok()?;
    (1..=86_400)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_right_is_enough() {
        let expected = Options {
            right: Right::Pss,
            user: "omadm".to_owned(),
            idle: Duration::from_secs(30),
        };
        assert_eq!(parsed("pss"), Ok(Asked::Serve(expected.clone())));
        let other = Options {
            user: "1234".to_owned(),
            idle: Duration::from_secs(2),
            ..expected
        };
        let line = "--for 1234 pss --idle 2";
        assert_eq!(parsed(line), Ok(Asked::Serve(other)));
        assert_eq!(parsed("pss --help"), Ok(Asked::Help));
    }

    #[test]
    fn mistakes_are_said() {
        for (line, said) in [
            ("", "which right?"),
            ("root", "\"root\""),
            ("pss kmsg", "too many"),
            ("pss --for", "--for needs"),
            ("pss --idle 0", "--idle needs"),
            ("pss --exec", "too many"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn the_usage_names_every_right() {
        for right in Right::ALL {
            assert!(USAGE.contains(right.name()), "{right:?}");
        }
    }
}
