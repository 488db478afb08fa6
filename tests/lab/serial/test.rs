//! Sessions over serial lines of a real kernel.

use std::time::Duration;

use omadm_tests::lab::Guest;

const LIMIT: Duration = Duration::from_mins(3);

#[test]
fn over_pseudo_terminals() {
    for entry in ["at", "raw"] {
        let Some(guest) = Guest::of("serial", "over_pseudo_terminals") else {
            return;
        };
        let Some(found) = guest.run(&["pty", entry], LIMIT) else {
            return;
        };
        found.expect_served(&["one", "two"]);
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
        found.expect_served(&["one", "two"]);
        // Each end is a multiplexer of its own, with 64 channels.
        assert_eq!(found.text("ends"), "/dev/gsmtty1 /dev/gsmtty65");
        let address = found.json("status")["status"]["lines"][0]["address"].clone();
        let address = address.as_str().unwrap();
        assert!(address.starts_with("tty+obex:///dev/gsmtty1?"), "{address}");
    }
}
