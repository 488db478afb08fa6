#![expect(
    clippy::disallowed_methods,
    reason = "driver: files that the tests look at"
)]

use super::*;
use crate::job::{Content, Operation};
use crate::session::{Credential, Device};
use omadm_syncml::Wall;
use omadm_syncml::auth::{AuthScheme, Secret};

const NOW: Wall = Wall(std::time::Duration::from_secs(1_700_000_000));

fn device(id: &str) -> NewDevice {
    NewDevice {
        device: Device {
            id: id.into(),
            known: true,
            client: Credential {
                scheme: AuthScheme::Md5,
                user: "user".into(),
                secret: Secret::from_text("correct horse"),
                nonce: vec![1, 2, 3],
            },
            server: None,
        },
        replace: false,
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn the_file_is_its_owners_alone_and_shows_no_secret() {
    let folder = folder();
    let path = folder.path().join("server.db");
    let mut store = Store::open(&path).unwrap();
    store.add_device(&device("a"), NOW).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    drop(store);
    let octets = std::fs::read(&path).unwrap();
    let secret = b"correct horse";
    assert!(!octets.windows(secret.len()).any(|window| window == secret));
    let store = Store::open(&path).unwrap();
    let credential = devices::load(&store.connection, "a").unwrap().client;
    assert_eq!(credential.secret.expose(), secret);
    assert_eq!(credential.nonce, [1, 2, 3]);
}

#[test]
fn a_file_that_others_could_read_is_closed_to_them() {
    let folder = folder();
    let path = folder.path().join("server.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    Store::open(&path).unwrap();
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = folder();
    let text = folder.path().join("text");
    std::fs::write(
        &text,
        "no database, but long enough to be looked at ".repeat(9),
    )
    .unwrap();
    let foreign = folder.path().join("foreign.db");
    let connection = Connection::open(&foreign).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(connection);
    for path in [&text, &foreign] {
        let look = || {
            let mode = path.metadata().unwrap().permissions().mode();
            (std::fs::read(path).unwrap(), mode)
        };
        let before = look();
        let Err(error) = Store::open(path) else {
            panic!("{} was taken", path.display())
        };
        assert_eq!(error.exit_code(), 78, "{error}");
        assert_eq!(before, look());
    }
    let later = folder.path().join("later.db");
    let store = Store::open(&later).unwrap();
    store
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(store);
    let Err(error) = Store::open(&later) else {
        panic!("a later version was taken")
    };
    assert!(error.to_string().contains("version 99"), "{error}");
}

/// What version 1 of the schema has written is there in this one.
#[test]
fn a_database_of_the_version_before_is_taken_over() {
    let folder = folder();
    let path = folder.path().join("server.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(SCHEMA[0]).unwrap();
    old.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;
         INSERT INTO devices (id, created) VALUES ('a', 5);
         INSERT INTO secrets VALUES ('a', 'device', 'md5', 'u', 'c2VjcmV0', 'TjE=');
         INSERT INTO secrets VALUES ('a', 'server', 'md5', 's', 'c2VjcmV0', 'TjI=');
         INSERT INTO jobs (device, kind, operations, state, created)
            VALUES ('a', 'get', '[]', 'queued', 5);"
    ))
    .unwrap();
    drop(old);
    let mut store = Store::open(&path).unwrap();
    let version: i64 = store
        .read(|c| c.pragma_query_value(None, "user_version", |row| row.get(0)))
        .unwrap();
    assert_eq!(version, 2);
    let shown = store.device("a").unwrap().unwrap();
    assert_eq!(shown.summary.waiting_jobs, 1);
    assert_eq!(shown.obex, None);
    let past = store.read(|c| notifications::past(c, "a", NOW)).unwrap();
    assert!(past.numbers.is_empty() && !past.resynchronised);
    let server = store.read(|c| devices::load(c, "a")).unwrap().server;
    assert_eq!(server.unwrap().nonce, b"N2");
    store
        .change(|t| notifications::begin(t, "a", 9, true, NOW))
        .unwrap();
    // Whoever opens it next finds it as it is.
    drop(store);
    let store = Store::open(&path).unwrap();
    let past = store.read(|c| notifications::past(c, "a", NOW)).unwrap();
    assert!(past.numbers == [9] && past.resynchronised);
}

#[test]
fn with_new_credentials_the_ends_may_find_together_anew() {
    let mut store = Store::in_memory().unwrap();
    store.add_device(&device("a"), NOW).unwrap();
    store
        .change(|t| notifications::begin(t, "a", 9, true, NOW))
        .unwrap();
    let again = NewDevice {
        replace: true,
        ..device("a")
    };
    store.add_device(&again, NOW).unwrap();
    let past = store.read(|c| notifications::past(c, "a", NOW)).unwrap();
    // The numbers stay: the device remembers them.
    assert!(past.numbers == [9] && !past.resynchronised);
}

#[test]
fn a_secret_for_obex_is_kept_like_the_others() {
    let folder = folder();
    let path = folder.path().join("server.db");
    let mut store = Store::open(&path).unwrap();
    store.add_device(&device("a"), NOW).unwrap();
    let credential = omadm_bindings::obex::ObexCredential {
        user: "lab".into(),
        secret: Secret::from_text("battery staple"),
    };
    store.set_obex_credential("a", Some(&credential)).unwrap();
    let kept = store.obex_credential("a").unwrap().unwrap();
    assert_eq!(kept.user, "lab");
    assert!(kept.secret.matches(&credential.secret));
    assert_eq!(store.obex_credentials().unwrap().len(), 1);
    let shown = serde_json::to_string(&store.device("a").unwrap()).unwrap();
    assert!(shown.contains("\"obex\":\"lab\""), "{shown}");
    assert!(!shown.contains("staple"), "{shown}");
    drop(store);
    let octets = std::fs::read(&path).unwrap();
    assert!(!octets.windows(14).any(|window| window == b"battery staple"));
    let mut store = Store::open(&path).unwrap();
    store.set_obex_credential("a", None).unwrap();
    assert!(store.obex_credential("a").unwrap().is_none());
}

#[test]
fn two_processes_may_queue_and_read_at_once() {
    let folder = folder();
    let path = folder.path().join("server.db");
    Store::open(&path)
        .unwrap()
        .add_device(&device("a"), NOW)
        .unwrap();
    let write = || {
        let mut store = Store::open(&path).unwrap();
        for n in 0..50 {
            let uri = format!("./N/{n}");
            let job = [Operation::Get { uri }];
            store.add_job("a", "get", &job, NOW).unwrap();
            store.jobs(None, None).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(write);
        }
    });
    let store = Store::open(&path).unwrap();
    assert_eq!(store.jobs(Some("a"), None).unwrap().len(), 200);
    assert_eq!(store.devices().unwrap()[0].waiting_jobs, 200);
}

/// A second connection of the same process must not take the locks of the first one with it.
#[test]
fn another_process_sees_what_a_reopened_one_wrote() {
    let folder = folder();
    let path = folder.path().join("server.db");
    let mut first = Store::open(&path).unwrap();
    drop(Store::open(&path).unwrap());
    first.add_device(&device("a"), NOW).unwrap();
    let query = "SELECT COUNT(*) FROM devices";
    let other = || {
        std::process::Command::new("sqlite3")
            .arg(&path)
            .arg(query)
            .output()
    };
    if other().is_err() {
        println!("skipped: another_process_sees_what_a_reopened_one_wrote: no sqlite3");
        return;
    }
    // When the other process is gone, its changes and ours are still one history.
    for name in ["b", "c"] {
        first.add_device(&device(name), NOW).unwrap();
        let insert = format!("INSERT INTO devices (id, created) VALUES ('{name}2', 0)");
        let mut command = std::process::Command::new("sqlite3");
        assert!(command.arg(&path).arg(insert).status().unwrap().success());
    }
    assert_eq!(
        String::from_utf8(other().unwrap().stdout).unwrap().trim(),
        "5"
    );
    assert_eq!(first.devices().unwrap().len(), 5);
}

#[test]
fn a_device_is_registered_once_unless_it_is_replaced() {
    let mut store = Store::in_memory().unwrap();
    assert!(store.add_device(&device("a"), NOW).unwrap());
    assert!(!store.add_device(&device("a"), NOW).unwrap());
    let mut other = device("a");
    other.device.client.user = "other".into();
    other.replace = true;
    store.add_job("a", "get", &[], NOW).unwrap();
    assert!(store.add_device(&other, NOW).unwrap());
    let shown = store.device("a").unwrap().unwrap();
    assert_eq!(shown.client.unwrap().user, "other");
    assert_eq!(shown.summary.waiting_jobs, 1, "its jobs stay");
    assert!(store.remove_device("a").unwrap());
    assert!(!store.remove_device("a").unwrap());
    assert!(store.jobs(None, None).unwrap().is_empty());
}

#[test]
fn no_listing_shows_a_secret() {
    let mut store = Store::in_memory().unwrap();
    store.add_device(&device("a"), NOW).unwrap();
    let job = [Operation::Replace {
        uri: "./DMAcc/x/AppAuth/s/AAuthSecret".into(),
        content: Content {
            text: Some("correct horse".into()),
            ..Content::default()
        },
    }];
    let id = store.add_job("a", "replace", &job, NOW).unwrap();
    let shown = serde_json::to_string(&store.device("a").unwrap()).unwrap()
        + &serde_json::to_string(&store.devices().unwrap()).unwrap()
        + &serde_json::to_string(&store.job(id).unwrap()).unwrap();
    assert!(!shown.contains("horse"), "{shown}");
    assert!(
        !shown.contains(&STANDARD.encode("correct horse")),
        "{shown}"
    );
    assert!(shown.contains("***"));
}

#[test]
fn old_records_go_and_running_ones_stay() {
    let mut store = Store::in_memory().unwrap();
    store.add_device(&device("a"), NOW).unwrap();
    for n in 0..20 {
        let id = store.add_job("a", "get", &[], NOW).unwrap();
        if n > 0 {
            store.cancel_job(id, NOW).unwrap();
        }
        store
            .change(|transaction| {
                let token = n.to_string();
                let name = if n % 2 == 0 { "a" } else { "stranger" };
                let id = sessions::begin(transaction, &token, name, "1", NOW)?;
                let query = "UPDATE sessions SET authenticated = ?2, phase = ?3 WHERE id = ?1";
                let phase = if n == 0 { "open" } else { "ended" };
                transaction.execute(query, rusqlite::params![id, name == "a", phase])?;
                audit::note(transaction, id, "x", NOW)
            })
            .unwrap();
    }
    let bounds = Bounds {
        sessions: 3,
        strangers: 2,
        audit: 4,
        jobs: 5,
        alerts: 1,
    };
    store.prune(&bounds).unwrap();
    let sessions = store.sessions(Some("a")).unwrap();
    assert_eq!(sessions.len(), 4, "three, and one that is under way");
    assert_eq!(sessions[0].phase, "open");
    assert_eq!(store.sessions(Some("stranger")).unwrap().len(), 2);
    let jobs = store.jobs(None, None).unwrap();
    assert_eq!(jobs.len(), 6);
    assert_eq!(jobs[0].state, JobState::Queued);
    let rows: i64 = store
        .read(|c| c.query_row("SELECT COUNT(*) FROM audit", (), |row| row.get(0)))
        .unwrap();
    assert!(rows <= 4);
}

#[test]
fn strangers_do_not_push_out_the_audit_of_a_device() {
    let mut store = Store::in_memory().unwrap();
    store.add_device(&device("a"), NOW).unwrap();
    let bounds = Bounds {
        audit: 400,
        ..Bounds::default()
    };
    store
        .change(|transaction| {
            let known = sessions::begin(transaction, "k", "a", "1", NOW)?;
            transaction.execute("UPDATE sessions SET authenticated = 1", ())?;
            audit::note(transaction, known, "said by the device", NOW)?;
            let stranger = sessions::begin(transaction, "s", "b", "1", NOW)?;
            for _ in 0..2_000 {
                audit::note(transaction, stranger, "noise", NOW)?;
                prune::after_message(transaction, &bounds)?;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(store.audit(1).unwrap().len(), 1);
    assert!(store.audit(2).unwrap().len() < 200);
}

#[test]
fn a_long_message_is_cut_in_the_audit() {
    let mut store = Store::in_memory().unwrap();
    let text = "é".repeat(100_000);
    store
        .change(|transaction| {
            let id = sessions::begin(transaction, "t", "a", "1", NOW)?;
            audit::note(transaction, id, &text, NOW)
        })
        .unwrap();
    let kept = &store.audit(1).unwrap()[0].text;
    assert!(kept.len() < 66_000);
    assert!(kept.ends_with("(200000 bytes in all)"));
}
