//! The Debian packages below systemd, on a kernel of Debian's version.
#![expect(
    clippy::disallowed_methods,
    reason = "test: looks for packages that were built"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use omadm_tests::lab::Guest;

const LIMIT: Duration = Duration::from_mins(15);

/// The newest package of this name in `target/deb`.
fn package(root: &Path, name: &str) -> Option<PathBuf> {
    let start = format!("{name}_");
    let mut found: Vec<_> = fs::read_dir(root.join("target/deb"))
        .ok()?
        .flatten()
        .map(|file| file.path())
        .filter(|path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.starts_with(&start) && file.ends_with(".deb")
        })
        .collect();
    found.sort_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    found.pop()
}

#[test]
fn the_life_of_the_packages() {
    let Some(guest) = Guest::of("package", "the_life_of_the_packages") else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let packages = ["omadm-agent", "omadm-server"].map(|name| package(&root, name));
    let [Some(agent), Some(server)] = packages else {
        guest.skipped("no packages in target/deb: make deb");
        return;
    };
    let guest = guest
        .with_systemd()
        .with_memory(1024)
        .with_file(&agent, "packages/omadm-agent.deb")
        .with_file(&server, "packages/omadm-server.deb")
        .with_file(
            &root.join("tests/scripts/deb-life.sh"),
            "packages/deb-life.sh",
        )
        .with_file(&root.join("debian/tests/session"), "packages/session");
    let Some(found) = guest.run(&[], LIMIT) else {
        return;
    };
    assert!(found.text("installed").contains("session: ok"));
    assert_eq!(
        found.text("programs"),
        "/usr/bin/omadm\n/usr/bin/omadm-server"
    );
    let limits = found.text("limits");
    for line in ["ActiveState=active", "User=omadm", "NoNewPrivileges=yes"] {
        assert!(
            limits.lines().any(|found| found == line),
            "{line}: {limits}"
        );
    }
    assert!(
        limits.contains("CapabilityBoundingSet=\n") || limits.ends_with("CapabilityBoundingSet=")
    );
    for line in ["bluetooth", "usb"] {
        found.text(&format!("job-{line}"));
        assert_eq!(found.text(&format!("name-{line}")), line);
    }
    let gadget = found.json("gadget");
    assert_eq!(gadget["gadget"]["functions"][0], "obex", "{gadget}");
    found.text("gadget-down");
    let doctor = found.json("doctor");
    for feature in ["bluetooth", "usb gadget"] {
        let all = doctor["features"].as_array().unwrap();
        let told = all.iter().find(|one| one["name"] == feature).unwrap();
        assert_eq!(told["state"], "ok", "{told}");
    }
    found.text("taken-off");
}
