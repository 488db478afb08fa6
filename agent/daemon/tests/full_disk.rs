//! A real `omadmd` whose disk has run full. The disk is a small one in memory, which only root
//! can mount.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "test: mounts and fills a disk"
)]

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Home, refusal};
use serde_json::json;

/// A mounted disk; it goes with this.
struct Disk(PathBuf);

impl Disk {
    /// `None` where nothing can be mounted.
    fn mount(place: &Path) -> Option<Self> {
        fs::create_dir(place).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs"]);
        let output = mount.arg(place).output().ok()?;
        output.status.success().then(|| Self(place.to_owned()))
    }

    /// Leaves no room at all, not even for a moment: the daemon would make its reserve again.
    fn fill(&self) {
        let mut options = fs::File::options();
        let mut file = options
            .create(true)
            .append(true)
            .open(self.0.join("filler"))
            .unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The daemon may have it still; then it goes a little later.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_keeps_nobody_from_making_room() {
    let home = Home::new("");
    let state = home.path("state");
    let Some(disk) = Disk::mount(&state) else {
        println!("skipped: a_full_disk_keeps_nobody_from_making_room: cannot mount a tmpfs");
        return;
    };
    let set = |text: &str| json!({ "uri": "./DevInfo/Lang", "value": text });
    let daemon = home.start();
    home.connect().ask("SetNode", set("de")).unwrap();
    daemon.stop();
    assert!(state.join("reserve").exists());

    // Neither the journal nor the number of this process can be written without the reserve.
    disk.fill();
    let daemon = home.start();
    let mut client = home.connect();
    assert!(!state.join("reserve").exists(), "it was needed");
    let node = client.ask("GetNode", json!({ "uri": "./DevInfo/Lang" }));
    assert_eq!(node.unwrap().pointer("/node/value"), Some(&json!("de")));
    client.ask("SetNode", set("fr")).unwrap();

    // Now even that is gone. The daemon says so and goes on.
    disk.fill();
    let mut refused = None;
    for at in 0..200 {
        let text = if at % 2 == 0 { "fr" } else { "it" };
        let answer = client.ask("SetNode", set(text));
        if answer.is_err() {
            refused = Some(refusal(answer));
            break;
        }
    }
    let refused = refused.expect("a full disk takes everything");
    assert_eq!(refused, ("io.omadm.Agent.Refused".to_owned(), 420));
    client.status();

    disk.make_room();
    client.ask("SetNode", set("es")).unwrap();
    client.ask("SetNode", set("pt")).unwrap();
    let log = daemon.stop();
    assert!(log.contains("make room"), "{log}");
    assert!(state.join("reserve").exists(), "it is made again");
}
