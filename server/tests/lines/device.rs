//! A device that follows a script on a line.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of a test function"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "driver: a device that takes its time"
)]

use crate::site::{DEVICE, SECRET, SERVER, SERVER_SECRET, Site};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use omadm_bindings::obex::ObexCredential;
use omadm_bindings::{
    Arrival, Bearer, BearerEvent, Identity, ListenSettings, Listening, SessionOpening, listen,
};
use omadm_syncml::auth::{self, AuthScheme, HmacHeader, NonceForm, Secret};
use omadm_syncml::{
    Command, Data, Envelope, Limits, MediaType, Message, NonceUsed, Package0, decode,
};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// How long the device looks at a notification that it does not follow.
const THINKING: Duration = Duration::from_millis(300);

/// A device with what it remembers between sessions.
pub(crate) struct Device {
    pub(crate) id: &'static str,
    pub(crate) scheme: AuthScheme,
    /// What it proves itself with next, and what the server must.
    pub(crate) nonce: Vec<u8>,
    pub(crate) server_nonce: Vec<u8>,
    /// The credential that peers must prove in OBEX.
    pub(crate) obex: Option<ObexCredential>,
    /// How often it says that it has nothing, before it serves.
    pub(crate) busy: u32,
    /// It takes a server whose notification proves nothing.
    pub(crate) credulous: bool,
    /// It vanishes when it has got so many messages.
    pub(crate) vanishes: Option<u32>,
    seen: BTreeSet<u16>,
    draws: u8,
    pub(crate) notified: Vec<Option<NonceUsed>>,
    /// The values that it was given.
    pub(crate) values: Vec<String>,
    /// Messages that came with a digest that was right.
    pub(crate) signed: u32,
    line: Option<(Listening, mpsc::Receiver<Arrival>)>,
    busy_line: watch::Sender<bool>,
}

/// How an arrival ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Ignored,
    Completed,
    Broken,
    Vanished,
}

impl Device {
    pub(crate) fn new() -> Self {
        Self {
            id: DEVICE,
            scheme: AuthScheme::Md5,
            nonce: b"N0".to_vec(),
            server_nonce: b"N1".to_vec(),
            obex: None,
            busy: 0,
            credulous: false,
            vanishes: None,
            seen: BTreeSet::new(),
            draws: 0,
            notified: Vec::new(),
            values: Vec::new(),
            signed: 0,
            line: None,
            busy_line: watch::channel(false).0,
        }
    }

    pub(crate) fn listens(mut self, site: &Site) -> Self {
        self.listen(&site.address("device"));
        self
    }

    pub(crate) fn listen(&mut self, address: &str) {
        let (arrivals, arrived) = mpsc::channel(4);
        let settings = ListenSettings {
            gadget: None,
            peers: Vec::new(),
            bootstraps: true,
            credentials: self.obex.iter().cloned().collect(),
            max_message: 1 << 20,
            identity: Identity::default(),
            timeouts: omadm_bindings::obex::ServerTimeouts::default(),
        };
        let address = address.parse().unwrap();
        let busy = self.busy_line.subscribe();
        let listening = listen(&address, settings, arrivals, busy).unwrap();
        self.line = Some((listening, arrived));
    }

    /// Somebody has come, and waits.
    pub(crate) async fn arrival(&mut self) -> Arrival {
        let (_, arrived) = self.line.as_mut().unwrap();
        arrived.recv().await.unwrap()
    }

    /// Serves the next arrival.
    pub(crate) async fn serve(&mut self) -> End {
        let arrival = self.arrival().await;
        self.meet(arrival).await
    }

    /// Serves arrivals until a session is completed.
    pub(crate) async fn complete(&mut self) {
        while self.serve().await != End::Completed {}
    }

    async fn meet(&mut self, arrival: Arrival) -> End {
        let SessionOpening::Notification(octets) = arrival.opening else {
            panic!("no notification: {:?}", arrival.opening);
        };
        let package = Package0::parse(&octets).unwrap();
        let secret = Secret::from_text(SERVER_SECRET);
        let used = package.verify(&[SERVER], &secret, &self.server_nonce);
        self.notified.push(used);
        let said = package.notification();
        assert_eq!(said.server_id, SERVER);
        // A number that was seen is refused, as is what proves nothing.
        let new = self.seen.insert(said.session_id);
        let doubted = !new || (used.is_none() && !self.credulous);
        if doubted || self.busy > 0 {
            self.busy = self.busy.saturating_sub(u32::from(!doubted));
            // The server is to ask for a message before it is told that there is none.
            sleep(THINKING).await;
            return End::Ignored;
        }
        if used == Some(NonceUsed::ResyncOctets) {
            self.nonce = vec![0; 4];
            self.server_nonce = vec![0; 4];
        }
        let session = said.session_text();
        self.hold(arrival.bearer, &session, 1200).await
    }

    /// Holds a session, from package 1 on.
    pub(crate) async fn hold(&mut self, mut bearer: Bearer, session: &str, alert: u16) -> End {
        let (mut number, mut got) = (1, 0);
        let first = package_1(self.id, alert);
        let mut proves = true;
        let mut body = first.clone();
        loop {
            let message = self.message(session, number, proves, &body);
            number += 1;
            if bearer.out.send(message).await.is_err() {
                return End::Broken;
            }
            let Some(BearerEvent::Message(envelope)) = bearer.events.recv().await else {
                return End::Broken;
            };
            got += 1;
            if self.vanishes == Some(got) {
                self.vanishes = None;
                self.line = None;
                return End::Vanished;
            }
            let message = decode(envelope.media_type, &envelope.body, &Limits::default()).unwrap();
            let code = self.hear(&message);
            if code == 401 {
                body.clone_from(&first);
                continue;
            }
            let challenge = self.judge(&envelope, &message);
            proves = self.scheme == AuthScheme::Hmac;
            body = self.obey(&message, &challenge);
            if only_statuses(&message) {
                return End::Completed;
            }
        }
    }

    fn message(&self, session: &str, number: u32, proves: bool, body: &str) -> Envelope {
        let secret = Secret::from_text(SECRET);
        let data = auth::md5(self.id, &secret, &self.nonce);
        let cred = match self.scheme {
            AuthScheme::Md5 if proves => format!(
                "<Cred><Meta><Type xmlns='syncml:metinf'>syncml:auth-md5</Type>\
                 <Format xmlns='syncml:metinf'>b64</Format></Meta><Data>{}</Data></Cred>",
                *data
            ),
            _ => String::new(),
        };
        let id = self.id;
        let text = format!(
            "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>\
             <VerProto>DM/1.2</VerProto><SessionID>{session}</SessionID><MsgID>{number}</MsgID>\
             <Target><LocURI>{SERVER}</LocURI></Target>\
             <Source><LocURI>{id}</LocURI><LocName>{id}</LocName></Source>{cred}\
             <Meta><MaxMsgSize xmlns='syncml:metinf'>1000000</MaxMsgSize></Meta>\
             </SyncHdr><SyncBody>{body}</SyncBody></SyncML>"
        );
        let hmac = (self.scheme == AuthScheme::Hmac).then(|| HmacHeader {
            user: id.into(),
            mac: auth::hmac(id, &secret, &self.nonce, text.as_bytes()),
        });
        Envelope {
            to: None,
            media_type: MediaType::DmXml,
            body: Bytes::from(text),
            hmac,
        }
    }

    /// Takes the nonce that the server gives, and says what it thinks of the credentials.
    fn hear(&mut self, message: &Message) -> u16 {
        let status = message.commands.iter().find_map(|command| match command {
            Command::Status(status) if status.cmd == "SyncHdr" => Some(status),
            _ => None,
        });
        let status = status.unwrap();
        let next = status.chal.as_ref().and_then(|c| c.next_nonce.as_ref());
        if let Some(next) = next {
            self.nonce = auth::nonce_octets(next, NonceForm::Decoded).unwrap();
        }
        status.data.parse().unwrap()
    }

    /// Judges what the server shows; gives it the next nonce.
    fn judge(&mut self, envelope: &Envelope, message: &Message) -> String {
        let secret = Secret::from_text(SERVER_SECRET);
        let nonce = &self.server_nonce;
        if let Some(hmac) = &envelope.hmac {
            assert_eq!(self.scheme, AuthScheme::Hmac);
            let body = &envelope.body;
            assert!(auth::verify_hmac(&hmac.mac, SERVER, &secret, nonce, body));
            self.signed += 1;
        } else {
            let Some(cred) = &message.header.cred else {
                assert_eq!(self.scheme, AuthScheme::Md5);
                return String::new();
            };
            let right = auth::verify(AuthScheme::Md5, cred, SERVER, &secret, nonce);
            assert!(right || self.credulous, "{:?}", self.notified);
        }
        // The last message is not answered: no nonce is given with it.
        if only_statuses(message) {
            return String::new();
        }
        self.draws += 1;
        self.server_nonce = format!("device nonce {}", self.draws).into_bytes();
        format!(
            "<Chal><Meta><Type xmlns='syncml:metinf'>{}</Type>\
             <Format xmlns='syncml:metinf'>b64</Format>\
             <NextNonce xmlns='syncml:metinf'>{}</NextNonce></Meta></Chal>",
            self.scheme.as_str(),
            STANDARD.encode(&self.server_nonce)
        )
    }

    /// Carries commands out, with a value for each Get.
    fn obey(&mut self, message: &Message, challenge: &str) -> String {
        let msg_ref = &message.header.msg_id;
        let code = if self.scheme == AuthScheme::Hmac {
            200
        } else {
            212
        };
        let mut body = format!(
            "<Status><CmdID>1</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>0</CmdRef>\
             <Cmd>SyncHdr</Cmd>{challenge}<Data>{code}</Data></Status>"
        );
        for command in &message.commands {
            let (name, cmd_id) = (command.name(), command.cmd_id().into_owned());
            match command {
                Command::Status(_) => continue,
                Command::Replace(request) => self.keep(request.items[0].data.as_ref()),
                Command::Get(_) => write!(
                    body,
                    "<Results><CmdID>r{cmd_id}</CmdID><MsgRef>{msg_ref}</MsgRef>\
                     <CmdRef>{cmd_id}</CmdRef><Item><Source><LocURI>./A</LocURI></Source>\
                     <Data>7</Data></Item></Results>"
                )
                .unwrap(),
                other => panic!("unexpected: {other:?}"),
            }
            write!(
                body,
                "<Status><CmdID>s{cmd_id}</CmdID><MsgRef>{msg_ref}</MsgRef>\
                 <CmdRef>{cmd_id}</CmdRef><Cmd>{name}</Cmd><Data>200</Data></Status>"
            )
            .unwrap();
        }
        body + "<Final/>"
    }

    fn keep(&mut self, data: Option<&Data>) {
        let Some(Data::Text(text)) = data else {
            panic!("no text: {data:?}");
        };
        self.values.push(text.clone());
    }

    /// Whether a notification was made with the nonce that everyone knows, by order.
    pub(crate) fn resyncs(&self) -> Vec<bool> {
        let used = self.notified.iter();
        used.map(|used| *used == Some(NonceUsed::ResyncOctets))
            .collect()
    }
}

fn only_statuses(message: &Message) -> bool {
    let mut commands = message.commands.iter();
    message.is_final && commands.all(|command| matches!(command, Command::Status(_)))
}

fn package_1(id: &str, alert: u16) -> String {
    format!(
        "<Alert><CmdID>1</CmdID><Data>{alert}</Data></Alert><Replace><CmdID>2</CmdID>\
         <Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Data>{id}</Data></Item>\
         </Replace><Final/>"
    )
}
