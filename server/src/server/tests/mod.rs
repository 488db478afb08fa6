//! A device that follows a script in XML talks to the server, without sockets.

mod alerts;
mod authentication;
mod jobs;
mod messages;
mod mutations;
mod notifications;

use super::*;
use crate::job::{Content, Operation};
use crate::session::{Credential, Device};
use crate::store::{JobRecord, JobState, NewDevice};
use omadm_syncml::auth::{self, AuthScheme, NonceForm, Secret};
use omadm_syncml::{Command, Cred, Data, Meta, Status};
use std::fmt::Write as _;

pub(super) const DEVICE: &str = "IMEI:490154203237518";
const ADDRESS: &str = "http://127.0.0.1:8080/dm";

/// The name and password of the worked example of the specification.
pub(super) const USER: &str = "Bruce2";
pub(super) const PASSWORD: &str = "OhBehave";

/// The device's end of the script.
pub(super) struct Script {
    pub(super) server: Server,
    pub(super) clock: u64,
    pub(super) session_id: String,
    pub(super) msg_id: u32,
    pub(super) token: Option<String>,
    /// What the next message's header carries.
    pub(super) cred: Option<String>,
    pub(super) header_meta: String,
    pub(super) version: (&'static str, &'static str),
    pub(super) media_type: MediaType,
    pub(super) scheme: AuthScheme,
    pub(super) nonce: Vec<u8>,
    draws: u8,
}

pub(super) fn credential(scheme: AuthScheme, user: &str, password: &str) -> Credential {
    Credential {
        scheme,
        user: user.into(),
        secret: Secret::from_text(password),
        nonce: b"Nonce".to_vec(),
    }
}

impl Script {
    pub(super) fn new() -> Self {
        Self::with(AuthScheme::Md5, None)
    }

    pub(super) fn with(scheme: AuthScheme, server: Option<Credential>) -> Self {
        Self::registered(credential(scheme, USER, PASSWORD), server)
    }

    /// A device with these credentials in the registry.
    pub(super) fn registered(client: Credential, server: Option<Credential>) -> Self {
        let mut store = Store::in_memory().unwrap();
        let scheme = client.scheme;
        let device = Device {
            id: DEVICE.into(),
            known: true,
            client,
            server,
        };
        let new = NewDevice {
            device,
            replace: false,
        };
        assert!(store.add_device(&new, Wall(Duration::ZERO)).unwrap());
        Self {
            server: Server::new(store, Policy::default()),
            clock: 1_700_000_000,
            session_id: "1".into(),
            msg_id: 0,
            token: None,
            cred: None,
            header_meta: String::new(),
            version: ("1.2", "DM/1.2"),
            media_type: MediaType::DmXml,
            scheme,
            nonce: b"Nonce".to_vec(),
            draws: 0,
        }
    }

    pub(super) fn now(&self) -> Wall {
        Wall(Duration::from_secs(self.clock))
    }

    /// Queues a job.
    pub(super) fn job(&mut self, operations: &[Operation]) -> i64 {
        let now = self.now();
        self.server
            .store()
            .add_job(DEVICE, "test", operations, now)
            .unwrap()
    }

    pub(super) fn get(&mut self, uri: &str) -> i64 {
        self.job(&[Operation::Get { uri: uri.into() }])
    }

    pub(super) fn show(&mut self, job: i64) -> JobRecord {
        self.server.store().job(job).unwrap().unwrap()
    }

    pub(super) fn state(&mut self, job: i64) -> JobState {
        self.show(job).summary.state
    }

    /// Shows the credentials that the specification asks for in the next message.
    pub(super) fn prove(&mut self) -> &mut Self {
        let password = Secret::from_text(PASSWORD);
        let cred = auth::credential(self.scheme, USER, &password, &self.nonce).unwrap();
        self.cred = Some(cred.data.to_string());
        self
    }

    pub(super) fn document(&self, body: &str) -> String {
        let cred = self.cred.as_ref().map_or(String::new(), |data| {
            let scheme = self.scheme.as_str();
            format!(
                "<Cred><Meta><Type xmlns='syncml:metinf'>{scheme}</Type>\
                 <Format xmlns='syncml:metinf'>b64</Format></Meta><Data>{data}</Data></Cred>"
            )
        });
        let (dtd, proto) = self.version;
        let target = self
            .token
            .as_ref()
            .map_or(ADDRESS.to_owned(), |token| format!("{ADDRESS}?s={token}"));
        format!(
            "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>{dtd}</VerDTD>\
             <VerProto>{proto}</VerProto><SessionID>{}</SessionID><MsgID>{}</MsgID>\
             <Target><LocURI>{target}</LocURI></Target>\
             <Source><LocURI>{DEVICE}</LocURI><LocName>{USER}</LocName></Source>{cred}{}\
             </SyncHdr><SyncBody>{body}</SyncBody></SyncML>",
            self.session_id, self.msg_id, self.header_meta,
        )
    }

    /// Sends the next message with this body.
    pub(super) fn send(&mut self, body: &str) -> Reply {
        self.msg_id += 1;
        let document = self.document(body);
        self.cred = None;
        self.post(&document).unwrap()
    }

    /// Sends a document as it is.
    pub(super) fn post(&mut self, document: &str) -> Result<Reply, Fault> {
        let octets = match self.media_type {
            MediaType::DmXml => document.as_bytes().to_vec(),
            MediaType::DmWbxml => {
                let message = read(MediaType::DmXml, document.as_bytes());
                encode(MediaType::DmWbxml, &message).unwrap()
            }
        };
        self.post_octets(&octets)
    }

    pub(super) fn post_octets(&mut self, octets: &[u8]) -> Result<Reply, Fault> {
        self.post_signed(octets, None)
    }

    /// Sends octets with a digest beside them.
    pub(super) fn post_signed(
        &mut self,
        octets: &[u8],
        hmac: Option<&HmacHeader>,
    ) -> Result<Reply, Fault> {
        self.draws = self.draws.wrapping_add(1);
        let answer = self.server.answer(&Request {
            media_type: self.media_type,
            body: octets,
            hmac,
            token: self.token.clone().as_deref(),
            address: ADDRESS,
            now: self.now(),
            random: [self.draws; 34],
        })?;
        assert_eq!(answer.media_type, self.media_type);
        let reply = Reply {
            message: read(answer.media_type, &answer.body),
            answer,
        };
        if let Some((_, token)) = reply
            .message
            .header
            .resp_uri
            .as_deref()
            .and_then(|uri| uri.split_once("?s="))
        {
            self.token = Some(token.to_owned());
        }
        if let Some(nonce) = reply.nonce() {
            self.nonce = nonce;
        }
        Ok(reply)
    }

    /// Package 1 with good credentials.
    pub(super) fn begin(&mut self) -> Reply {
        let body = package_1();
        self.prove().send(&body)
    }

    /// Forgets the session, as after a broken line.
    pub(super) fn hang_up(&mut self) -> &mut Self {
        self.token = None;
        self.msg_id = 0;
        let number: u32 = self.session_id.parse().unwrap();
        self.session_id = (number + 1).to_string();
        self
    }

    /// Answers every command of `reply` with `code` and every Get with the value `v:` and its
    /// address; the commands of containers as well.
    pub(super) fn obey(&mut self, reply: &Reply, code: u16) -> Reply {
        let body = obedience(reply, code);
        self.send(&body)
    }
}

/// An answer, read.
pub(super) struct Reply {
    pub(super) answer: Answer,
    pub(super) message: Message,
}

impl Reply {
    pub(super) fn statuses(&self) -> impl Iterator<Item = &Status> {
        self.message.commands.iter().filter_map(|c| match c {
            Command::Status(status) => Some(status),
            _ => None,
        })
    }

    /// The code for the first command of this name.
    pub(super) fn status(&self, cmd: &str) -> &str {
        let found = self.statuses().find(|status| status.cmd == cmd);
        &found.unwrap_or_else(|| panic!("no Status for {cmd}")).data
    }

    pub(super) fn chal(&self) -> Option<&Meta> {
        self.statuses().find_map(|status| status.chal.as_ref())
    }

    pub(super) fn nonce(&self) -> Option<Vec<u8>> {
        auth::nonce_octets(self.chal()?.next_nonce.as_ref()?, NonceForm::Decoded)
    }

    /// The commands that are not Statuses.
    pub(super) fn commands(&self) -> Vec<&Command> {
        let commands = self.message.commands.iter();
        commands
            .filter(|c| !matches!(c, Command::Status(_)))
            .collect()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let commands = self.commands();
        commands.iter().map(|c| c.name()).collect()
    }

    pub(super) fn alert(&self) -> Option<&str> {
        self.message.commands.iter().find_map(|c| match c {
            Command::Alert(alert) => alert.data.as_deref(),
            _ => None,
        })
    }

    pub(super) fn phase(&self) -> Phase {
        self.answer.phase.unwrap()
    }

    pub(super) fn cred(&self) -> Option<&Cred> {
        self.message.header.cred.as_ref()
    }
}

pub(super) fn read(media_type: MediaType, octets: &[u8]) -> Message {
    decode(media_type, octets, &Limits::default()).unwrap()
}

pub(super) fn package_1() -> String {
    let mut body =
        String::from("<Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Replace><CmdID>2</CmdID>");
    for (name, value) in [
        ("DevId", DEVICE),
        ("Man", "Acme"),
        ("Mod", "Spot"),
        ("DmV", "1.2"),
        ("Lang", "en"),
    ] {
        write!(
            body,
            "<Item><Source><LocURI>./DevInfo/{name}</LocURI></Source><Data>{value}</Data></Item>"
        )
        .unwrap();
    }
    body + "</Replace><Final/>"
}

/// A Status of the device.
pub(super) fn status(msg_ref: &str, cmd_ref: &str, cmd: &str, code: u16) -> String {
    format!(
        "<Status><CmdID>s{cmd_ref}</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>{cmd_ref}</CmdRef>\
         <Cmd>{cmd}</Cmd><Data>{code}</Data></Status>"
    )
}

fn obedience(reply: &Reply, code: u16) -> String {
    let msg_ref = &reply.message.header.msg_id;
    let mut body = status(msg_ref, "0", "SyncHdr", 212);
    for command in reply.commands() {
        answer_command(&mut body, msg_ref, command, code);
    }
    body + "<Final/>"
}

fn answer_command(body: &mut String, msg_ref: &str, command: &Command, code: u16) {
    let cmd_id = command.cmd_id().into_owned();
    *body += &status(msg_ref, &cmd_id, command.name(), code);
    match command {
        Command::Get(get) => {
            for item in &get.items {
                let uri = &item.target.as_ref().unwrap().uri;
                write!(
                    body,
                    "<Results><CmdID>r{cmd_id}</CmdID><MsgRef>{msg_ref}</MsgRef>\
                     <CmdRef>{cmd_id}</CmdRef><Item><Source><LocURI>{uri}</LocURI></Source>\
                     <Data>v:{uri}</Data></Item></Results>"
                )
                .unwrap();
            }
        }
        Command::Atomic(c) | Command::Sequence(c) => {
            for member in &c.commands {
                answer_command(body, msg_ref, member, code);
            }
        }
        _ => {}
    }
}

pub(super) fn text(value: &str) -> Content {
    Content {
        text: Some(value.into()),
        ..Content::default()
    }
}
