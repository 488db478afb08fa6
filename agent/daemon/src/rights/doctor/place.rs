//! Files and directories: the configuration, the state, the control socket, what accounts name.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: looks at files and directories"
)]

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::fcntl::AtFlags;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, Gid, Group, faccessat};
use omadm_bindings::load_certificates;

use super::{AccountFile, missing, ok, unseen};
use crate::cli::octets;
use crate::config::{self, Control, Severity};
use crate::control::wire::Feature;
use crate::directory;

/// A state with less room than this does not take many sessions.
const ROOM: u64 = 4 * 1024 * 1024;

/// Whether the daemon would accept what is on the disk now.
pub(super) fn configuration(file: Option<&Path>) -> Feature {
    let name = "configuration";
    let path = file.unwrap_or(Path::new(config::DEFAULT_FILE));
    let errors: Vec<_> = config::check(file)
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    if let Some(first) = errors.first() {
        let mend = match file {
            Some(file) => format!("omadm check --config {}", file.display()),
            None => "omadm check".to_owned(),
        };
        return missing(name, first.to_string(), mend);
    }
    if !path.exists() {
        return ok(name, format!("no {}: the defaults count", path.display()));
    }
    ok(name, path.display().to_string())
}

/// Where the tree and the secrets are kept.
pub(super) fn state(directory: &Path) -> Feature {
    let name = "state";
    let shown = directory.display();
    let about = match fs::metadata(directory) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mend = "systemctl start omadmd makes it; else name another in state-dir";
            return missing(name, format!("{shown} does not exist"), mend);
        }
        Err(error) => return unseen(name, format!("{shown}: {error}")),
    };
    if !about.is_dir() {
        let mend = "name another in state-dir, or move it away";
        return missing(name, format!("{shown} is no directory"), mend);
    }
    if !may(directory, AccessFlags::W_OK | AccessFlags::X_OK) {
        let text = format!("user {} may not write {shown}", super::host::who());
        let mend = format!("chown omadm: {shown}; chmod 0700 {shown}");
        return missing(name, text, mend);
    }
    if about.mode() & 0o077 != 0 {
        let text = format!("others may look into {shown}, where the secrets are");
        return missing(name, text, format!("chmod 0700 {shown}"));
    }
    room(name, directory)
}

fn room(name: &str, directory: &Path) -> Feature {
    let shown = directory.display();
    let Ok(found) = statvfs(directory) else {
        return ok(name, shown.to_string());
    };
    let unit = found.fragment_size();
    #[allow(
        clippy::useless_conversion,
        reason = "the count has 32 bits on 32-bit machines"
    )]
    let free = u64::from(found.blocks_available()).saturating_mul(unit);
    #[expect(clippy::cast_precision_loss, reason = "printed with one decimal")]
    let text = format!("{shown}, {} free", octets(free as f64));
    let inodes_are_out = found.files() > 0 && found.files_available() == 0;
    if free < ROOM || inodes_are_out {
        return missing(
            name,
            text,
            format!("make room on the file system of {shown}"),
        );
    }
    ok(name, text)
}

/// Whether the members of the group get to the socket.
pub(super) fn control(control: &Control) -> Feature {
    let name = "control socket";
    let path = control.socket.display();
    let group = &control.group;
    if group.is_empty() {
        return ok(name, format!("{path}, for root alone"));
    }
    let Ok(Some(found)) = Group::from_name(group) else {
        let text = format!("group {group:?} does not exist: only root can use {path}");
        let mend = format!("groupadd --system {group}; systemctl restart omadmd");
        return missing(name, text, mend);
    };
    if let Some(feature) = way(&control.socket, group, found.gid) {
        return feature;
    }
    match fs::symlink_metadata(&control.socket) {
        Ok(about) if !about.file_type().is_socket() => {
            let mend = "move it away; systemctl restart omadmd";
            missing(name, format!("{path} is no socket"), mend)
        }
        Ok(about) if about.gid() != found.gid.as_raw() || about.mode() & 0o060 != 0o060 => {
            let text = format!("group {group} may not use {path}");
            missing(name, text, "systemctl restart omadmd")
        }
        Ok(_) => ok(name, format!("{path}, group {group} reads")),
        Err(error) if error.kind() == ErrorKind::NotFound => missing(
            name,
            format!("{path} does not exist"),
            "systemctl start omadmd",
        ),
        Err(error) => unseen(name, format!("{path}: {error}")),
    }
}

/// What is in the way of the group, or cannot be seen.
fn way(socket: &Path, group: &str, gid: Gid) -> Option<Feature> {
    let name = "control socket";
    match directory::obstacle(socket, gid) {
        Ok(None) => None,
        Ok(Some((directory, mode))) => {
            let shown = directory.display();
            let text = format!("group {group} cannot pass {shown} (mode {mode:04o})");
            let mend = format!("chmod o+x {shown}, or put control.socket into /run/omadm");
            Some(missing(name, text, mend))
        }
        Err(error) => Some(unseen(name, format!("{}: {error}", socket.display()))),
    }
}

/// Certificates and keys.
pub(super) fn account_files(files: Option<&[AccountFile]>) -> Feature {
    let name = "account files";
    let Some(files) = files else {
        return unseen(name, "only the running daemon knows the accounts");
    };
    for file in files {
        let path = file.path.display();
        if let Err(error) = File::open(&file.path) {
            let text = format!("account {}: {} {path}: {error}", file.account, file.what);
            let mend = match error.kind() {
                ErrorKind::PermissionDenied => format!(
                    "let user {} read it: chgrp omadm {path}; chmod g+r {path}, and x on the \
                     directories above",
                    super::host::who()
                ),
                _ => format!("put it there, or change account {}", file.account),
            };
            return missing(name, text, mend);
        }
        // What a key is worth shows with its certificate, and it is nobody's to be read twice.
        if file.what != "client key"
            && let Err(error) = load_certificates(&file.path)
        {
            let text = format!("account {}: {} {error}", file.account, file.what);
            return missing(
                name,
                text,
                format!("omadm account set {} --help", file.account),
            );
        }
    }
    match files {
        [] => ok(name, "no account names any"),
        files => ok(name, format!("{} readable", files.len())),
    }
}

/// What the effective user may do with a file.
pub(super) fn may(path: &Path, how: AccessFlags) -> bool {
    faccessat(nix::fcntl::AT_FDCWD, path, how, AtFlags::AT_EACCESS).is_ok()
}
