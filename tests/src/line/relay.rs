//! A line that runs: a thread between two descriptors.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: a thread that reads, writes and waits"
)]

use super::{End, LineSettings, Wire};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Octets that wait in one direction at most; whoever sends more is not read from.
const MOST: usize = 16 * 1024;
/// How often octets of an unfinished burst are handed on.
const GRAIN: Duration = Duration::from_millis(4);
/// How long the thread sleeps at most, which is how long its end may take.
const NAP: Duration = Duration::from_millis(20);

/// What a line has carried so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Octets that each end has sent.
    pub octets: [u64; 2],
    /// How often the direction has changed; the first octet of all is no change.
    pub turns: u64,
}

#[derive(Default)]
struct Shared {
    octets: [AtomicU64; 2],
    turns: AtomicU64,
    stop: AtomicBool,
    ended: AtomicBool,
}

/// A line between two ends, which closes both when it is dropped.
pub struct Relay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Lays a line between two ends.
    pub fn start(near: End, far: End, settings: &LineSettings) -> io::Result<Self> {
        for end in [&near, &far] {
            fcntl(&end.fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        let shared = Arc::new(Shared::default());
        let mut course = Course {
            ends: [near, far],
            wires: [Wire::new(settings, 0), Wire::new(settings, 1)],
            ready: [Vec::new(), Vec::new()],
            late: [Duration::ZERO; 2],
            spoke: None,
            left: settings.hang_up_at.unwrap_or(u64::MAX),
            closing: false,
            began: Instant::now(),
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new().name("line".to_owned());
        let thread = thread.spawn(move || course.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// What it has carried so far.
    pub fn counts(&self) -> Counts {
        Counts {
            octets: [0, 1].map(|end: usize| self.shared.sent(end).load(Relaxed)),
            turns: self.shared.turns.load(Relaxed),
        }
    }

    /// Whether it carries no more: an end has closed, or the plug is out.
    pub fn has_ended(&self) -> bool {
        self.shared.ended.load(Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn sent(&self, end: usize) -> &AtomicU64 {
        let [near, far] = &self.octets;
        if end == 0 { near } else { far }
    }
}

struct Course {
    ends: [End; 2],
    /// The wire that leads from each end.
    wires: [Wire; 2],
    /// What has come out of each wire and is not written yet.
    ready: [Vec<u8>; 2],
    /// How much too late each wire's last octet was handed on: its reader's answer counts as
    /// made that much earlier.
    late: [Duration; 2],
    /// Who spoke last.
    spoke: Option<usize>,
    /// Octets until the plug comes out.
    left: u64,
    closing: bool,
    began: Instant,
    shared: Arc<Shared>,
}

#[expect(
    clippy::indexing_slicing,
    reason = "both ends are numbered 0 and 1 everywhere in here"
)]
impl Course {
    fn run(&mut self) {
        while !self.shared.stop.load(Relaxed) {
            let written = [0, 1].map(|from| self.hand_on(from));
            let empty = [0, 1].map(|from| self.is_empty(from));
            if written.contains(&false) || self.closing && !empty.contains(&false) {
                break;
            }
            let readable = self.wait();
            for (from, readable) in readable.into_iter().enumerate() {
                if readable && !self.closing {
                    self.read(from);
                }
            }
        }
        self.shared.ended.store(true, Relaxed);
    }

    fn is_empty(&self, from: usize) -> bool {
        self.wires[from].waiting() == 0 && self.ready[from].is_empty()
    }

    /// Writes what is due; `false` if nobody takes it any more.
    fn hand_on(&mut self, from: usize) -> bool {
        let now = self.began.elapsed();
        if let Some(due) = self.wires[from].pull(now, &mut self.ready[from]) {
            self.late[from] = now.saturating_sub(due);
        }
        while !self.ready[from].is_empty() {
            match nix::unistd::write(&self.ends[1 - from].fd, &self.ready[from]) {
                Ok(written) => drop(self.ready[from].drain(..written)),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Waits for whatever comes first; says which ends can be read from.
    fn wait(&self) -> [bool; 2] {
        let now = self.began.elapsed();
        let wakes = self.wires.iter().filter_map(|wire| wire.wake(now, GRAIN));
        let wake = wakes.min().unwrap_or(Duration::MAX);
        let nap = wake.saturating_sub(now).min(NAP);
        let wanted = [0, 1].map(|end: usize| {
            let mut flags = PollFlags::empty();
            let room = !self.closing && self.wires[end].waiting() < MOST;
            flags.set(PollFlags::POLLIN, room);
            flags.set(PollFlags::POLLOUT, !self.ready[1 - end].is_empty());
            flags
        });
        let mut polled: Vec<_> = (self.ends.iter().zip(wanted))
            .filter(|(_, flags)| !flags.is_empty())
            .map(|(end, flags)| PollFd::new(end.fd.as_fd(), flags))
            .collect();
        // A signal wakes it as well, and everything is looked at again.
        let _ = ppoll(&mut polled, Some(TimeSpec::from_duration(nap)), None);
        let mut polled = polled.iter();
        wanted.map(|flags| {
            let asked = !flags.is_empty();
            let found = asked.then(|| polled.next()).flatten();
            let found = found
                .and_then(PollFd::revents)
                .unwrap_or(PollFlags::empty());
            let ended = PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR;
            flags.contains(PollFlags::POLLIN) && found.intersects(ended)
        })
    }

    fn read(&mut self, from: usize) {
        let mut buffer = [0; MOST];
        let room = MOST.saturating_sub(self.wires[from].waiting());
        let room = room.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        match nix::unistd::read(&self.ends[from].fd, &mut buffer[..room]) {
            Ok(0) => self.closing = true,
            Ok(read) => self.take(from, &buffer[..read]),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => self.closing = true,
        }
    }

    fn take(&mut self, from: usize, octets: &[u8]) {
        let turned = self.spoke.replace(from).is_some_and(|spoke| spoke != from);
        let late = if turned {
            self.late[1 - from]
        } else {
            Duration::ZERO
        };
        let at = self.began.elapsed().saturating_sub(late);
        self.wires[from].push(octets, at, turned);
        let count = octets.len() as u64;
        self.shared.sent(from).fetch_add(count, Relaxed);
        self.shared.turns.fetch_add(u64::from(turned), Relaxed);
        self.left -= count;
        self.closing = self.left == 0;
    }
}

#[cfg(test)]
mod tests;
