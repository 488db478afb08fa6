//! One connection: calls in, replies out, in turn.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: reads and writes a connection"
)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::frame::Frames;
use super::request::Request;
use super::service;
use super::socket::Rights;
use super::wire::{Call, Error, MAX_REPLY, MAX_REQUEST, Reply};

/// A client that is silent or does not read for so long is dropped.
const IDLE: Duration = Duration::from_mins(10);
const WRITE: Duration = Duration::from_secs(10);

/// Streamed replies that wait for a slow client. Beyond them, replies are left out rather than
/// letting the client stall a session.
const STREAMED: usize = 64;

/// How many octets of them may wait: one message can be as large as the configuration allows.
const STREAMED_BYTES: usize = 1024 * 1024;

/// How often a peer that sends no more is looked at, whether it still reads.
const LOOK: Duration = Duration::from_secs(1);

/// A call that the event loop is to answer.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// The caller takes more than one reply.
    pub more: bool,
    /// Where the replies go.
    pub answer: Answer,
}

/// Where the replies of one call go.
#[derive(Debug, Clone)]
pub struct Answer {
    replies: mpsc::Sender<Out>,
    /// A permit for each octet that may wait.
    room: Arc<Semaphore>,
}

#[derive(Debug)]
enum Out {
    /// With the room that it takes until it is written.
    Streamed(Json, OwnedSemaphorePermit),
    Last(Result<Json, Error>),
}

impl Answer {
    fn channel() -> (Self, mpsc::Receiver<Out>) {
        let (replies, receiver) = mpsc::channel(STREAMED + 1);
        let room = Arc::new(Semaphore::new(STREAMED_BYTES));
        (Self { replies, room }, receiver)
    }

    /// Sends a reply of about this many octets that others follow. Says whether it found room;
    /// a client that is gone or slow loses it.
    pub fn stream(&self, reply: &impl Serialize, octets: usize) -> bool {
        // One place stays free for the last reply.
        if self.replies.capacity() <= 1 {
            return false;
        }
        // What is larger than all the room takes all of it.
        let octets = u32::try_from(octets.min(STREAMED_BYTES)).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(octets) else {
            return false;
        };
        let Ok(json) = serde_json::to_value(reply) else {
            return false;
        };
        self.replies.try_send(Out::Streamed(json, room)).is_ok()
    }

    /// Whether the client has gone, so that no reply reaches it.
    pub fn is_unwanted(&self) -> bool {
        self.replies.is_closed()
    }

    /// Sends the last reply.
    pub fn finish(&self, reply: Result<impl Serialize, Error>) {
        let reply = reply.and_then(|reply| {
            serde_json::to_value(reply).map_err(|error| Error::Failed(error.to_string()))
        });
        // A client that has gone does not want it.
        drop(self.replies.try_send(Out::Last(reply)));
    }
}

/// Serves one connection until the peer leaves or breaks the rules.
pub(super) async fn serve(
    stream: UnixStream,
    rights: Rights,
    asked: &mpsc::Sender<Asked>,
) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut frames = Frames::new(read, MAX_REQUEST);
    while let Some(frame) = timeout(IDLE, frames.next()).await?? {
        let call: Call = match serde_json::from_slice(&frame) {
            Ok(call) => call,
            Err(error) => {
                // What is no call has no answer in Varlink; say it once and hang up.
                let error = Error::InvalidRequest(format!("no Varlink call: {error}"));
                return send(&mut write, last(Err(error))).await;
            }
        };
        drop(frame);
        answer_call(call, rights, asked, (&mut frames, &mut write)).await?;
    }
    Ok(())
}

/// Both directions of a connection.
type Line<'a> = (&'a mut Frames<OwnedReadHalf>, &'a mut OwnedWriteHalf);

async fn answer_call(
    call: Call,
    rights: Rights,
    asked: &mpsc::Sender<Asked>,
    (frames, write): Line<'_>,
) -> io::Result<()> {
    let (oneway, more) = (call.oneway, call.more);
    let immediate = match service::answer(&call, service::Described::AGENT) {
        Some(answer) => Some(answer),
        None => match admitted(call, rights) {
            Ok(request) => return relay(request, (oneway, more), asked, (frames, write)).await,
            Err(error) => Some(Err(error)),
        },
    };
    match immediate {
        Some(reply) if !oneway => send(write, last(reply)).await,
        _ => Ok(()),
    }
}

fn admitted(call: Call, rights: Rights) -> Result<Request, Error> {
    if call.upgrade {
        let text = "the connection cannot be upgraded".to_owned();
        return Err(Error::InvalidRequest(text));
    }
    let method = call.method.clone();
    let request = Request::parse(call)?;
    if request.needs() > rights {
        let text = format!("{method} is for root; members of the group may only read");
        return Err(Error::PermissionDenied(text));
    }
    Ok(request)
}

/// Hands a request to the event loop and its replies to the peer, as long as there is one.
async fn relay(
    request: Request,
    (oneway, more): (bool, bool),
    asked: &mpsc::Sender<Asked>,
    (frames, write): Line<'_>,
) -> io::Result<()> {
    let (answer, mut replies) = Answer::channel();
    let asked_now = Asked {
        request,
        more: more && !oneway,
        answer,
    };
    if asked.send(asked_now).await.is_err() {
        let error = Error::Failed("the daemon is stopping".to_owned());
        return send(write, last(Err(error))).await;
    }
    if oneway {
        // The caller may be gone; what it wants done is done in its turn all the same.
        while replies.recv().await.is_some() {}
        return Ok(());
    }
    loop {
        let out = tokio::select! {
            biased;
            out = replies.recv() => out,
            // A session can take long, and there are few places for connections.
            () = hang_up(frames, write) => return Err(io::ErrorKind::ConnectionAborted.into()),
        };
        match out {
            Some(Out::Streamed(json, _room)) => send(write, continuing(json)).await?,
            Some(Out::Last(reply)) => return send(write, last(reply)).await,
            // The event loop dropped the call: it is going down.
            None => {
                let error = Error::Failed("the daemon is stopping".to_owned());
                return send(write, last(Err(error))).await;
            }
        }
    }
}

/// Waits until the peer has closed its socket. One that has only said that it sends no more
/// still reads.
async fn hang_up(frames: &mut Frames<OwnedReadHalf>, write: &OwnedWriteHalf) {
    frames.end().await;
    loop {
        match write.ready(Interest::WRITABLE).await {
            Ok(ready) if !ready.is_write_closed() => sleep(LOOK).await,
            _ => return,
        }
    }
}

fn continuing(json: Json) -> Reply {
    Reply {
        parameters: Some(json),
        continues: true,
        error: None,
    }
}

fn last(reply: Result<Json, Error>) -> Reply {
    let (parameters, error) = match reply {
        Ok(json) => (json, None),
        Err(error) => {
            let (name, parameters) = error.to_wire();
            (parameters, Some(name))
        }
    };
    Reply {
        parameters: Some(parameters),
        continues: false,
        error,
    }
}

async fn send(write: &mut OwnedWriteHalf, reply: Reply) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(&reply)?;
    drop(reply);
    if bytes.len() > MAX_REPLY {
        let text = format!("the reply is longer than {MAX_REPLY} octets: ask for a part of it");
        bytes = serde_json::to_vec(&last(Err(Error::InvalidRequest(text))))?;
    }
    bytes.push(0);
    timeout(WRITE, write.write_all(&bytes)).await?
}

#[cfg(test)]
mod tests;
