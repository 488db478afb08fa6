//! The waiting end of a serial line, which behaves as a modem does until OBEX begins.

mod command;
mod dialogue;
mod escape;
mod identity;
#[cfg(test)]
mod tests;

use self::dialogue::Dialogue;
use self::escape::{Escape, Expired};
use super::address::Entry;
use super::entry::Final;

use crate::arrival::Identity;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// The silence around `+++`, and how long an incomplete probe is waited for.
const GUARD: Duration = Duration::from_secs(1);

/// How obexftp's probe begins: an ABORT whose `ConnectionID` spells `ATZ`, CR. In OBEX it is
/// answered as a packet; to an AT dialogue these octets are noise before `ATZ`.
const PROBE: [u8; 4] = [0xFF, 0x00, 0x08, 0xCB];

/// How OBEX came to its end on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// By the DISCONNECT of OBEX.
    Orderly,
    /// By anything else.
    Failed,
}

/// Why OBEX mode was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The peer sent `+++` between two silences.
    Escape,
    /// The peer sent a BREAK.
    Break,
    /// DSR or DCD has dropped.
    Carrier,
    /// The device hung up or is gone.
    Hangup,
}

impl fmt::Display for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Escape => "the peer sent +++",
            Self::Break => "the peer sent a break",
            Self::Carrier => "DSR or DCD dropped",
            Self::Hangup => "the line hung up or the device is gone",
        })
    }
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FrontOutput {
    /// Send this to the peer.
    Reply(Vec<u8>),
    /// OBEX mode begins.
    Entered,
    /// Octets of OBEX from the peer.
    Octets(Vec<u8>),
    /// OBEX mode is over.
    Left(Leave),
    /// Nothing before this time, or before input comes.
    Wait(Option<Duration>),
}

enum Mode {
    Command {
        /// When the last octet came.
        last: Duration,
        /// How much of the probe is held back.
        probe: usize,
    },
    Obex {
        /// Entered by a command, so that its user waits to be told the end.
        told: bool,
        /// The LF of the command's CR LF may still come.
        line_feed: bool,
        escape: Option<Escape>,
    },
}

/// The state of a waiting end.
pub(super) struct Front {
    entry: Option<Entry>,
    identity: Identity,
    guard: Duration,
    dialogue: Dialogue,
    mode: Mode,
    output: VecDeque<FrontOutput>,
}

impl Front {
    pub(super) fn new(entry: Option<Entry>, identity: Identity) -> Self {
        Self::with_guard(entry, identity, GUARD)
    }

    /// The same dialogue under this name.
    pub(super) fn named(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// A front with another silence around `+++`.
    pub(super) fn with_guard(entry: Option<Entry>, identity: Identity, guard: Duration) -> Self {
        Self {
            entry,
            identity,
            guard,
            dialogue: Dialogue::new(),
            mode: Mode::Command {
                last: Duration::ZERO,
                probe: 0,
            },
            output: VecDeque::new(),
        }
    }

    /// A front of a line that carries nothing but OBEX from here on, and these octets already.
    pub(super) fn entered(octets: &[u8], now: Duration) -> Self {
        let mut front = Self::new(Some(Entry::Raw), Identity::default());
        front.mode = Mode::Obex {
            told: false,
            line_feed: false,
            escape: None,
        };
        front.handle_input(octets, now);
        front
    }

    /// Takes what the peer sent. The output is to be polled before there is more.
    pub(super) fn handle_input(&mut self, input: &[u8], now: Duration) {
        self.handle_timeout(now);
        let mut rest = input;
        while let Some((&octet, after)) = rest.split_first() {
            let taken = match self.mode {
                Mode::Command { .. } => self.command(octet, now),
                Mode::Obex { .. } => {
                    self.obex(rest, now);
                    return;
                }
            };
            // What begins OBEX belongs to it.
            rest = if taken { after } else { rest };
        }
    }

    /// The peer sent a BREAK: back to commands.
    pub(super) fn handle_break(&mut self, now: Duration) {
        self.abandon(Leave::Break, now);
    }

    /// DSR or DCD has dropped: back to commands, and to the settings of the beginning.
    pub(super) fn handle_drop(&mut self, now: Duration) {
        self.abandon(Leave::Carrier, now);
        self.dialogue = Dialogue::new();
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        match &mut self.mode {
            Mode::Command { last, probe } => {
                if *probe > 0 && now >= last.saturating_add(self.guard) {
                    self.detected(now);
                }
            }
            Mode::Obex { escape, .. } => match escape.as_mut().map(|escape| escape.expire(now)) {
                Some(Expired::Data(held)) => self.push_octets(&b"+".repeat(held)),
                Some(Expired::Escape) => {
                    self.output.push_back(FrontOutput::Left(Leave::Escape));
                    self.take_commands(now);
                    self.push_reply(&self.dialogue.result(Final::Ok));
                }
                _ => {}
            },
        }
    }

    /// OBEX is over: the user of a command is told, and commands are taken again.
    pub(super) fn leave(&mut self, farewell: Farewell, now: Duration) {
        let Mode::Obex { told, .. } = self.mode else {
            return;
        };
        if told {
            let result = match farewell {
                Farewell::Orderly => Final::Ok,
                Farewell::Failed => Final::NoCarrier,
            };
            self.push_reply(&self.dialogue.result(result));
        }
        self.take_commands(now);
    }

    pub(super) fn poll_output(&mut self) -> FrontOutput {
        let next = self.output.pop_front();
        next.unwrap_or_else(|| FrontOutput::Wait(self.deadline()))
    }

    /// A reply, if that is what is next.
    pub(super) fn take_reply(&mut self) -> Option<Vec<u8>> {
        let next = self.output.pop_front()?;
        if let FrontOutput::Reply(text) = next {
            return Some(text);
        }
        self.output.push_front(next);
        None
    }

    /// Whether the line carries OBEX.
    pub(super) fn in_obex(&self) -> bool {
        matches!(self.mode, Mode::Obex { .. })
    }

    fn deadline(&self) -> Option<Duration> {
        match &self.mode {
            Mode::Command { probe: 0, .. } => None,
            Mode::Command { last, .. } => Some(last.saturating_add(self.guard)),
            Mode::Obex { escape, .. } => escape.as_ref().and_then(Escape::deadline),
        }
    }

    /// Takes an octet in command mode; false when it begins OBEX and belongs there.
    fn command(&mut self, octet: u8, now: Duration) -> bool {
        let Mode::Command { last, probe } = &mut self.mode else {
            return false;
        };
        if self.entry == Some(Entry::Raw) {
            self.enter(false, now);
            return false;
        }
        // No command has such octets: after a pause they are not even line noise in one.
        let paused = now.saturating_sub(*last) >= self.guard;
        *last = now;
        if *probe > 0 || octet >= 0x80 && (paused || self.dialogue.is_idle()) {
            let probing = self.entry == Some(Entry::At) && PROBE.get(*probe) == Some(&octet);
            if !probing {
                self.detected(now);
                return false;
            }
            *probe = (*probe + 1) % PROBE.len();
            return true;
        }
        self.typed(octet, now);
        true
    }

    fn typed(&mut self, octet: u8, now: Duration) {
        let mut reply = String::new();
        let entered = self.dialogue.typed(octet, &self.identity, &mut reply);
        self.push_reply(&reply);
        if entered {
            self.enter(true, now);
            if let Mode::Obex { line_feed, .. } = &mut self.mode {
                *line_feed = octet == b'\r';
            }
        }
    }

    /// The peer speaks OBEX without a command before it.
    fn detected(&mut self, now: Duration) {
        let held = match self.mode {
            Mode::Command { probe, .. } => probe,
            Mode::Obex { .. } => 0,
        };
        self.enter(false, now);
        self.push_octets(PROBE.get(..held).unwrap_or_default());
    }

    fn enter(&mut self, told: bool, now: Duration) {
        self.dialogue.clear();
        self.output.push_back(FrontOutput::Entered);
        let escapes = self.entry != Some(Entry::Raw);
        self.mode = Mode::Obex {
            told,
            line_feed: false,
            escape: escapes.then(|| Escape::new(self.guard, now)),
        };
    }

    fn obex(&mut self, input: &[u8], now: Duration) {
        let Mode::Obex {
            line_feed, escape, ..
        } = &mut self.mode
        else {
            return;
        };
        // No packet begins with it.
        let stray = std::mem::take(line_feed);
        let input = input.strip_prefix(b"\n").filter(|_| stray).unwrap_or(input);
        match escape {
            Some(escape) => {
                let octets = escape.pass(input, now);
                self.push_octets(&octets);
            }
            None => self.push_octets(input),
        }
    }

    fn abandon(&mut self, leave: Leave, now: Duration) {
        if let Mode::Obex { escape, .. } = &mut self.mode {
            let held: Vec<u8> = escape.iter_mut().flat_map(Escape::release).collect();
            self.push_octets(&held);
            self.output.push_back(FrontOutput::Left(leave));
        }
        self.take_commands(now);
    }

    fn take_commands(&mut self, now: Duration) {
        self.dialogue.clear();
        self.mode = Mode::Command {
            last: now,
            probe: 0,
        };
    }

    fn push_reply(&mut self, text: &str) {
        match self.output.back_mut() {
            _ if text.is_empty() => {}
            Some(FrontOutput::Reply(reply)) => reply.extend_from_slice(text.as_bytes()),
            _ => self
                .output
                .push_back(FrontOutput::Reply(text.as_bytes().to_vec())),
        }
    }

    fn push_octets(&mut self, octets: &[u8]) {
        match self.output.back_mut() {
            _ if octets.is_empty() => {}
            Some(FrontOutput::Octets(before)) => before.extend_from_slice(octets),
            _ => self.output.push_back(FrontOutput::Octets(octets.to_vec())),
        }
    }
}
