//! The control socket as a Varlink library that was not made here sees it: it introspects the
//! interface and calls every method of it.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "driver: runs a client in another language; a test fails by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Gid, Group, Uid};
use omadm_tests::process::{ACCOUNT, Bench, run};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/varlink_client.py");
const DEPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/deps.sh");

/// `nobody`, on any Linux system.
const NOBODY: u32 = 65_534;

/// The Python that has the library, made by `deps.sh`; why there is none.
fn python() -> Result<PathBuf, String> {
    let made = run(Command::new(DEPS).arg("varlink"));
    match made.out.lines().last() {
        Some(path) if made.code == 0 => Ok(PathBuf::from(path)),
        _ => Err(format!("{}{}", made.out, made.err)),
    }
}

/// Lets the group of `nobody` in.
fn admit(bench: &mut Bench, group: &str) {
    let path = bench.folder().join("agent/agent.toml");
    let own = fs::read_to_string(&path).unwrap();
    let own = own.replace("group = \"\"", &format!("group = {group:?}"));
    fs::write(path, own).unwrap();
    for folder in [bench.folder(), &bench.folder().join("agent")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    bench.agent.stop();
    bench.agent.restart();
}

fn called(python: &Path, arguments: &[&str]) -> usize {
    let client = run(Command::new(python).arg(CLIENT).args(arguments));
    let out = client.expect_success();
    let number = out.trim().strip_prefix("called: ").unwrap();
    number.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_foreign_client_calls_every_method() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            println!("skipped: a_foreign_client_calls_every_method: no library: {why}");
            return;
        }
    };
    let mut bench = Bench::new("xml", "");
    let socket = bench.agent.socket().display().to_string();
    let config = bench.folder().join("agent/agent.toml");
    let before = fs::read_to_string(&config).unwrap();
    let arguments = ["root", &socket, ACCOUNT, config.to_str().unwrap()];
    let all = called(&python, &arguments);
    assert!(all >= 11, "{all} methods");
    fs::write(&config, before).unwrap();

    let group = Group::from_gid(Gid::from_raw(NOBODY)).unwrap();
    let (true, Some(group)) = (Uid::effective().is_root(), group) else {
        println!("skipped: the reader of a_foreign_client: needs root and a group {NOBODY}");
        return;
    };
    admit(&mut bench, &group.name);
    let arguments = ["reader", &socket, &NOBODY.to_string()];
    assert_eq!(called(&python, &arguments), all);
}
