//! Serves the connections of one right, one after the other: who may ask, and for how long.
#![expect(clippy::disallowed_types, reason = "driver: accepts connections")]

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Uid;

use super::Right;
use super::gadget::Held;
use super::line::{Line, within};
use super::program::say;
use super::request::{Answer, Asking, Refusal, answer};
use crate::control::wire::{Call, Reply};

/// The longest request, in octets: 256 process numbers fit twice.
const MAX_REQUEST: usize = 8 * 1024;

/// Requests on one connection, so that a client cannot keep the others out.
const MAX_CALLS: usize = 64;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Without a connection, until the helper ends.
    pub(super) idle: Duration,
    /// From the connection or the last answer to the end of a request.
    pub(super) request: Duration,
    /// To gather an answer.
    pub(super) work: Duration,
    /// Until an answer has been taken.
    pub(super) answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            request: Duration::from_secs(2),
            work: Duration::from_secs(2),
            answer: Duration::from_secs(2),
        }
    }
}

/// Serves until nobody has come for the idle time. Whoever comes while the helper ends waits in
/// the socket, which the service manager has kept.
pub(super) fn serve(
    listener: &UnixListener,
    right: Right,
    served: &[Uid],
    limits: Limits,
) -> io::Result<()> {
    // A connection that has gone again must not keep `accept` waiting.
    listener.set_nonblocking(true)?;
    let mut held = Held::default();
    // A gadget that is up needs this process; one that was taken down leaves threads behind.
    while !held.is_over() && (somebody_comes(listener, limits.idle)? || held.is_up()) {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if is_passing(&error) => continue,
            Err(error) => return Err(error),
        };
        if let Err(error) = connection(stream, right, served, limits, &mut held) {
            say(format_args!("a connection: {error}"));
        }
    }
    Ok(())
}

fn somebody_comes(listener: &UnixListener, idle: Duration) -> io::Result<bool> {
    let timeout = PollTimeout::try_from(idle).unwrap_or(PollTimeout::MAX);
    loop {
        let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted
    )
}

fn connection(
    stream: UnixStream,
    right: Right,
    served: &[Uid],
    limits: Limits,
    held: &mut Held,
) -> io::Result<()> {
    let peer = getsockopt(&stream, PeerCredentials)?;
    stream.set_nonblocking(false)?;
    let mut line = Line::new(stream);
    if !served.contains(&Uid::from_raw(peer.uid())) {
        let text = format!("uid {} is not served", peer.uid());
        say(format_args!("{text} (pid {})", peer.pid()));
        let refusal = Refusal::PermissionDenied(text);
        return reply(&mut line, right, Err(refusal), limits);
    }
    for _ in 0..MAX_CALLS {
        let message = match line.receive(MAX_REQUEST, within(limits.request)) {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(()),
            Err(error) => {
                let refusal = Refusal::InvalidRequest(error.to_string());
                reply(&mut line, right, Err(refusal), limits)?;
                return Err(error);
            }
        };
        let call: Call = match serde_json::from_slice(&message) {
            Ok(call) => call,
            Err(error) => {
                let refusal = Refusal::InvalidRequest(format!("no Varlink call: {error}"));
                return reply(&mut line, right, Err(refusal), limits);
            }
        };
        let asking = Asking {
            root: Uid::from_raw(peer.uid()).is_root(),
            deadline: within(limits.work),
        };
        let result = answer(right, &call, asking, held);
        if !call.oneway {
            reply(&mut line, right, result, limits)?;
        }
    }
    Ok(())
}

fn reply(
    line: &mut Line,
    right: Right,
    result: Result<Answer, Refusal>,
    limits: Limits,
) -> io::Result<()> {
    let mut passed = None;
    let (parameters, error) = match result {
        Ok(Answer {
            parameters,
            descriptor,
        }) => {
            passed = descriptor;
            (parameters, None)
        }
        Err(refusal) => {
            let (name, parameters) = refusal.to_wire(right);
            (parameters, Some(name))
        }
    };
    let reply = Reply {
        parameters: Some(parameters),
        continues: false,
        error,
    };
    let reply = serde_json::to_vec(&reply)?;
    match passed {
        Some(descriptor) => line.send_with(&reply, &descriptor, within(limits.answer)),
        None => line.send(reply, within(limits.answer)),
    }
}
