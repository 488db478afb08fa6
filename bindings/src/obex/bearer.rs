//! The device as OBEX client: a message out is a PUT, and a GET brings the answer.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: opens lines, a task of its own"
)]

use super::auth::ObexCredential;
use super::client::{ClientParameters, ClientTimeouts};
use super::line::ObexLine;
use super::place::{Link, Place};
use super::{Framing, TARGET_DM};
use crate::Opening;
use crate::address::Address;
use crate::bearer::{Bearer, BearerEvent};
use crate::error::{Error, Phase};
use crate::settings::Settings;

use bytes::Bytes;
use omadm_syncml::{Envelope, PeerProof};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
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
    let place = crate::place(address)?;
    dial_at(&*place, address.as_str(), settings).await
}

/// The same at a place of the caller's own making, which is called `address`.
pub async fn dial_at(
    place: &dyn Place,
    address: &str,
    settings: &DialSettings,
) -> Result<ObexLine<Box<dyn Transport>>, Error> {
    Ok(dialled(place, address, settings).await?.0)
}

/// An OBEX connection, and the peer where the link proves it.
async fn dialled(
    place: &dyn Place,
    address: &str,
    settings: &DialSettings,
) -> Result<(ObexLine<Box<dyn Transport>>, Option<String>), Error> {
    let limit = settings.connect_timeout;
    let connect = connect(place, address, settings);
    let connected = tokio::time::timeout(limit, connect).await;
    connected.unwrap_or(Err(Error::Timeout {
        phase: Phase::Connect,
        limit,
    }))
}

async fn connect(
    place: &dyn Place,
    address: &str,
    settings: &DialSettings,
) -> Result<(ObexLine<Box<dyn Transport>>, Option<String>), Error> {
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
        timeouts: timeouts(place, settings),
    };
    let Link { transport, bonded } = place.dial().await.map_err(|source| Error::Line {
        line: address.to_owned(),
        source,
    })?;
    let line = ObexLine::connect(transport, parameters).await?;
    Ok((line, bonded))
}

fn timeouts(place: &dyn Place, settings: &DialSettings) -> ClientTimeouts {
    let default = ClientTimeouts::default();
    ClientTimeouts {
        connect: if place.is_noisy() {
            default.connect
        } else {
            settings.connect_timeout
        },
        response: settings.response_timeout,
        ..default
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
        let place = crate::place(address)?;
        open_at(&*place, address.as_str(), settings).await
    })
}

/// The same at a place of the caller's own making, which is called `address`.
pub async fn open_at(
    place: &dyn Place,
    address: &str,
    settings: &Settings,
) -> Result<Bearer, Error> {
    let credential = settings.obex_credential.clone();
    let proven = credential.is_some();
    let dial_settings = DialSettings {
        // With a credential the server has to prove itself, or it is not taken for proven.
        mutual: proven,
        credential,
        connect_timeout: settings.connect_timeout,
        response_timeout: settings.response_timeout,
        max_message: settings.max_message,
    };
    let (line, bonded) = dialled(place, address, &dial_settings).await?;
    let traffic = line.traffic();
    let (out, messages) = mpsc::channel(1);
    // The last message and the end.
    let (reports, events) = mpsc::channel(2);
    tokio::spawn(run(line, messages, reports));
    Ok(Bearer {
        out,
        events,
        proof: match bonded {
            _ if proven => PeerProof::ObexDigest,
            Some(_) => PeerProof::BondedLink,
            None => PeerProof::None,
        },
        traffic,
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
