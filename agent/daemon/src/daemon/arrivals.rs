//! Servers that begin sessions: on a line that the device waits on, or by a notification that
//! somebody hands over (OMA-TS-DM_Notification 1.2.1, OMA-TS-SyncML_OBEXBinding 1.2).
//!
//! What has come is judged first ([`notified`](super::notified)); what is followed is on the disk
//! before its session begins, so that it is followed once.

mod notice;

use std::time::Duration;

use omadm_bindings::obex::ObexCredential;
use omadm_bindings::{Address, Arrival, Bearer, PeerAddress, SessionOpening};
use omadm_dm::session::SessionCause;
use omadm_syncml::{Now, PeerProof};

use super::agenda::Why;
use super::agent::Agent;
use super::commit::Then;
use super::lines::{self, ARRIVALS};
use super::notified::{Reason, Refused};
use super::opening::{Opened, Opening};
use super::queue::Waiting;
use super::sessions::{Beginning, Running};
use crate::event::{self, About};
use crate::mo::dmacc::Configured;

pub(super) use self::notice::Notice;

/// A server that asks without a notification proves nothing by it. Where its line proves nothing
/// either, it is heard again so long after it has begun a session, unless that went well: each
/// session is written down, and keeps others waiting.
const POLLS: Duration = Duration::from_mins(1);

/// A line on which a server has begun to speak.
pub(super) struct Line {
    /// The line, the device having the first word.
    pub bearer: Bearer,
    /// The address that the device waits at.
    pub address: String,
}

/// A session that a server asks for.
struct Call {
    configured: Configured,
    cause: SessionCause,
    notice: Option<Notice>,
}

impl Line {
    /// The line as the bearer of a session with this account.
    pub(super) fn open(self, configured: &Configured) -> Opening {
        let opened = Opened {
            bearer: self.bearer,
            address: target(configured),
            tried: 0,
        };
        Box::pin(std::future::ready(Ok(opened)))
    }
}

/// The server's address in the header of messages: the one that it has on the network, as a line
/// has none that would mean anything to it.
fn target(configured: &Configured) -> String {
    let mut all = configured.addresses.iter();
    let network = all.find(|a| a.starts_with("http:") || a.starts_with("https:"));
    let address = network.or(configured.addresses.first());
    address.unwrap_or(&configured.account.server_id).clone()
}

/// What a line has proven to this account: of two proofs, the one that it accepts. The digest of
/// another account's server proves nothing here, nor does a pairing with a peer that this account
/// does not list: whoever is let in on a line is not yet whom this account means.
fn proof(
    found: PeerProof,
    proven: Option<&ObexCredential>,
    bonded: Option<&str>,
    configured: &Configured,
) -> PeerProof {
    let digest = match (found, proven, &configured.obex) {
        (PeerProof::ObexDigest, Some(proven), Some(own)) => lines::is_same(proven, own),
        _ => false,
    };
    let bonded = bonded.is_some_and(|peer| lists(configured, peer));
    let proofs = [
        (digest, PeerProof::ObexDigest),
        (bonded, PeerProof::BondedLink),
    ];
    let mut proofs = proofs.iter().filter(|(is, _)| *is).map(|(_, proof)| *proof);
    let accepts = |proof: &PeerProof| configured.account.accepts(*proof);
    let first = proofs.clone().next();
    proofs.find(accepts).or(first).unwrap_or(PeerProof::None)
}

/// What a line that was dialled has proven to this account. A Bluetooth link proves its peer
/// beside what OBEX has proven on it (`bindings`, `bluetooth`: none is opened without a pairing),
/// to an account that lists this peer: the address stands in the tree, where servers may change it.
pub(super) fn dialled(found: PeerProof, address: &str, configured: &Configured) -> PeerProof {
    let address: Option<Address> = address.parse().ok();
    let peer = address.as_ref().and_then(Address::bluetooth_peer);
    let bonded = peer.is_some_and(|peer| lists(configured, peer));
    match found {
        PeerProof::BondedLink if !bonded => PeerProof::None,
        PeerProof::ObexDigest if bonded && !configured.account.accepts(found) => {
            PeerProof::BondedLink
        }
        _ => found,
    }
}

/// Whether an account lists a Bluetooth peer.
fn lists(configured: &Configured, peer: &str) -> bool {
    let peer: Option<PeerAddress> = peer.parse().ok();
    peer.is_some_and(|peer| configured.policy.bluetooth_peers.contains(&peer))
}

/// Refuses a session over Bluetooth with a peer that another account lists.
fn listed(call: Call, bonded: Option<&str>) -> Result<Call, Refused> {
    match bonded {
        Some(peer) if !lists(&call.configured, peer) => {
            let name = &call.configured.account.name;
            let text = format!(
                "the account does not list the Bluetooth peer {peer}: omadm account set {name} \
                 --bluetooth-peer {peer}"
            );
            Err(Refused::new(Reason::UnlistedPeer, Some(name), &text))
        }
        _ => Ok(call),
    }
}

impl Agent {
    /// Whether one more server can be heard.
    pub(super) fn hears_arrivals(&self) -> bool {
        self.stop_at.is_none() && self.arrivals.len() < ARRIVALS
    }

    /// Whether a session runs or is about to, and none that would give way to a server.
    pub(super) fn is_busy(&self) -> bool {
        let then = self.commit.as_ref().map(|commit| &commit.then);
        let stays = |running: &Running| running.gives_way_at().is_none();
        self.running.as_ref().is_some_and(stays)
            || matches!(then, Some(Then::Begin(_)))
            || self.stop_at.is_some()
    }

    /// Opens and closes lines as accounts and configuration want it, but for a session on one of
    /// them: it would lose its line.
    pub(super) fn settle_lines(&mut self) {
        if !self.lines_due || self.is_on_line() {
            return;
        }
        self.lines_due = false;
        let accounts: Vec<_> = self.configured().into_iter().flatten().collect();
        self.lines.settle(&self.config, &accounts);
    }

    /// Whether a session runs on a line, or is about to.
    fn is_on_line(&self) -> bool {
        let running = self.running.as_ref();
        let begins = match self.commit.as_ref().map(|commit| &commit.then) {
            Some(Then::Begin(beginning)) => beginning.line.is_some(),
            _ => false,
        };
        begins || running.is_some_and(|running| running.line.is_some())
    }

    /// A server begins to speak. One that has connected anew has no use for what it said before.
    pub(super) fn arrived(&mut self, arrival: Arrival) {
        self.arrivals.retain(|held| held.address != arrival.address);
        self.arrivals.push_back(arrival);
    }

    /// Hears those who have begun to speak. Who has connected again on the line of the session that
    /// runs waits for its end: the line of that session is gone.
    pub(super) fn take_up_arrivals(&mut self, now: Now) {
        while self.commit.is_none() {
            let line = self
                .running
                .as_ref()
                .and_then(|running| running.line.as_ref());
            let mut held = self.arrivals.iter();
            let Some(at) = held.position(|arrival| Some(&arrival.address) != line) else {
                return;
            };
            if let Some(arrival) = self.arrivals.remove(at) {
                self.take_up(arrival, now);
            }
        }
    }

    /// Whether the server of a session that has broken off begins anew on its line: it has begun
    /// to speak, or the line is `lost` to the session and a peer connected all the same.
    pub(super) fn begins_again(&self, running: &Running, lost: bool) -> bool {
        running.line.as_ref().is_some_and(|line| {
            let speaks = self.arrivals.iter().any(|held| held.address == *line);
            speaks || (lost && self.lines.is_connected(line))
        })
    }

    /// Follows a wish, or refuses it by letting go of the line.
    fn take_up(&mut self, arrival: Arrival, now: Now) {
        let Arrival {
            opening,
            mut bearer,
            address,
            proven,
            bonded,
        } = arrival;
        if bearer.out.is_closed() {
            return log::debug!("{address}: the server has gone before it was heard");
        }
        let call = match self.hindrance(&address) {
            Some(refused) => Err(refused),
            None => self.judge(&opening, now),
        };
        let call = call.and_then(|call| listed(call, bonded.as_deref()));
        match call {
            Ok(call) => {
                let (proven, bonded) = (proven.as_ref(), bonded.as_deref());
                bearer.proof = proof(bearer.proof, proven, bonded, &call.configured);
                self.follow(call, Some(Line { bearer, address }), now);
            }
            Err(refused) => self.refuse_arrival(&refused, Some(&address)),
        }
    }

    /// Why no session can begin at this address now. One that is only trying another address
    /// because this line had broken gives way.
    fn hindrance(&self, address: &str) -> Option<Refused> {
        let running = self.running.as_ref()?;
        if running.gives_way_at() == Some(address) {
            return None;
        }
        let text = format!("a session with {} runs", running.account.name);
        Some(Refused::new(Reason::Busy, None, &text))
    }

    fn judge(&self, opening: &SessionOpening, now: Now) -> Result<Call, Refused> {
        match opening {
            SessionOpening::Notification(octets) => self.judge_notification(octets, now),
            SessionOpening::Poll => self.judge_poll(now),
            // A device's first word: no line of a device takes it.
            SessionOpening::Message => {
                let text = "a message came without a notification before it";
                Err(Refused::new(Reason::Poll, None, text))
            }
            // Without anything of it: each new text would be a line in the log.
            SessionOpening::Bootstrap(_) => {
                let text = "a bootstrap is refused: this version takes none";
                Err(Refused::new(Reason::Bootstrap, None, text))
            }
        }
    }

    /// A server that asks without a notification stands for the account that the configuration
    /// names.
    fn judge_poll(&self, now: Now) -> Result<Call, Refused> {
        let refuse = |text: &str| Refused::new(Reason::Poll, None, text);
        let name = self.config.obex.poll.as_deref().ok_or_else(|| {
            refuse("a server asks without a notification, and obex.poll names no account for it")
        })?;
        if now.boot < self.polls_from {
            return Err(refuse(
                "a server asks again, too soon after a session without a notification",
            ));
        }
        let local = self.book.get(name);
        let hold = local.and_then(|local| local.agenda.hold(self.moment(now)));
        if hold.is_some_and(|hold| hold.why == Why::Crashes) {
            return Err(refuse(
                "a server asks without a notification, and omadmd did not survive its sessions",
            ));
        }
        let mut accounts = self.configured().into_iter().flatten();
        let configured = accounts.find(|found| found.account.name == name);
        let unusable = || {
            refuse(&format!(
                "obex.poll names {name:?}, no account that can be used"
            ))
        };
        Ok(Call {
            configured: configured.ok_or_else(unusable)?,
            cause: SessionCause::Poll,
            notice: None,
        })
    }

    /// Begins the session that a server asks for. It stands for the causes that the account has
    /// been waiting with.
    fn follow(&mut self, call: Call, line: Option<Line>, now: Now) {
        if let Some(trying) = self.running.take() {
            self.kpis.forget_session();
            let Running {
                account,
                causes,
                waiters,
                ..
            } = trying;
            let waiting = Waiting::new(&account.name, causes, waiters);
            self.queue.give_back(waiting);
        }
        let proof = line.as_ref().map(|line| line.bearer.proof);
        let is_proven = proof.is_some_and(|proof| call.configured.account.accepts(proof));
        if call.cause == SessionCause::Poll && !is_proven {
            self.polls_from = now.boot + POLLS;
        }
        let name = &call.configured.account.name;
        self.heard = Some(name.clone());
        let waiting = self.queue.take(name);
        let mut waiting = waiting.unwrap_or_else(|| Waiting::new(name, Vec::new(), Vec::new()));
        waiting.add(&[call.cause]);
        let beginning = Beginning {
            configured: call.configured,
            waiting,
            turn: self.first_turn(now),
            line,
            notice: call.notice,
        };
        self.note_session(beginning, now);
    }

    /// The peer is told nothing; the operator of the machine is. What anyone can bring about, as
    /// often as he likes and in his own words, is only counted and logged at debug.
    fn refuse_arrival(&mut self, refused: &Refused, line: Option<&str>) {
        self.counters.refused(refused.reason);
        let place = line.unwrap_or("a local user");
        match refused.reason {
            Reason::BadDigest | Reason::EmptyNonce => {
                let account = refused.account.as_deref().unwrap_or_default();
                let node = format!("./DMAcc/{account}");
                let about = About {
                    address: line,
                    node: Some(&node),
                    ..About::default()
                };
                event::notification_refused(&about, format_args!("{place}: {refused}"));
            }
            Reason::Bootstrap | Reason::Poll | Reason::UnlistedPeer | Reason::UnknownServer => {
                log::info!("{place}: {refused}");
            }
            _ => log::debug!("{place}: ignored: {refused}"),
        }
    }
}

#[cfg(test)]
mod tests;
