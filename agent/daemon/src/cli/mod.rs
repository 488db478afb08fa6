//! The command `omadm`: what it is asked, and how it answers people and scripts.
//!
//! What it says about the tree, the accounts and the sessions comes from the daemon; KPIs,
//! documents and descriptions it reads on its own.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: standard streams and the environment"
)]

mod account;
mod arguments;
mod bluetooth;
mod check;
mod client;
mod codes;
mod completions;
mod ddf;
mod decode;
mod doctor;
mod document;
mod encode;
mod failure;
mod input;
mod kpi;
mod node;
mod notify;
mod plain;
mod print;
mod secret;
mod session;
mod status;
mod trace;
mod tree;
mod usb_gadget;

pub(crate) use self::kpi::wire as kpi_sample;
pub(crate) use self::plain::for_xml;
pub(crate) use self::print::Harmless;
pub(crate) use self::print::octets;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};

use self::arguments::{Arguments, Verb};
use self::client::Client;
use self::failure::Failure;
use self::print::Style;
use crate::control::wire;
use crate::exit;

/// Runs the command with the arguments of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let style = style(&arguments);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = run(arguments, style, &mut out).and_then(|()| Ok(out.flush()?));
    match done {
        Ok(()) => ExitCode::from(exit::OK),
        Err(failure) => {
            // what was said before counts; when nobody reads it, neither does this
            let _ = out.flush();
            complain(&failure)
        }
    }
}

/// The command line of `omadm`, for its manual and its completions.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Prints what clap has to say: help and version are no errors.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    match (error.use_stderr(), printed) {
        (true, _) => ExitCode::from(exit::USAGE),
        (false, Ok(())) => ExitCode::from(exit::OK),
        (false, Err(error)) => complain(&error.into()),
    }
}

fn complain(failure: &Failure) -> ExitCode {
    if !failure.message.is_empty() {
        let message = Harmless(&failure.message);
        // nobody is left to be told when standard error is gone as well
        let _ = writeln!(io::stderr(), "omadm: {message}");
    }
    ExitCode::from(failure.code)
}

fn style(arguments: &Arguments) -> Style {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if arguments.no_color || refused || !io::stdout().is_terminal() {
        Style::Plain
    } else {
        Style::Colour
    }
}

fn run(arguments: Arguments, style: Style, out: &mut dyn Write) -> Result<(), Failure> {
    let mut client = Client::new(arguments.socket);
    match arguments.verb {
        Verb::Status { listing } => status::run(&mut client, listing, style, out),
        Verb::Session(session) => session::run(&mut client, session, style, out),
        Verb::Notify { file, listing } => notify::run(&mut client, &file, listing, out),
        Verb::Tree { uri, listing } => tree::run(&mut client, uri, listing, style, out),
        Verb::Get {
            uris,
            value,
            listing,
        } => {
            let shown = match (value, listing.json) {
                (false, false) => node::Shown::All(style),
                (false, true) => node::Shown::Json,
                (true, _) if io::stdout().is_terminal() => node::Shown::HarmlessValue,
                (true, _) => node::Shown::Value,
            };
            node::get(&mut client, uris, shown, out)
        }
        Verb::Set {
            uri,
            value,
            base64,
            format,
            type_,
        } => {
            let (value, value_base64) = if base64 {
                (None, Some(value))
            } else {
                (Some(value), None)
            };
            let change = wire::SetNode {
                uri,
                value,
                value_base64,
                format,
                type_,
            };
            client.order(change)
        }
        Verb::Delete { uri } => client.order(wire::DeleteNode { uri }),
        Verb::Kpi(kpi) => kpi::run(&kpi, style, out),
        Verb::Account(verb) => account::run(&mut client, verb, style, out),
        Verb::Bluetooth(verb) => bluetooth::run(&mut client, &verb, style, out),
        Verb::Check { config } => check::run(config.as_deref(), out),
        Verb::Doctor { config, listing } => doctor::run(&mut client, config, listing, style, out),
        Verb::UsbGadget(verb) => usb_gadget::run(verb, out),
        Verb::Decode { file, listing } => decode::run(&file, listing, style, out),
        Verb::Encode { to, file } => encode::run(to, &file, out),
        Verb::Ddf(verb) => ddf::run(verb, style, out),
        Verb::Completions { shell } => completions::run(shell, out),
    }
}
