//! Packages of many messages in both directions: a large tree and long jobs through a small
//! `MaxMsgSize` (OMA-TS-DM-Protocol 6).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use omadm_dm::session::{SessionEnd, SessionParameters};
use omadm_dm::{Authority, Content, Edit, Overlay, Snapshot, operation};
use omadm_server::job::Operation;
use omadm_server::store::JobState;
use omadm_syncml::{
    Address, Alert, AlertCode, Command, Limits, MediaType, Message, Now, UriLimits, decode,
};
use omadm_tests::ask::{add, get};
use omadm_tests::pair::{Direction, GATEWAY, Pair, Perfect, Run, groups};
use std::collections::BTreeMap;
use std::time::Duration;

const ENCODINGS: [MediaType; 2] = [MediaType::DmXml, MediaType::DmWbxml];

/// What both ends announce as `MaxMsgSize`.
const MESSAGE: u64 = 5_000;

/// A hundred interior nodes with 99 leaves each: ten thousand nodes below `./Big`.
const GROUPS: usize = 100;
const LEAVES: usize = 99;

fn pair(encoding: MediaType) -> Pair {
    let parameters = SessionParameters {
        max_msg_size: MESSAGE,
        message_bytes: 5_000,
        ..SessionParameters::default()
    };
    Pair::with_limits(encoding, &[&groups("Big")], GATEWAY, parameters).unwrap()
}

fn leaf(group: usize, leaf: usize) -> (String, String) {
    (
        format!("./Big/Group{group}/Leaf{leaf}"),
        format!("value <{leaf}> & of group {group}"),
    )
}

fn fill(pair: &mut Pair) {
    let mut overlay = Overlay::new();
    let mut edit = Edit::new(&pair.tree, &mut overlay, Snapshot::empty());
    let now = Now {
        boot: Duration::ZERO,
        wall: None,
    };
    for (uri, value) in (0..GROUPS).flat_map(|group| (0..LEAVES).map(move |n| leaf(group, n))) {
        let address = Address::parse(&uri, &UriLimits::NONE).unwrap();
        let content = Content::text(&value);
        operation::add(&mut edit, Authority::Local, &address, &content, now).unwrap();
    }
    let writes = overlay.into_writes();
    pair.write(&writes);
}

/// A session that does one job, whose every message keeps to the limit.
fn run(pair: &mut Pair, encoding: MediaType, operations: &[Operation]) -> (i64, Vec<Told>) {
    let job = pair.queue(operations).unwrap();
    let run = pair.run(&mut Perfect).unwrap();
    assert_eq!(run.outcome.as_ref().unwrap().end, SessionEnd::Completed);
    assert_eq!(pair.state(job).unwrap(), JobState::Done, "{encoding}");
    (job, told(&run, encoding))
}

/// What a message says of its package.
struct Told {
    direction: Direction,
    is_final: bool,
    asks_for_more: bool,
    commands: usize,
}

fn told(run: &Run, encoding: MediaType) -> Vec<Told> {
    let read = |(direction, body): &(Direction, Vec<u8>)| {
        assert!(body.len() as u64 <= MESSAGE, "{} bytes", body.len());
        let message: Message = decode(encoding, body, &Limits::default()).unwrap();
        Told {
            direction: *direction,
            is_final: message.is_final,
            asks_for_more: message.commands.iter().any(is_1222),
            commands: message.commands.iter().filter(|c| is_order(c)).count(),
        }
    };
    run.traffic.iter().map(read).collect()
}

fn is_1222(command: &Command) -> bool {
    let code = |alert: &Alert| AlertCode::parse(alert.data.as_deref()?);
    matches!(command, Command::Alert(alert) if code(alert) == Some(AlertCode::NEXT_MESSAGE))
}

/// Whether it is a command that the server gives.
fn is_order(command: &Command) -> bool {
    matches!(command, Command::Add(_) | Command::Get(_))
}

/// Values by address, as the server has kept them.
fn results(pair: &mut Pair, job: i64) -> BTreeMap<String, String> {
    let record = pair.server.store().job(job).unwrap().unwrap();
    let value = |result: &omadm_server::store::ResultRecord| {
        let text = result.value.value.clone().unwrap_or_default();
        (result.uri.clone(), text)
    };
    record.results.iter().map(value).collect()
}

#[test]
fn a_tree_of_ten_thousand_nodes_is_read_through_small_messages() {
    for encoding in ENCODINGS {
        let mut pair = pair(encoding);
        fill(&mut pair);
        let (job, told) = run(&mut pair, encoding, &[get("./Big?list=StructData")]);
        let open = |told: &&Told| told.direction == Direction::Up && !told.is_final;
        assert!(told.iter().filter(open).count() > 50, "{encoding}");
        for pair in told.windows(2) {
            let [sent, answer] = pair else { continue };
            if sent.direction == Direction::Up && !sent.is_final {
                assert!(answer.asks_for_more && !answer.is_final, "{encoding}");
            }
        }
        let values = results(&mut pair, job);
        assert_eq!(values.len(), GROUPS * (LEAVES + 1) + 1, "{encoding}");
        for (uri, value) in (0..GROUPS).flat_map(|group| (0..LEAVES).map(move |n| leaf(group, n))) {
            let name = uri.strip_prefix("./").unwrap();
            let found = values.get(&uri).or_else(|| values.get(name));
            assert_eq!(found, Some(&value), "{encoding}");
        }
    }
}

#[test]
fn a_job_of_a_thousand_commands_is_one_package_of_many_messages() {
    for encoding in ENCODINGS {
        let mut pair = pair(encoding);
        let orders: Vec<_> = (0..1_000)
            .map(|n| leaf(n / LEAVES, n % LEAVES))
            .map(|(uri, value)| add(&uri, &value))
            .collect();
        let (_, told) = run(&mut pair, encoding, &orders);
        let down: Vec<_> = (told.iter())
            .filter(|told| told.direction == Direction::Down && told.commands > 0)
            .collect();
        assert!(down.len() > 10, "{encoding}: {}", down.len());
        let (last, before) = down.split_last().unwrap();
        assert!(last.is_final, "{encoding}");
        assert!(before.iter().all(|told| !told.is_final), "{encoding}");
        // Between them the device asks for the next message (Alert 1222), without `Final`.
        let asks = |told: &&Told| told.direction == Direction::Up && told.asks_for_more;
        let asking: Vec<_> = told.iter().filter(asks).collect();
        assert!(asking.len() >= before.len(), "{encoding}");
        assert!(asking.iter().all(|told| !told.is_final), "{encoding}");
        let (uri, value) = leaf(999 / LEAVES, 999 % LEAVES);
        let address = Address::parse(&uri, &UriLimits::NONE).unwrap();
        let view = pair.tree.view(Snapshot::empty());
        let found = operation::get(&view, Authority::Local, &address).unwrap();
        let found = found.first().and_then(|item| item.data.as_text());
        assert_eq!(found.as_deref(), Some(value.as_str()), "{encoding}");
    }
}

/// What was asked is read before more is asked, so that the device need not hold it all.
#[test]
fn values_are_read_before_more_is_asked() {
    for encoding in ENCODINGS {
        let mut pair = pair(encoding);
        fill(&mut pair);
        let orders: Vec<_> = (0..300)
            .map(|n| get(&leaf(n / LEAVES, n % LEAVES).0))
            .collect();
        let (job, told) = run(&mut pair, encoding, &orders);
        let asking = told.iter().filter(|told| told.commands > 0);
        assert!(asking.clone().count() > 1);
        assert!(asking.clone().all(|told| told.is_final), "{encoding}");
        assert_eq!(results(&mut pair, job).len(), orders.len());
    }
}

#[test]
fn an_object_that_the_device_does_not_take_is_not_sent() {
    let parameters = SessionParameters {
        max_obj_size: 1_000,
        ..SessionParameters::default()
    };
    let mut pair =
        Pair::with_limits(MediaType::DmXml, &[&groups("Big")], GATEWAY, parameters).unwrap();
    let whole = pair.queue(&[add("./Big/A/B", &"x".repeat(1_000))]).unwrap();
    let large = pair.queue(&[add("./Big/A/C", &"x".repeat(1_001))]).unwrap();
    let run = pair.run(&mut Perfect).unwrap();
    assert_eq!(run.outcome.unwrap().end, SessionEnd::Completed);
    assert_eq!(pair.state(whole).unwrap(), JobState::Done);
    assert_eq!(pair.state(large).unwrap(), JobState::Failed);
    let record = pair.server.store().job(large).unwrap().unwrap();
    let detail = record.summary.detail.unwrap();
    assert!(
        detail.contains("1001 bytes") && detail.contains("1000 bytes"),
        "{detail}"
    );
}
