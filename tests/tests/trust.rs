//! What a server may not do to a device, and who is not taken for the server: both engines, and
//! the account as the agent makes it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use omadm_dm::session::{Refusal, SessionEnd};
use omadm_dm::{Authority, Node, NodeWrite, Snapshot, operation};
use omadm_server::store::JobState;
use omadm_syncml::{Address, Format, MediaType, UriLimits, Value};
use omadm_tests::ask::{add, copy, delete, get, replace};
use omadm_tests::pair::{
    DEVICE_SECRET, Direction, GATEWAY, Line, Pair, Passage, Perfect, Run, SERVER_SECRET,
};

const NAME: &str = "./DMAcc/dms/Name";
const NOTE: &str = "./DMAcc/dms/Ext/Test/Note";
const SERVER_CREDENTIAL: &str = "./DMAcc/dms/AppAuth/2";

fn pair(encoding: MediaType) -> Pair {
    Pair::new(encoding, &[], GATEWAY).unwrap()
}

/// The value of a stored leaf on the device.
fn value(pair: &Pair, uri: &str) -> Option<String> {
    let address = Address::parse(uri, &UriLimits::NONE).unwrap();
    let view = pair.tree.view(Snapshot::empty());
    let items = operation::get(&view, Authority::Local, &address);
    Some(items.ok()?[0].data.as_text()?.into_owned())
}

/// Everything stored, with its ACL, but for the nonces, which each session renews.
fn stored(pair: &Pair) -> Vec<String> {
    let view = pair.tree.view(Snapshot::empty());
    let nodes = view.subtree(&omadm_syncml::Uri::root());
    let kept = nodes
        .iter()
        .filter(|node| node.uri().name() != Some("AAuthData"));
    kept.map(|node| format!("{:?} {} {:?}", node.uri(), node.acl(), node.value()))
        .collect()
}

fn holds(run: &Run, secret: &str) -> bool {
    let mut messages = run.traffic.iter().map(|(_, message)| message);
    messages.any(|message| {
        message
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
    })
}

#[test]
fn a_server_widens_neither_its_trust_nor_its_view() {
    let secret = "./DMAcc/dms/AppAuth/1/AAuthSecret";
    let attempts = [
        get(secret),
        get("./DMAcc/dms/AppAuth/1/AAuthSecret?prop=Size"),
        get("./DMAcc/dms/AppAuth/1/AAuthData"),
        get("./DMAcc/dms?list=TNDS"),
        copy(secret, NAME),
        copy(secret, NOTE),
        copy("./DMAcc/dms/AppAuth/2/AAuthData", NOTE),
        copy(NAME, "./DMAcc/dms/ServerID"),
        replace("./DMAcc/dms/AppAuth/2/AAuthSecret", ""),
        replace("./DMAcc/dms/ServerID", "another"),
        replace("./DMAcc/dms?prop=Name", "another"),
        replace("./DMAcc/dms/AppAuth/1/AAuthLevel", "SRVCRED"),
        replace("./DMAcc/dms/AppAuth/1/AAuthSecret?prop=Name", "Name"),
        add("./DMAcc/dms/AppAuth/3/AAuthLevel", "SRVCRED"),
        add("./DMAcc/another/ServerID", "another"),
        replace("./DMAcc?prop=ACL", "Add=*&Get=*&Replace=*"),
        replace(".?prop=ACL", "Add=*&Get=*&Replace=*"),
        replace("./DevInfo/Lang", "xx"),
        delete("./DMAcc"),
        delete("./DevInfo"),
    ];
    for encoding in [MediaType::DmXml, MediaType::DmWbxml] {
        let mut pair = pair(encoding);
        let before = stored(&pair);
        let jobs: Vec<_> = attempts
            .iter()
            .map(|attempt| {
                let attempt = std::slice::from_ref(attempt);
                (attempt, pair.queue(attempt).unwrap())
            })
            .collect();
        let seen = pair.queue(&[get(".?list=StructData")]).unwrap();
        let run = pair.run(&mut Perfect).unwrap();
        assert!(run.outcome.as_ref().unwrap().is_success());
        for (attempt, job) in jobs {
            let state = pair.state(job).unwrap();
            assert_eq!(state, JobState::Failed, "{encoding} {attempt:?}");
        }
        assert_eq!(pair.state(seen).unwrap(), JobState::Done);
        assert!(holds(&run, "./DMAcc/dms/ServerID"), "the listing is there");
        for secret in [DEVICE_SECRET, SERVER_SECRET] {
            assert!(!holds(&run, secret), "{encoding}");
        }
        assert_eq!(stored(&pair), before, "{encoding}");
    }
}

#[test]
fn a_server_with_another_secret_is_not_obeyed() {
    for encoding in [MediaType::DmXml, MediaType::DmWbxml] {
        let mut pair = pair(encoding);
        let uri = format!("{SERVER_CREDENTIAL}/AAuthSecret").parse().unwrap();
        let node = Node::leaf(Format::Chr, Value::from("what the owner has set"));
        pair.write(&[NodeWrite::Put { uri, node }]);
        let before = stored(&pair);
        let job = pair.queue(&[replace(NAME, "obeyed")]).unwrap();
        let outcome = pair.run(&mut Perfect).unwrap().outcome.unwrap();
        let SessionEnd::Refused(Refusal::ServerSecret { .. }) = outcome.end else {
            panic!("{outcome}");
        };
        assert_ne!(pair.state(job).unwrap(), JobState::Done);
        assert_eq!(stored(&pair), before);
    }
}

#[test]
fn a_server_that_proves_nothing_is_not_obeyed() {
    let mut pair = pair(MediaType::DmXml);
    pair.strip_server().unwrap();
    let before = stored(&pair);
    let job = pair.queue(&[replace(NAME, "obeyed")]).unwrap();
    let outcome = pair.run(&mut Perfect).unwrap().outcome.unwrap();
    assert!(!outcome.is_success(), "{outcome}");
    assert_ne!(pair.state(job).unwrap(), JobState::Done);
    assert_eq!(stored(&pair), before);
}

/// Keeps what the server says, or says it again in another session.
#[derive(Default)]
struct Recorder {
    kept: Vec<Vec<u8>>,
    replays: bool,
}

impl Line for Recorder {
    fn pass(&mut self, direction: Direction, message: &mut Vec<u8>) -> Passage {
        if direction == Direction::Down && self.replays {
            let kept = self.kept.remove(0);
            *message = in_session(&String::from_utf8(kept).unwrap(), message);
        } else if direction == Direction::Down {
            self.kept.push(message.clone());
        }
        Passage::Arrives
    }
}

/// A message with the session id of another one.
fn in_session(text: &str, other: &[u8]) -> Vec<u8> {
    let id = |text: &str| {
        let (_, rest) = text.split_once("<SessionID>").unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let [old, new] = [id(text), id(&String::from_utf8_lossy(other))];
    let element = |id: &str| format!("<SessionID>{id}<");
    text.replace(&element(&old), &element(&new)).into_bytes()
}

#[test]
fn what_the_server_said_once_proves_nothing_later() {
    let mut pair = pair(MediaType::DmXml);
    let mut line = Recorder::default();
    let job = pair.queue(&[replace(NAME, "from the server")]).unwrap();
    pair.run(&mut line).unwrap();
    assert_eq!(pair.state(job).unwrap(), JobState::Done);
    let uri = NAME.parse().unwrap();
    let node = Node::leaf(Format::Chr, Value::from("from the owner"));
    pair.write(&[NodeWrite::Put { uri, node }]);
    // The message that was obeyed, with its credentials.
    let said = |message: &Vec<u8>| String::from_utf8_lossy(message).contains("from the server");
    let obeyed = line.kept.iter().find(|message| said(message)).unwrap();
    assert!(String::from_utf8_lossy(obeyed).contains("<Cred>"));
    for times in 1..4 {
        let mut replay = Recorder {
            kept: vec![obeyed.clone(); 8],
            replays: true,
        };
        let outcome = pair.run(&mut replay).unwrap().outcome.unwrap();
        assert!(!outcome.is_success(), "{times}: {outcome}");
        assert_eq!(value(&pair, NAME).as_deref(), Some("from the owner"));
    }
    // Nor has it put the two at odds.
    let again = pair.queue(&[replace(NAME, "from the server")]).unwrap();
    pair.run(&mut Perfect).unwrap();
    assert_eq!(pair.state(again).unwrap(), JobState::Done);
}
