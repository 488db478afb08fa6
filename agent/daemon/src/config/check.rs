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
    findings.extend(warnings(&config, file));
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

fn warnings(config: &Config, file: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut warn = |message: String| {
        findings.push(Finding {
            severity: Severity::Warning,
            place: Place {
                file: file.to_owned(),
                position: None,
            },
            message,
        });
    };
    if !config.state_dir.is_dir() {
        warn(format!(
            "state-dir {} does not exist yet; omadmd makes it if it may",
            config.state_dir.display()
        ));
    }
    let group = &config.control.group;
    if !group.is_empty() && !matches!(Group::from_name(group), Ok(Some(_))) {
        warn(format!(
            "control.group \"{group}\" does not exist: only root can use the socket; \
             create it with: groupadd --system {group}"
        ));
    }
    findings
}
