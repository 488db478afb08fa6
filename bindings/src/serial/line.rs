//! A serial port in OBEX mode, and the ways into it and out of it.
#![expect(clippy::disallowed_methods, reason = "driver: waits")]

use super::address::Entry;
use super::dial::{DialOutput, Dialler};
use super::front::{Farewell, Front, FrontOutput, Leave};
use super::marks::Mark;
use super::port::SerialPort;
use super::watch::Watch;
use crate::arrival::Identity;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{
    Instant, Interval, MissedTickBehavior, Sleep, interval, sleep_until, timeout_at,
};

/// How often the modem lines are looked at: the kernel's own wait for them would take a thread.
const LINE_CHECK: Duration = Duration::from_secs(1);

/// A serial line that carries OBEX.
///
/// Reading gives the octets of OBEX, and the end when OBEX mode was left; [`SerialLine::left`]
/// tells why. Dropping it closes the port.
pub struct SerialLine {
    port: SerialPort,
    front: Front,
    role: Role,
    /// Octets of OBEX that nobody has read yet.
    ready: Vec<u8>,
    /// What is due to the peer before anything else.
    due: Vec<u8>,
    left: Option<Leave>,
    timer: Pin<Box<Sleep>>,
    /// `None` where there are no modem lines.
    check: Option<Interval>,
    watch: Watch,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Waiting,
    Dialled {
        /// By an AT command.
        by_command: bool,
    },
}

enum Event {
    Entered,
    Octets(Vec<u8>),
    Left(Leave),
}

impl SerialPort {
    /// Waits until a peer enters OBEX mode, and speaks AT with it before that.
    ///
    /// A raw port is entered with the peer's first octet. Dropping the future closes the port.
    pub async fn accept(mut self, identity: Identity) -> io::Result<SerialLine> {
        let entry = self.address().entry;
        let front = self.front.take();
        let front = match front {
            Some(front) => front.named(identity),
            None => Front::new(entry, identity),
        };
        let mut line = SerialLine::over(self, front, Role::Waiting);
        loop {
            match poll_fn(|cx| line.poll_event(cx)).await? {
                Event::Entered => return Ok(line),
                Event::Left(Leave::Hangup) => return Err(line.hung_up()),
                Event::Octets(_) | Event::Left(_) => {}
            }
        }
    }

    /// Enters OBEX mode at the other end: by AT commands, or at once.
    pub async fn dial(mut self, entry: Option<Entry>) -> io::Result<SerialLine> {
        let by_command = entry == Some(Entry::At);
        let rest = if by_command {
            self.converse().await?
        } else {
            Vec::new()
        };
        let front = Front::entered(&rest, self.now());
        Ok(SerialLine::over(self, front, Role::Dialled { by_command }))
    }

    /// Leads a modem into OBEX; what it sent after that.
    async fn converse(&mut self) -> io::Result<Vec<u8>> {
        self.forget_input();
        let mut dialler = Dialler::new(self.now());
        loop {
            match dialler.poll_output() {
                DialOutput::Send(text) => self.send(&text).await?,
                DialOutput::Break => self.send_break().await,
                DialOutput::Entered(rest) => return Ok(rest),
                DialOutput::Failed(text) => {
                    let text = format!("{}: {text}", self.address().path.display());
                    return Err(io::Error::new(io::ErrorKind::ConnectionRefused, text));
                }
                DialOutput::Wait(deadline) => self.listen(&mut dialler, deadline).await?,
            }
        }
    }

    async fn listen(&mut self, dialler: &mut Dialler, deadline: Duration) -> io::Result<()> {
        let heard = timeout_at(self.at(deadline), poll_fn(|cx| self.poll_marks(cx))).await;
        let now = self.now();
        let Ok(heard) = heard else {
            dialler.handle_timeout(now);
            return Ok(());
        };
        for mark in heard?.ok_or_else(|| hung_up(self))? {
            if let Mark::Octets(octets) = mark {
                dialler.handle_input(&octets, now);
            }
        }
        dialler.handle_timeout(now);
        Ok(())
    }
}

impl SerialLine {
    fn over(port: SerialPort, front: Front, role: Role) -> Self {
        let mut check = interval(LINE_CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            port,
            front,
            role,
            ready: Vec::new(),
            due: Vec::new(),
            left: None,
            timer: Box::pin(sleep_until(Instant::now())),
            check: Some(check),
            watch: Watch::default(),
        }
    }

    /// Why OBEX mode was left, once reading has come to its end.
    pub fn left(&self) -> Option<Leave> {
        self.left
    }

    /// The port that it runs over.
    pub fn port(&self) -> &SerialPort {
        &self.port
    }

    /// OBEX is over: tells the peer, as far as it waits to be told, and gives the port back.
    ///
    /// What the peer sent and nobody read is dropped. Fails where the port is of no use any more.
    pub async fn leave(mut self, farewell: Farewell) -> io::Result<SerialPort> {
        if self.left == Some(Leave::Hangup) {
            return Err(self.hung_up());
        }
        match self.role {
            Role::Waiting => self.say(farewell).await?,
            // A modem takes no command in OBEX, but a BREAK (openobex does the same).
            Role::Dialled { by_command: true } if farewell == Farewell::Failed => {
                self.port.send_break().await;
            }
            Role::Dialled { .. } => {}
        }
        self.port.drained().await;
        let Self {
            mut port, front, ..
        } = self;
        port.front = (self.role == Role::Waiting).then_some(front);
        Ok(port)
    }

    /// Sends what is due and the farewell of a waiting end.
    async fn say(&mut self, farewell: Farewell) -> io::Result<()> {
        let mut due = std::mem::take(&mut self.due);
        let mut told = false;
        // What comes after the end belongs to the next session.
        while self.left.is_none() {
            match self.front.poll_output() {
                FrontOutput::Reply(text) => due.extend(text),
                FrontOutput::Left(leave) => self.left = Some(leave),
                FrontOutput::Octets(_) | FrontOutput::Entered => {}
                FrontOutput::Wait(_) if told => break,
                FrontOutput::Wait(_) => {
                    self.front.leave(farewell, self.port.now());
                    told = true;
                }
            }
        }
        while let Some(text) = self.front.take_reply() {
            due.extend(text);
        }
        self.port.send(&due).await
    }

    fn hung_up(&self) -> io::Error {
        hung_up(&self.port)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Event>> {
        loop {
            ready!(self.poll_due(cx))?;
            let deadline = match self.front.poll_output() {
                FrontOutput::Reply(text) => {
                    self.due = text;
                    continue;
                }
                FrontOutput::Entered => return Poll::Ready(Ok(Event::Entered)),
                FrontOutput::Octets(octets) => return Poll::Ready(Ok(Event::Octets(octets))),
                FrontOutput::Left(leave) => return Poll::Ready(Ok(Event::Left(leave))),
                FrontOutput::Wait(deadline) => deadline,
            };
            match self.port.poll_marks(cx)? {
                Poll::Ready(Some(marks)) => self.feed(marks),
                Poll::Ready(None) => return Poll::Ready(Ok(Event::Left(Leave::Hangup))),
                // What came counts before the time that has passed.
                Poll::Pending => ready!(self.poll_time(deadline, cx)),
            }
        }
    }

    fn feed(&mut self, marks: Vec<Mark>) {
        let now = self.port.now();
        for mark in marks {
            match mark {
                Mark::Octets(octets) => self.front.handle_input(&octets, now),
                Mark::Break => self.front.handle_break(now),
            }
        }
    }

    /// Ready when time has brought something about.
    fn poll_time(&mut self, deadline: Option<Duration>, cx: &mut Context<'_>) -> Poll<()> {
        if self.front.in_obex() && self.poll_lines(cx).is_ready() {
            self.front.handle_drop(self.port.now());
            return Poll::Ready(());
        }
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        self.timer.as_mut().reset(self.port.at(deadline));
        ready!(self.timer.as_mut().poll(cx));
        self.front.handle_timeout(self.port.now());
        Poll::Ready(())
    }

    /// Ready when a modem line has dropped.
    fn poll_lines(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(check) = &mut self.check {
            ready!(check.poll_tick(cx));
            match self.port.lines() {
                Some(lines) if self.watch.see(lines) => return Poll::Ready(()),
                Some(_) => {}
                None => self.check = None,
            }
        }
        Poll::Pending
    }

    /// Sends what is due to the peer.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.due.is_empty() {
            let sent = ready!(self.port.poll_write(cx, &self.due))?;
            if sent == 0 {
                return Poll::Ready(Err(self.hung_up()));
            }
            self.due.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for SerialLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.ready.is_empty() && self.left.is_none() {
            match ready!(self.poll_event(cx))? {
                Event::Octets(octets) => self.ready = octets,
                Event::Left(leave) => self.left = Some(leave),
                Event::Entered => {}
            }
        }
        let count = self.ready.len().min(buffer.remaining());
        buffer.put_slice(self.ready.get(..count).unwrap_or_default());
        self.ready.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SerialLine {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(leave) = self.left {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                leave.to_string(),
            )));
        }
        ready!(self.poll_due(cx))?;
        self.port.poll_write(cx, octets)
    }

    /// What is written is the kernel's, and goes out by itself; waiting for that would stop the
    /// whole program (`tcdrain`).
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_due(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

fn hung_up(port: &SerialPort) -> io::Error {
    let text = format!("{}: {}", port.address().path.display(), Leave::Hangup);
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}
