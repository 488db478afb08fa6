//! `omadm usb-gadget`: this machine as a USB device, by the right for it.
#![expect(clippy::disallowed_methods, reason = "driver: a deadline")]

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::arguments::UsbGadget;
use super::failure::Failure;
use super::print::{self, Harmless};
use crate::exit;
use crate::rights::wire::{DownGadget, GadgetReply, Request, StatusOfGadget, UpGadget};
use crate::rights::{self, AskError, Right};

/// How long the helper may take: the kernel may have to load what it needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why the kernel's own function is not used.
const KERNEL_OBEX: &str = "the kernel's own OBEX function (usb_f_obex) is not used: on Linux 6.1 it \
    is bound deactivated, so that no host ever sees it; --obex is one that hosts see";

pub(super) fn run(verb: UsbGadget, out: &mut dyn Write) -> Result<(), Failure> {
    match verb {
        UsbGadget::Up {
            kernel_obex: true, ..
        } => Err(Failure::new(exit::UNAVAILABLE, KERNEL_OBEX)),
        UsbGadget::Up {
            acm,
            obex,
            udc,
            listing,
            ..
        } => {
            let both = !acm && !obex;
            let reply = ask(&UpGadget {
                acm: acm || both,
                obex: obex || both,
                udc,
            })?;
            show(&reply, listing.json, out)
        }
        UsbGadget::Down => {
            let reply = ask(&DownGadget {})?;
            let text = if reply.was_up {
                "the USB gadget is down"
            } else {
                "the USB gadget was down"
            };
            Ok(writeln!(out, "{text}")?)
        }
        UsbGadget::Status { listing } => show(&ask(&StatusOfGadget {})?, listing.json, out),
    }
}

fn ask<R: Request>(request: &R) -> Result<R::Reply, Failure> {
    let socket = R::RIGHT.socket(Path::new(rights::DIRECTORY));
    rights::ask(&socket, request, Instant::now() + PATIENCE).map_err(|error| {
        let code = match &error {
            AskError::Denied(_) => exit::NO_PERMISSION,
            _ => exit::UNAVAILABLE,
        };
        let mend = match &error {
            AskError::Absent(_) => format!(": systemctl enable --now {}", Right::Gadget.unit()),
            AskError::Denied(_) => ": ask as root".to_owned(),
            _ => String::new(),
        };
        Failure::new(code, format_args!("{error}{mend}"))
    })
}

fn show(reply: &GadgetReply, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if json {
        return print::json(out, reply);
    }
    match &reply.gadget {
        None => writeln!(out, "the USB gadget is down")?,
        Some(gadget) => {
            let functions = gadget.functions.join(" and ");
            writeln!(out, "the USB gadget is up on {}: {functions}", gadget.udc)?;
            for port in &gadget.ports {
                writeln!(out, "  acm: {port}")?;
            }
            if gadget.functions.iter().any(|name| name == "obex") {
                let open = if gadget.open {
                    "the agent waits on it"
                } else {
                    "nobody waits on it: obex.listen = [\"usb-gadget+obex:\"]"
                };
                writeln!(out, "  obex: {open}")?;
            }
        }
    }
    for controller in &reply.controllers {
        let used = match &controller.gadget {
            Some(gadget) => format!(", used by {gadget}"),
            None => String::new(),
        };
        let line = format!("controller {}: {}{used}", controller.name, controller.state);
        writeln!(out, "{}", Harmless(&line))?;
    }
    if reply.controllers.is_empty() {
        writeln!(out, "this machine has no USB device controller")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::wire::{Controller, Gadget};

    fn shown(reply: &GadgetReply) -> String {
        let mut out = Vec::new();
        show(reply, false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_there_is_is_said() {
        let down = shown(&GadgetReply::default());
        assert!(down.contains("is down") && down.contains("no USB device controller"));
        let reply = GadgetReply {
            gadget: Some(Gadget {
                udc: "dummy_udc.0".into(),
                functions: vec!["acm".into(), "obex".into()],
                ports: vec!["/dev/ttyGS0".into()],
                open: false,
            }),
            controllers: vec![Controller {
                name: "dummy_udc.0".into(),
                state: "configured".into(),
                gadget: Some("omadm".into()),
            }],
        };
        let up = shown(&reply);
        for said in [
            "acm and obex",
            "/dev/ttyGS0",
            "usb-gadget+obex:",
            "configured, used by omadm",
        ] {
            assert!(up.contains(said), "{said}: {up}");
        }
    }

    #[test]
    fn the_kernel_s_own_function_is_refused_with_its_reason() {
        let verb = UsbGadget::Up {
            acm: false,
            obex: false,
            kernel_obex: true,
            udc: None,
            listing: crate::cli::arguments::Listing { json: false },
        };
        let failure = run(verb, &mut Vec::new()).unwrap_err();
        assert!(failure.message.contains("deactivated"), "{failure:?}");
    }
}
