#![expect(clippy::disallowed_methods, reason = "test: damages databases")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use omadm_dm::session::{ExecKey, StoreError};
use omadm_dm::{Acl, Node, NodeWrite};
use omadm_syncml::{AlertId, Format, GenericAlert, Mark, Uri, Value, Wall};
use omadm_syncml::{BlobEncoding, BlobId};

use super::*;

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

fn put(text: &str, node: Node) -> Change {
    Change::Node(NodeWrite::Put {
        uri: uri(text),
        node,
    })
}

fn leaf(text: &str) -> Node {
    Node::leaf(Format::Chr, Value::from(text))
}

fn alert(id: u64) -> GenericAlert {
    GenericAlert {
        id: AlertId(id),
        source: Some(uri("./DiagMon/Memory")),
        alert_type: "urn:oma:at:dm:test:1.0".to_owned(),
        format: Format::Chr,
        mark: Mark::Critical,
        correlator: Some("c".to_owned()),
        data: Value::from("data"),
    }
}

/// A state file in a directory of its own.
struct State(tempfile::TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("state.db")
    }

    fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let (store, _) = Store::open(&self.path()).unwrap();
        store.commit(changes).blocking_recv().unwrap()
    }

    fn load(&self) -> Loaded {
        Store::open(&self.path()).unwrap().1
    }
}

#[test]
fn nodes_survive_with_every_property() {
    let state = State::new();
    let full = Node {
        type_: Some("text/plain".into()),
        title: Some("Ein Knoten".into()),
        acl: Acl::parse("Get=*&Replace=srv").unwrap(),
        tstamp: Some(Wall(Duration::from_micros(1_700_000_000_000_001))),
        verno: 65_535,
        ..leaf("Grüße\0")
    };
    let blob = Node::leaf(
        Format::Bin,
        Value::Blob {
            id: BlobId(7),
            len: 1 << 40,
            encoding: BlobEncoding::Base64,
        },
    );
    let written = [
        (".", Node::interior()),
        ("./A", full),
        ("./A/b%20c", blob),
        ("./Empty", Node::leaf(Format::Null, Value::EMPTY)),
    ];
    let changes = written.iter().map(|(uri, node)| put(uri, node.clone()));
    state.commit(changes.collect()).unwrap();
    let expected: Vec<_> = written.map(|(text, node)| (uri(text), node)).into();
    assert_eq!(state.load().nodes, expected);
}

#[test]
fn a_delete_takes_the_subtree_and_no_sibling() {
    let state = State::new();
    let names = [
        "./A", "./A/B", "./A/B/C", "./A-", "./A0", "./AB", "./A%3F", "./Z",
    ];
    state
        .commit(names.iter().map(|uri| put(uri, leaf("x"))).collect())
        .unwrap();
    let delete = Change::Node(NodeWrite::Delete { uri: uri("./A") });
    state
        .commit(vec![delete, put("./A/New", leaf("y"))])
        .unwrap();
    let left: Vec<_> = state
        .load()
        .nodes
        .iter()
        .map(|(uri, _)| uri.to_string())
        .collect();
    assert_eq!(left, ["./A%3F", "./A-", "./A/New", "./A0", "./AB", "./Z"]);
}

#[test]
fn the_other_tables_are_read_back() {
    let state = State::new();
    let record = AccountRecord {
        failures: 3,
        result: Some("refused".to_owned()),
        ended: Some(Wall(Duration::from_secs(1))),
        detail: Some("connection refused".to_owned()),
        anchor: Some(Anchor {
            wall: None,
            power_on: Duration::from_secs(5),
        }),
        crashes: 2,
        resync: Some(Anchor {
            wall: Some(Wall(Duration::from_secs(7))),
            power_on: Duration::from_secs(6),
        }),
        ..AccountRecord::default()
    };
    let account = || "bench".to_owned();
    state
        .commit(vec![
            Change::Meta {
                key: "dev-id",
                value: "urn:uuid:x".to_owned(),
            },
            Change::Policy {
                account: account(),
                policy: "{}".to_owned(),
            },
            Change::Record {
                account: account(),
                record: record.clone(),
            },
            Change::Alert(alert(2)),
            Change::Alert(alert(1)),
            Change::Alert(alert(3)),
            Change::Acknowledged(AlertId(2)),
        ])
        .unwrap();
    let loaded = state.load();
    assert_eq!(loaded.meta["dev-id"], "urn:uuid:x");
    assert_eq!(loaded.policies["bench"], "{}");
    assert_eq!(loaded.records["bench"], record);
    assert_eq!(loaded.alerts, [alert(1), alert(3)]);
    state
        .commit(vec![Change::Forget { account: account() }])
        .unwrap();
    let loaded = state.load();
    assert!(loaded.policies.is_empty() && loaded.records.is_empty());
}

#[test]
fn the_last_64_execs_of_each_server_are_remembered() {
    let state = State::new();
    let exec = |server: &str, correlator: u32| {
        Change::Exec(ExecRow {
            key: ExecKey {
                server: server.to_owned(),
                correlator: correlator.to_string(),
            },
            uri: uri("./A"),
            taken: None,
        })
    };
    let mut changes = vec![exec("quiet", 1)];
    changes.extend((0..100).map(|n| exec("busy", n)));
    changes.push(exec("busy", 99));
    state.commit(changes).unwrap();
    let execs = state.load().execs;
    assert_eq!(execs.len(), 65);
    assert_eq!(execs[0].server, "quiet");
    assert_eq!(execs[1].correlator, "36");
}

fn notified(account: &str, session_id: u16) -> Change {
    Change::Notified {
        account: account.to_owned(),
        notified: Notified {
            digest: [session_id.to_be_bytes()[1]; 16],
            session_id,
        },
    }
}

#[test]
fn the_last_64_notifications_of_each_account_are_remembered() {
    let state = State::new();
    let mut changes = vec![notified("quiet", 7)];
    changes.extend((0..100).map(|n| notified("busy", n)));
    state.commit(changes).unwrap();
    let seen = state.load().notified;
    assert_eq!(seen.len(), 1 + NOTIFIED_PER_ACCOUNT);
    let expected = |n: u8| Notified {
        digest: [n; 16],
        session_id: n.into(),
    };
    assert_eq!(seen[0], ("quiet".to_owned(), expected(7)));
    assert_eq!(seen[1], ("busy".to_owned(), expected(36)));
    assert_eq!(seen[64], ("busy".to_owned(), expected(99)));
    let forget = Change::Forget {
        account: "busy".to_owned(),
    };
    state.commit(vec![forget]).unwrap();
    assert_eq!(state.load().notified.len(), 1);
}

#[test]
fn the_audit_is_bounded() {
    let state = State::new();
    let entry = |n: u32| Change::Audit {
        entry: AuditEntry {
            time: None,
            who: "local".to_owned(),
            what: n.to_string(),
        },
        keep: 10,
    };
    state.commit((0..25).map(entry).collect()).unwrap();
    let connection = rusqlite::Connection::open(state.path()).unwrap();
    let (count, first): (u32, String) = connection
        .query_row("SELECT count(*), min(what) FROM audit", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((count, first.as_str()), (10, "15"));
}

#[test]
fn nobody_else_reads_the_files() {
    let state = State::new();
    let (store, _) = Store::open(&state.path()).unwrap();
    store
        .commit(vec![put("./A", leaf("secret"))])
        .blocking_recv()
        .unwrap()
        .unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(state.0.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
        seen += 1;
    }
    assert!(seen >= 2, "database and journal");
}

#[test]
fn what_is_forgotten_leaves_the_disk() {
    let state = State::new();
    let secret = "correct horse battery staple";
    let (store, _) = Store::open(&state.path()).unwrap();
    let commit = |changes| store.commit(changes).blocking_recv().unwrap().unwrap();
    commit(vec![put("./DMAcc/a/Secret", leaf(secret))]);
    let holds = |file: &Path| {
        let bytes = fs::read(file).unwrap_or_default();
        bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes())
    };
    let files = [state.path(), state.path().with_extension("db-wal")];
    assert!(files.iter().any(|file| holds(file)));
    commit(vec![
        Change::Node(NodeWrite::Delete {
            uri: uri("./DMAcc/a"),
        }),
        Change::Forget {
            account: "a".to_owned(),
        },
    ]);
    assert!(!files.iter().any(|file| holds(file)));
}

#[test]
fn a_damaged_file_is_named_and_left_alone() {
    let state = State::new();
    let value = "x".repeat(2000);
    let rows = (0..100).map(|n| put(&format!("./A/{n}"), leaf(&value)));
    state.commit(rows.collect()).unwrap();
    let path = state.path();
    let intact = fs::read(&path).unwrap();
    let mut damaged = intact.clone();
    for octet in &mut damaged[8192..16_384] {
        *octet = 0xa5;
    }
    let header = [b"no database at all, ".repeat(100), vec![0]].concat();
    let cut = intact[..intact.len() / 2].to_vec();
    for bytes in [damaged, header, cut] {
        fs::write(&path, &bytes).unwrap();
        let error = Store::open(&path).expect_err("damage goes unseen");
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(path.to_str().unwrap()) && text.contains(".recover"),
            "{text}"
        );
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn a_row_nobody_wrote_is_damage_too() {
    let state = State::new();
    state.commit(vec![put("./A", leaf("x"))]).unwrap();
    let connection = rusqlite::Connection::open(state.path()).unwrap();
    connection
        .execute("UPDATE node SET format = 'cube'", [])
        .unwrap();
    drop(connection);
    let error = Store::open(&state.path()).unwrap_err();
    assert!(error.to_string().contains("column format"), "{error}");
}

#[test]
fn a_newer_schema_is_not_touched() {
    let state = State::new();
    state.commit(Vec::new()).unwrap();
    let connection = rusqlite::Connection::open(state.path()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = Store::open(&state.path()).unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { version: 99, .. }),
        "{error}"
    );
}

#[test]
fn an_older_database_is_brought_up_to_date() {
    let state = State::new();
    state.commit(vec![put("./A", leaf("kept"))]).unwrap();
    let connection = rusqlite::Connection::open(state.path()).unwrap();
    connection
        .execute_batch(
            "DROP TABLE notification;
             DROP TABLE account_record;
             CREATE TABLE account_record (
                 name TEXT PRIMARY KEY,
                 failures INTEGER NOT NULL,
                 result TEXT,
                 ended INTEGER,
                 succeeded INTEGER
             ) STRICT, WITHOUT ROWID;
             INSERT INTO account_record VALUES ('bench', 3, 'refused', 1000000, NULL);
             PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(connection);
    for _ in 0..2 {
        let loaded = Store::open(&state.path()).unwrap().1;
        let expected = AccountRecord {
            failures: 3,
            result: Some("refused".to_owned()),
            ended: Some(Wall(Duration::from_secs(1))),
            ..AccountRecord::default()
        };
        assert_eq!(loaded.records["bench"], expected);
        assert_eq!(loaded.nodes.len(), 1);
    }
}

/// What version 2 made of `account_record`, without what came with notifications.
const VERSION_2: &str = "DROP TABLE notification;
     DROP TABLE account_record;
     CREATE TABLE account_record (
         name TEXT PRIMARY KEY,
         failures INTEGER NOT NULL,
         result TEXT,
         ended INTEGER,
         succeeded INTEGER,
         detail TEXT,
         anchor_wall INTEGER,
         anchor_power_on INTEGER,
         not_before INTEGER,
         crashes INTEGER NOT NULL DEFAULT 0
     ) STRICT, WITHOUT ROWID;
     INSERT INTO account_record VALUES
         ('bench', 3, 'refused', 1000000, NULL, 'why', NULL, 5000000, NULL, 1);
     PRAGMA user_version = 2;";

#[test]
fn a_database_without_notifications_learns_to_keep_them() {
    let state = State::new();
    state.commit(vec![put("./A", leaf("kept"))]).unwrap();
    let connection = rusqlite::Connection::open(state.path()).unwrap();
    connection.execute_batch(VERSION_2).unwrap();
    drop(connection);
    let loaded = state.load();
    let record = &loaded.records["bench"];
    assert_eq!((record.failures, record.crashes), (3, 1));
    assert_eq!(record.resync, None);
    let power_on = record.anchor.unwrap().power_on;
    assert_eq!(power_on, Duration::from_secs(5));
    assert_eq!((loaded.nodes.len(), loaded.notified.len()), (1, 0));
    state.commit(vec![notified("bench", 1)]).unwrap();
    assert_eq!(state.load().notified.len(), 1);
}

#[test]
fn a_full_disk_is_told_apart_and_changes_nothing() {
    let state = State::new();
    state.commit(vec![put("./A", leaf("old"))]).unwrap();
    let mut connection = open::open(&state.path()).unwrap();
    let pages: i64 = connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    connection
        .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
        .unwrap();
    let large = "x".repeat(100_000);
    let changes = [put("./A", leaf("new")), put("./B", leaf(&large))];
    let result = thread::transact_for_test(&mut connection, &changes);
    assert_eq!(result, Err(StoreError::Full));
    // The connection goes on: what fits is still taken.
    let result = thread::transact_for_test(&mut connection, &[put("./C", leaf("fits"))]);
    assert_eq!(result, Ok(()));
    drop(connection);
    let nodes = state.load().nodes;
    assert_eq!(
        nodes,
        [(uri("./A"), leaf("old")), (uri("./C"), leaf("fits"))]
    );
}

#[test]
fn a_disk_that_hangs_does_not_hold_up_the_end() {
    let state = State::new();
    let (mut store, _) = Store::open(&state.path()).unwrap();
    let other = rusqlite::Connection::open(state.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let done = store.commit(vec![put("./A", leaf("x"))]);
    let from = std::time::Instant::now();
    store.end(Duration::from_millis(50));
    assert!(from.elapsed() < Duration::from_secs(2));
    // The thread goes on by itself, and says so.
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(done.blocking_recv().unwrap(), Ok(()));
}

#[test]
fn every_transaction_is_synced() {
    let state = State::new();
    let connection = open::open(&state.path()).unwrap();
    let pragma = |name: &str| -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2");
    assert_eq!(pragma("secure_delete"), "1");
}
