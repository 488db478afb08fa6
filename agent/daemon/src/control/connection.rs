//! One connection: calls in, replies out, in turn.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: reads and writes a connection"
)]

use std::io;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::time::timeout;

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
}

#[derive(Debug)]
enum Out {
    Streamed(Json),
    Last(Result<Json, Error>),
}

impl Answer {
    fn channel() -> (Self, mpsc::Receiver<Out>) {
        let (replies, receiver) = mpsc::channel(STREAMED + 1);
        (Self { replies }, receiver)
    }

    /// Sends a reply that others follow. Says whether it found room; a client that is gone or
    /// slow loses it.
    pub fn stream(&self, reply: &impl Serialize) -> bool {
        // One place stays free for the last reply.
        if self.replies.capacity() <= 1 {
            return false;
        }
        let Ok(json) = serde_json::to_value(reply) else {
            return false;
        };
        self.replies.try_send(Out::Streamed(json)).is_ok()
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
        answer_call(call, rights, asked, &mut write).await?;
    }
    Ok(())
}

async fn answer_call(
    call: Call,
    rights: Rights,
    asked: &mpsc::Sender<Asked>,
    write: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let (oneway, more) = (call.oneway, call.more);
    let immediate = match service::answer(&call) {
        Some(answer) => Some(answer),
        None => match admitted(call, rights) {
            Ok(request) => return relay(request, oneway, more, asked, write).await,
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

/// Hands a request to the event loop and its replies to the peer.
async fn relay(
    request: Request,
    oneway: bool,
    more: bool,
    asked: &mpsc::Sender<Asked>,
    write: &mut OwnedWriteHalf,
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
    while let Some(out) = replies.recv().await {
        let (reply, ended) = match out {
            Out::Streamed(json) => (continuing(json), false),
            Out::Last(reply) => (last(reply), true),
        };
        if !oneway {
            send(write, reply).await?;
        }
        if ended {
            return Ok(());
        }
    }
    // The event loop dropped the call: it is going down.
    let error = Error::Failed("the daemon is stopping".to_owned());
    send(write, last(Err(error))).await
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
