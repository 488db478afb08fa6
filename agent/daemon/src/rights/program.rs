//! The program `omadm-helper`.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: a program's arguments and streams"
)]

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use nix::unistd::{Uid, User};

use super::listen;
use super::options::{self, Asked, Options, USAGE};
use super::serve::{Limits, serve};
use crate::exit;

/// Serves one right until nobody asks any more.
pub fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
    let done = match options::parse(arguments) {
        Ok(Asked::Serve(options)) => run(&options),
        Ok(Asked::Help) => print(USAGE),
        Ok(Asked::Version) => print(concat!("omadm-helper ", env!("CARGO_PKG_VERSION"))),
        Err(mistake) => Err((exit::USAGE, format!("{mistake}\n\n{USAGE}"))),
    };
    match done {
        Ok(()) => ExitCode::from(exit::OK),
        Err((code, message)) => {
            say(&message);
            ExitCode::from(code)
        }
    }
}

/// An exit code and a sentence.
type Failure = (u8, String);

fn run(options: &Options) -> Result<(), Failure> {
    let right = options.right;
    let passed = listen::passed().map_err(|error| (exit::UNAVAILABLE, error.to_string()))?;
    let Some(listener) = passed else {
        let text = format!(
            "no socket was passed: this program is started by its socket only (systemctl start {})",
            right.unit()
        );
        return Err((exit::USAGE, text));
    };
    let served = served(&options.user).map_err(|text| (exit::CONFIG, text))?;
    let limits = Limits {
        idle: options.idle,
        ..Limits::default()
    };
    serve(&listener, right, &served, limits).map_err(|error| (exit::IO, error.to_string()))
}

/// Whoever is served: root and one user. Nobody else can be named by mistake: a user that does
/// not exist is an error, not root alone.
fn served(user: &str) -> Result<[Uid; 2], String> {
    let uid = match user.parse() {
        Ok(number) => Uid::from_raw(number),
        Err(_) => match User::from_name(user) {
            Ok(Some(found)) => found.uid,
            Ok(None) => return Err(format!("--for {user:?}: there is no such user")),
            Err(error) => return Err(format!("--for {user:?}: {error}")),
        },
    };
    Ok([Uid::from_raw(0), uid])
}

fn print(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| (exit::IO, error.to_string()))
}

/// Says something on standard error, which is the journal's.
pub(super) fn say(text: impl fmt::Display) {
    // Nobody is left to be told when it is gone.
    let _ = writeln!(std::io::stderr(), "omadm-helper: {text}");
}
