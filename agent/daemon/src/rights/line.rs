//! A connection whose messages are bounded in size and in time: JSON, each ended by a NUL octet
//! (varlink.org, "Transport").
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: reads and writes a connection against the clock"
)]

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// What ends a message.
const END: u8 = 0;

pub(super) struct Line {
    stream: UnixStream,
    /// What came behind the last message.
    rest: Vec<u8>,
    /// Whether descriptors are taken, and the one that came.
    takes: bool,
    taken: Option<OwnedFd>,
}

impl Line {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            rest: Vec::new(),
            takes: false,
            taken: None,
        }
    }

    /// A line on which a descriptor may come with a message.
    pub(super) fn taking(stream: UnixStream) -> Self {
        Self {
            takes: true,
            ..Self::new(stream)
        }
    }

    /// The descriptor that came.
    pub(super) fn taken(&mut self) -> Option<OwnedFd> {
        self.taken.take()
    }

    /// The next message of at most `limit` octets; `None` is an orderly end. However slowly the
    /// peer writes, the whole message has to be there by the deadline.
    pub(super) fn receive(
        &mut self,
        limit: usize,
        deadline: Instant,
    ) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            let unsearched = self.rest.get(searched..).unwrap_or_default();
            if let Some(at) = unsearched.iter().position(|octet| *octet == END) {
                let mut message: Vec<u8> = self.rest.drain(..=searched + at).collect();
                message.pop();
                return Ok(Some(message));
            }
            searched = self.rest.len();
            if searched > limit {
                let text = format!("a message is longer than {limit} octets");
                return Err(io::Error::new(ErrorKind::InvalidData, text));
            }
            if self.read(deadline)? == 0 {
                return if self.rest.is_empty() {
                    Ok(None)
                } else {
                    Err(ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// Sends a message, which the peer has to take by the deadline.
    pub(super) fn send(&mut self, mut message: Vec<u8>, deadline: Instant) -> io::Result<()> {
        message.push(END);
        let mut left = message.as_slice();
        while !left.is_empty() {
            self.stream.set_write_timeout(Some(until(deadline)?))?;
            match self.stream.write(left) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => left = left.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(late(error)),
            }
        }
        Ok(())
    }

    /// The same with a descriptor, which goes with the first octet (unix(7), `SCM_RIGHTS`).
    pub(super) fn send_with(
        &mut self,
        message: &[u8],
        descriptor: &OwnedFd,
        deadline: Instant,
    ) -> io::Result<()> {
        let (first, rest) = message.split_at_checked(1).unwrap_or((&[END], &[]));
        self.stream.set_write_timeout(Some(until(deadline)?))?;
        let descriptors = [descriptor.as_raw_fd()];
        let passed = [ControlMessage::ScmRights(&descriptors)];
        let octets = [IoSlice::new(first)];
        let stream = self.stream.as_raw_fd();
        sendmsg::<()>(stream, &octets, &passed, MsgFlags::MSG_NOSIGNAL, None)
            .map_err(|errno| late(errno.into()))?;
        self.send(rest.to_vec(), deadline)
    }

    fn read(&mut self, deadline: Instant) -> io::Result<usize> {
        let mut chunk = [0; 4096];
        loop {
            self.stream.set_read_timeout(Some(until(deadline)?))?;
            let read = if self.takes {
                self.take(&mut chunk)
            } else {
                self.stream.read(&mut chunk)
            };
            match read {
                Ok(count) => {
                    let read = chunk.get(..count).unwrap_or_default();
                    self.rest.extend_from_slice(read);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(late(error)),
            }
        }
    }
}

impl Line {
    fn take(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        let mut space = nix::cmsg_space!([RawFd; 1]);
        let mut octets = [IoSliceMut::new(chunk)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let stream = self.stream.as_raw_fd();
        let message = recvmsg::<()>(stream, &mut octets, Some(&mut space), flags)?;
        for control in message.cmsgs()? {
            let ControlMessageOwned::ScmRights(numbers) = control else {
                continue;
            };
            for number in numbers {
                // SAFETY: the kernel has just made this descriptor for us, and nobody else knows
                // its number.
                #[expect(unsafe_code, reason = "descriptors come by number")]
                let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
                self.taken = Some(descriptor);
            }
        }
        Ok(message.bytes)
    }
}

/// Now and this much.
pub(super) fn within(time: Duration) -> Instant {
    Instant::now() + time
}

/// Whether the deadline has passed.
pub(super) fn is_over(deadline: Instant) -> bool {
    Instant::now() >= deadline
}

/// What is left of the time; nothing left is an error, since a timeout of zero means none.
fn until(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// A socket whose time is over says that it would block.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn pair() -> (Line, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        (Line::new(near), far)
    }

    #[test]
    fn messages_are_cut_at_each_nul() {
        let (mut line, mut far) = pair();
        far.write_all(b"{}\0\0{\"a\":1}\0").unwrap();
        drop(far);
        let mut all = Vec::new();
        while let Some(message) = line.receive(100, within(LONG)).unwrap() {
            all.push(message);
        }
        assert_eq!(all, [b"{}".to_vec(), b"".to_vec(), b"{\"a\":1}".to_vec()]);
    }

    #[test]
    fn what_is_too_long_cut_off_or_late_is_an_error() {
        let kind = |sent: &[u8], close: bool, time: Duration| {
            let (mut line, mut far) = pair();
            far.write_all(sent).unwrap();
            let far = (!close).then_some(far);
            let error = line.receive(100, within(time)).unwrap_err();
            drop(far);
            error.kind()
        };
        assert_eq!(kind(&[b'x'; 1000], false, LONG), ErrorKind::InvalidData);
        assert_eq!(kind(b"{", true, LONG), ErrorKind::UnexpectedEof);
        let short = Duration::from_millis(20);
        assert_eq!(kind(b"{", false, short), ErrorKind::TimedOut);
        assert_eq!(kind(b"", false, Duration::ZERO), ErrorKind::TimedOut);
    }

    #[test]
    fn a_descriptor_comes_with_its_message() {
        let (mut line, far) = pair();
        let (kept, passed) = UnixStream::pair().unwrap();
        line.send_with(b"{}", &passed.into(), within(LONG)).unwrap();
        let mut far = Line::taking(far);
        assert_eq!(
            far.receive(100, within(LONG)).unwrap(),
            Some(b"{}".to_vec())
        );
        let mut taken = UnixStream::from(far.taken().unwrap());
        assert!(far.taken().is_none());
        drop(kept);
        assert_eq!(taken.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_peer_that_does_not_read_holds_nobody_up() {
        let (mut line, _far) = pair();
        let short = Duration::from_millis(20);
        let error = line.send(vec![b'x'; 8 << 20], within(short)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
