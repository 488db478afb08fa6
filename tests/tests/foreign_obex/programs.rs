//! Programs that know nothing of device management: they have to get answers that they take.

use crate::is_installed;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use omadm_tests::line::{Cable, LineSettings};
use omadm_tests::netns::Namespace;
use omadm_tests::process::run;
use omadm_tests::waiting::{Script, Waiting};

fn nothing_to_say() -> Script {
    Arc::new(|_| Vec::new())
}

/// Everything that `obex_test` can ask, in its order.
fn ask_by_obex_test(folder: &Path) -> String {
    fs::write(folder.join("in.bin"), [7; 768]).unwrap();
    let mut child = Command::new("timeout")
        .args(["20", "obex_test", "-i"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(b"c\np\nin.bin\nout.bin\ng\nfoo\nd\nq\n")
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn obex_test_connects_asks_and_disconnects() {
    let test = "obex_test_connects_asks_and_disconnects";
    if !is_installed("obex_test") {
        println!("skipped: {test}: obex_test is missing (Debian: openobex-apps)");
        return;
    }
    let namespace = match Namespace::new() {
        Ok(namespace) => namespace,
        Err(why) => return println!("skipped: {test}: {why}"),
    };
    let said = namespace.within(|| {
        // It knows one port, and IPv6 alone.
        let key = "/proc/sys/net/ipv6/conf/lo/disable_ipv6";
        if fs::write(key, "0").is_err() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let _device = Waiting::at("tcp+obex://[::1]:650", vec![], nothing_to_say());
        Some(ask_by_obex_test(folder.path()))
    });
    let Some(said) = said else {
        return println!("skipped: {test}: no IPv6");
    };
    assert!(said.contains("Connect OK"), "{said}");
    assert!(said.contains("Disconnect done"), "{said}");
}

/// A device that waits for OBEX as this says, at one end of a serial cable, and obexftp at the
/// other.
fn ask_by_obexftp(query: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    // It takes an answer only as one piece of at most 500 octets, so the line has no rate.
    let cable = Cable::new(folder.path(), &LineSettings::default()).unwrap();
    let address = format!("tty+obex://{}?{query}", cable.path(1).display());
    let _device = Waiting::at(&address, vec![], nothing_to_say());
    let mut command = Command::new("timeout");
    command.args(["20", "obexftp", "-t"]).arg(cable.path(0));
    let ended = run(command
        .args(["-U", "none", "-S", "-X"])
        .current_dir(&folder));
    assert!(cable.counts().turns >= 5, "{:?}", cable.counts());
    format!("{}{}", ended.out, ended.err)
}

#[test]
fn obexftp_fetches_the_capability_object_over_a_serial_line() {
    let test = "obexftp_fetches_the_capability_object_over_a_serial_line";
    if !is_installed("obexftp") {
        println!("skipped: {test}: obexftp is missing (Debian: obexftp)");
        return;
    }
    for query in ["baud=115200&entry=raw", "baud=115200"] {
        let said = ask_by_obexftp(query);
        assert!(said.contains("<Model>Waiting</Model>"), "{query}: {said}");
        assert!(said.contains("SYNCML-DM"), "{query}: {said}");
    }
}
