//! A session that runs: the bearer and the state machine side by side. What its outputs mean
//! for the tree and the store is left to the event loop.

use std::time::Duration;

use omadm_bindings::{Bearer, BearerEvent, Error};
use omadm_dm::Account;
use omadm_dm::session::{self, BearerFailure, Cancel, Outcome, Session, SessionCause, SessionEnd};
use omadm_syncml::{Envelope, Limits, Now, StatusCode};

use super::arrivals::{Line, Notice};
use super::clock::rfc3339;
use super::opening::{self, Opened, Opening, Unreachable};
use super::queue::Waiting;
use super::schedule::Prospect;
use crate::control::Answer;
use crate::control::wire;
use crate::control::wire::{Direction, RunSessionReply, SessionState};
use crate::event::About;
use crate::mo::dmacc::Configured;
use crate::trace::Trace;

/// How long the last message, such as the Alert that ends a session, may take to be delivered.
const FAREWELL: Duration = Duration::from_secs(2);

/// Somebody who waits for the end of a session.
#[derive(Debug)]
pub(super) struct Waiter {
    /// Where the reply goes.
    pub answer: Answer,
    /// Whether every message is wanted.
    pub trace: bool,
}

/// A session that is about to begin.
pub(super) struct Beginning {
    /// The account, with the nonces that the session begins with.
    pub configured: Configured,
    /// Why it begins, and who waits for its end.
    pub waiting: Waiting<Waiter>,
    /// Which addresses have had their turn.
    pub turn: Turn,
    /// The line on which its server waits; without one the account's addresses are tried.
    pub line: Option<Line>,
    /// The notification that it follows.
    pub notice: Option<Notice>,
}

/// A session that runs.
pub(super) struct Running {
    /// The account as it was when the session started.
    pub account: Account,
    /// Why it started, the most urgent cause first.
    pub causes: Vec<SessionCause>,
    /// Who waits for its end.
    pub waiters: Vec<Waiter>,
    /// What the bearer's failure says about another attempt.
    pub prospect: Prospect,
    /// Which of the account's addresses have had their turn.
    pub turn: Turn,
    /// The address of the device's own at which its server has connected.
    pub line: Option<String>,
    /// The same of the session before, whose line has broken.
    pub left: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    started: Now,
    state: SessionState,
    trace: Trace,
    limits: Limits,
    /// Messages that are on their way and that nothing has come of yet.
    in_flight: u32,
}

/// How far the addresses of an account have been tried for one cause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// How many addresses have had their turn.
    pub from: usize,
    /// What the lines that broke say about another attempt.
    pub earlier: Option<Prospect>,
    /// When no further address is tried, on `CLOCK_BOOTTIME`.
    pub give_up: Duration,
}

/// Where a session stands.
pub(super) enum Stage {
    /// The bearer is being opened.
    Opening(Opening),
    /// Both ends talk.
    Open {
        /// The state machine.
        session: Box<Session>,
        /// The line.
        bearer: Bearer,
        /// When `handle_timeout` is due, on `CLOCK_BOOTTIME`.
        deadline: Duration,
    },
    /// The session is over, and its last message is still on its way.
    Closing {
        /// The line.
        bearer: Bearer,
        /// How the session ended.
        outcome: Box<Outcome>,
        /// When the message is given up.
        deadline: Duration,
    },
}

/// Something that happened to a session.
pub(super) enum Step {
    /// The bearer is open, or not.
    Opened(Result<Opened, Unreachable>),
    /// The bearer reports.
    Bearer(BearerEvent),
}

impl Running {
    /// Begins to open the bearer.
    pub(super) fn begin(
        account: Account,
        (causes, waiters): (Vec<SessionCause>, Vec<Waiter>),
        opening: Opening,
        turn: Turn,
        limits: Limits,
        now: Now,
    ) -> Self {
        let state = SessionState {
            account: account.name.clone(),
            server_id: account.server_id.clone(),
            cause: causes.first().map(ToString::to_string).unwrap_or_default(),
            causes: causes.iter().map(ToString::to_string).collect(),
            started: now.wall.and_then(rfc3339),
            ..SessionState::default()
        };
        Self {
            account,
            causes,
            waiters,
            prospect: Prospect::Later(Duration::ZERO),
            turn,
            line: None,
            left: None,
            stage: Stage::Opening(opening),
            started: now,
            state,
            trace: Trace::default(),
            limits,
            in_flight: 0,
        }
    }

    /// The most urgent cause.
    pub(super) fn cause(&self) -> SessionCause {
        self.causes.first().copied().unwrap_or(SessionCause::User)
    }

    /// The line that this one only tries another address for, because it had broken.
    pub(super) fn gives_way_at(&self) -> Option<&str> {
        let trying = matches!(self.stage, Stage::Opening(_));
        self.left.as_deref().filter(|_| trying)
    }

    /// What happens next. Cancel-safe.
    pub(super) async fn step(&mut self) -> Step {
        match &mut self.stage {
            Stage::Opening(opening) => Step::Opened(opening.await),
            Stage::Open { bearer, .. } | Stage::Closing { bearer, .. } => {
                let event = bearer.events.recv().await;
                Step::Bearer(event.unwrap_or(BearerEvent::Closed(Err(Error::NoAnswer))))
            }
        }
    }

    /// When something is due although nothing happens, on `CLOCK_BOOTTIME`.
    pub(super) fn deadline(&self) -> Duration {
        match &self.stage {
            Stage::Opening(_) => self.turn.give_up,
            Stage::Open { deadline, .. } | Stage::Closing { deadline, .. } => *deadline,
        }
    }

    /// Hands a message to the bearer.
    pub(super) fn transmit(&mut self, envelope: Envelope, now: Now) {
        self.observe(Direction::Sent, &envelope, now);
        self.in_flight += 1;
        if let Stage::Open { bearer, .. } = &self.stage
            && let Err(error) = bearer.out.try_send(envelope)
        {
            // The bearer has ended; its last event says why.
            log::debug!("the bearer takes no message: {error}");
        }
    }

    /// Takes note of a message from the server.
    pub(super) fn received(&mut self, envelope: &Envelope, now: Now) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.observe(Direction::Received, envelope, now);
    }

    fn observe(&mut self, direction: Direction, envelope: &Envelope, now: Now) {
        let bytes = i64::try_from(envelope.body.len()).unwrap_or(i64::MAX);
        let (messages, total) = match direction {
            Direction::Sent => (&mut self.state.messages_sent, &mut self.state.bytes_sent),
            Direction::Received => (
                &mut self.state.messages_received,
                &mut self.state.bytes_received,
            ),
        };
        *messages += 1;
        *total += bytes;
        if !self.waiters.iter().any(|waiter| waiter.trace) {
            return;
        }
        let time = now.wall.and_then(rfc3339);
        let entry = self.trace.entry(direction, envelope, &self.limits, time);
        let octets = entry.xml.len();
        let reply = RunSessionReply {
            entry: Some(entry),
            session: None,
        };
        for waiter in self.waiters.iter().filter(|waiter| waiter.trace) {
            if !waiter.answer.stream(&reply, octets) {
                log::debug!("a client is too slow for the trace and misses a message");
            }
        }
    }

    /// Whether a message has been handed to the bearer and nothing has come of it yet.
    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight > 0
    }

    /// The session is over. Keeps the bearer while a message is on its way.
    pub(super) fn close(&mut self, outcome: Outcome, now: Now) -> Option<Outcome> {
        if !self.is_in_flight() || matches!(outcome.end, SessionEnd::BearerFailed(_)) {
            return Some(outcome);
        }
        let none = Stage::Opening(Box::pin(std::future::pending()));
        match std::mem::replace(&mut self.stage, none) {
            Stage::Open { bearer, .. } => {
                self.stage = Stage::Closing {
                    bearer,
                    outcome: Box::new(outcome),
                    deadline: now.boot + FAREWELL,
                };
                None
            }
            Stage::Opening(_) | Stage::Closing { .. } => Some(outcome),
        }
    }

    /// The bearer has ended: the session is told in words, the schedule in kind.
    pub(super) fn bearer_closed(&mut self, end: Result<(), Error>) {
        let failure = match end {
            Ok(()) => "the server has ended the session without a word".to_owned(),
            Err(error) => {
                self.prospect = opening::prospect(&error);
                error.to_string()
            }
        };
        if let Stage::Open { session, .. } = &mut self.stage {
            session.handle_failure(BearerFailure(failure));
        }
    }

    /// The turn of the addresses after this one, now that its line has broken.
    pub(super) fn next_turn(&self) -> Turn {
        Turn {
            earlier: Some(self.or_earlier(self.prospect)),
            ..self.turn
        }
    }

    /// What a failure says together with those of the addresses before.
    pub(super) fn or_earlier(&self, prospect: Prospect) -> Prospect {
        let both = |earlier: Prospect| earlier.or(prospect);
        self.turn.earlier.map_or(prospect, both)
    }

    /// Asks the session to end; what is only being opened ends at once.
    pub(super) fn cancel(&mut self, cancel: Cancel, now: Now) -> bool {
        match &mut self.stage {
            Stage::Opening(_) => true,
            Stage::Open { session, .. } => {
                session.handle_cancel(cancel, now);
                false
            }
            Stage::Closing { .. } => false,
        }
    }

    /// What an event of this session is about; its `SessionID` is filled in by whoever knows it.
    pub(super) fn about(&self) -> About<'_> {
        About {
            server: Some(&self.account.server_id),
            address: Some(self.line.as_deref().unwrap_or(&self.account.address)),
            ..About::default()
        }
    }

    /// The session as it stands.
    pub(super) fn state(&self, now: Now) -> SessionState {
        let mut state = self.state.clone();
        state.seconds = now.boot.saturating_sub(self.started.boot).as_secs_f64();
        match &self.stage {
            Stage::Opening(_) => {}
            Stage::Open { session, .. } => session.session_id().clone_into(&mut state.session_id),
            Stage::Closing { outcome, .. } => outcome.session_id.clone_into(&mut state.session_id),
        }
        state
    }
}

/// The word for an end, its explanation, and what it says about another attempt unless the
/// bearer has said more.
pub(super) fn verdict(outcome: &Outcome) -> (&'static str, Option<Prospect>) {
    match &outcome.end {
        // Whoever asked must not take it for a success.
        SessionEnd::Completed if !outcome.is_success() => ("refused", Some(Prospect::Unlikely)),
        SessionEnd::Completed => ("completed", None),
        SessionEnd::AbortedByServer => ("aborted-by-server", None),
        SessionEnd::Cancelled(_) => ("cancelled", None),
        SessionEnd::Refused(_) => ("refused", Some(Prospect::Unlikely)),
        SessionEnd::HeaderRefused(_) => ("header-refused", Some(Prospect::Unlikely)),
        SessionEnd::Malformed(_) => ("malformed", None),
        SessionEnd::Violation(_) => ("violation", None),
        SessionEnd::BearerFailed(_) => ("bearer-failed", None),
        SessionEnd::NoAnswer => ("no-answer", None),
        SessionEnd::TooLong => ("too-long", None),
        SessionEnd::DevInfoMissing(_) => ("dev-info-missing", Some(Prospect::Unlikely)),
    }
}

/// Who refused what, as the interface has it.
pub(super) fn refusals(outcome: &Outcome) -> Vec<wire::Refusal> {
    let told = |refusal: &session::Refusal| wire::Refusal {
        by: refusal.by().as_str().to_owned(),
        what: refusal.subject().as_str().to_owned(),
        text: line(&refusal.to_string()),
        mend: refusal.mend().to_owned(),
        overcome: refusal.is_overcome(),
    };
    outcome.refusals.iter().map(told).collect()
}

/// The SyncML status that says why a session ended.
pub(super) fn status(outcome: &Outcome) -> Option<u16> {
    match &outcome.end {
        SessionEnd::HeaderRefused(code) => Some(code.0),
        SessionEnd::Refused(_) => Some(StatusCode::INVALID_CREDENTIALS.0),
        _ => None,
    }
}

/// The longest explanation of an end, in characters: parts of it are the server's words.
const DETAIL: usize = 600;

/// What to know about an end in one line: nothing when all went as it should.
pub(super) fn detail(outcome: &Outcome) -> Option<String> {
    let mut texts = Vec::new();
    if outcome.end != SessionEnd::Completed {
        texts.push(outcome.end.to_string());
    }
    texts.extend(outcome.further_refusals().map(ToString::to_string));
    texts.extend(outcome.notes.iter().map(ToString::to_string));
    texts.dedup();
    (!texts.is_empty()).then(|| line(&texts.join("; ")))
}

/// A text that is partly the server's, fit for a log: without control characters, and bounded.
pub(super) fn line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut line: String = text.chars().take(DETAIL).map(plain).collect();
    if text.chars().nth(DETAIL).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_never_authenticates_is_no_success() {
        use omadm_dm::session::Counts;
        let mut outcome = Outcome {
            account: "lab".to_owned(),
            server_id: "srv".to_owned(),
            session_id: "1".to_owned(),
            end: SessionEnd::Completed,
            refusals: Vec::new(),
            notes: Vec::new(),
            counts: Counts::default(),
        };
        assert_eq!(verdict(&outcome), ("completed", None));
        assert_eq!(detail(&outcome), None);
        let source = "http://srv/dm".to_owned();
        outcome.refusals = vec![session::Refusal::ServerCredentialMissing { source }];
        assert_eq!(verdict(&outcome), ("refused", Some(Prospect::Unlikely)));
        let detail = detail(&outcome).unwrap();
        assert!(
            detail.ends_with(
                "\"http://srv/dm\", did not authenticate itself: it showed no credentials"
            ),
            "{detail}"
        );
        let told = &refusals(&outcome)[0];
        assert_eq!((&*told.by, &*told.what), ("device", "credential"));
        assert!(!told.overcome && told.mend.contains("credentials"));
    }

    #[test]
    fn the_words_of_a_server_stay_in_one_bounded_line() {
        assert_eq!(line("a\nb\u{1b}[31m"), "a\u{fffd}b\u{fffd}[31m");
        assert_eq!(line("short"), "short");
        let long = line(&"é".repeat(5000));
        assert_eq!(long.chars().count(), DETAIL + 1);
        assert!(long.ends_with('…'));
    }
}
