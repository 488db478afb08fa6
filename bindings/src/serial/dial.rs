//! The dialling end of a serial line: makes a modem carry OBEX.

use super::entry::{Dialled, Final, METHODS, Method};

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(3);

/// A modem that finds its speed by the first command may miss it.
const PROBES: u8 = 4;

/// How long a probe is waited for.
const PROBE_LIMIT: Duration = Duration::from_secs(1);

/// Silence that tells the answer to a probe from those to earlier ones, and from the last words of
/// an earlier session.
const QUIET: Duration = Duration::from_millis(250);

/// The LF of an answer's CR LF comes within this, even over a slow line.
const LINE_FEED_LIMIT: Duration = Duration::from_millis(500);

/// As much of a line as is looked at, in octets.
const MAX_LINE: usize = 512;

/// More than a modem says before it is spoken to, in octets.
const MAX_REST: usize = 16 * 1024;

/// As much of an answer as an error shows.
const MAX_SHOWN: usize = 64;

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DialOutput {
    /// Send this to the modem.
    Send(Vec<u8>),
    /// Hold the line down: the modem may be in the OBEX of a session that broke off.
    Break,
    /// Nothing before this time, or before input comes.
    Wait(Duration),
    /// OBEX mode is entered; these octets came already.
    Entered(Vec<u8>),
    /// No command leads there; each with its answer.
    Failed(String),
}

#[derive(Clone, Copy)]
enum Step {
    /// `AT`, so many times yet after this one.
    Probe(u8),
    /// A probe was answered; until this time at most, silence is waited for.
    Quiet(Duration),
    EchoOff,
    /// The method at this place and those after it.
    Try(usize),
    /// A method has been accepted. With a pause of its own nothing is sent before that is over;
    /// without, only the LF is waited for.
    Settle {
        pauses: bool,
    },
    Done,
}

/// The state of a dialling end.
pub(super) struct Dialler {
    step: Step,
    deadline: Duration,
    line: Vec<u8>,
    /// A CR ended an answer; its LF may still come.
    line_feed: bool,
    /// What came after the answer that entered.
    rest: Vec<u8>,
    /// What was answered to what.
    tried: Vec<(String, String)>,
    output: VecDeque<DialOutput>,
}

impl Dialler {
    /// Begins at once.
    pub(super) fn new(now: Duration) -> Self {
        let mut dialler = Self {
            step: Step::Probe(PROBES - 1),
            deadline: now,
            line: Vec::new(),
            line_feed: false,
            rest: Vec::new(),
            tried: Vec::new(),
            output: VecDeque::new(),
        };
        dialler.send("AT", PROBE_LIMIT, now);
        dialler
    }

    /// Takes what the modem sent.
    pub(super) fn handle_input(&mut self, input: &[u8], now: Duration) {
        if let Step::Quiet(limit) = self.step {
            self.deadline = now.saturating_add(QUIET).min(limit);
            return;
        }
        for (at, &octet) in input.iter().enumerate() {
            if let Step::Settle { pauses } = self.step {
                return self.entering(pauses, input.get(at..).unwrap_or_default());
            }
            match octet {
                b'\r' | b'\n' => self.ended(octet, now),
                _ if self.line.len() < MAX_LINE => self.line.push(octet),
                _ => {}
            }
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        if now < self.deadline {
            return;
        }
        match self.step {
            Step::Probe(0) => {
                self.step = Step::Done;
                let text = format!("no modem answers AT (sent {PROBES} times)");
                self.output.push_back(DialOutput::Failed(text));
            }
            Step::Probe(left) => {
                if left == PROBES - 2 {
                    self.output.push_back(DialOutput::Break);
                }
                self.step = Step::Probe(left - 1);
                self.send("AT", PROBE_LIMIT, now);
            }
            Step::Quiet(_) => {
                self.step = Step::EchoOff;
                self.send("ATE0", LIMIT, now);
            }
            Step::EchoOff => self.attempt(0, now),
            Step::Try(at) => self.refused(at, "no answer", now),
            Step::Settle { .. } => self.entered(),
            Step::Done => {}
        }
    }

    pub(super) fn poll_output(&mut self) -> DialOutput {
        let next = self.output.pop_front();
        next.unwrap_or(DialOutput::Wait(self.deadline))
    }

    /// A line of the modem has ended.
    fn ended(&mut self, end: u8, now: Duration) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        // What else a modem says, its echo included, is of no interest.
        let Some(result) = Final::of(text.trim_matches([' ', '\0'])) else {
            return;
        };
        self.line_feed = end == b'\r';
        match self.step {
            Step::Probe(_) => {
                self.step = Step::Quiet(now.saturating_add(LIMIT));
                self.deadline = now.saturating_add(QUIET);
            }
            Step::EchoOff => self.attempt(0, now),
            Step::Try(at) => self.tried(at, result, &text, now),
            Step::Quiet(_) | Step::Settle { .. } | Step::Done => {}
        }
    }

    fn tried(&mut self, at: usize, result: Final, text: &str, now: Duration) {
        let dialled = dialled(at).map(|(_, dialled)| dialled);
        let entered = match result {
            Final::Connect => true,
            Final::Ok => dialled.is_some_and(|dialled| dialled.ok_enters),
            Final::NoCarrier | Final::Error => false,
        };
        if !entered {
            let shown: String = text
                .chars()
                .filter(|found| !found.is_control())
                .take(MAX_SHOWN)
                .collect();
            self.refused(at, &shown, now);
            return;
        }
        let pause = dialled.map_or(Duration::ZERO, |dialled| dialled.pause);
        let pauses = !pause.is_zero();
        self.step = Step::Settle { pauses };
        let settled = if self.line_feed {
            pause.max(LINE_FEED_LIMIT)
        } else {
            pause
        };
        self.deadline = now.saturating_add(settled);
    }

    /// What comes once a method has been accepted.
    fn entering(&mut self, pauses: bool, input: &[u8]) {
        let stray = std::mem::take(&mut self.line_feed);
        let input = input.strip_prefix(b"\n").filter(|_| stray).unwrap_or(input);
        self.rest.extend_from_slice(input);
        if !pauses || self.rest.len() > MAX_REST {
            self.entered();
        }
    }

    fn entered(&mut self) {
        self.step = Step::Done;
        let rest = std::mem::take(&mut self.rest);
        self.output.push_back(DialOutput::Entered(rest));
    }

    fn refused(&mut self, at: usize, answer: &str, now: Duration) {
        if let Some((_, last)) = self.tried.last_mut() {
            answer.clone_into(last);
        }
        self.attempt(at + 1, now);
    }

    fn attempt(&mut self, at: usize, now: Duration) {
        let Some((method, _)) = dialled(at) else {
            self.step = Step::Done;
            let text = self.failure();
            self.output.push_back(DialOutput::Failed(text));
            return;
        };
        let command = command(method);
        self.step = Step::Try(at);
        self.send(&command, LIMIT, now);
        self.tried.push((command, String::new()));
    }

    fn failure(&self) -> String {
        let mut text = String::from("the modem enters OBEX by no command");
        for (index, (command, answer)) in self.tried.iter().enumerate() {
            let mark = if index == 0 { ": " } else { "; " };
            let _ = write!(text, "{mark}{command} was answered {answer:?}");
        }
        text
    }

    fn send(&mut self, command: &str, limit: Duration, now: Duration) {
        self.line.clear();
        self.deadline = now.saturating_add(limit);
        let text = format!("{command}\r").into_bytes();
        self.output.push_back(DialOutput::Send(text));
    }
}

/// The method at a place among those that are dialled.
fn dialled(at: usize) -> Option<(&'static Method, Dialled)> {
    let all = METHODS.iter();
    all.filter_map(|method| Some((method, method.dialled?)))
        .nth(at)
}

/// The command line of a method.
fn command(method: &Method) -> String {
    let mark = if method.value.is_empty() { "" } else { "=" };
    format!("AT{}{mark}{}", method.name, method.value)
}

#[cfg(test)]
mod tests {
    use super::DialOutput::{Break, Entered, Failed, Send, Wait};
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn send(text: &str) -> DialOutput {
        Send(format!("{text}\r").into_bytes())
    }

    fn drain(dialler: &mut Dialler) -> Vec<DialOutput> {
        let mut all = Vec::new();
        loop {
            match dialler.poll_output() {
                Wait(_) => return all,
                next => all.push(next),
            }
        }
    }

    /// A dialler that has found a modem.
    fn trying() -> Dialler {
        let mut dialler = Dialler::new(ms(0));
        assert_eq!(drain(&mut dialler), [send("AT")]);
        dialler.handle_input(b"AT\r\r\nOK\r\n", ms(0));
        dialler.handle_timeout(ms(250));
        assert_eq!(drain(&mut dialler), [send("ATE0")]);
        dialler.handle_input(b"ATE0\r\r\nOK\r\n", ms(20));
        assert_eq!(drain(&mut dialler), [send("AT+CPROT=0")]);
        dialler
    }

    #[test]
    fn the_answer_may_come_in_any_pieces_and_forms() {
        for answer in [
            &b"\r\nCONNECT\r\n\xA0\x00"[..],
            b"AT+CPROT=0\r\r\nCONNECT\r\n\xA0\x00",
            b"\r\nRING\r\n+CREG: 1\r\n\r\nCONNECT 115200\r\n\xA0\x00",
            b"CONNECT\n\xA0\x00",
            b"CONNECT\r\xA0\x00",
            b"1\r\xA0\x00",
        ] {
            for split in 0..=answer.len() {
                let mut dialler = trying();
                dialler.handle_input(&answer[..split], ms(30));
                let mut outputs = drain(&mut dialler);
                let early = !outputs.is_empty();
                dialler.handle_input(&answer[split..], ms(40));
                outputs.extend(drain(&mut dialler));
                let mut rest: Vec<u8> = Vec::new();
                match outputs.as_slice() {
                    [Entered(octets)] => rest.extend(octets),
                    other => panic!("{answer:?} {split}: {other:?}"),
                }
                // What came after the result was handed out is the line's own.
                if early {
                    rest.extend(&answer[split..]);
                }
                assert_eq!(rest, b"\xA0\x00", "{answer:?} {split}");
            }
        }
    }

    #[test]
    fn words_of_an_earlier_session_are_not_taken_for_answers() {
        let mut dialler = Dialler::new(ms(0));
        dialler.handle_input(b"\r\nOK\r\n", ms(10));
        dialler.handle_input(b"AT\r\r\nOK\r\n", ms(200));
        assert_eq!(drain(&mut dialler), [send("AT")]);
        assert_eq!(dialler.poll_output(), Wait(ms(450)));
        dialler.handle_timeout(ms(450));
        assert_eq!(drain(&mut dialler), [send("ATE0")]);
    }

    #[test]
    fn a_modem_is_not_waited_for_until_it_is_silent_for_ever() {
        let mut dialler = Dialler::new(ms(0));
        let mut sent = Vec::new();
        for at in (0..=3100).step_by(100) {
            dialler.handle_timeout(ms(at));
            sent.extend(drain(&mut dialler));
            dialler.handle_input(b"\r\nOK\r\n\r\nRING", ms(at));
        }
        assert_eq!(sent[..2], [send("AT"), send("ATE0")]);
    }

    #[test]
    fn without_line_feed_the_wait_is_short() {
        let mut dialler = trying();
        dialler.handle_input(b"CONNECT\r", ms(30));
        assert_eq!(dialler.poll_output(), Wait(ms(530)));
        dialler.handle_timeout(ms(530));
        assert_eq!(drain(&mut dialler), [Entered(vec![])]);
    }

    #[test]
    fn the_next_command_follows_a_refusal_and_siemens_pauses() {
        let mut dialler = trying();
        dialler.handle_input(b"\r\nOK\r\n", ms(100));
        assert_eq!(drain(&mut dialler), [send("AT*EOBEX")]);
        dialler.handle_input(b"\r\n+CME ERROR: 4\r\n", ms(200));
        assert_eq!(drain(&mut dialler), [send("AT^SQWE=3")]);
        dialler.handle_input(b"\r\nOK\r\n", ms(300));
        assert_eq!(dialler.poll_output(), Wait(ms(1300)));
        dialler.handle_input(b"\xA0", ms(400));
        dialler.handle_timeout(ms(1299));
        assert_eq!(drain(&mut dialler), []);
        dialler.handle_timeout(ms(1300));
        assert_eq!(drain(&mut dialler), [Entered(b"\xA0".to_vec())]);
    }

    #[test]
    fn a_modem_that_wants_none_of_it_is_quoted() {
        let mut dialler = trying();
        dialler.handle_input(b"\r\nERROR\r\n", ms(100));
        dialler.handle_input(b"\r\nNO CARRIER\r\n", ms(200));
        dialler.handle_timeout(ms(3200));
        dialler.handle_input(b"\r\n+CME ERROR: x\x1B[31m\r\n", ms(3300));
        let outputs = drain(&mut dialler);
        let failed = "the modem enters OBEX by no command: AT+CPROT=0 was answered \"ERROR\"; \
                      AT*EOBEX was answered \"NO CARRIER\"; AT^SQWE=3 was answered \"no answer\"; \
                      AT+MODE=22 was answered \"+CME ERROR: x[31m\"";
        assert_eq!(outputs.last(), Some(&Failed(failed.into())));
        assert_eq!(outputs.len(), 4);
    }

    #[test]
    fn silence_is_probed_broken_and_given_up() {
        let mut dialler = Dialler::new(ms(0));
        let mut outputs = Vec::new();
        for at in (0..=5000).step_by(250) {
            dialler.handle_timeout(ms(at));
            outputs.extend(drain(&mut dialler));
        }
        let at = || send("AT");
        let failed = Failed("no modem answers AT (sent 4 times)".into());
        assert_eq!(outputs, [at(), at(), Break, at(), at(), failed]);
    }

    #[test]
    fn a_modem_that_only_talks_runs_out_of_time() {
        let mut dialler = Dialler::new(ms(0));
        let mut failed = 0;
        for at in (0..60_000).step_by(50) {
            dialler.handle_input(&[b'x'; 4096], ms(at));
            dialler.handle_input(b"\0\r\n\xFF\r\n", ms(at));
            dialler.handle_timeout(ms(at));
            let outputs = drain(&mut dialler);
            failed += outputs
                .iter()
                .filter(|output| matches!(output, Failed(_)))
                .count();
            assert!(dialler.line.len() <= MAX_LINE);
        }
        assert_eq!(failed, 1);
    }

    #[test]
    fn a_flood_ends_the_pause() {
        let mut dialler = trying();
        dialler.handle_input(b"ERROR\rERROR\rOK\r\n", ms(100));
        let mut entered = 0;
        for _ in 0..100 {
            dialler.handle_input(&[0xA0; 1024], ms(200));
            for output in drain(&mut dialler) {
                if let Entered(rest) = output {
                    entered += 1;
                    assert_eq!(rest.len(), 17 * 1024);
                }
            }
        }
        assert_eq!(entered, 1);
    }
}
