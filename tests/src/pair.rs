//! A device and a server in one thread: both engines, a virtual clock, and a line that can fail.
//!
//! The device's tree is what its store would hold: it changes by committed transactions only, so
//! that a session can be cut off at any output and the next one starts from what was durable.

use omadm_agent::mo::dmacc::{self, AccountPolicy};
use omadm_dm::session::{
    BearerFailure, Outcome, Output, Session, SessionCause, SessionParameters, SessionStart,
};
use omadm_dm::{Ddf, NodeWrite, Tree};
use omadm_server::job::Operation;
use omadm_server::session::Settings;
use omadm_server::store::JobState;
use omadm_server::{Policy, Request, Server, Store};
use omadm_syncml::auth::{AuthScheme, HmacHeader};
use omadm_syncml::{Envelope, GenericAlert, MediaType, Now, PeerProof, Wall};
use std::error::Error;
use std::time::Duration;

mod device;
mod line;

pub use device::{GATEWAY, account, device_tree, groups};
pub use line::{Direction, Flaky, Line, Passage, Perfect};

use device::registration;

/// The name of the device, as its DevInfo and the server's registry have it.
pub const DEVICE: &str = "urn:uuid:00000000-0000-4000-8000-000000000001";
/// The address of the server, as the account has it.
pub const ADDRESS: &str = "http://dms.example/dm";
/// The `ServerID` of the account.
pub const SERVER_ID: &str = "dms.example";

/// What the device proves itself with.
pub const DEVICE_SECRET: &str = "the device's own secret";
/// What the server proves itself with.
pub const SERVER_SECRET: &str = "the server's own secret";

/// How both ends prove themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proofs {
    /// The device.
    pub client: AuthScheme,
    /// The server.
    pub server: AuthScheme,
    /// Whether the device hashes nonces as their base64 text.
    pub nonce_text: bool,
}

impl Default for Proofs {
    fn default() -> Self {
        Self {
            client: AuthScheme::Md5,
            server: AuthScheme::Md5,
            nonce_text: false,
        }
    }
}

/// What became of one session.
#[derive(Debug)]
pub struct Run {
    /// What the device says of it; `None` when its power failed.
    pub outcome: Option<Outcome>,
    /// Every message that was sent, in order, as its sender wrote it.
    pub traffic: Vec<(Direction, Vec<u8>)>,
}

impl Run {
    /// Octets of all messages.
    pub fn bytes(&self) -> usize {
        self.traffic.iter().map(|(_, message)| message.len()).sum()
    }
}

/// A device and its server.
pub struct Pair {
    /// What the device's store holds.
    pub tree: Tree,
    /// The other end.
    pub server: Server,
    /// The alerts that wait in the device's store.
    pub alerts: Vec<GenericAlert>,
    /// The bounds of the device's sessions.
    pub parameters: SessionParameters,
    policy: AccountPolicy,
    proofs: Proofs,
    clock: Duration,
    sessions: u64,
}

type Failure = Box<dyn Error>;

impl Pair {
    /// Both ends, with one account that is authenticated by MD5 in both directions. `ddfs`
    /// describe further stored nodes of the device, `sources` is where its probes read.
    pub fn new(encoding: MediaType, ddfs: &[&str], sources: &str) -> Result<Self, Failure> {
        Self::with_limits(encoding, ddfs, sources, SessionParameters::default())
    }

    /// The same with other credentials.
    pub fn with_proofs(
        encoding: MediaType,
        sources: &str,
        proofs: Proofs,
    ) -> Result<Self, Failure> {
        Self::build(encoding, &[], sources, SessionParameters::default(), proofs)
    }

    /// The same with bounds for the device's sessions; the server takes messages and objects of
    /// the same sizes as the device.
    pub fn with_limits(
        encoding: MediaType,
        ddfs: &[&str],
        sources: &str,
        parameters: SessionParameters,
    ) -> Result<Self, Failure> {
        Self::build(encoding, ddfs, sources, parameters, Proofs::default())
    }

    fn build(
        encoding: MediaType,
        ddfs: &[&str],
        sources: &str,
        parameters: SessionParameters,
        proofs: Proofs,
    ) -> Result<Self, Failure> {
        let mut tree = device_tree(DEVICE, sources)?;
        for text in ddfs {
            tree.describe(&Ddf::parse("test.xml", text)?)?;
        }
        let clock = Duration::from_mins(1);
        let mut account = account(encoding, ADDRESS);
        account.client_auth = Some(proofs.client.as_word().to_owned());
        account.server_auth = Some(proofs.server.as_word().to_owned());
        if let Some(settings) = &mut account.settings {
            settings.nonce_text = Some(proofs.nonce_text);
        }
        let (writes, policy) = dmacc::add(&tree, &account, DEVICE, now(clock))?;
        tree.apply(&writes);
        let mut store = Store::in_memory()?;
        store.add_device(&registration(proofs), wall(clock))?;
        let settings = Settings {
            server_id: SERVER_ID.to_owned(),
            max_message: parameters.max_msg_size,
            max_object: parameters.max_obj_size,
        };
        let server = Server::new(
            store,
            Policy {
                settings,
                ..Policy::default()
            },
        );
        Ok(Self {
            tree,
            server,
            alerts: Vec::new(),
            parameters,
            policy,
            proofs,
            clock,
            sessions: 0,
        })
    }

    /// Queues a job for the device and gives its number.
    pub fn queue(&mut self, operations: &[Operation]) -> Result<i64, Failure> {
        let now = wall(self.clock);
        let store = self.server.store();
        Ok(store.add_job(DEVICE, "test", operations, now)?)
    }

    /// The state of a job.
    pub fn state(&mut self, job: i64) -> Result<JobState, Failure> {
        let jobs = self.server.store().jobs(Some(DEVICE), None)?;
        let job = jobs.into_iter().find(|summary| summary.id == job);
        Ok(job.ok_or("no such job")?.state)
    }

    /// Applies a change to the device's tree as its owner would.
    pub fn write(&mut self, writes: &[NodeWrite]) {
        self.tree.apply(writes);
    }

    /// Lets the server forget how to prove itself.
    pub fn strip_server(&mut self) -> Result<(), Failure> {
        let mut device = registration(self.proofs);
        device.device.server = None;
        device.replace = true;
        let now = wall(self.clock);
        self.server.store().add_device(&device, now)?;
        Ok(())
    }

    /// The account as the device's next session will find it.
    pub fn account(&self) -> Result<omadm_dm::Account, Failure> {
        let mut accounts = dmacc::accounts(&self.tree, std::slice::from_ref(&self.policy));
        let first = accounts.pop().ok_or("the device has no account")?;
        Ok(first?.account)
    }

    /// Runs one session over `line` to its end.
    pub fn run(&mut self, line: &mut dyn Line) -> Result<Run, Failure> {
        self.sessions += 1;
        self.clock += Duration::from_mins(1);
        let mut start = SessionStart::new(
            self.account()?,
            SessionCause::User,
            PeerProof::None,
            self.randomness(0),
        );
        start.alerts.clone_from(&self.alerts);
        start.parameters.clone_from(&self.parameters);
        let session = Session::start(start, &self.tree, now(self.clock));
        let mut course = Course {
            pair: self,
            line,
            session,
            traffic: Vec::new(),
            repeated: None,
            steps: 0,
        };
        let outcome = course.drive()?;
        Ok(Run {
            outcome,
            traffic: course.traffic,
        })
    }

    /// Octets that are different for each session and use, and the same in each test run.
    fn randomness<const N: usize>(&self, step: u64) -> [u8; N] {
        let mut state = self.sessions.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ step;
        std::array::from_fn(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
    }
}

/// A message of the server with what proves it.
type Said = (Vec<u8>, Option<HmacHeader>);

/// One session under way.
struct Course<'a> {
    pair: &'a mut Pair,
    line: &'a mut dyn Line,
    session: Session,
    traffic: Vec<(Direction, Vec<u8>)>,
    /// What the server will say again, because it will not hear the answer.
    repeated: Option<Said>,
    steps: u64,
}

impl Course<'_> {
    fn drive(&mut self) -> Result<Option<Outcome>, Failure> {
        loop {
            self.steps += 1;
            self.pair.clock += Duration::from_millis(1);
            let now = now(self.pair.clock);
            match self.session.poll_output() {
                Output::Collect(wanted) => {
                    let live = self.pair.tree.collect(&wanted);
                    self.session.handle_live(&live, &self.pair.tree, now);
                }
                Output::Commit(writes) => {
                    if self.line.power_fails(false) {
                        return Ok(None);
                    }
                    self.pair.tree.apply(&writes.nodes);
                    let waits = |alert: &GenericAlert| !writes.acknowledged.contains(&alert.id);
                    self.pair.alerts.retain(waits);
                    if self.line.power_fails(true) {
                        return Ok(None);
                    }
                    self.session.handle_committed(Ok(()), now);
                }
                Output::Transmit(envelope) => self.exchange(&envelope)?,
                Output::Wait(deadline) => {
                    self.pair.clock = self.pair.clock.max(deadline);
                    self.session
                        .handle_timeout(crate::pair::now(self.pair.clock));
                }
                Output::Closed(outcome) => return Ok(Some(outcome)),
            }
        }
    }

    /// One POST and its answer.
    fn exchange(&mut self, envelope: &Envelope) -> Result<(), Failure> {
        if let Some(down) = self.repeated.take() {
            self.deliver(envelope.media_type, down);
            return Ok(());
        }
        let mut up = envelope.body.to_vec();
        self.traffic.push((Direction::Up, up.clone()));
        let mut digest = envelope.hmac.clone();
        let passage = self.line.carry(Direction::Up, &mut up, &mut digest);
        if passage == Passage::Lost {
            self.broken("the message was lost");
            return Ok(());
        }
        let mut answer = self.answer(envelope, &up, digest.as_ref())?;
        if passage == Passage::ArrivesTwice {
            answer = self.answer(envelope, &up, digest.as_ref())?;
        }
        let Some((mut down, mut digest)) = answer else {
            self.broken("HTTP 400");
            return Ok(());
        };
        self.traffic.push((Direction::Down, down.clone()));
        let passage = self.line.carry(Direction::Down, &mut down, &mut digest);
        match passage {
            Passage::Lost => self.broken("the answer was lost"),
            Passage::Arrives => self.deliver(envelope.media_type, (down, digest)),
            Passage::ArrivesTwice => {
                self.repeated = Some((down.clone(), digest.clone()));
                self.deliver(envelope.media_type, (down, digest));
            }
        }
        Ok(())
    }

    fn deliver(&mut self, media_type: MediaType, (body, hmac): Said) {
        let message = Envelope {
            to: None,
            media_type,
            body: body.into(),
            hmac,
        };
        let now = now(self.pair.clock);
        self.session.handle_message(&message, &self.pair.tree, now);
    }

    fn broken(&mut self, why: &str) {
        self.session.handle_failure(BearerFailure(why.to_owned()));
    }

    /// What the server says; `None` is a refusal below SyncML.
    fn answer(
        &mut self,
        envelope: &Envelope,
        body: &[u8],
        hmac: Option<&HmacHeader>,
    ) -> Result<Option<Said>, Failure> {
        let token = envelope.to.as_ref().and_then(|to| to.0.split_once("?s="));
        let request = Request {
            media_type: envelope.media_type,
            body,
            hmac,
            token: token.map(|(_, token)| token),
            address: ADDRESS,
            now: wall(self.pair.clock),
            random: self.pair.randomness(self.steps),
        };
        match self.pair.server.answer(&request) {
            Ok(answer) => Ok(Some((answer.body, answer.hmac))),
            Err(omadm_server::Fault::Unreadable(_)) => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }
}

fn wall(clock: Duration) -> Wall {
    /// 2026-01-01 00:00:00 UTC.
    const EPOCH: Duration = Duration::from_hours(20_454 * 24);
    Wall(EPOCH + clock)
}

fn now(clock: Duration) -> Now {
    Now {
        boot: clock,
        wall: Some(wall(clock)),
    }
}
