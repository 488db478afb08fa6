//! Asks the helper of a right, and waits no longer than is agreed.
#![expect(
    clippy::disallowed_types,
    reason = "driver: talks to the sockets of the rights"
)]

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use omadm_probes::Privileged;
use serde_json::Value as Json;

use super::Right;
use super::gadget;
use super::line::{Line, within};
use super::pss::MAX_PIDS;
use super::wire::{OpenGadget, OpenReply, ReadPss, Request};
use crate::control::wire::{Call, Reply};

/// The longest answer: a MiB of crash records in base64, with what is around them.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// How long the helper may take, its start among it: less than a source of KPIs may take.
pub(super) const PATIENCE: Duration = Duration::from_millis(1_500);

/// Why a right gave no answer.
#[derive(Debug)]
pub enum AskError {
    /// Nobody serves the right here.
    Absent(PathBuf),
    /// This user is not let in or not served.
    Denied(PathBuf),
    /// The helper said so.
    Refused(String),
    /// It did not answer, or not what was asked.
    Io(PathBuf, io::Error),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(path) => write!(f, "nobody answers at {}", path.display()),
            Self::Denied(path) => write!(f, "{} does not serve this user", path.display()),
            Self::Refused(text) => f.write_str(text),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for AskError {}

impl From<AskError> for io::Error {
    fn from(error: AskError) -> Self {
        let kind = match &error {
            AskError::Absent(_) => ErrorKind::NotFound,
            AskError::Denied(_) => ErrorKind::PermissionDenied,
            AskError::Refused(_) => ErrorKind::Other,
            AskError::Io(_, cause) => cause.kind(),
        };
        Self::new(kind, error)
    }
}

/// Asks once at this socket.
pub fn ask<R: Request>(
    socket: &Path,
    request: &R,
    deadline: Instant,
) -> Result<R::Reply, AskError> {
    let mut line = Line::new(reach(socket)?);
    ask_on(&mut line, socket, request, deadline)
}

/// Asks once at this socket for what comes with a descriptor.
pub fn ask_with_descriptor<R: Request>(
    socket: &Path,
    request: &R,
    deadline: Instant,
) -> Result<(R::Reply, OwnedFd), AskError> {
    let mut line = Line::taking(reach(socket)?);
    let reply = ask_on(&mut line, socket, request, deadline)?;
    let absent = || AskError::Io(socket.to_owned(), ErrorKind::InvalidData.into());
    Ok((reply, line.taken().ok_or_else(absent)?))
}

fn ask_on<R: Request>(
    line: &mut Line,
    socket: &Path,
    request: &R,
    deadline: Instant,
) -> Result<R::Reply, AskError> {
    let io = |error| AskError::Io(socket.to_owned(), error);
    let call = Call {
        method: format!("{}.{}", R::RIGHT.interface(), R::METHOD),
        parameters: Some(request),
        oneway: false,
        more: false,
        upgrade: false,
    };
    let call = serde_json::to_vec(&call).map_err(|error| io(error.into()))?;
    line.send(call, deadline).map_err(io)?;
    let message = line.receive(MAX_ANSWER, deadline).map_err(io)?;
    let message = message.ok_or_else(|| io(ErrorKind::UnexpectedEof.into()))?;
    let reply: Reply = serde_json::from_slice(&message).map_err(|error| io(error.into()))?;
    if let Some(name) = reply.error {
        return Err(refusal(socket, &name, reply.parameters.as_ref()));
    }
    serde_json::from_value(reply.parameters.unwrap_or_default()).map_err(|error| io(error.into()))
}

fn refusal(socket: &Path, name: &str, parameters: Option<&Json>) -> AskError {
    if name.ends_with(".PermissionDenied") {
        return AskError::Denied(socket.to_owned());
    }
    let message = parameters.and_then(|parameters| parameters.get("message")?.as_str());
    AskError::Refused(message.unwrap_or(name).to_owned())
}

/// Connects without waiting: a socket that is full is as good as one that does not answer.
fn reach(path: &Path) -> Result<UnixStream, AskError> {
    let connected = || {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
        let stream = UnixStream::from(fd);
        stream.set_nonblocking(false)?;
        Ok(stream)
    };
    connected().map_err(|error: io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AskError::Absent(path.to_owned()),
        ErrorKind::PermissionDenied => AskError::Denied(path.to_owned()),
        _ => AskError::Io(path.to_owned(), error),
    })
}

/// The right `pss` for the probes.
#[derive(Debug)]
pub struct HelperSocket {
    socket: PathBuf,
    patience: Duration,
}

impl HelperSocket {
    /// The helper whose socket is in this directory.
    pub fn new(directory: &Path) -> Self {
        Self {
            socket: Right::Pss.socket(directory),
            patience: PATIENCE,
        }
    }
}

impl Privileged for HelperSocket {
    fn pss(&self, pids: &[u32]) -> io::Result<Vec<(u32, Option<u64>)>> {
        let deadline = within(self.patience);
        let mut all = Vec::with_capacity(pids.len());
        let mut reason = None;
        for pids in pids.chunks(MAX_PIDS) {
            let request = ReadPss {
                pids: pids.to_vec(),
            };
            for process in ask(&self.socket, &request, deadline)?.processes {
                reason = reason.or(process.reason);
                all.push((process.pid, process.pss));
            }
        }
        match reason {
            // One process that cannot be read costs its own value; all of them are a failure.
            Some(reason) if all.iter().all(|(_, pss)| pss.is_none()) => Err(io::Error::other(
                format!("{}: {reason}", self.socket.display()),
            )),
            _ => Ok(all),
        }
    }
}

/// How long the helper may take to open the function of the gadget, its start among it.
const OPENING: Duration = Duration::from_secs(5);

/// The right `gadget` for the lines that the agent waits on.
#[derive(Debug)]
pub struct GadgetSocket {
    socket: PathBuf,
    /// What is there while the gadget is up with the function.
    function: PathBuf,
}

impl GadgetSocket {
    /// The helper whose socket is in this directory.
    pub fn new(directory: &Path) -> Self {
        Self {
            socket: Right::Gadget.socket(directory),
            function: gadget::place(),
        }
    }
}

impl omadm_bindings::OpenGadget for GadgetSocket {
    fn open(&self) -> io::Result<OwnedFd> {
        // To look costs nothing, to ask starts the helper. What cannot be seen may be there.
        let function = std::fs::symlink_metadata(&self.function);
        if function.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Err(io::Error::new(
                ErrorKind::NotFound,
                "the USB gadget is down, or without the function obex: omadm usb-gadget up",
            ));
        }
        let opened = ask_with_descriptor(&self.socket, &OpenGadget {}, within(OPENING));
        match opened {
            Ok((OpenReply {}, descriptor)) => Ok(descriptor),
            Err(AskError::Absent(_)) => Err(io::Error::new(
                ErrorKind::NotFound,
                format!(
                    "nobody may make a USB gadget: systemctl enable --now {}",
                    Right::Gadget.unit()
                ),
            )),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_bindings::OpenGadget as _;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    #[test]
    fn no_helper_is_asked_for_a_gadget_that_is_down() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gadget");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let socket = GadgetSocket {
            function: directory.path().join("ffs.omadm"),
            ..GadgetSocket::new(directory.path())
        };
        let error = socket.open().unwrap_err();
        assert!(error.to_string().contains("omadm usb-gadget up"), "{error}");
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    type Answer = io::Result<Vec<(u32, Option<u64>)>>;

    /// What comes of a helper that answers this, and what it was asked.
    #[expect(clippy::disallowed_methods, reason = "test: plays the helper")]
    fn asked(answer: &str, patience: Duration) -> (Answer, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pss");
        let listener = UnixListener::bind(&path).unwrap();
        let answer = answer.to_owned();
        let helper = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = vec![0; 1024];
            let length = stream.read(&mut question).unwrap();
            question.truncate(length);
            stream.write_all(answer.as_bytes()).unwrap();
            // until the client has enough
            let _ = stream.read(&mut [0; 16]);
            String::from_utf8(question).unwrap()
        });
        let asking = HelperSocket {
            socket: path,
            patience,
        };
        let result = asking.pss(&[7, 8]);
        (result, helper.join().unwrap())
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn values_come_with_their_processes() {
        let answer = "{\"parameters\":{\"processes\":[{\"pid\":7,\"pss\":4096},{\"pid\":8,\"reason\":\"no\"}]}}\0";
        let (result, question) = asked(answer, LONG);
        assert_eq!(result.unwrap(), [(7, Some(4096)), (8, None)]);
        let expected =
            "{\"method\":\"io.omadm.Rights.Pss.Read\",\"parameters\":{\"pids\":[7,8]}}\0";
        assert_eq!(question, expected);
    }

    #[test]
    fn what_is_no_answer_is_an_error_of_its_kind() {
        let kind = |answer: &str, patience| asked(answer, patience).0.unwrap_err().kind();
        let denied = "{\"error\":\"io.omadm.Rights.Pss.PermissionDenied\"}\0";
        assert_eq!(kind(denied, LONG), ErrorKind::PermissionDenied);
        assert_eq!(kind("", Duration::from_millis(50)), ErrorKind::TimedOut);
        assert_eq!(kind("rubbish\0", LONG), ErrorKind::InvalidData);
        let all_failed =
            "{\"parameters\":{\"processes\":[{\"pid\":7,\"reason\":\"no\"},{\"pid\":8}]}}\0";
        assert_eq!(kind(all_failed, LONG), ErrorKind::Other);
    }

    #[test]
    fn a_right_that_nobody_serves_is_absent() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pss");
        let asking = HelperSocket::new(directory.path());
        let error = asking.pss(&[1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        drop(UnixListener::bind(&path).unwrap());
        let error = asking.pss(&[1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
