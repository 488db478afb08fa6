//! The process and the machine as a whole.
#![expect(clippy::disallowed_methods, reason = "driver: looks at this process")]

use nix::unistd::{Uid, User};

use super::{missing, ok};
use crate::control::wire::Feature;
use crate::daemon::clock;

/// Who looks, and with which capabilities. None are needed: some are too many, not missing.
pub(super) fn privileges(is_agent: bool) -> Feature {
    let name = "privileges";
    let who = who();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let eyes = if is_agent { "" } else { "looked at as " };
    match effective_capabilities(&status) {
        Some(0) => ok(name, format!("{eyes}user {who}, no capabilities")),
        _ if Uid::effective().is_root() => {
            let text =
                format!("{eyes}root: more than needed; run omadmd by its unit, as user omadm");
            ok(name, text)
        }
        Some(_) => ok(
            name,
            format!("{eyes}user {who}, with capabilities: none are needed"),
        ),
        None => ok(name, format!("{eyes}user {who}")),
    }
}

/// The name of this process's user.
pub(super) fn who() -> String {
    let uid = Uid::effective();
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

fn effective_capabilities(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// Certificates, calendars and reports need the time of day.
pub(super) fn clock() -> Feature {
    let name = "clock";
    let wall = clock::now().wall;
    match wall.and_then(clock::rfc3339) {
        Some(time) => ok(name, time),
        None => missing(
            name,
            "stands before this program was made: certificates cannot be checked",
            "set it, or let it be set: apt install systemd-timesyncd; timedatectl set-ntp true",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read() {
        let status = "Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t0000000000080000\n";
        assert_eq!(effective_capabilities(status), Some(0x8_0000));
        assert_eq!(effective_capabilities("Name:\tx\n"), None);
    }
}
