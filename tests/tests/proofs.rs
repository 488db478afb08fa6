//! Whole sessions in which both ends prove themselves in every way, over lines that alter, drop
//! and repeat what proves them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use omadm_dm::session::{Outcome, Party, Refusal, SessionEnd, Subject};
use omadm_dm::{Authority, Node, NodeWrite, Snapshot, operation};
use omadm_server::session as server;
use omadm_server::store::JobState;
use omadm_syncml::auth::AuthScheme::{Basic, Hmac, Md5};
use omadm_syncml::auth::{AuthScheme, HmacHeader};
use omadm_syncml::{
    Address, Command, Format, Limits, MediaType, Message, UriLimits, Value, decode, sniff,
};
use omadm_tests::ask::{add, get, replace};
use omadm_tests::dice::Dice;
use omadm_tests::pair::{
    DEVICE, Direction, Flaky, GATEWAY, Line, Pair, Passage, Perfect, Proofs, Run,
};

const ENCODINGS: [MediaType; 2] = [MediaType::DmXml, MediaType::DmWbxml];
const NAME: &str = "./DMAcc/dms/Name";

fn proofs(client: AuthScheme, server: AuthScheme) -> Proofs {
    Proofs {
        client,
        server,
        ..Proofs::default()
    }
}

fn pair(encoding: MediaType, proofs: Proofs) -> Pair {
    Pair::with_proofs(encoding, GATEWAY, proofs).unwrap()
}

fn hmac_pair() -> Pair {
    pair(MediaType::DmXml, proofs(Hmac, Hmac))
}

/// The value of a stored leaf on the device.
fn value(pair: &Pair, uri: &str) -> Option<String> {
    let address = Address::parse(uri, &UriLimits::NONE).unwrap();
    let view = pair.tree.view(Snapshot::empty());
    let items = operation::get(&view, Authority::Local, &address);
    Some(items.ok()?[0].data.as_text()?.into_owned())
}

/// One session in which the server writes a value, with its end.
fn write(pair: &mut Pair, line: &mut dyn Line, text: &str) -> (Run, i64) {
    let job = pair.queue(&[replace(NAME, text)]).unwrap();
    (pair.run(line).unwrap(), job)
}

fn outcome(run: &Run) -> &Outcome {
    run.outcome.as_ref().unwrap()
}

fn read(octets: &[u8]) -> Message {
    decode(sniff(octets).unwrap(), octets, &Limits::default()).unwrap()
}

/// The statuses for headers in the messages that went one way.
fn header_statuses(run: &Run, way: Direction) -> Vec<String> {
    let messages = run
        .traffic
        .iter()
        .filter(|(direction, _)| *direction == way);
    let commands = messages.flat_map(|(_, octets)| read(octets).commands);
    commands
        .filter_map(|command| match command {
            Command::Status(status) if status.cmd == "SyncHdr" => Some(status.data),
            _ => None,
        })
        .collect()
}

fn refused(statuses: &[String]) -> usize {
    let refused = statuses
        .iter()
        .filter(|code| matches!(code.as_str(), "401" | "407"));
    refused.count()
}

/// Keeps every digest that passes.
#[derive(Default)]
struct Digests(Vec<(Direction, Option<HmacHeader>)>);

impl Line for Digests {
    fn pass(&mut self, _: Direction, _: &mut Vec<u8>) -> Passage {
        Passage::Arrives
    }

    fn pass_digest(&mut self, direction: Direction, digest: &mut Option<HmacHeader>) {
        self.0.push((direction, digest.clone()));
    }
}

#[test]
fn both_ends_prove_themselves_in_every_pair_of_ways() {
    for encoding in ENCODINGS {
        for client in [Basic, Md5, Hmac] {
            for server in [Basic, Md5, Hmac] {
                let what = format!("{encoding}, {client:?} and {server:?}");
                let mut pair = pair(encoding, proofs(client, server));
                for round in 1..=3 {
                    let text = format!("round {round}");
                    let (run, job) = write(&mut pair, &mut Perfect, &text);
                    assert!(outcome(&run).is_success(), "{what}: {}", outcome(&run));
                    assert_eq!(pair.state(job).unwrap(), JobState::Done, "{what}");
                    assert_eq!(value(&pair, NAME), Some(text));
                    if round > 1 {
                        assert_eq!(outcome(&run).refusals, [], "{what}, {round}");
                        assert_eq!(refused(&header_statuses(&run, Direction::Up)), 0, "{what}");
                        assert_eq!(
                            refused(&header_statuses(&run, Direction::Down)),
                            0,
                            "{what}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_digest_goes_with_each_message_and_each_has_its_nonce() {
    let mut pair = hmac_pair();
    write(&mut pair, &mut Perfect, "first");
    let mut line = Digests::default();
    let (run, _) = write(&mut pair, &mut line, "x");
    assert_eq!(line.0.len(), run.traffic.len());
    let mut macs = Vec::new();
    for ((direction, digest), (_, octets)) in line.0.iter().zip(&run.traffic) {
        let (digest, message) = (digest.as_ref().unwrap(), read(octets));
        assert_eq!(message.header.cred, None, "never in Cred");
        assert_eq!(
            message.header.source.name.as_ref(),
            Some(&digest.user),
            "{direction:?}"
        );
        assert_eq!(digest.mac.len(), 24);
        macs.push(digest.mac.clone());
    }
    let sent = macs.len();
    macs.sort();
    macs.dedup();
    assert_eq!(macs.len(), sent);
    for way in [Direction::Up, Direction::Down] {
        assert!(header_statuses(&run, way).iter().all(|code| code == "200"));
    }
}

#[test]
fn nonces_may_be_hashed_as_text_by_both_ends() {
    for scheme in [Md5, Hmac] {
        let nonce_text = true;
        let mut pair = pair(
            MediaType::DmXml,
            Proofs {
                nonce_text,
                ..proofs(scheme, scheme)
            },
        );
        for round in 1..=3 {
            let (run, _) = write(&mut pair, &mut Perfect, &format!("{round}"));
            assert!(outcome(&run).is_success(), "{scheme:?}: {}", outcome(&run));
            assert_eq!(value(&pair, NAME), Some(format!("{round}")));
        }
    }
}

/// Breaks once, at the n-th of all the moments at which a line or the power can fail.
struct Cut(usize);

impl Cut {
    fn now(&mut self) -> bool {
        let now = self.0 == 0;
        self.0 = self.0.wrapping_sub(1);
        now
    }
}

impl Line for Cut {
    fn pass(&mut self, _: Direction, _: &mut Vec<u8>) -> Passage {
        if self.now() {
            Passage::Lost
        } else {
            Passage::Arrives
        }
    }

    fn power_fails(&mut self, _: bool) -> bool {
        self.now()
    }
}

/// Wherever a session is cut, the next one succeeds, and neither end is challenged more than once.
#[test]
fn a_session_cut_anywhere_leaves_nonces_that_serve_or_are_renewed() {
    for (client, server) in [(Hmac, Hmac), (Hmac, Md5), (Md5, Hmac), (Md5, Md5)] {
        for asks in [true, false] {
            for moment in 0.. {
                let what = format!("{client:?}, {server:?}, asks {asks}, cut at {moment}");
                let mut pair = pair(MediaType::DmXml, proofs(client, server));
                write(&mut pair, &mut Perfect, "first");
                let mut cut = Cut(moment);
                write(&mut pair, &mut cut, "second");
                if cut.0 < usize::MAX / 2 {
                    assert!(moment > 5, "{what}: there are more moments than that");
                    break;
                }
                let run = if asks {
                    write(&mut pair, &mut Perfect, "third").0
                } else {
                    // What is left to do is done, so that the last session has nothing to ask.
                    pair.run(&mut Perfect).unwrap()
                };
                assert!(outcome(&run).is_success(), "{what}: {}", outcome(&run));
                for way in [Direction::Up, Direction::Down] {
                    let statuses = header_statuses(&run, way);
                    assert!(refused(&statuses) <= 1, "{what}: {way:?} {statuses:?}");
                }
                let last = if asks { "third" } else { "second" };
                assert_eq!(value(&pair, NAME).as_deref(), Some(last), "{what}");
                // And after that there is nothing to renew.
                let run = pair.run(&mut Perfect).unwrap();
                assert!(outcome(&run).is_success(), "{what}: {}", outcome(&run));
                assert_eq!(outcome(&run).refusals, [], "{what}");
            }
        }
    }
}

/// Does something to the n-th message of one way, or from it on.
struct Tamper<F> {
    way: Direction,
    from: usize,
    to: usize,
    seen: usize,
    how: F,
}

impl<F: FnMut(&mut Vec<u8>, &mut Option<HmacHeader>)> Tamper<F> {
    fn new(way: Direction, range: std::ops::RangeInclusive<usize>, how: F) -> Self {
        let (from, to) = (*range.start(), *range.end());
        Self {
            way,
            from,
            to,
            seen: 0,
            how,
        }
    }

    fn hits(&self, way: Direction) -> bool {
        way == self.way && (self.from..=self.to).contains(&self.seen)
    }
}

impl<F: FnMut(&mut Vec<u8>, &mut Option<HmacHeader>)> Line for Tamper<F> {
    fn pass(&mut self, way: Direction, message: &mut Vec<u8>) -> Passage {
        self.seen += usize::from(way == self.way);
        if self.hits(way) {
            (self.how)(message, &mut None);
        }
        Passage::Arrives
    }

    fn pass_digest(&mut self, way: Direction, digest: &mut Option<HmacHeader>) {
        if self.hits(way) {
            (self.how)(&mut Vec::new(), digest);
        }
    }
}

fn forge(message: &mut Vec<u8>, _: &mut Option<HmacHeader>) {
    let text = String::from_utf8_lossy(message).replace("honest", "hOnest");
    *message = text.into_bytes();
}

#[test]
fn a_message_altered_by_one_octet_is_not_obeyed() {
    let mut pair = hmac_pair();
    pair.run(&mut Perfect).unwrap();
    // The second message of a session carries the job, whichever was altered before.
    let mut line = Tamper::new(Direction::Down, 1..=99, forge);
    let (run, job) = write(&mut pair, &mut line, "honest");
    let SessionEnd::Refused(refusal) = &outcome(&run).end else {
        panic!("{}", outcome(&run));
    };
    assert_eq!(refusal.by(), Party::Device);
    assert_eq!(value(&pair, NAME).as_deref(), Some("dms"), "as it was");
    assert_eq!(pair.state(job).unwrap(), JobState::Queued);
    // Altered once, it is asked for again.
    let mut line = Tamper::new(Direction::Down, 1..=1, forge);
    let run = pair.run(&mut line).unwrap();
    assert!(outcome(&run).is_success(), "{}", outcome(&run));
    assert_eq!(value(&pair, NAME).as_deref(), Some("honest"));
    assert_eq!(pair.state(job).unwrap(), JobState::Done);
}

/// Without a digest over the message nobody sees it: the credential alone is in order.
#[test]
fn the_same_forgery_passes_where_only_the_sender_is_proven() {
    let mut pair = pair(MediaType::DmXml, proofs(Md5, Md5));
    let mut line = Tamper::new(Direction::Down, 1..=99, forge);
    write(&mut pair, &mut line, "honest");
    assert_eq!(value(&pair, NAME).as_deref(), Some("hOnest"));
}

#[test]
fn results_altered_by_one_octet_are_not_believed() {
    let mut pair = hmac_pair();
    write(&mut pair, &mut Perfect, "honest");
    let job = pair.queue(&[get(NAME)]).unwrap();
    let mut line = Tamper::new(Direction::Up, 2..=2, forge);
    let run = pair.run(&mut line).unwrap();
    assert!(outcome(&run).is_success(), "{}", outcome(&run));
    assert_eq!(pair.state(job).unwrap(), JobState::Done);
    let shown = pair.server.store().job(job).unwrap().unwrap();
    let shown = serde_json::to_string(&shown).unwrap();
    assert!(
        shown.contains("honest") && !shown.contains("hOnest"),
        "{shown}"
    );
    let session = pair
        .server
        .store()
        .sessions(Some(DEVICE))
        .unwrap()
        .pop()
        .unwrap();
    let told = session.refusals.last().unwrap();
    assert!(told.overcome, "{told}");
    assert_eq!(told.what, server::Subject::Proof, "{told}");
}

fn without(_: &mut Vec<u8>, digest: &mut Option<HmacHeader>) {
    *digest = None;
}

fn twice(_: &mut Vec<u8>, digest: &mut Option<HmacHeader>) {
    let Some(header) = digest.as_ref().map(ToString::to_string) else {
        return;
    };
    *digest = HmacHeader::of_fields([header.as_bytes(), header.as_bytes()]);
}

fn garbled(_: &mut Vec<u8>, digest: &mut Option<HmacHeader>) {
    if digest.is_some() {
        *digest = HmacHeader::of_fields([b"mac=,,\xFF".as_slice()]);
    }
}

#[test]
fn a_digest_that_is_absent_or_garbled_proves_nothing() {
    for (name, how) in [
        (
            "absent",
            without as fn(&mut Vec<u8>, &mut Option<HmacHeader>),
        ),
        ("twice", twice),
        ("garbled", garbled),
    ] {
        for way in [Direction::Up, Direction::Down] {
            for at in 1..=3 {
                let what = format!("{name} {way:?} {at}");
                let mut pair = hmac_pair();
                pair.run(&mut Perfect).unwrap();
                // Once: the message is asked for again.
                let (run, job) = write(&mut pair, &mut Tamper::new(way, at..=at, how), "new");
                if !outcome(&run).is_success() || pair.state(job).unwrap() != JobState::Done {
                    let run = pair.run(&mut Perfect).unwrap();
                    assert!(outcome(&run).is_success(), "{what}: {}", outcome(&run));
                }
                assert_eq!(value(&pair, NAME).as_deref(), Some("new"), "{what}");
                // Always: both give up, and nothing is obeyed.
                let (run, job) = write(&mut pair, &mut Tamper::new(way, 1..=99, how), "newer");
                assert!(!outcome(&run).is_success(), "{what}");
                assert!(run.traffic.len() <= 10, "{what}: {}", run.traffic.len());
                assert_ne!(pair.state(job).unwrap(), JobState::Done, "{what}");
                assert_eq!(value(&pair, NAME).as_deref(), Some("new"), "{what}");
            }
        }
    }
}

/// Puts another secret or nonce into the device's account.
fn put(pair: &mut Pair, credential: u8, leaf: &str, octets: &[u8]) {
    let uri = format!("./DMAcc/dms/AppAuth/{credential}/{leaf}");
    let format = if leaf == "AAuthData" {
        Format::Bin
    } else {
        Format::Chr
    };
    let node = Node::leaf(format, Value::from(octets.to_vec()));
    pair.write(&[NodeWrite::Put {
        uri: uri.parse().unwrap(),
        node,
    }]);
}

/// What the server's last session was refused, last thing last.
fn told(pair: &mut Pair) -> server::Refusal {
    let sessions = pair.server.store().sessions(Some(DEVICE)).unwrap();
    sessions.last().unwrap().refusals.last().unwrap().clone()
}

/// A device after its first session.
fn settled(scheme: AuthScheme) -> Pair {
    let mut pair = pair(MediaType::DmXml, proofs(scheme, scheme));
    write(&mut pair, &mut Perfect, "first");
    pair
}

#[test]
fn a_wrong_secret_of_the_device_is_told_apart_from_a_stale_nonce() {
    for scheme in [Md5, Hmac] {
        let mut pair = settled(scheme);
        put(&mut pair, 1, "AAuthData", b"an old one");
        let run = pair.run(&mut Perfect).unwrap();
        let renewed = Refusal::ClientNonce { renewed: true };
        assert_eq!(outcome(&run).refusals, [renewed]);
        let shown = told(&mut pair);
        let what = (server::Party::Server, server::Subject::Nonce, true);
        assert_eq!((shown.by, shown.what, shown.overcome), what, "{shown}");

        put(&mut pair, 1, "AAuthSecret", b"not the secret");
        let run = pair.run(&mut Perfect).unwrap();
        let SessionEnd::Refused(refusal) = &outcome(&run).end else {
            panic!("{}", outcome(&run));
        };
        let what = (Party::Server, Subject::Credential);
        assert_eq!((refusal.by(), refusal.subject()), what);
        let shown = told(&mut pair);
        assert_eq!(shown.what, server::Subject::Credential, "{shown}");
        assert!(shown.text.contains("nonce was fresh"), "{shown}");
        assert!(!shown.overcome && !shown.mend.is_empty(), "{shown}");
    }
}

#[test]
fn a_wrong_secret_of_the_server_is_told_apart_from_a_stale_nonce() {
    for scheme in [Md5, Hmac] {
        let mut pair = settled(scheme);
        put(&mut pair, 2, "AAuthData", b"an old one");
        let (run, _) = write(&mut pair, &mut Perfect, "x");
        let renewed = Refusal::ServerNonce { renewed: true };
        assert_eq!(outcome(&run).refusals, [renewed]);
        let shown = told(&mut pair);
        let what = (server::Party::Device, server::Subject::Nonce, true);
        assert_eq!((shown.by, shown.what, shown.overcome), what, "{shown}");

        put(&mut pair, 2, "AAuthSecret", b"not the secret");
        let (run, _) = write(&mut pair, &mut Perfect, "y");
        let end = &outcome(&run).end;
        let wrong = matches!(end, SessionEnd::Refused(Refusal::ServerSecret { .. }));
        assert!(wrong, "{}", outcome(&run));
        let shown = told(&mut pair);
        let what = (server::Party::Device, server::Subject::Credential, false);
        assert_eq!((shown.by, shown.what, shown.overcome), what, "{shown}");
    }
}

#[test]
fn every_job_is_done_in_the_end_on_a_failing_line() {
    for seed in 1..=20_u64 {
        let mut pair = hmac_pair();
        let mut line = Flaky(Dice::new(seed));
        let jobs: Vec<i64> = (0..6)
            .map(|n| {
                pair.queue(&[add(&format!("./DMAcc/dms/Ext/T/{n}"), "x")])
                    .unwrap()
            })
            .collect();
        let mut sessions = 0;
        while jobs
            .iter()
            .any(|job| pair.state(*job).unwrap() != JobState::Done)
        {
            sessions += 1;
            assert!(sessions < 60, "seed {seed}");
            pair.run(&mut line).unwrap();
        }
        let run = pair.run(&mut Perfect).unwrap();
        assert!(outcome(&run).is_success(), "seed {seed}: {}", outcome(&run));
    }
}
