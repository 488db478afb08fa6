//! What there is to say about a configuration and about what it names.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: reads what the configuration names"
)]

use std::path::{Path, PathBuf};

use nix::unistd::Group;
use omadm_dm::Ddf;

use super::load::{Finding, Place, Severity, error_in, files_of, load};
use super::{Config, DEFAULT_FILE};

/// Everything there is to say about the configuration, errors first.
pub fn check(file: Option<&Path>) -> Vec<Finding> {
    let config = match load(file) {
        Ok(config) => config,
        Err(errors) => return errors,
    };
    let file = file.unwrap_or(Path::new(DEFAULT_FILE));
    let mut findings: Vec<_> = descriptions(&config)
        .into_iter()
        .filter_map(|description| read_description(&description).err())
        .collect();
    findings.extend(surroundings(&config, file));
    findings
}

/// The description files that the configuration names, in the order they are read. A directory
/// that is not there has none.
pub(crate) fn descriptions(config: &Config) -> Vec<PathBuf> {
    let directories = config.ddf.directories.iter();
    let found = directories.filter_map(|directory| files_of(directory, "xml").ok());
    found.flatten().collect()
}

/// Reads a description file, or says which line is wrong.
pub(crate) fn read_description(path: &Path) -> Result<Ddf, Finding> {
    let text =
        std::fs::read_to_string(path).map_err(|error| error_in(path, None, &error.to_string()))?;
    let name = path.display().to_string();
    Ddf::parse(&name, &text).map_err(|error| {
        let node = error.node.as_ref();
        let node = node.map_or_else(String::new, |node| format!("{node}: "));
        let message = format!("{node}{}", error.reason);
        error_in(path, Some((error.line, 1)), &message)
    })
}

/// What the daemon will find amiss outside the files, and what looks like a slip.
fn surroundings(config: &Config, file: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |severity, message: String| {
        findings.push(Finding {
            severity,
            place: Place {
                file: file.to_owned(),
                position: None,
            },
            message,
        });
    };
    let directory = config.state_dir.display();
    if !config.state_dir.exists() {
        let text = format!("state-dir {directory} does not exist yet; omadmd makes it if it may");
        say(Severity::Warning, text);
    } else if !config.state_dir.is_dir() {
        let text = format!("state-dir {directory} is no directory: name another, or move it away");
        say(Severity::Error, text);
    }
    for (key, path) in [
        ("state-dir", &config.state_dir),
        ("control.socket", &config.control.socket),
    ] {
        if path.is_relative() {
            let path = path.display();
            let text = format!(
                "{key} {path} is relative to where omadmd happens to start: begin it with /"
            );
            say(Severity::Warning, text);
        }
    }
    let group = &config.control.group;
    if !group.is_empty() && !matches!(Group::from_name(group), Ok(Some(_))) {
        let text = format!(
            "control.group \"{group}\" does not exist: only root can use the socket; \
             create it with: groupadd --system {group}"
        );
        say(Severity::Warning, text);
    }
    findings.sort_by_key(|finding| finding.severity == Severity::Warning);
    findings
}
