//! Sessions over Bluetooth: two linked controllers, the real kernel and the real `bluetoothd`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use omadm_tests::lab::{Found, Guest};
use serde_json::json;

const LIMIT: Duration = Duration::from_mins(4);

/// The device's adapter and the server's.
const NEAR: &str = "00:AA:01:00:00:00";
const FAR: &str = "00:AA:01:01:00:01";

fn run(name: &'static str, arguments: &[&str]) -> Option<Found> {
    Guest::of("bluetooth", name)?.run(arguments, LIMIT)
}

/// Nobody was met, and this is said of it.
fn expect_refused(found: &Found, step: &str, said: &str) {
    let step = found.step(step);
    assert_ne!(step.status, 0, "{step:?}");
    assert!(step.err.contains(said), "{said}: {step:?}");
}

fn expect_line(found: &Found, step: &str, said: &str) {
    let line = &found.json(step)["status"]["lines"][0];
    assert_eq!(line["state"], "away", "{line}");
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains(said), "{said}: {detail}");
}

#[test]
fn paired_ends_hold_sessions() {
    let Some(found) = run("paired_ends_hold_sessions", &["sessions"]) else {
        return;
    };
    let unprovable = found.step("unprovable");
    assert!(
        unprovable.err.contains("--bluetooth-peer"),
        "{unprovable:?}"
    );
    expect_refused(&found, "stranger", "pair first");

    let window = &found.json("window")["adapters"][0];
    assert_eq!(window["discoverable"], true, "{window}");
    assert_eq!(window["discoverable_seconds"], 60, "{window}");
    // Somebody has compared the numbers at both ends.
    let number = |text: &str| {
        let question = text.lines().find(|line| line.contains("[y/N]"));
        let shown = question.unwrap_or_else(|| panic!("nobody was asked: {text}"));
        let number = shown.split('?').next().unwrap().split(' ').next_back();
        number.unwrap().to_owned()
    };
    let (near, far) = (found.text("pair"), found.log("pair-device"));
    assert_eq!(number(&near), number(&far));
    assert_eq!(number(&near).len(), 6, "{near}");
    assert_eq!(found.step("paired").status, 0);
    let account = found.json("account");
    assert_eq!(account["bluetooth_peers"], json!([FAR]));
    assert_eq!(account["accepts"], json!(["bonded-link"]));
    let status = found.json("status");
    let adapter = &status["adapters"][0];
    assert_eq!(adapter["discoverable"], false, "it is put back: {adapter}");
    assert_eq!(adapter["peers"][0]["address"], FAR);
    assert_eq!(adapter["peers"][0]["accounts"], json!(["lab"]));
    assert_eq!(status["lines"][0]["state"], "waiting", "{status}");

    let scan = found.json("scan");
    assert_eq!(scan[0]["address"], NEAR, "{scan}");
    assert_eq!(scan[0]["classes"], json!(["dm-client"]));
    let record = found.text("record");
    let record = record
        .split("Service Name: SyncML DM Client")
        .nth(1)
        .unwrap();
    for line in ["\"L2CAP\" (0x0100)", "Channel: 22", "\"OBEX\" (0x0008)"] {
        assert!(record.contains(line), "{line}: {record}");
    }

    for round in ["one", "two", "three"] {
        let job = found.json(&format!("job-{round}"));
        assert_eq!(job["state"], "done", "{job}");
        assert_eq!(
            found.text(&format!("name-{round}")),
            format!("round {round}")
        );
    }
    // The pairing has proven whom no credential of SyncML has.
    assert_eq!(found.text("poll").lines().last(), Some("Get 200"));

    assert_eq!(found.json("connected")["lines"][0]["state"], "connected");
    assert_eq!(found.text("after-loss"), "first message\nthe line is over");

    assert_ne!(found.step("unlisted").status, 0);
    let removed = found.json("remove");
    assert_eq!(removed["unpaired"], true);
    expect_refused(&found, "unpaired", "pair first");
    assert_eq!(found.step("stopped").status, 0);
}

#[test]
fn what_was_away_is_waited_for_again() {
    let Some(found) = run("what_was_away_is_waited_for_again", &["away"]) else {
        return;
    };
    expect_line(&found, "no-bluetoothd", "systemctl start bluetooth");
    expect_line(&found, "off", "hci0 is powered off: bluetoothctl power on");
    expect_line(&found, "taken", "RFCOMM channel 21 of hci0 is taken");
    for step in ["first", "restarted", "powered", "freed"] {
        let met = found.json(step);
        assert_eq!(met["phase"], "ended", "{step}: {met}");
    }
    assert_eq!(found.step("stopped").status, 0);
}
