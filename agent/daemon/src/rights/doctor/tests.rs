#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "test: makes what is looked at"
)]

use super::*;
use crate::config::{Control, ListenAddress};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::{Gid, Group};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_state_is_private_writable_and_there() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let found = place::state(&state);
    assert_eq!(found.state, FeatureState::Missing);
    assert!(found.mend.unwrap().contains("systemctl start omadmd"));
    fs::create_dir(&state).unwrap();
    mode(&state, 0o700);
    let found = place::state(&state);
    assert_eq!(found.state, FeatureState::Ok, "{found:?}");
    assert!(found.detail.contains("free"), "{found:?}");
    mode(&state, 0o755);
    let found = place::state(&state);
    assert_eq!(found.state, FeatureState::Missing);
    let expected = format!("chmod 0700 {}", state.display());
    assert_eq!(found.mend, Some(expected));
    fs::write(directory.path().join("file"), "").unwrap();
    let found = place::state(&directory.path().join("file"));
    assert!(found.detail.contains("no directory"), "{found:?}");
}

#[test]
fn the_group_has_to_get_to_the_socket() {
    let directory = tempfile::tempdir().unwrap();
    mode(directory.path(), 0o755);
    let closed = directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    mode(&closed, 0o700);
    let group = Group::from_gid(Gid::effective()).unwrap().unwrap().name;
    let control = |socket: &str, group: &str| Control {
        socket: directory.path().join(socket),
        group: group.to_owned(),
        ..Control::default()
    };
    let found = place::control(&control("closed/socket", &group));
    assert_eq!(found.state, FeatureState::Missing, "{found:?}");
    assert!(found.detail.contains("cannot pass"), "{found:?}");
    assert!(found.mend.unwrap().starts_with("chmod o+x "));
    let found = place::control(&control("socket", "no-such-group"));
    assert!(
        found
            .mend
            .unwrap()
            .starts_with("groupadd --system no-such-group")
    );
    let found = place::control(&control("socket", &group));
    assert_eq!(found.mend.as_deref(), Some("systemctl start omadmd"));
    let own = control("socket", &group);
    let _listener = std::os::unix::net::UnixListener::bind(&own.socket).unwrap();
    mode(&own.socket, 0o660);
    let found = place::control(&own);
    assert_eq!(found.state, FeatureState::Ok, "{found:?}");
    mode(&own.socket, 0o600);
    let found = place::control(&own);
    assert!(found.detail.contains("may not use"), "{found:?}");
    let found = place::control(&control("socket", ""));
    assert!(found.detail.contains("root alone"), "{found:?}");
}

#[test]
fn files_of_accounts_are_opened() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| AccountFile {
        account: "lab".to_owned(),
        what: "ca-file",
        path: directory.path().join(name),
    };
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(directory.path().join("ca.pem"), pem).unwrap();
    let found = place::account_files(Some(&[file("ca.pem")]));
    assert_eq!(
        (found.state, found.detail.as_str()),
        (FeatureState::Ok, "1 readable")
    );
    let found = place::account_files(Some(&[file("ca.pem"), file("gone.pem")]));
    assert_eq!(found.state, FeatureState::Missing);
    assert!(found.detail.contains("account lab: ca-file"), "{found:?}");
    fs::write(directory.path().join("empty.pem"), "").unwrap();
    let found = place::account_files(Some(&[file("ca.pem"), file("empty.pem")]));
    assert_eq!(found.state, FeatureState::Missing);
    assert!(found.detail.contains("no certificate in it"), "{found:?}");
    assert_eq!(place::account_files(None).state, FeatureState::Unseen);
}

#[test]
fn a_bad_configuration_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.toml");
    fs::write(&file, "unknown = 1\n").unwrap();
    let found = place::configuration(Some(&file));
    assert_eq!(found.state, FeatureState::Missing);
    assert!(
        found.detail.contains("agent.toml:1:1: unknown key"),
        "{found:?}"
    );
    assert!(found.mend.unwrap().starts_with("omadm check --config "));
    fs::write(&file, "log-level = \"info\"\n").unwrap();
    assert_eq!(place::configuration(Some(&file)).state, FeatureState::Ok);
}

#[test]
fn a_right_that_nobody_serves_is_missing_when_it_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let found = kernel::rights(directory.path(), true);
    let states: Vec<_> = found.iter().map(|feature| feature.state).collect();
    let (missing, unused) = (FeatureState::Missing, FeatureState::Unused);
    assert_eq!(states, [missing, unused, unused]);
    let mend = found[0].mend.as_deref();
    assert_eq!(mend, Some("systemctl enable --now omadm-helper-pss.socket"));
}

#[test]
fn whatever_is_missing_has_a_mend_and_names_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config {
        state_dir: directory.path().join("state"),
        control: Control {
            rights_dir: directory.path().to_owned(),
            ..Control::default()
        },
        ..Config::default()
    };
    let features = examine(&Subject {
        config_file: None,
        config,
        files: Some(Vec::new()),
        is_agent: true,
    });
    let mut names = std::collections::BTreeSet::new();
    for feature in &features {
        assert!(names.insert(&feature.name), "{feature:?}");
        assert!(!feature.detail.is_empty(), "{feature:?}");
        let has_mend = feature.mend.is_some();
        assert_eq!(
            feature.state == FeatureState::Missing,
            has_mend,
            "{feature:?}"
        );
    }
    for name in [
        "http sessions",
        "kpi memory",
        "pss",
        "psi triggers",
        "repairs",
    ] {
        assert!(names.contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn serial_lines_are_those_that_the_configuration_names() {
    let listen = |text: &str| {
        let config: Config = toml::from_str(&format!("[obex]\nlisten = [{text:?}]")).unwrap();
        devices::lines(&config.obex.listen)
    };
    let found = listen("unix+obex:///run/none");
    assert_eq!(found.state, FeatureState::Absent, "{found:?}");
    // One that is not there is waited for.
    let found = listen("tty+obex:///dev/no-such-line?baud=9600");
    assert_eq!(found.state, FeatureState::Ok, "{found:?}");
}

#[test]
fn bluetooth_is_missing_where_it_is_waited_on_alone() {
    let directory = tempfile::tempdir().unwrap();
    let waits = r#"["bt+obex:?adapter=hci0"]"#;
    let waits: Vec<ListenAddress> = serde_json::from_str(waits).unwrap();
    let found = devices::bluetooth(directory.path(), &[]);
    assert_eq!(found.state, FeatureState::Absent, "{found:?}");
    let found = devices::bluetooth(directory.path(), &waits);
    assert_eq!(found.state, FeatureState::Missing, "{found:?}");
    assert!(found.mend.unwrap().contains("rfkill"));
    fs::create_dir(directory.path().join("hci0")).unwrap();
    let found = devices::bluetooth(directory.path(), &waits);
    assert_eq!(found.state, FeatureState::Ok, "{found:?}");
    assert!(found.detail.contains("hci0"), "{found:?}");
}

#[test]
fn the_right_to_a_gadget_is_missing_where_it_is_waited_on_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (rights, controllers) = (
        directory.path().join("rights"),
        directory.path().join("udc"),
    );
    let gadget = |wanted| kernel::gadget(&rights, &controllers, wanted, true);
    // No controller: whatever else there is is in vain.
    assert_eq!(gadget(false).state, FeatureState::Absent);
    let found = gadget(true);
    assert_eq!(found.state, FeatureState::Missing, "{found:?}");
    assert!(
        found.detail.contains("no USB device controller"),
        "{found:?}"
    );
    fs::create_dir_all(controllers.join("dummy_udc.0")).unwrap();
    assert_eq!(gadget(false).state, FeatureState::Absent);
    let found = gadget(true);
    assert_eq!(found.state, FeatureState::Missing, "{found:?}");
    let mend = found.mend.unwrap();
    assert!(
        mend.contains("systemctl enable --now omadm-helper-gadget.socket"),
        "{mend}"
    );
}
