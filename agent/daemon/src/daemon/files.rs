//! Looks at the files that an account names, as the daemon that has to read them later, so that
//! whoever names them hears at once what is wrong.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: reads certificates and keys"
)]

use std::fmt::Display;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use nix::unistd::{User, geteuid};
use omadm_bindings::load_certificates;

use crate::control::wire::AccountSettings;
use crate::mo::dmacc::AccountPolicy;

/// The bundle of a whole distribution has a quarter of this.
const MAX_FILE: u64 = 1 << 20;

/// What is wrong with the files that the settings name.
pub(super) fn check(settings: &AccountSettings, policy: &AccountPolicy) -> Result<(), String> {
    let named = |path: &Option<String>| path.as_ref().is_some_and(|path| !path.is_empty());
    if named(&settings.ca_file)
        && let Some(path) = &policy.ca_file
    {
        certificates("ca_file", path)?;
    }
    let Some(own) = &policy.client_certificate else {
        return Ok(());
    };
    if named(&settings.client_certificate) {
        certificates("client_certificate", &own.chain)?;
    }
    if named(&settings.client_key) {
        key(&own.key)?;
    }
    Ok(())
}

fn certificates(what: &str, path: &Path) -> Result<(), String> {
    readable(what, path)?;
    load_certificates(path)
        .map(drop)
        .map_err(|error| format!("{what} {error}"))
}

fn key(path: &Path) -> Result<(), String> {
    let octets = readable("client_key", path)?;
    let text = String::from_utf8_lossy(&octets);
    let wrong = |reason: &dyn Display| Err(format!("client_key {}: {reason}", path.display()));
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let reason = "the key is encrypted, and nobody is there to say its passphrase: write it \
                      without one (openssl pkey -in FILE -out FILE.plain)";
        return wrong(&reason);
    }
    let marks = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
    let marks = marks.map(|name| format!("-----BEGIN {name}-----"));
    if !marks.iter().any(|mark| text.contains(mark)) {
        return wrong(&"there is no PEM private key in it");
    }
    Ok(())
}

/// The content of a regular file; anything else could keep the daemon waiting for ever.
fn readable(what: &str, path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    let failed = |reason: &dyn Display| format!("{what} {}: {reason}", path.display());
    if !path.is_absolute() {
        return Err(failed(&"begin the path with /"));
    }
    let io = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => {
            let user = User::from_uid(geteuid()).ok().flatten();
            let user = user.map_or_else(|| geteuid().to_string(), |user| user.name);
            let mend = format!("omadmd runs as {user}, which may not read it: let it, with chown");
            failed(&mend)
        }
        _ => failed(&error),
    };
    let found = std::fs::metadata(path).map_err(io)?;
    if !found.is_file() {
        return Err(failed(&"this is no regular file"));
    }
    let mut content = zeroize::Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(io)?;
    file.take(MAX_FILE).read_to_end(&mut content).map_err(io)?;
    Ok(content)
}
