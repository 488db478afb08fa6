//! A device that waits on a line, and what it is asked with.

use bytes::Bytes;
use omadm_bindings::obex::{
    DialSettings, ObexCredential, ObexLine, ServerTimeouts, Transport, dial,
};
use omadm_bindings::{
    Address, Arrival, BearerEvent, Error, Identity, LineState, ListenSettings, Listening, listen,
};
use omadm_syncml::{Envelope, MediaType, Secret};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// Longer than anything here takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Device {
    pub(crate) listening: Listening,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    pub(crate) busy: watch::Sender<bool>,
}

impl Device {
    pub(crate) fn wait(address: &str, credentials: Vec<ObexCredential>) -> Self {
        let settings = ListenSettings {
            gadget: None,
            peers: Vec::new(),
            bootstraps: true,
            credentials,
            max_message: 65_536,
            identity: Identity::default(),
            timeouts: ServerTimeouts {
                thinking: Duration::from_millis(100),
                ..ServerTimeouts::default()
            },
        };
        let (sender, arrivals) = mpsc::channel(4);
        let (busy, told) = watch::channel(false);
        let address: Address = address.parse().unwrap();
        Self {
            listening: listen(&address, settings, sender, told).unwrap(),
            arrivals,
            busy,
        }
    }

    pub(crate) async fn is(&mut self, state: LineState) {
        let reached = self.listening.state.wait_for(|now| *now == state);
        timeout(LIMIT, reached).await.expect("in time").unwrap();
    }

    pub(crate) async fn arrival(&mut self) -> Arrival {
        timeout(LIMIT, self.arrivals.recv())
            .await
            .expect("in time")
            .unwrap()
    }
}

pub(crate) async fn heard(arrival: &mut Arrival) -> BearerEvent {
    timeout(LIMIT, arrival.bearer.events.recv())
        .await
        .expect("in time")
        .unwrap()
}

pub(crate) async fn dialled(
    address: &str,
    credential: Option<ObexCredential>,
) -> Result<ObexLine<Box<dyn Transport>>, Error> {
    dialled_with(address, credential, Duration::from_secs(5)).await
}

pub(crate) async fn dialled_with(
    address: &str,
    credential: Option<ObexCredential>,
    response_timeout: Duration,
) -> Result<ObexLine<Box<dyn Transport>>, Error> {
    let settings = DialSettings {
        mutual: credential.is_some(),
        credential,
        connect_timeout: LIMIT,
        response_timeout,
        max_message: 65_536,
    };
    let address: Address = address.parse().unwrap();
    dial(&address, &settings).await
}

pub(crate) fn credential(secret: &str) -> ObexCredential {
    ObexCredential {
        user: "dm".to_owned(),
        secret: Secret::from_text(secret),
    }
}

/// A message with so many octets of text in it.
pub(crate) fn message(id: u32, octets: usize) -> Envelope {
    let text = "x".repeat(octets);
    let xml = format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD>\
         <VerProto>DM/1.2</VerProto><SessionID>{text}</SessionID><MsgID>{id}</MsgID></SyncHdr>\
         <SyncBody><Final/></SyncBody></SyncML>"
    );
    Envelope {
        to: None,
        media_type: MediaType::DmXml,
        body: Bytes::from(xml),
        hmac: None,
    }
}
