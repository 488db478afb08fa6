//! What the kernel tells to the privileged alone, and what not every kernel has.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: asks the helpers, opens files of the kernel"
)]

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::devices::names;
use super::{absent, missing, ok, unseen, unused};
use crate::control::wire::Feature;
use crate::rights::ask::PATIENCE;
use crate::rights::line::within;
use crate::rights::wire::{GadgetReply, ReadKmsg, ReadPss, ReadPstore, StatusOfGadget};
use crate::rights::{AskError, Right, ask};

/// What the helpers answer, each asked for something small.
pub(super) fn rights(directory: &Path, is_agent: bool) -> Vec<Feature> {
    let pss = match asked_pss(directory) {
        Ok(detail) => ok("pss", detail),
        Err(error) => refused("pss", Right::Pss, is_agent, &error),
    };
    vec![
        pss,
        extra("kernel log", Right::Kmsg, asked_kmsg(directory)),
        extra("crash records", Right::Pstore, asked_pstore(directory)),
    ]
}

fn asked_pss(directory: &Path) -> Result<String, AskError> {
    // A process of another user than the helper's.
    let own = std::process::id();
    let request = ReadPss { pids: vec![own] };
    let reply = ask(&Right::Pss.socket(directory), &request, within(PATIENCE))?;
    let process = reply.processes.into_iter().next().unwrap_or_default();
    match (process.pss, process.reason) {
        (Some(_), _) => Ok("omadm-helper tells the memory of every process".to_owned()),
        (None, reason) => Err(AskError::Refused(reason.unwrap_or_default())),
    }
}

fn asked_kmsg(directory: &Path) -> Result<String, AskError> {
    let request = ReadKmsg {
        since: None,
        limit: Some(1),
    };
    ask(&Right::Kmsg.socket(directory), &request, within(PATIENCE))?;
    Ok("omadm-helper reads it".to_owned())
}

fn asked_pstore(directory: &Path) -> Result<String, AskError> {
    let reply = ask(
        &Right::Pstore.socket(directory),
        &ReadPstore {},
        within(PATIENCE),
    )?;
    let count = reply.records.len() as u64 + reply.omitted;
    Ok(format!("omadm-helper reads them, {count} are kept"))
}

/// This machine as a USB device, which the agent may be told to wait on.
pub(super) fn gadget(rights: &Path, controllers: &Path, wanted: bool, is_agent: bool) -> Feature {
    let name = "usb gadget";
    // Anybody may look, and where there is none, nobody need be asked.
    if names(controllers, |_| true).is_empty() {
        let text = "this machine has no USB device controller, or no driver for it";
        let mend = "leave usb-gadget+obex: out of obex.listen, or load the driver";
        return if wanted {
            missing(name, text, mend)
        } else {
            absent(name, text)
        };
    }
    match ask(
        &Right::Gadget.socket(rights),
        &StatusOfGadget {},
        within(PATIENCE),
    ) {
        Ok(reply) => told(name, &reply, wanted),
        Err(AskError::Absent(_)) if !wanted => absent(name, turned_on(Right::Gadget)),
        Err(error) => refused(name, Right::Gadget, is_agent, &error),
    }
}

fn told(name: &str, reply: &GadgetReply, wanted: bool) -> Feature {
    let mend = "omadm usb-gadget up";
    match &reply.gadget {
        Some(gadget) => {
            let functions = gadget.functions.join(" and ");
            let text = format!("up on {}, with {functions}", gadget.udc);
            if wanted && !gadget.functions.iter().any(|one| one == "obex") {
                return missing(name, text, format!("omadm usb-gadget down; {mend}"));
            }
            ok(name, text)
        }
        None if wanted => missing(name, "down, and obex.listen waits on it", mend),
        None => ok(name, format!("down; {mend} makes it one")),
    }
}

/// A right that the agent uses.
fn refused(name: &str, right: Right, is_agent: bool, error: &AskError) -> Feature {
    let unit = right.unit();
    match error {
        AskError::Absent(path) => {
            let text = format!("nobody answers at {}", path.display());
            missing(name, text, format!("systemctl enable --now {unit}"))
        }
        AskError::Denied(_) if !is_agent => {
            unseen(name, "only the agent and root may ask omadm-helper")
        }
        AskError::Denied(path) => {
            let text = format!(
                "{} does not let user {} in",
                path.display(),
                super::host::who()
            );
            missing(
                name,
                text,
                format!("systemctl restart {unit}; its SocketUser= is omadm"),
            )
        }
        AskError::Refused(_) | AskError::Io(..) => {
            let service = unit.replace(".socket", ".service");
            let text = format!("omadm-helper does not answer: {error}");
            missing(
                name,
                text,
                format!("journalctl -u {service}; systemctl cat {service}"),
            )
        }
    }
}

/// A right that nothing in this version asks for.
fn extra(name: &str, right: Right, answer: Result<String, AskError>) -> Feature {
    match answer {
        Ok(detail) => unused(name, &detail),
        Err(AskError::Absent(_)) => unused(name, &turned_on(right)),
        Err(error) => unused(name, &error.to_string()),
    }
}

fn turned_on(right: Right) -> String {
    format!("to turn it on: systemctl enable --now {}", right.unit())
}

/// What this version leaves alone, as far as it shows.
pub(super) fn interfaces() -> Vec<Feature> {
    vec![pressure_triggers(), taskstats()]
}

/// Sets a trigger on memory, which closing the file takes back. Its window is a multiple of two
/// seconds: those are open to every user since Linux 6.4.
fn pressure_triggers() -> Feature {
    let name = "psi triggers";
    let set = || {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/proc/pressure/memory")?;
        file.write_all(b"some 150000 2000000\0")
    };
    let found = match set() {
        Ok(()) => "this user may set them".to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => "this kernel has none".to_owned(),
        Err(error) => said("before Linux 6.4 they take CAP_SYS_RESOURCE", &error),
    };
    unused(name, &found)
}

fn taskstats() -> Feature {
    let name = "taskstats";
    let on = fs::read_to_string("/proc/sys/kernel/task_delayacct");
    let found = match on.as_deref().map(str::trim) {
        Ok("1") => "delays are counted; asking takes CAP_NET_ADMIN",
        Ok(_) => "delays are not counted: sysctl kernel.task_delayacct=1",
        Err(_) => "",
    };
    unused(name, found)
}

fn said(what: &str, error: &io::Error) -> String {
    format!("{what} ({error})")
}
