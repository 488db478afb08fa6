//! Writes the man pages and the journal's catalog into a directory: `omadm-man DIRECTORY`.
#![expect(clippy::disallowed_methods, reason = "driver: writes the pages")]

mod command;
mod config;
mod events;
mod roff;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use omadm_agent::rights::Right;

use roff::{Page, bold};

/// The commented configuration, which the agent reads and which is its own manual.
pub(crate) const CONFIGURATION: &str = include_str!("../../../agent/daemon/agent.toml");

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("usage: omadm-man DIRECTORY");
        return ExitCode::from(64);
    };
    match write(Path::new(&directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("omadm-man: {}: {error}", directory.display());
            ExitCode::from(74)
        }
    }
}

fn write(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    for (name, text) in pages(&date()) {
        fs::write(directory.join(name), text)?;
    }
    fs::write(directory.join("omadm.catalog"), events::catalog())
}

/// The day that the pages are of: that of the release where the build says so
/// (`SOURCE_DATE_EPOCH`), so that two builds give the same pages.
fn date() -> String {
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok();
    let epoch = epoch.and_then(|seconds| seconds.parse().ok());
    let time = epoch.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.unwrap_or_else(jiff::Timestamp::now)
        .strftime("%Y-%m-%d")
        .to_string()
}

/// Every page with the name of its file.
fn pages(date: &str) -> Vec<(&'static str, String)> {
    let omadm = omadm_agent::cli::command();
    let omadmd = omadm_agent::daemon::command();
    let server = omadm_server::cli::command();
    let omadm = command::page(omadm, 1, include_str!("../omadm.1.in"), date);
    let omadmd = command::page(omadmd, 8, include_str!("../omadmd.8.in"), date);
    let server = command::page(server, 8, include_str!("../omadm-server.8.in"), date);
    vec![
        ("omadm.1", ended(omadm, "omadm")),
        ("omadmd.8", ended(with_events(omadmd), "omadmd")),
        ("omadm-server.8", ended(server, "omadm-server")),
        ("omadm-helper.8", ended(helper(date), "omadm-helper")),
        ("agent.toml.5", ended(configuration(date), "agent.toml")),
    ]
}

fn with_events(mut page: Page) -> Page {
    events::write(&mut page);
    page
}

fn helper(date: &str) -> Page {
    let mut page = Page::new("omadm-helper", 8, date);
    page.name(
        "omadm-helper",
        "does one thing for omadmd that takes a privilege",
    );
    let text = include_str!("../omadm-helper.8.in");
    let (before, after) = text.split_once(".\\\" RIGHTS\n").unwrap_or((text, ""));
    page.raw(before);
    for right in Right::ALL {
        page.term(&bold(right.name()));
        let (interface, unit) = (right.interface(), right.unit());
        page.text(&format!(
            "{} Unit `{unit}`, interface `{interface}`.",
            right_text(right)
        ));
    }
    page.raw(after);
    page
}

/// The first sentence of the right's interface file.
fn right_text(right: Right) -> String {
    let comment = right.description().lines();
    let comment = comment.map_while(|line| line.strip_prefix('#'));
    let text = comment.map(str::trim).collect::<Vec<_>>().join(" ");
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    let sentence = text.get(..end).unwrap_or_default();
    format!("{}.", sentence.trim_end_matches('.'))
}

fn configuration(date: &str) -> Page {
    let mut page = Page::new("agent.toml", 5, date);
    page.name("agent.toml", "configuration of the OMA DM agent");
    page.raw(include_str!("../agent.toml.5.in"));
    config::write(&mut page, CONFIGURATION);
    page
}

/// The page with what it refers to, which is every other one.
fn ended(mut page: Page, name: &str) -> String {
    const PAGES: [(&str, u8); 5] = [
        ("omadm", 1),
        ("agent.toml", 5),
        ("omadm-helper", 8),
        ("omadm-server", 8),
        ("omadmd", 8),
    ];
    page.section("SEE ALSO");
    let others: Vec<_> = PAGES.iter().filter(|(other, _)| *other != name).collect();
    let last = others.len().saturating_sub(1);
    for (at, (other, section)) in others.into_iter().enumerate() {
        let end = if at == last { "" } else { "," };
        page.raw(&format!(
            ".BR {} ({section}){end}",
            other.replace('-', "\\-")
        ));
    }
    page.finish()
}
