//! The device as OBEX client: a message out is a PUT, and a GET brings the answer.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: opens lines, a task of its own"
)]

use super::auth::ObexCredential;
use super::client::{ClientParameters, ClientTimeouts};
use super::line::ObexLine;
use super::place::Place;
use super::{Framing, TARGET_DM};
use crate::Opening;
use crate::address::Address;
use crate::bearer::{Bearer, BearerEvent};
use crate::error::{Error, Phase};
#[cfg(feature = "serial")]
use crate::serial::SerialPort;
use crate::settings::Settings;

use bytes::Bytes;
use omadm_syncml::{Envelope, PeerProof};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;

/// A byte stream that OBEX runs on.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Transport for S {}

/// How a line is dialled.
#[derive(Debug, Clone)]
pub struct DialSettings {
    /// What the peer's challenge is answered with.
    pub credential: Option<ObexCredential>,
    /// Whether the peer has to prove that it knows the secret of the credential.
    pub mutual: bool,
    /// How long opening the line may take.
    pub connect_timeout: Duration,
    /// How long the peer may take to answer a packet.
    pub response_timeout: Duration,
    /// The largest object that is taken, in octets.
    pub max_message: usize,
}

/// Opens a line and connects to the service for device management.
pub async fn dial(
    address: &Address,
    settings: &DialSettings,
) -> Result<ObexLine<Box<dyn Transport>>, Error> {
    let limit = settings.connect_timeout;
    let dialled = tokio::time::timeout(limit, dialled(address, settings)).await;
    dialled.unwrap_or(Err(Error::Timeout {
        phase: Phase::Connect,
        limit,
    }))
}

async fn dialled(
    address: &Address,
    settings: &DialSettings,
) -> Result<ObexLine<Box<dyn Transport>>, Error> {
    let place = Place::parse(address.as_str())?;
    let challenge = match &settings.credential {
        Some(_) if settings.mutual => Some(random()?),
        _ => None,
    };
    let parameters = ClientParameters {
        framing: Framing::Stream,
        receive: place.receive(),
        send: place.receive(),
        object: settings.max_message,
        target: Some(Bytes::from_static(TARGET_DM)),
        credential: settings.credential.clone(),
        challenge,
        timeouts: timeouts(&place, settings),
    };
    let transport = open_transport(address, place).await?;
    ObexLine::connect(transport, parameters).await
}

/// A CONNECT is repeated where it may be lost. Elsewhere a server that is slow to begin would
/// answer each one, and its later answers be taken for those to other requests.
fn timeouts(place: &Place, settings: &DialSettings) -> ClientTimeouts {
    let default = ClientTimeouts::default();
    ClientTimeouts {
        connect: match place {
            Place::Tcp(_) | Place::Unix(_) => settings.connect_timeout,
            #[cfg(feature = "serial")]
            Place::Serial(_) => default.connect,
        },
        response: settings.response_timeout,
        ..default
    }
}

async fn open_transport(address: &Address, place: Place) -> Result<Box<dyn Transport>, Error> {
    let fault = |source: io::Error| Error::Line {
        line: address.to_string(),
        source,
    };
    match place {
        Place::Tcp(socket) => {
            let stream = TcpStream::connect(socket).await.map_err(fault)?;
            stream.set_nodelay(true).map_err(fault)?;
            Ok(Box::new(stream))
        }
        Place::Unix(path) => Ok(Box::new(UnixStream::connect(path).await.map_err(fault)?)),
        #[cfg(feature = "serial")]
        Place::Serial(serial) => {
            let entry = serial.entry;
            let port = SerialPort::open(&serial).map_err(fault)?;
            Ok(Box::new(port.dial(entry).await.map_err(fault)?))
        }
    }
}

fn random() -> Result<[u8; 16], Error> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).map_err(|error| Error::Transport(io::Error::other(error)))?;
    Ok(octets)
}

/// Opens a bearer on which the device is the OBEX client.
pub(crate) fn open<'a>(address: &'a Address, settings: &'a Settings) -> Opening<'a> {
    Box::pin(async move {
        let credential = settings.obex_credential.clone();
        let proof = match credential {
            Some(_) => PeerProof::ObexDigest,
            None => PeerProof::None,
        };
        let dial_settings = DialSettings {
            // With a credential the server has to prove itself, or it is not taken for proven.
            mutual: credential.is_some(),
            credential,
            connect_timeout: settings.connect_timeout,
            response_timeout: settings.response_timeout,
            max_message: settings.max_message,
        };
        let line = dial(address, &dial_settings).await?;
        let traffic = line.traffic();
        let (out, messages) = mpsc::channel(1);
        // The last message and the end.
        let (reports, events) = mpsc::channel(2);
        tokio::spawn(run(line, messages, reports));
        Ok(Bearer {
            out,
            events,
            proof,
            traffic,
        })
    })
}

/// Carries messages until nobody sends any more, or until the line breaks.
async fn run(
    mut line: ObexLine<Box<dyn Transport>>,
    mut out: mpsc::Receiver<Envelope>,
    events: mpsc::Sender<BearerEvent>,
) {
    let broken = tokio::select! {
        biased;
        broken = carry(&mut line, &mut out, &events) => broken,
        () = events.closed() => None,
    };
    match broken {
        // Nobody may be left to hear it.
        Some(error) => drop(events.send(BearerEvent::Closed(Err(error))).await),
        None => drop(line.disconnect().await),
    }
}

async fn carry(
    line: &mut ObexLine<Box<dyn Transport>>,
    out: &mut mpsc::Receiver<Envelope>,
    events: &mpsc::Sender<BearerEvent>,
) -> Option<Error> {
    while let Some(envelope) = out.recv().await {
        match exchange(line, &envelope).await {
            Ok(answer) => events.send(BearerEvent::Message(answer)).await.ok()?,
            Err(error) => return Some(error),
        }
    }
    None
}

async fn exchange(
    line: &mut ObexLine<Box<dyn Transport>>,
    envelope: &Envelope,
) -> Result<Envelope, Error> {
    line.put_message(envelope).await?;
    line.get_message(envelope.media_type).await
}
