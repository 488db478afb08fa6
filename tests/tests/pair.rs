//! Whole sessions between the two engines, over lines that fail in every way.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use omadm_dm::session::SessionEnd;
use omadm_dm::{Authority, Node, NodeWrite, Snapshot, operation};
use omadm_server::job::Operation;
use omadm_server::store::JobState;
use omadm_syncml::{Address, AlertId, Format, GenericAlert, Mark, MediaType, UriLimits, Value};
use omadm_tests::ask::{add, get, replace};
use omadm_tests::dice::Dice;
use omadm_tests::pair::{DEVICE, Flaky, GATEWAY, Pair, Perfect};

const ENCODINGS: [MediaType; 2] = [MediaType::DmXml, MediaType::DmWbxml];

fn pair(encoding: MediaType) -> Pair {
    Pair::new(encoding, &[], GATEWAY).unwrap()
}

/// The value of a stored leaf on the device.
fn value(pair: &Pair, uri: &str) -> Option<String> {
    let address = Address::parse(uri, &UriLimits::NONE).unwrap();
    let items = operation::get(
        &pair.tree.view(Snapshot::empty()),
        Authority::Local,
        &address,
    );
    Some(items.ok()?[0].data.as_text()?.into_owned())
}

#[test]
fn a_first_session_authenticates_both_ends_and_does_its_jobs() {
    for encoding in ENCODINGS {
        let mut pair = pair(encoding);
        let jobs = [
            pair.queue(&[get("./DevInfo?list=StructData")]).unwrap(),
            pair.queue(&[get("./DiagMon/Memory?list=StructData")])
                .unwrap(),
            pair.queue(&[replace("./DMAcc/dms/Name", "renamed")])
                .unwrap(),
            pair.queue(&[add("./DMAcc/dms/Ext/Test/Note", "kept")])
                .unwrap(),
        ];
        let run = pair.run(&mut Perfect).unwrap();
        let outcome = run.outcome.unwrap();
        assert_eq!(outcome.end, SessionEnd::Completed, "{encoding}");
        for job in jobs {
            assert_eq!(pair.state(job).unwrap(), JobState::Done, "{encoding} {job}");
        }
        assert_eq!(value(&pair, "./DMAcc/dms/Name").as_deref(), Some("renamed"));
        assert_eq!(
            value(&pair, "./DMAcc/dms/Ext/Test/Note").as_deref(),
            Some("kept")
        );
    }
}

#[test]
fn a_later_session_needs_no_challenge() {
    let mut pair = pair(MediaType::DmXml);
    pair.queue(&[get("./DevInfo/Man")]).unwrap();
    assert_eq!(pair.run(&mut Perfect).unwrap().traffic.len(), 6);
    let job = pair.queue(&[get("./DevInfo/Man")]).unwrap();
    let run = pair.run(&mut Perfect).unwrap();
    assert_eq!(pair.state(job).unwrap(), JobState::Done);
    // Package 1 and 2 with both credentials, package 3 with the value, package 4 that ends it.
    assert_eq!(run.traffic.len(), 4);
}

#[test]
fn an_atomic_that_fails_leaves_nothing_behind() {
    for encoding in ENCODINGS {
        let mut pair = pair(encoding);
        let before = value(&pair, "./DMAcc/dms/Name");
        let members = vec![
            replace("./DMAcc/dms/Name", "must not stay"),
            add("./DMAcc/dms/Ext/Test/Note", "must not stay"),
            replace("./DevInfo/DevId", "refused"),
        ];
        let job = pair.queue(&[Operation::Atomic { members }]).unwrap();
        pair.run(&mut Perfect).unwrap();
        assert_eq!(pair.state(job).unwrap(), JobState::Failed);
        assert_eq!(value(&pair, "./DMAcc/dms/Name"), before);
        assert_eq!(value(&pair, "./DMAcc/dms/Ext/Test/Note"), None);
    }
}

/// An alert that the server can be asked for by its correlator.
fn alert(number: u64) -> GenericAlert {
    GenericAlert {
        id: AlertId(number),
        source: None,
        alert_type: "org.example.test".to_owned(),
        format: Format::Chr,
        mark: Mark::default(),
        correlator: Some(format!("alert {number}")),
        data: Value::from("done"),
    }
}

/// How often the server has received an alert.
fn received(pair: &mut Pair, number: u64) -> usize {
    let correlators = [format!("alert {number}")];
    let store = pair.server.store();
    store.correlated_alerts(DEVICE, &correlators).unwrap().len()
}

/// A server that asks for nothing is challenged only where the device has more to say.
#[test]
fn an_alert_reaches_a_server_whose_nonce_is_stale() {
    for encoding in ENCODINGS {
        let mut pair = pair(encoding);
        pair.queue(&[get("./DevInfo/Man")]).unwrap();
        pair.run(&mut Perfect).unwrap();
        // A renewed nonce that never arrived.
        let uri = "./DMAcc/dms/AppAuth/2/AAuthData".parse().unwrap();
        let node = Node::leaf(Format::Bin, Value::from(b"lost on the way".to_vec()));
        pair.write(&[NodeWrite::Put { uri, node }]);
        pair.alerts = vec![alert(1)];
        for _ in 0..2 {
            let outcome = pair.run(&mut Perfect).unwrap().outcome.unwrap();
            assert!(outcome.is_success(), "{outcome}");
        }
        assert_eq!(pair.alerts, []);
        assert!(received(&mut pair, 1) > 0);
    }
}

/// Whatever the line and the power do, a job that the server counts as done is in the tree, the
/// two ends agree on their nonces again, and every job is done in the end.
#[test]
fn nothing_acknowledged_is_lost_on_a_failing_line() {
    for seed in 1..=40_usize {
        let mut pair = pair(*ENCODINGS.get(seed % 2).unwrap());
        let mut line = Flaky(Dice::new(seed as u64));
        let jobs: Vec<_> = (0..12)
            .map(|n| {
                let uri = format!("./DMAcc/dms/Ext/Test/Note{n}");
                let job = pair.queue(&[add(&uri, &format!("value {n}"))]).unwrap();
                (job, uri, format!("value {n}"))
            })
            .collect();
        pair.alerts = (1..=6).map(alert).collect();
        let mut sessions = 0;
        loop {
            sessions += 1;
            pair.run(&mut line).unwrap();
            let mut open = 0;
            for (job, uri, expected) in &jobs {
                match pair.state(*job).unwrap() {
                    JobState::Done => {
                        assert_eq!(value(&pair, uri).as_ref(), Some(expected), "seed {seed}");
                    }
                    JobState::Failed | JobState::Cancelled => panic!("seed {seed}: {uri} failed"),
                    JobState::Queued | JobState::Sent => open += 1,
                }
            }
            for number in 1..=6 {
                let waits = pair.alerts.iter().any(|alert| alert.id == AlertId(number));
                let there = received(&mut pair, number) > 0;
                assert!(waits || there, "seed {seed}: alert {number} is lost");
            }
            if open == 0 && pair.alerts.is_empty() {
                break;
            }
            assert!(sessions < 60, "seed {seed}: {open} jobs are still open");
        }
        let run = pair.run(&mut Perfect).unwrap();
        assert_eq!(
            run.outcome.unwrap().end,
            SessionEnd::Completed,
            "seed {seed}"
        );
    }
}
