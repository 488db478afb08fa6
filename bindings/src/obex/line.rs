//! Drives the client role over a transport: connect, put, get, disconnect.
#![expect(clippy::disallowed_methods, reason = "driver: reads, writes and waits")]

use super::carry::{READ, instant, send};
use super::client::{Client, ClientEvent, ClientFailure, ClientOutput, ClientParameters};
use super::code::ResponseCode;
use super::headers::Description;
use super::message::{self, Kind};
use super::server::Object;
use crate::bearer::Traffic;
use crate::error::Error;
use crate::obex_fault::ObexFault;

use bytes::Bytes;
use omadm_syncml::{Envelope, MediaType, notification, sniff};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, sleep_until};

/// How often a CONNECT is sent that is not answered.
const CONNECTS: u8 = 4;

/// How often a message is sent that the peer has not been able to read.
const SENDINGS: u8 = 3;

/// A transport on which this end is the OBEX client.
pub struct ObexLine<S> {
    io: S,
    client: Client,
    began: Instant,
    traffic: Arc<Traffic>,
}

impl<S> fmt::Debug for ObexLine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ObexLine");
        shown.field("client", &self.client).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> ObexLine<S> {
    /// Opens an OBEX connection on a transport that has just been opened.
    pub async fn connect(io: S, parameters: ClientParameters) -> Result<Self, Error> {
        let mut line = Self {
            io,
            client: Client::new(parameters),
            began: Instant::now(),
            traffic: Arc::new(Traffic::default()),
        };
        let mut tries = 1;
        loop {
            line.client.connect(line.now());
            match line.finished("CONNECT").await {
                Ok(ClientEvent::Connected) => return Ok(line),
                Ok(other) => return Err(unexpected(&other)),
                // A server that still waits for the rest of what somebody before has begun to
                // send takes this for it, and comes to its senses after a silence.
                Err(Error::Obex(ObexFault::Failed(ClientFailure::Timeout(_))))
                    if tries < CONNECTS =>
                {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What the line has cost so far.
    pub fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    /// Sends an object of any Type.
    pub async fn put(&mut self, kind: &str, body: Bytes) -> Result<(), Error> {
        let kind = Description::Type(kind.to_owned());
        let mut descriptions = vec![kind];
        descriptions.extend(message::length(&body));
        self.put_described(descriptions, body).await
    }

    /// Sends a notification: the octets of Package 0.
    pub async fn put_notification(&mut self, package: Bytes) -> Result<(), Error> {
        self.put(notification::MEDIA_TYPE, package).await
    }

    /// Sends a message. One that has been damaged on the way is sent again.
    pub async fn put_message(&mut self, envelope: &Envelope) -> Result<(), Error> {
        let mut sendings = 0;
        loop {
            let descriptions = message::describe(envelope, true);
            let sent = self
                .put_described(descriptions, envelope.body.clone())
                .await;
            sendings += 1;
            match sent {
                Err(Error::Obex(ObexFault::Refused {
                    code: ResponseCode::BAD_REQUEST,
                    ..
                })) if sendings < SENDINGS => {
                    log::info!("the peer could not read the message: it is sent again");
                }
                sent => return sent,
            }
        }
    }

    async fn put_described(
        &mut self,
        descriptions: Vec<Description>,
        body: Bytes,
    ) -> Result<(), Error> {
        let now = self.now();
        self.client.put(descriptions, body, now);
        match self.finished("PUT").await? {
            ClientEvent::Stored => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks for an object of any Type.
    pub async fn get(&mut self, kind: &str) -> Result<Object, Error> {
        let now = self.now();
        self.client
            .get(vec![Description::Type(kind.to_owned())], now);
        match self.finished("GET").await? {
            ClientEvent::Got(object) => Ok(object),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks for the peer's message. It is taken for what its Type says, or else its first octet.
    pub async fn get_message(&mut self, wanted: MediaType) -> Result<Envelope, Error> {
        let object = self.get(wanted.as_str()).await?;
        let named = match object.kind.as_deref().and_then(Kind::of) {
            Some(Kind::Message(media_type)) => Some(media_type),
            _ => None,
        };
        let media_type = named.or_else(|| sniff(&object.body)).unwrap_or(wanted);
        Ok(Envelope {
            to: None,
            media_type,
            hmac: message::hmac(&object.http),
            body: object.body,
        })
    }

    /// Ends the OBEX connection and gives the transport back.
    pub async fn disconnect(mut self) -> Result<S, Error> {
        let now = self.now();
        self.client.disconnect(now);
        self.finished("DISCONNECT").await?;
        Ok(self.io)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Carries packets until the request has ended.
    async fn finished(&mut self, request: &'static str) -> Result<ClientEvent, Error> {
        let mut buffer = vec![0; READ];
        loop {
            while let Some(output) = self.client.poll_output() {
                match output {
                    ClientOutput::Transmit(packet) => {
                        let sent = send(&mut self.io, &packet, &self.traffic).await;
                        sent.map_err(Error::Transport)?;
                    }
                    ClientOutput::Done(event) => return judged(request, event),
                }
            }
            let deadline = instant(self.began, self.client.deadline());
            tokio::select! {
                read = self.io.read(&mut buffer) => self.read(read, &buffer)?,
                () = sleep_until(deadline) => {
                    let now = self.now();
                    self.client.handle_timeout(now);
                }
            }
        }
    }

    fn read(&mut self, read: io::Result<usize>, buffer: &[u8]) -> Result<(), Error> {
        let read = read.map_err(Error::Transport)?;
        if read == 0 {
            return Err(Error::Obex(ObexFault::HungUp));
        }
        self.traffic.add_received(read);
        let now = self.now();
        self.client
            .handle_input(buffer.get(..read).unwrap_or_default(), now);
        Ok(())
    }
}

fn judged(request: &'static str, event: ClientEvent) -> Result<ClientEvent, Error> {
    match event {
        ClientEvent::Refused(code) => Err(Error::Obex(ObexFault::Refused { request, code })),
        ClientEvent::Failed(failure) => Err(Error::Obex(ObexFault::Failed(failure))),
        event => Ok(event),
    }
}

fn unexpected(event: &ClientEvent) -> Error {
    Error::Obex(ObexFault::Message(format!(
        "the line is out of step: {event:?}"
    )))
}
