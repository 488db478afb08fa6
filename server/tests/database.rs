//! Several processes on one database.

#![expect(clippy::disallowed_methods, reason = "driver: runs omadm-server")]

use omadm_server::Store;
use std::process::Command;

/// The last process to close a database in WAL mode removes its log. Here that must not be the
/// command line while this process still has the database open.
#[test]
fn a_command_leaves_the_log_of_a_running_server_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db");
    let mut store = Store::open(&path).unwrap();
    for round in 0..3 {
        let output = Command::new(env!("CARGO_BIN_EXE_omadm-server"))
            .args(["device", "list", "--json", "--db"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(folder.path().join("server.db-wal").exists());
        let value = round.to_string();
        store.set_meta("round", &value).unwrap();
        // A second connection in this process must not take the first one's locks with it.
        let other = Store::open(&path).unwrap();
        assert_eq!(other.meta("round").unwrap(), Some(value));
    }
}
