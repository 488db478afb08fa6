//! The same sessions over a serial cable between two terminals.

use crate::stacks::{Desk, LIBOPENOBEX, PYOBEX, Stack, check, script};

use std::time::Duration;

use omadm_syncml::MediaType;
use omadm_tests::canned;
use omadm_tests::line::{Cable, LineSettings};
use omadm_tests::waiting::Waiting;

fn line() -> LineSettings {
    LineSettings {
        rate: 115_200,
        turnaround: [Duration::from_millis(1); 2],
        ..LineSettings::default()
    }
}

/// A device that waits at the far end; `query` says how.
fn device(cable: &Cable, query: &str) -> Waiting {
    let address = format!("tty+obex://{}?{query}", cable.path(1).display());
    Waiting::at(&address, vec![], script(MediaType::DmWbxml))
}

fn over_a_cable(test: &str, stack: Stack) {
    let Some(desk) = Desk::new(test, stack) else {
        return;
    };
    for query in ["baud=115200&entry=raw", "baud=115200"] {
        let cable = Cable::new(&desk.path(""), &line()).unwrap();
        let device = device(&cable, query);
        let name = format!("tty:{}", cable.path(0).display());
        let ended = desk.session(&name, MediaType::DmWbxml, 1024);
        check(&desk, &device, ended, MediaType::DmWbxml);
        // CONNECT, Package 0, twice GET and PUT, DISCONNECT.
        assert!(cable.counts().turns >= 13, "{:?}", cable.counts());
    }
}

#[test]
fn libopenobex_carries_a_session_over_a_serial_line() {
    over_a_cable(
        "libopenobex_carries_a_session_over_a_serial_line",
        LIBOPENOBEX,
    );
}

#[test]
fn pyobex_carries_a_session_over_a_serial_line() {
    over_a_cable("pyobex_carries_a_session_over_a_serial_line", PYOBEX);
}

/// As new terminals, which the device looks for; what is said before it has found them is lost.
fn plug_in_again(cable: &mut Cable, device: &Waiting, settings: &LineSettings) {
    cable.unplug();
    device.until_line(false);
    cable.plug(settings).unwrap();
    device.until_line(true);
}

#[test]
fn a_cable_that_is_unplugged_in_a_session_carries_the_next_one() {
    let test = "a_cable_that_is_unplugged_in_a_session_carries_the_next_one";
    let Some(desk) = Desk::new(test, PYOBEX) else {
        return;
    };
    let mut cable = Cable::new(&desk.path(""), &line()).unwrap();
    let device = device(&cable, "baud=115200&entry=raw");
    let name = format!("tty:{}", cable.path(0).display());
    for octets in [60, 400] {
        let settings = LineSettings {
            hang_up_at: Some(octets),
            ..line()
        };
        plug_in_again(&mut cable, &device, &settings);
        let ended = desk.session(&name, MediaType::DmWbxml, 1024);
        assert_ne!(ended.code, 0, "the plug came out after {octets} octets");
    }
    plug_in_again(&mut cable, &device, &line());
    let ended = desk.session(&name, MediaType::DmWbxml, 1024);
    assert_eq!(ended.expect_success().trim(), "rounds: 2");
    let heard = std::iter::repeat_with(|| device.heard());
    let whole = heard.take(9).find(|heard| heard.broken.is_none());
    assert_eq!(whole.unwrap().messages, canned::server(MediaType::DmWbxml));
}
