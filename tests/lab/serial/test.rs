//! Sessions over serial lines of a real kernel.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use omadm_tests::lab::{Found, Guest};

const LIMIT: Duration = Duration::from_mins(3);

/// Two jobs were done over the line, one after the other, in sessions that the server began.
fn two_sessions(found: &Found) {
    for round in ["one", "two"] {
        let job = found.json(&format!("job-{round}"));
        assert_eq!(job["state"], "done", "{job}");
        let name = found.text(&format!("name-{round}"));
        assert_eq!(name, format!("round {round}"));
    }
    let status = found.json("status");
    let session = &status["status"]["last_session"];
    assert_eq!(session["result"], "completed", "{status}");
    let cause = session["cause"].as_str().unwrap();
    assert!(cause.starts_with("notification "), "{session}");
    assert_eq!(found.step("stopped").status, 0);
}

#[test]
fn over_pseudo_terminals() {
    for entry in ["at", "raw"] {
        let Some(guest) = Guest::of("serial", "over_pseudo_terminals") else {
            return;
        };
        let Some(found) = guest.run(&["pty", entry], LIMIT) else {
            return;
        };
        two_sessions(&found);
    }
}

#[test]
fn over_a_multiplexed_channel() {
    for entry in ["at", "raw"] {
        let Some(guest) = Guest::of("serial", "over_a_multiplexed_channel") else {
            return;
        };
        let Some(found) = guest.run(&["mux", entry], LIMIT) else {
            return;
        };
        two_sessions(&found);
        // Each end is a multiplexer of its own, with 64 channels.
        assert_eq!(found.text("ends"), "/dev/gsmtty1 /dev/gsmtty65");
        let address = found.json("status")["status"]["lines"][0]["address"].clone();
        let address = address.as_str().unwrap();
        assert!(address.starts_with("tty+obex:///dev/gsmtty1?"), "{address}");
    }
}
