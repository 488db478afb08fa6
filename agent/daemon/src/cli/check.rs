//! `omadm check`: is the configuration good?

use std::io::Write;
use std::path::Path;

use super::failure::Failure;
use crate::config::{self, Severity};
use crate::exit;

/// Prints every finding; errors decide the exit code.
pub(super) fn run(file: Option<&Path>, out: &mut dyn Write) -> Result<(), Failure> {
    let findings = config::check(file);
    let mut errors = 0;
    for finding in &findings {
        match finding.severity {
            Severity::Error => {
                errors += 1;
                writeln!(out, "error: {finding}")?;
            }
            Severity::Warning => writeln!(out, "warning: {finding}")?,
        }
    }
    let default = Path::new(config::DEFAULT_FILE);
    match errors {
        0 if file.is_none() && !default.exists() => {
            let default = default.display();
            Ok(writeln!(
                out,
                "there is no {default}: the defaults count, and they are good"
            )?)
        }
        0 => Ok(writeln!(out, "the configuration is good")?),
        1 => Err(Failure::new(exit::CONFIG, "1 mistake in the configuration")),
        count => Err(Failure::new(
            exit::CONFIG,
            format_args!("{count} mistakes in the configuration"),
        )),
    }
}
