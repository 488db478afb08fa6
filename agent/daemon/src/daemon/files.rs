//! Looks at the files that an account names, as the daemon that has to read them later, so that
//! whoever names them hears at once what is wrong.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: reads certificates and keys"
)]

use std::fmt::Display;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use nix::unistd::{User, geteuid};
use omadm_bindings::{check_client_certificate, load_certificates};

use crate::control::wire::AccountSettings;
use crate::mo::dmacc::AccountPolicy;

/// What is wrong with the files that the settings name.
pub(super) fn check(settings: &AccountSettings, policy: &AccountPolicy) -> Result<(), String> {
    let named = |path: &Option<String>| path.as_ref().is_some_and(|path| !path.is_empty());
    if named(&settings.ca_file)
        && let Some(path) = &policy.ca_file
    {
        readable("ca_file", path)?;
        load_certificates(path).map_err(|error| format!("ca_file {error}"))?;
    }
    let Some(own) = &policy.client_certificate else {
        return Ok(());
    };
    if named(&settings.client_certificate) || named(&settings.client_key) {
        readable("client_certificate", &own.chain)?;
        readable("client_key", &own.key)?;
        check_client_certificate(&own.settings())
            .map_err(|error| format!("client certificate: {error}"))?;
    }
    Ok(())
}

/// Whether this is a regular file that can be opened: anything else could keep the daemon waiting
/// for ever.
fn readable(what: &str, path: &Path) -> Result<(), String> {
    let failed = |reason: &dyn Display| format!("{what} {}: {reason}", path.display());
    if !path.is_absolute() {
        return Err(failed(&"begin the path with /"));
    }
    let io = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => {
            let user = User::from_uid(geteuid()).ok().flatten();
            let user = user.map_or_else(|| geteuid().to_string(), |user| user.name);
            let path = path.display();
            let mend = format!(
                "omadmd runs as {user}, which may not read it: chown {user} {path}, and let it \
                 into the folders above"
            );
            failed(&mend)
        }
        _ => failed(&error),
    };
    let found = std::fs::metadata(path).map_err(io)?;
    if !found.is_file() {
        return Err(failed(&"this is no regular file"));
    }
    File::open(path).map(drop).map_err(io)
}
