//! What somebody who is not root may do. In a process of its own, because it gives up root.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::Home;
use nix::unistd::{Gid, Group, Uid, setegid, seteuid};
use serde_json::json;

/// `nobody`, on any Linux system.
const NOBODY: u32 = 65_534;

#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "test: writes a configuration, connects"
)]
fn a_member_of_the_group_reads_and_does_not_write() {
    let group = Group::from_gid(Gid::from_raw(NOBODY)).unwrap();
    let (true, Some(group)) = (Uid::effective().is_root(), group) else {
        println!("skipped: a_member_of_the_group: needs root and a group {NOBODY}");
        return;
    };
    let home = Home::new("");
    let own = fs::read_to_string(home.path("agent.toml")).unwrap();
    let own = own.replace("group = \"\"", &format!("group = {:?}", group.name));
    fs::write(home.path("agent.toml"), own).unwrap();
    fs::set_permissions(home.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let daemon = home.start();

    setegid(Gid::from_raw(NOBODY)).unwrap();
    seteuid(Uid::from_raw(NOBODY)).unwrap();
    let mut client = home.connect();
    assert_eq!(client.status()["pid"], daemon.pid());
    client.ask("ListTree", json!({})).unwrap();
    for (method, parameters) in [
        ("Reload", json!({})),
        ("RunSession", json!({})),
        ("SetNode", json!({ "uri": "./DevInfo/Lang", "value": "de" })),
        ("DeleteNode", json!({ "uri": "./DMAcc/x" })),
        ("RemoveAccount", json!({ "name": "x" })),
    ] {
        let error = client.ask(method, parameters).unwrap_err();
        assert_eq!(
            error["error"], "io.omadm.Agent.PermissionDenied",
            "{method}"
        );
    }
    assert!(
        fs::read_dir(home.path("state")).is_err(),
        "the state is private"
    );
    seteuid(Uid::from_raw(0)).unwrap();

    setegid(Gid::from_raw(NOBODY - 1)).unwrap();
    seteuid(Uid::from_raw(NOBODY)).unwrap();
    let refused = std::os::unix::net::UnixStream::connect(home.socket());
    seteuid(Uid::from_raw(0)).unwrap();
    setegid(Gid::from_raw(0)).unwrap();
    assert!(refused.is_err(), "somebody outside the group got in");
}
