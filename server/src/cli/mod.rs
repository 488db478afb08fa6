//! The command `omadm-server`: what it is asked, and how it answers people and scripts.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: standard streams and files that are named on the command line"
)]

mod arguments;
mod bluetooth;
mod completions;
mod device;
mod job;
mod members;
mod notify;
mod obex;
mod print;
mod serve;
mod session;
mod usb;

use crate::error::{self, Error};
use clap::{CommandFactory as _, Parser as _};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use arguments::{Arguments, Usb, Verb};

/// Runs the command with the arguments of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = run(arguments, &mut out).and_then(|()| out.flush().map_err(written));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads on: that is no error.
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // What was said before counts; when nobody reads it, neither does this.
            let _ = out.flush();
            let _ = writeln!(
                io::stderr(),
                "omadm-server: {}",
                print::harmless(&error.to_string())
            );
            ExitCode::from(error.exit_code())
        }
    }
}

/// The command line of `omadm-server`, for its manual and its completions.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Prints what clap has to say: help and version are no errors.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(error::USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

fn run(arguments: Arguments, out: &mut dyn Write) -> Result<(), Error> {
    let common = arguments.common;
    match arguments.verb {
        Verb::Serve(options) => serve::run(&common, &options, out),
        Verb::Device(verb) => device::run(&common, verb, out),
        Verb::Notify(options) => notify::run(&common, &options, out),
        Verb::Bluetooth(verb) => bluetooth::run(&common, &verb, out),
        Verb::Job(verb) => job::run(&common, *verb, out),
        Verb::Session(verb) => session::run(&common, verb, out),
        Verb::Usb(Usb::List) => usb::list(&common, out),
        Verb::Completions { shell } => completions::run(shell, out),
    }
}

/// Writing the output failed.
fn written(source: io::Error) -> Error {
    Error::Io {
        what: "cannot write the output".into(),
        source,
    }
}

/// A file that was named, or `-` for standard input.
fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let read = if path == Path::new("-") {
        let mut octets = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut octets).map(|_| octets)
    } else {
        std::fs::read(path)
    };
    read.map_err(|source| Error::NoInput {
        path: path.to_owned(),
        source,
    })
}

/// A line of standard input.
fn read_line() -> Result<String, Error> {
    let mut line = String::new();
    io::BufRead::read_line(&mut io::stdin().lock(), &mut line).map_err(|source| {
        Error::NoInput {
            path: "-".into(),
            source,
        }
    })?;
    Ok(line)
}

/// A file of text that was named.
fn read_text(path: &Path) -> Result<String, Error> {
    String::from_utf8(read_file(path)?)
        .map_err(|_| Error::Data(format!("{} is not UTF-8 text", path.display())))
}
