//! A session that breaks on one bearer goes on over the next that the account has.

use std::time::Duration;

use omadm_tests::lab::Guest;

const LIMIT: Duration = Duration::from_mins(4);

#[test]
fn a_session_that_loses_bluetooth_goes_on_over_http() {
    let Some(guest) = Guest::of("bearer-change", "a_session_that_loses_bluetooth") else {
        return;
    };
    let Some(found) = guest.run(&[], LIMIT) else {
        return;
    };
    // The first one was held by the notification that came over Bluetooth, and has broken off.
    let sessions = found.json("sessions");
    let [first, second] = sessions.as_array().unwrap().as_slice() else {
        panic!("{sessions:#}");
    };
    assert_eq!(first["phase"], "superseded", "{first:#}");
    assert!(first["received"].as_u64() >= Some(3), "{first:#}");
    // The second one has done the rest over HTTP, by the device's own initiative.
    assert_eq!(second["phase"], "ended", "{second:#}");
    let status = found.json("status");
    let last = &status["status"]["last_session"];
    assert_eq!(last["result"], "completed", "{last:#}");
    assert_eq!(last["cause"], "retry", "{last:#}");
    assert_eq!(last["session_id"], second["session_id"]);
    assert!(found.log("omadmd").contains("DM_BEARER=http"));
    for job in found.json("jobs").as_array().unwrap() {
        assert_eq!(job["state"], "done", "{job:#}");
    }
    assert_eq!(found.step("stopped").status, 0);
}
