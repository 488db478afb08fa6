//! Sessions over USB: the function of this machine, devices that come and go, a foreign host.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::time::Duration;

use omadm_tests::lab::{Found, Guest};
use serde_json::json;

const LIMIT: Duration = Duration::from_mins(4);

/// An OBEX stack that is not ours, and what it says as a Device Management Server.
const FOREIGN: [&str; 2] = ["obex_dialogue.py", "libopenobex_client.py"];

fn run(test: &'static str, argument: &str) -> Option<Found> {
    let mut guest = Guest::of("usb", test)?;
    for name in FOREIGN {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scripts")
            .join(name);
        guest = guest.with_file(&file, name);
    }
    guest.run(&[argument], LIMIT)
}

fn job(found: &Found, name: &str) {
    let job = found.json(&format!("job-{name}"));
    assert_eq!(job["state"], "done", "{job}");
}

/// A job was done, and its value is there.
fn round(found: &Found, name: &str) {
    job(found, name);
    assert_eq!(found.text(&format!("name-{name}")), name);
}

fn ended_well(found: &Found) {
    let status = found.json("status");
    let session = &status["status"]["last_session"];
    assert_eq!(session["result"], "completed", "{status}");
    assert_eq!(found.step("stopped").status, 0);
}

fn refused(found: &Found, step: &str, said: &str) {
    let step = found.step(step);
    assert_eq!(step.status, 69, "{step:?}");
    assert!(step.err.contains(said), "{step:?}");
}

#[test]
fn over_the_function_of_this_machine() {
    let Some(found) = run("over_the_function_of_this_machine", "gadget") else {
        return;
    };
    refused(
        &found,
        "status-none",
        "systemctl enable --now omadm-helper-gadget.socket",
    );
    refused(&found, "kernel-obex", "deactivated");
    refused(&found, "wrong-udc", "there are: dummy_udc.0");
    refused(&found, "twice", "is up already");
    let away = found.json("away");
    let line = &away["status"]["lines"][0];
    assert_eq!(
        line["detail"], "the USB gadget is down, or without the function obex: omadm usb-gadget up",
        "{away}"
    );
    assert_eq!(
        found.json("up")["gadget"]["functions"],
        json!(["acm", "obex"])
    );
    let up = found.json("status-up");
    assert_eq!(up["gadget"]["open"], true, "{up}");
    assert_eq!(up["gadget"]["ports"], json!(["/dev/ttyGS0"]), "{up}");
    let controller = &up["controllers"][0];
    assert_eq!(controller["state"], "configured", "{up}");
    assert_eq!(controller["gadget"], "omadm", "{up}");
    let list = found.json("list");
    assert_eq!(list[0]["name"], "SYNCML-DM", "{list}");
    assert_eq!(list[1]["function"], "acm", "{list}");
    for name in ["first", "second", "replugged", "up-again", "after-kill"] {
        round(&found, name);
    }
    // A line that is dialled once, for a session that has nothing to do.
    let met = found.json("notify");
    assert_eq!(met["phase"], "ended", "{met}");
    // The server does not wait for an answer that cannot come.
    assert_eq!(found.step("unplugged-at-once").status, 0);
    job(&found, "hung");
    assert!(found.json("status-down")["gadget"].is_null());
    assert_eq!(found.json("list-down"), json!([]));
    assert_eq!(found.text("left"), "other");
    assert_eq!(found.text("left-by-killed"), "omadm\nother");
    // libopenobex wants the functional descriptors that FunctionFS refuses.
    assert!(found.step("libopenobex").out.contains("functions: 0"));
    ended_well(&found);
}

#[test]
fn over_the_serial_port_of_the_gadget() {
    let Some(found) = run("over_the_serial_port_of_the_gadget", "acm") else {
        return;
    };
    assert_eq!(found.json("up")["gadget"]["functions"], json!(["acm"]));
    round(&found, "first");
    // The port stays when the host goes; the line begins anew.
    let state = found.json("unplugged")["status"]["lines"][0]["state"].clone();
    assert_eq!(state, "waiting");
    round(&found, "replugged");
    ended_well(&found);
}

/// The transfers that the device has seen, in octets.
fn transfers(found: &Found) -> Vec<usize> {
    let seen = found.text("transfers");
    let lines = seen
        .lines()
        .filter_map(|line| line.strip_prefix("transfer "));
    lines.map(|octets| octets.parse().unwrap()).collect()
}

#[test]
fn over_a_device_that_comes_and_goes() {
    let Some(found) = run("over_a_device_that_comes_and_goes", "usbip") else {
        return;
    };
    assert_eq!(found.json("nobody")["state"], "queued");
    job(&found, "plugged");
    // Without the news of an arrival the next look would be seconds away.
    let waited: u64 = found.text("plugged-ms").parse().unwrap();
    assert!(waited < 4000, "{waited} ms");
    let list = found.json("list");
    assert_eq!(
        list[0]["address"], "usb+obex://1d6b:0107:lab-0001",
        "{list}"
    );
    job(&found, "whole-1");
    let transfers = transfers(&found);
    let whole = transfers
        .iter()
        .position(|octets| *octets >= 512 && octets % 512 == 0);
    assert_eq!(transfers[whole.unwrap() + 1], 0, "{transfers:?}");
    // Pulled out, the job is the server's again; plugged in, it is done.
    assert_ne!(found.json("cut")["state"], "done");
    assert_eq!(found.json("list-unplugged"), json!([]));
    job(&found, "cut");
    job(&found, "cut-again");
    assert_eq!(found.step("server-lives").status, 0);
    ended_well(&found);
}

#[test]
fn over_a_foreign_host() {
    let Some(found) = run("over_a_foreign_host", "foreign") else {
        return;
    };
    assert_eq!(found.text("libopenobex"), "functions: 1\nrounds: 3");
    round(&found, "foreign");
    ended_well(&found);
}
