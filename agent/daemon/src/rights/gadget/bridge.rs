//! Moves octets between the OBEX function and whoever waits on it.
//!
//! Files of FunctionFS block and cannot be polled (`f_fs.c`, `ffs_epfile_io`): each has a thread,
//! which lives as long as this process. A socket stands for the time in which one host talks with
//! one who waits: it is closed when the host goes, or begins anew by selecting the interface.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: threads, a socket, and the files of a USB function"
)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::super::program::say;
use super::function::{Event, Function, event};

/// What is read from the host at once, a multiple of any packet; and what is written to it.
const CHUNK: usize = 16 * 1024;

/// A whole OBEX packet, so that it goes as one transfer.
const PACKET: usize = 64 * 1024;

/// How long octets of the host are kept for one who is about to wait.
const KEPT: Duration = Duration::from_secs(5);

/// A pause after the host has gone: much shorter than it takes to come back.
const BREATH: Duration = Duration::from_millis(10);

/// A pause after an error that would come again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// The bridge over a function.
#[derive(Debug, Clone)]
pub(super) struct Bridge(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    line: Mutex<Line>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Line {
    socket: Option<Arc<UnixStream>>,
    /// Whether octets have gone over it.
    used: bool,
    /// How often the host has gone.
    departures: u64,
}

impl Bridge {
    /// Begins; `packet` tells what the endpoints carry at once, in octets.
    pub(super) fn start(
        function: Function,
        packet: impl Fn() -> usize + Send + 'static,
    ) -> io::Result<Self> {
        let bridge = Self(Arc::default());
        let Function {
            control,
            outgoing,
            incoming,
        } = function;
        let [events, reader, writer] = [(); 3].map(|()| Self(Arc::clone(&bridge.0)));
        thread("gadget-events", move || events.watch(control))?;
        thread("gadget-read", move || reader.receive(incoming))?;
        thread("gadget-write", move || writer.send(outgoing, &packet))?;
        Ok(bridge)
    }

    /// The end for whoever waits. An earlier one is closed.
    pub(super) fn open(&self) -> io::Result<OwnedFd> {
        let (near, far) = UnixStream::pair()?;
        let mut line = self.line();
        line.close();
        line.socket = Some(Arc::new(near));
        self.0.changed.notify_all();
        Ok(far.into())
    }

    /// Whether anybody waits.
    pub(super) fn is_open(&self) -> bool {
        self.line().socket.is_some()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        let line = self.0.line.lock();
        line.unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, mut control: File) {
        loop {
            match event(&mut control) {
                Ok(Event::Disabled) => self.depart(),
                Ok(Event::Enabled | Event::Refused | Event::Other) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    say(format_args!("events of the function: {error}"));
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// The host has gone: what was said is over. A line on which nothing was said waits on.
    fn depart(&self) {
        let mut line = self.line();
        line.departures = line.departures.wrapping_add(1);
        if line.used {
            line.close();
        }
        self.0.changed.notify_all();
    }

    fn receive(&self, mut incoming: File) {
        let mut chunk = vec![0; CHUNK];
        loop {
            match incoming.read(&mut chunk) {
                // The end of a transfer that has none of its own.
                Ok(0) => {}
                Ok(count) => self.deliver(chunk.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The host has gone, or begins anew: in the order in which its octets come.
                Err(error) => {
                    complain(&error);
                    self.depart();
                    // A controller that is being taken away refuses at once, and would again.
                    std::thread::sleep(BREATH);
                }
            }
        }
    }

    /// Gives octets to whoever waits, or will soon.
    fn deliver(&self, octets: &[u8]) {
        let until = Instant::now() + KEPT;
        let mut line = self.line();
        let departures = line.departures;
        let socket = loop {
            if line.departures != departures {
                return;
            }
            if let Some(socket) = &line.socket {
                let socket = Arc::clone(socket);
                line.used = true;
                break socket;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.0.changed.wait_timeout(line, left);
            line = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(line);
        if (&*socket).write_all(octets).is_err() {
            self.leave(&socket);
        }
    }

    fn send(&self, mut outgoing: File, packet: &impl Fn() -> usize) {
        let mut chunk = vec![0; PACKET];
        loop {
            let socket = self.socket();
            match (&*socket).read(&mut chunk) {
                Ok(count @ 1..) if self.is_current(&socket) => {
                    let octets = chunk.get(..count).unwrap_or_default();
                    if let Err(error) = transfer(&mut outgoing, octets, packet()) {
                        complain(&error);
                        self.leave(&socket);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => self.leave(&socket),
            }
        }
    }

    /// Waits for somebody who waits.
    fn socket(&self) -> Arc<UnixStream> {
        let mut line = self.line();
        loop {
            if let Some(socket) = &line.socket {
                return Arc::clone(socket);
            }
            let waited = self.0.changed.wait(line);
            line = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_current(&self, socket: &Arc<UnixStream>) -> bool {
        let line = self.line();
        let current = line.socket.as_ref();
        current.is_some_and(|current| Arc::ptr_eq(current, socket))
    }

    /// Whoever waited has gone.
    fn leave(&self, socket: &Arc<UnixStream>) {
        let mut line = self.line();
        let current = line.socket.as_ref();
        if current.is_some_and(|current| Arc::ptr_eq(current, socket)) {
            line.close();
        }
    }
}

/// Says what a transfer failed of, unless the host has gone or begins anew.
fn complain(error: &io::Error) {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let usual = [Errno::ESHUTDOWN, Errno::EAGAIN, Errno::ECONNRESET];
    if errno.is_none_or(|errno| !usual.contains(&errno)) {
        say(format_args!("a transfer: {error}"));
        std::thread::sleep(PAUSE);
    }
}

impl Line {
    fn close(&mut self) {
        if let Some(socket) = self.socket.take() {
            // Whoever reads from it, here too, sees its end.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.used = false;
    }
}

/// One transfer; one that is a multiple of the packet has no end of its own.
fn transfer(outgoing: &mut File, octets: &[u8], packet: usize) -> io::Result<()> {
    for chunk in octets.chunks(CHUNK) {
        let written = outgoing.write(chunk)?;
        if written != chunk.len() {
            return Err(Errno::ESHUTDOWN.into());
        }
    }
    if octets.len().is_multiple_of(packet) {
        let _ = outgoing.write(&[])?;
    }
    Ok(())
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(work).map(drop)
}
