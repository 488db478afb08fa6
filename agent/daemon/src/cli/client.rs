//! Asks the daemon over its Varlink socket.
#![expect(
    clippy::disallowed_types,
    reason = "driver: talks to the daemon's socket"
)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::failure::Failure;
use crate::control::wire::{Call, Empty, Error, MAX_REPLY, Method, Reply};
use crate::exit;

/// What ends a message (varlink.org, "Transport").
const END: u8 = 0;

/// The daemon, connected when the first question is asked.
pub(super) struct Client {
    socket: PathBuf,
    stream: Option<BufReader<UnixStream>>,
}

impl Client {
    /// The daemon behind this socket.
    pub(super) fn new(socket: PathBuf) -> Self {
        let stream = None;
        Self { socket, stream }
    }

    /// Connects, so that nobody is asked for secrets in vain.
    pub(super) fn reach(&mut self) -> Result<(), Failure> {
        self.connected().map(|_| ())
    }

    /// Lets go of the connection until the next question: the daemon closes one on which nothing
    /// is asked for some minutes.
    pub(super) fn rest(&mut self) {
        self.stream = None;
    }

    /// Asks and waits for the one answer.
    pub(super) fn call<M: Method>(&mut self, parameters: M) -> Result<M::Reply, Failure> {
        self.send(parameters, false)?;
        let (reply, _) = self.receive::<M>()?;
        Ok(reply)
    }

    /// Asks for something to be done that has no answer but that it is done.
    pub(super) fn order<M: Method<Reply = Empty>>(&mut self, parameters: M) -> Result<(), Failure> {
        let Empty {} = self.call(parameters)?;
        Ok(())
    }

    /// Asks, and hands each answer to `each` until the last one.
    pub(super) fn stream<M: Method>(
        &mut self,
        parameters: M,
        mut each: impl FnMut(M::Reply) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.send(parameters, true)?;
        loop {
            let (reply, continues) = self.receive::<M>()?;
            each(reply)?;
            if !continues {
                return Ok(());
            }
        }
    }

    fn send<M: Method>(&mut self, parameters: M, more: bool) -> Result<(), Failure> {
        let call = Call {
            method: M::NAME.to_owned(),
            parameters: Some(parameters),
            oneway: false,
            more,
            upgrade: false,
        };
        let mut message = zeroize::Zeroizing::new(serde_json::to_vec(&call)?);
        message.push(END);
        let stream = self.connected()?;
        let sent = stream.get_mut().write_all(&message);
        sent.map_err(|error| lost(&self.socket, &error))
    }

    fn connected(&mut self) -> Result<&mut BufReader<UnixStream>, Failure> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(&self.socket)?,
        };
        Ok(self.stream.insert(stream))
    }

    fn receive<M: Method>(&mut self) -> Result<(M::Reply, bool), Failure> {
        let message = self.message()?;
        let reply: Reply = serde_json::from_slice(&message).map_err(|error| odd(&error))?;
        if let Some(name) = reply.error {
            return Err(Error::from_wire(&name, reply.parameters).into());
        }
        let empty = || Json::Object(serde_json::Map::new());
        let parameters = reply.parameters.unwrap_or_else(empty);
        let parameters = serde_json::from_value(parameters).map_err(|error| odd(&error))?;
        Ok((parameters, reply.continues))
    }

    fn message(&mut self) -> Result<Vec<u8>, Failure> {
        let mut message = Vec::new();
        let limit = MAX_REPLY as u64 + 1;
        let read = self.connected()?.take(limit).read_until(END, &mut message);
        read.map_err(|error| lost(&self.socket, &error))?;
        match message.pop() {
            Some(END) => Ok(message),
            None => Err(lost(&self.socket, &io::ErrorKind::UnexpectedEof.into())),
            Some(_) if message.len() < MAX_REPLY => {
                Err(lost(&self.socket, &io::ErrorKind::UnexpectedEof.into()))
            }
            Some(_) => Err(odd(&format_args!("longer than {MAX_REPLY} octets"))),
        }
    }
}

fn connect(socket: &Path) -> Result<BufReader<UnixStream>, Failure> {
    match UnixStream::connect(socket) {
        Ok(stream) => Ok(BufReader::new(stream)),
        Err(error) => Err(unreachable(socket, &error)),
    }
}

fn unreachable(socket: &Path, error: &io::Error) -> Failure {
    let socket = socket.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::new(
            exit::UNAVAILABLE,
            format_args!(
                "nobody answers at {socket}: is omadmd running? Start it with: systemctl start omadmd"
            ),
        ),
        io::ErrorKind::PermissionDenied => Failure::new(
            exit::NO_PERMISSION,
            format_args!(
                "you may not use {socket}: call omadm as root or join the group that control.group names"
            ),
        ),
        _ => Failure::new(
            exit::UNAVAILABLE,
            format_args!("cannot reach {socket}: {error}"),
        ),
    }
}

fn lost(socket: &Path, error: &io::Error) -> Failure {
    let socket = socket.display();
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset => "it closed the connection".to_owned(),
        _ => error.to_string(),
    };
    Failure::new(
        exit::UNAVAILABLE,
        format_args!("omadmd at {socket} did not answer: {reason}; see: journalctl -u omadmd"),
    )
}

fn odd(reason: &dyn std::fmt::Display) -> Failure {
    let message = format_args!("omadmd answered what this omadm does not understand: {reason}");
    Failure::new(exit::FAILED, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire::{GetStatus, RunSession};
    use std::os::unix::net::UnixStream;

    fn client_that_hears(answers: &[u8]) -> (Client, UnixStream) {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(answers).unwrap();
        let mut client = Client::new("/nowhere".into());
        client.stream = Some(BufReader::new(near));
        (client, far)
    }

    #[test]
    fn a_call_is_json_with_a_nul_and_its_answer_is_read() {
        let answer = b"{\"parameters\":{\"status\":{\"version\":\"1\",\"pid\":7}}}\0";
        let (mut client, mut far) = client_that_hears(answer);
        let reply = client.call(GetStatus {}).unwrap();
        assert_eq!((reply.status.version.as_str(), reply.status.pid), ("1", 7));
        drop(client);
        let mut sent = String::new();
        far.read_to_string(&mut sent).unwrap();
        assert_eq!(
            sent,
            "{\"method\":\"io.omadm.Agent.GetStatus\",\"parameters\":{}}\0"
        );
    }

    #[test]
    fn answers_that_continue_are_all_handed_on() {
        let answers = b"{\"continues\":true,\"parameters\":{}}\0{\"parameters\":{}}\0";
        let (mut client, _far) = client_that_hears(answers);
        let mut count = 0;
        let each = |_| {
            count += 1;
            Ok(())
        };
        client.stream(RunSession::default(), each).unwrap();
        assert_eq!(count, 2);
    }

    #[test]
    fn refusals_and_rubbish_have_exit_codes() {
        let refused = b"{\"error\":\"io.omadm.Agent.PermissionDenied\",\"parameters\":{\"message\":\"no\"}}\0";
        for (answer, code) in [
            (refused.as_slice(), exit::NO_PERMISSION),
            (b"rubbish\0", exit::FAILED),
        ] {
            let (mut client, _far) = client_that_hears(answer);
            assert_eq!(client.call(GetStatus {}).unwrap_err().code, code);
        }
        for cut_short in [b"{\"para".as_slice(), b""] {
            let (mut client, far) = client_that_hears(cut_short);
            far.shutdown(std::net::Shutdown::Write).unwrap();
            let failure = client.call(GetStatus {}).unwrap_err();
            assert_eq!(failure.code, exit::UNAVAILABLE);
            assert!(failure.message.contains("closed the connection"));
        }
    }

    #[test]
    fn a_daemon_that_does_not_run_is_said_with_the_mend() {
        let mut client = Client::new("/nonexistent/socket".into());
        let failure = client.call(GetStatus {}).unwrap_err();
        assert_eq!(failure.code, exit::UNAVAILABLE);
        assert!(failure.message.contains("systemctl start omadmd"));
    }
}
