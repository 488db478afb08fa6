//! Processor time and allocations a command: decode, execute and encode a message of a hundred.

use crate::ALLOCATOR;
use omadm_dm::session::{Output, Session, SessionCause, SessionStart};
use omadm_dm::{Account, Ddf, Tree};
use omadm_syncml::{
    AcceptedProof, Command, Data, Envelope, Header, Item, Location, MediaType, Message, Now,
    PeerProof, Request, ServerTrust, Status, Wall, encode,
};
use quick_xml::Reader;
use quick_xml::events::Event;
use stats_alloc::Region;
use std::time::{Duration, Instant};

const DEVICE: &str = "urn:uuid:00000000-0000-4000-8000-000000000001";
const URL: &str = "https://dms.example/dm";
const COMMANDS: usize = 100;
const ROUNDS: usize = 400;

const DDF: &str = r"<MgmtTree><VerDTD>1.2</VerDTD>
<Node><NodeName>DevInfo</NodeName><DFProperties><AccessType><Get/></AccessType><DFFormat><node/></DFFormat>
<Scope><Permanent/></Scope><DFType><DDFName/></DFType></DFProperties>
LEAVES</Node>
<Node><NodeName>Lamp</NodeName><DFProperties><AccessType><Get/><Replace/></AccessType>
<DefaultValue>a plain value</DefaultValue><DFFormat><chr/></DFFormat><Scope><Permanent/></Scope>
<DFType><MIME>text/plain</MIME></DFType></DFProperties></Node></MgmtTree>";

fn tree() -> Tree {
    let leaf = |(name, value): (&str, &str)| {
        format!(
            "<Node><NodeName>{name}</NodeName><DFProperties><AccessType><Get/></AccessType>\
             <DefaultValue>{value}</DefaultValue><DFFormat><chr/></DFFormat><Scope><Permanent/></Scope>\
             <DFType><MIME>text/plain</MIME></DFType></DFProperties></Node>"
        )
    };
    let leaves: String = [
        ("DevId", DEVICE),
        ("Man", "Example"),
        ("Mod", "Gateway"),
        ("DmV", "1"),
        ("Lang", "en"),
    ]
    .map(leaf)
    .concat();
    let mut tree = Tree::default();
    let ddf = Ddf::parse("bench.xml", &DDF.replace("LEAVES", &leaves)).unwrap();
    tree.describe(&ddf).unwrap();
    tree
}

fn account(encoding: MediaType) -> Account {
    let mut account = Account::new("dms", "dms.example", URL);
    account.accepts = vec![AcceptedProof::Tls];
    account.media_type = encoding;
    account
}

fn location(uri: &str) -> Location {
    Location {
        uri: uri.to_owned(),
        name: None,
    }
}

/// What the server sends in its `number`-th message.
fn message(number: usize, session: &str, commands: Vec<Command>) -> Message {
    let header_status = Status {
        cmd_id: "1".to_owned(),
        msg_ref: number.to_string(),
        cmd_ref: Some("0".to_owned()),
        cmd: "SyncHdr".to_owned(),
        data: "200".to_owned(),
        ..Status::default()
    };
    let mut all = vec![Command::Status(header_status)];
    all.extend(commands);
    Message {
        header: Header {
            ver_dtd: "1.2".to_owned(),
            ver_proto: "DM/1.2".to_owned(),
            session_id: session.to_owned(),
            msg_id: number.to_string(),
            target: location(DEVICE),
            source: location(URL),
            ..Header::default()
        },
        commands: all,
        is_final: true,
    }
}

fn request(number: usize, value: Option<&str>) -> Request {
    Request {
        cmd_id: (number + 2).to_string(),
        items: vec![Item {
            target: Some(location("./Lamp")),
            data: value.map(|value| Data::Text(value.to_owned())),
            ..Item::default()
        }],
        ..Request::default()
    }
}

/// A session that has sent package 1 and what it is sent, encoded beforehand.
struct Course {
    tree: Tree,
    session: Session,
    clock: Duration,
}

impl Course {
    fn new(encoding: MediaType) -> Self {
        let tree = tree();
        let mut start = SessionStart::new(
            account(encoding),
            SessionCause::User,
            PeerProof::tls(ServerTrust::SystemRoot),
            [7; 32],
        );
        start.parameters.messages = u32::MAX;
        start.parameters.session_timeout = Duration::from_hours(1_000);
        let clock = Duration::from_secs(1);
        let session = Session::start(start, &tree, now(clock));
        let mut course = Self {
            tree,
            session,
            clock,
        };
        course.drive();
        course
    }

    /// Does what the session asks until it has sent its message; gives the message's length.
    fn drive(&mut self) -> usize {
        let mut sent = 0;
        loop {
            match self.session.poll_output() {
                Output::Collect(wanted) => {
                    let live = self.tree.collect(&wanted);
                    self.session.handle_live(&live, &self.tree, now(self.clock));
                }
                Output::Commit(writes) => {
                    self.tree.apply(&writes.nodes);
                    self.session.handle_committed(Ok(()), now(self.clock));
                }
                Output::Transmit(envelope) => sent += envelope.body.len(),
                Output::Wait(_) => return sent,
                Output::Closed(outcome) => panic!("the session ended: {:?}", outcome.end),
            }
        }
    }
}

fn now(clock: Duration) -> Now {
    Now {
        boot: clock,
        wall: Some(Wall(Duration::from_hours(20_454 * 24) + clock)),
    }
}

struct Cost {
    nanoseconds: f64,
    allocations: f64,
    octets: f64,
}

fn measure(encoding: MediaType, command: fn(usize) -> Command) -> Cost {
    let mut course = Course::new(encoding);
    let session = course.session.session_id().to_owned();
    let messages: Vec<Envelope> = (1..=ROUNDS)
        .map(|number| Envelope {
            to: None,
            media_type: encoding,
            body: encode(
                encoding,
                &message(number, &session, (0..COMMANDS).map(command).collect()),
            )
            .unwrap()
            .into(),
            hmac: None,
        })
        .collect();
    let region = Region::new(ALLOCATOR);
    let mut times = Vec::with_capacity(ROUNDS);
    for envelope in &messages {
        let begin = Instant::now();
        let now = now(course.clock);
        course.session.handle_message(envelope, &course.tree, now);
        let sent = course.drive();
        times.push(begin.elapsed());
        assert!(sent > 0);
    }
    let allocations = region.change().allocations;
    times.sort();
    let median = times[ROUNDS / 2];
    Cost {
        nanoseconds: median.as_nanos() as f64 / COMMANDS as f64,
        allocations: allocations as f64 / (ROUNDS * COMMANDS) as f64,
        octets: messages[0].body.len() as f64 / COMMANDS as f64,
    }
}

/// The least that reading the XML message can cost: quick-xml's events, nothing made of them.
fn events_alone(command: fn(usize) -> Command) -> f64 {
    let message = message(1, "1", (0..COMMANDS).map(command).collect());
    let text = encode(MediaType::DmXml, &message).unwrap();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            let mut reader = Reader::from_reader(text.as_slice());
            let mut events = 0_u32;
            while reader.read_event().is_ok_and(|event| event != Event::Eof) {
                events += 1;
            }
            assert!(events > 0);
            begin.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2].as_nanos() as f64 / COMMANDS as f64
}

pub(super) fn print() {
    println!(
        "Decode, execute and encode, a command ({COMMANDS} commands a message, median of {ROUNDS})"
    );
    println!(
        "  {:<28}{:>9}{:>10}{:>13}{:>9}",
        "", "µs", "ratio", "allocations", "octets"
    );
    let get: fn(usize) -> Command = |number| Command::Get(request(number, None));
    let replace: fn(usize) -> Command = |number| Command::Replace(request(number, Some("a value")));
    let limit = events_alone(get);
    for (name, encoding, command) in [
        ("Get, XML", MediaType::DmXml, get),
        ("Get, WBXML", MediaType::DmWbxml, get),
        ("Replace, XML", MediaType::DmXml, replace),
        ("Replace, WBXML", MediaType::DmWbxml, replace),
    ] {
        let cost = measure(encoding, command);
        println!(
            "  {name:<28}{:>9.2}{:>10.1}{:>13.1}{:>9.0}",
            cost.nanoseconds / 1_000.0,
            cost.nanoseconds / limit,
            cost.allocations,
            cost.octets
        );
    }
    println!(
        "  {:<28}{:>9.2}{:>10.1}",
        "limit: quick-xml's events",
        limit / 1_000.0,
        1.0
    );
    println!();
}
