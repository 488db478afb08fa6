//! Sessions over serial devices with Debian's own kernel and its drivers: UARTs and an FTDI converter.

use std::time::Duration;

use omadm_tests::lab::{Found, Guest};

const LIMIT: Duration = Duration::from_mins(5);

/// Two cables, and a line to QEMU's monitor. Each is a socket with QEMU at both ends.
const DEVICES: &[&str] = &[
    "-chardev",
    "socket,id=waiting,path=cable.sock,server=on,wait=off",
    "-chardev",
    "socket,id=dialling,path=cable.sock",
    "-device",
    "isa-serial,index=1,chardev=waiting",
    "-device",
    "pci-serial,addr=0x10,chardev=dialling",
    "-chardev",
    "socket,id=far,path=usb.sock,server=on,wait=off",
    "-chardev",
    "socket,id=converter,path=usb.sock",
    "-device",
    "pci-serial,addr=0x11,chardev=far",
    "-device",
    "qemu-xhci,id=hub",
    "-device",
    "usb-serial,id=converter,bus=hub.0,chardev=converter",
    "-chardev",
    "socket,id=desk,path=monitor.sock,server=on,wait=off",
    "-mon",
    "chardev=desk,mode=readline",
    "-chardev",
    "socket,id=control,path=monitor.sock",
    "-device",
    "pci-serial,addr=0x12,chardev=control",
];

fn booted(test: &'static str, arguments: &[&str]) -> Option<Found> {
    let guest = Guest::of("serial-stock", test)?;
    let found = guest
        .with_stock_kernel(DEVICES)
        .with_memory(768)
        .run(arguments, LIMIT)?;
    let uarts = found.text("uarts");
    assert_eq!(uarts.matches("uart:16550A").count(), 5, "{uarts}");
    Some(found)
}

#[test]
fn over_two_uarts() {
    for query in [
        "baud=115200&entry=at",
        "baud=115200&entry=raw&flow=hardware",
    ] {
        let Some(found) = booted("over_two_uarts", &["uart", query]) else {
            return;
        };
        found.expect_served(&["one", "two"]);
    }
}

#[test]
fn over_a_usb_converter_that_is_pulled_out() {
    let Some(found) = booted("over_a_usb_converter_that_is_pulled_out", &["usb"]) else {
        return;
    };
    let driver = found.text("driver");
    assert!(driver.ends_with("/ftdi_sio"), "{driver}");
    found.expect_served(&["one", "two"]);
    let log = found.log("omadm-server");
    assert!(log.contains("/dev/ttyUSB0 is not there"), "{log}");
}

#[test]
fn a_break_leaves_obex() {
    let Some(found) = booted("a_break_leaves_obex", &["break"]) else {
        return;
    };
    let told = found.json("dialogue");
    let has = |part: &str, text: &str| {
        let said = told[part].as_str().unwrap_or_default();
        assert!(said.contains(text), "{part}: {told}");
    };
    has("before", "OK");
    has("entered", "CONNECT");
    // Before OBEX there is nobody to tell; commands are taken again.
    assert_eq!(told["break"], "", "{told}");
    has("after", "OK");
    let log = found.log("omadmd");
    assert!(log.contains("the peer sent a break"), "{log}");
    found.text("stopped");
}
