//! A scripted server: messages as XML text in, what the device says of them out.

mod alerts;
mod auth;
mod bounds;
mod commands;
mod ends;
mod faults;
mod flow;
mod hmac;
mod packing;
mod trust;

use super::*;
use crate::{Credential, Ddf, Effect, Exec, ExecCall, ManagementObject, Node, NodeWrite, View};
use omadm_syncml::{
    AcceptedProof, AuthScheme, Command, Data, Format, HmacHeader, Limits, MediaType, Message, Meta,
    PeerProof, Secret, ServerTrust, StatusCode, Uri, Value, Wall, decode,
};

/// What the transport proves of the server, where it proves anything.
const TLS: PeerProof = PeerProof::tls(ServerTrust::SystemRoot);
const DEVICE: &str = "urn:uuid:6f1c2d34";
const SERVER: &str = "com.example.dm";
const URL: &str = "https://dm.example.com/dm";

/// What the device in the tests has: identity, an account, a subtree to play in, operations.
const DDF: &str = include_str!("tests/bench.xml");
const DEV_INFO_DDF: &str = include_str!("tests/devinfo.xml");

struct DevInfoObject(Ddf);

impl ManagementObject for DevInfoObject {
    fn ddf(&self) -> &Ddf {
        &self.0
    }

    fn live(&self) -> Vec<String> {
        vec!["./DevInfo".to_owned()]
    }

    fn collect(&mut self, wanted: &[Uri], out: &mut Snapshot) {
        assert!(!wanted.is_empty());
        for (name, value) in [
            ("DevId", DEVICE),
            ("Man", "Example"),
            ("Mod", "Hotspot"),
            ("DmV", "1.2"),
            ("Lang", "en"),
        ] {
            out.leaf(uri(&format!("./DevInfo/{name}")), value);
        }
    }
}

struct OpsObject(Ddf);

impl ManagementObject for OpsObject {
    fn ddf(&self) -> &Ddf {
        &self.0
    }

    fn exec(&self, call: &ExecCall<'_>, _tree: &View<'_>) -> Result<Exec, StatusCode> {
        match call.uri.name() {
            Some("Start") => Ok(Exec::Start(Effect {
                action: "start".to_owned(),
                uri: call.uri.clone(),
                argument: bytes::Bytes::new(),
            })),
            Some("Now") => Ok(Exec::Done(None)),
            Some("Ask") => Ok(Exec::Done(Some(Value::from("42")))),
            _ => Err(StatusCode::NOT_SUPPORTED),
        }
    }
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

fn now(seconds: u64) -> Now {
    Now {
        boot: Duration::from_secs(seconds),
        wall: Some(Wall(Duration::from_secs(1_700_000_000 + seconds))),
    }
}

/// The device's tree; the server may do everything.
fn tree() -> Tree {
    let mut tree = Tree::default();
    tree.mount(Box::new(DevInfoObject(
        Ddf::parse("devinfo.xml", DEV_INFO_DDF).unwrap(),
    )))
    .unwrap();
    tree.mount(Box::new(OpsObject(Ddf::parse("bench.xml", DDF).unwrap())))
        .unwrap();
    let acl = "Add=*&Delete=*&Exec=*&Get=*&Replace=*";
    let mut root = Node::interior();
    root.acl = crate::Acl::parse(acl).unwrap();
    let leaf = |text: &str| Node::leaf(Format::Chr, Value::from(text));
    let put = |path: &str, node| NodeWrite::Put {
        uri: uri(path),
        node,
    };
    tree.apply(&[
        put(".", root),
        put("./Play/A", leaf("one")),
        put("./Play/B", leaf("two")),
        put("./Play/Sub", Node::interior()),
        put("./Play/Sub/C", leaf("three & <four>")),
    ]);
    tree
}

/// Both credentials are MD5, as the vectors of the specification have them.
fn account() -> Account {
    let credential = |name: &str, secret: &str, nonce: &[u8], leaf: &str| Credential {
        scheme: AuthScheme::Md5,
        name: name.to_owned(),
        secret: Secret::from_text(secret),
        nonce: nonce.to_vec(),
        nonce_uri: Some(uri(leaf)),
    };
    let mut account = Account::new("bench", SERVER, URL);
    account.client = Some(credential(
        "Bruce2",
        "OhBehave",
        b"Nonce",
        "./Nonces/Client",
    ));
    account.server = Some(credential("srv", "srvpass", b"S-Nonce", "./Nonces/Server"));
    account
}

/// The same server, authenticated by TLS, which asks for nothing.
fn proven_account() -> Account {
    let mut account = Account::new("bench", SERVER, URL);
    account.accepts = vec![AcceptedProof::Tls];
    account
}

/// A session with its driver and its world.
struct Bench {
    tree: Tree,
    session: Session,
    now: Now,
    sent: Vec<Envelope>,
    commits: Vec<WriteSet>,
    collected: Vec<Vec<Uri>>,
    /// What the store says from now on.
    store: Result<(), StoreError>,
    outcome: Option<Outcome>,
    /// The server's own count of messages.
    msg_id: u32,
}

impl Bench {
    fn new(account: Account, proof: PeerProof) -> Self {
        Self::with(start(account, proof))
    }

    /// A session with a server that TLS has authenticated, after package 1.
    fn proven() -> Self {
        Self::new(proven_account(), TLS)
    }

    fn with(start: SessionStart) -> Self {
        let tree = tree();
        let session = Session::start(start, &tree, now(0));
        let mut bench = Self {
            tree,
            session,
            now: now(0),
            sent: Vec::new(),
            commits: Vec::new(),
            collected: Vec::new(),
            store: Ok(()),
            outcome: None,
            msg_id: 0,
        };
        bench.drive();
        bench
    }

    /// Does what the session wants until it waits or is closed.
    fn drive(&mut self) -> Option<Duration> {
        for _ in 0..100 {
            match self.session.poll_output() {
                Output::Collect(wanted) => {
                    let snapshot = self.tree.collect(&wanted);
                    self.collected.push(wanted);
                    self.session.handle_live(&snapshot, &self.tree, self.now);
                }
                Output::Commit(writes) => {
                    assert!(!writes.is_empty(), "an empty commit");
                    if self.store.is_ok() {
                        self.tree.apply(&writes.nodes);
                        self.commits.push(writes);
                    }
                    self.session.handle_committed(self.store.clone(), self.now);
                }
                Output::Transmit(envelope) => self.sent.push(envelope),
                Output::Wait(deadline) => return Some(deadline),
                Output::Closed(outcome) => {
                    self.outcome = Some(outcome);
                    return None;
                }
            }
        }
        panic!("the session is never content");
    }

    /// A message of the server with these header elements and body, and `Final`.
    fn serve_with(&mut self, header: &str, body: &str) {
        self.msg_id += 1;
        let text = message(self.session.session_id(), self.msg_id, header, body, true);
        self.receive(text.as_bytes());
    }

    fn serve(&mut self, body: &str) {
        self.serve_with("", body);
    }

    /// The same without `Final`.
    fn serve_open(&mut self, body: &str) {
        self.msg_id += 1;
        let text = message(self.session.session_id(), self.msg_id, "", body, false);
        self.receive(text.as_bytes());
    }

    fn receive(&mut self, octets: &[u8]) {
        self.receive_signed(octets, None);
    }

    fn receive_signed(&mut self, octets: &[u8], hmac: Option<HmacHeader>) {
        let envelope = Envelope {
            to: None,
            media_type: MediaType::DmXml,
            body: bytes::Bytes::copy_from_slice(octets),
            hmac,
        };
        self.session.handle_message(&envelope, &self.tree, self.now);
        self.drive();
    }

    /// The device's last message.
    fn last(&self) -> Message {
        let envelope = self.sent.last().unwrap();
        decode(envelope.media_type, &envelope.body, &Limits::default()).unwrap()
    }

    /// What the device's last message says, one line a command.
    fn says(&self) -> Vec<String> {
        let message = self.last();
        let mut lines: Vec<String> = message.commands.iter().map(line).collect();
        lines.extend(message.is_final.then(|| "Final".to_owned()));
        lines
    }

    /// The same without the status of the header and `Final`.
    fn answers(&self) -> Vec<String> {
        let lines = self.says().into_iter();
        lines
            .filter(|line| line != "Final" && !line.starts_with("0 SyncHdr"))
            .collect()
    }

    fn outcome(&self) -> &Outcome {
        self.outcome.as_ref().expect("the session is closed")
    }

    fn value(&self, path: &str) -> Option<String> {
        let view = self.tree.view(Snapshot::empty());
        let value = view.node(&uri(path))?.value().ok()?;
        value.as_text().map(str::to_owned)
    }
}

fn start(account: Account, proof: PeerProof) -> SessionStart {
    SessionStart::new(account, SessionCause::User, proof, [7; 32])
}

fn message(session: &str, msg_id: u32, header: &str, body: &str, is_final: bool) -> String {
    let end = if is_final { "<Final/>" } else { "" };
    format!(
        "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>\
         <VerProto>DM/1.2</VerProto><SessionID>{session}</SessionID><MsgID>{msg_id}</MsgID>\
         <Target><LocURI>{DEVICE}</LocURI></Target><Source><LocURI>{URL}</LocURI></Source>\
         {header}</SyncHdr><SyncBody>{body}{end}</SyncBody></SyncML>"
    )
}

/// A Status of the server.
fn status(msg_ref: u32, cmd_ref: &str, cmd: &str, code: u16) -> String {
    format!(
        "<Status><CmdID>s{cmd_ref}</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>{cmd_ref}</CmdRef>\
         <Cmd>{cmd}</Cmd><Data>{code}</Data></Status>"
    )
}

/// The statuses for package 1 of the device in message `msg_ref`.
fn package_1_accepted(msg_ref: u32, code: u16) -> String {
    status(msg_ref, "0", "SyncHdr", code)
        + &status(msg_ref, "1", "Alert", 200)
        + &status(msg_ref, "2", "Replace", 200)
}

fn get(cmd_id: &str, target: &str) -> String {
    format!(
        "<Get><CmdID>{cmd_id}</CmdID><Item><Target><LocURI>{target}</LocURI></Target></Item></Get>"
    )
}

fn write(verb: &str, cmd_id: &str, target: &str, data: &str) -> String {
    format!(
        "<{verb}><CmdID>{cmd_id}</CmdID><Item><Target><LocURI>{target}</LocURI></Target>\
         <Data>{data}</Data></Item></{verb}>"
    )
}

fn delete(cmd_id: &str, target: &str) -> String {
    format!(
        "<Delete><CmdID>{cmd_id}</CmdID><Item><Target><LocURI>{target}</LocURI></Target></Item>\
         </Delete>"
    )
}

fn cred(data: &str) -> String {
    format!(
        "<Cred><Meta><Format xmlns='syncml:metinf'>b64</Format>\
         <Type xmlns='syncml:metinf'>syncml:auth-md5</Type></Meta><Data>{data}</Data></Cred>"
    )
}

fn chal(next_nonce: &str) -> String {
    format!(
        "<Chal><Meta><Type xmlns='syncml:metinf'>syncml:auth-md5</Type>\
         <Format xmlns='syncml:metinf'>b64</Format>\
         <NextNonce xmlns='syncml:metinf'>{next_nonce}</NextNonce></Meta></Chal>"
    )
}

/// A Status of the server for the header, with a challenge.
fn challenge(msg_ref: u32, code: u16, next_nonce: &str) -> String {
    let chal = chal(next_nonce);
    format!(
        "<Status><CmdID>1</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>\
         {chal}<Data>{code}</Data></Status>"
    )
}

fn line(command: &Command) -> String {
    match command {
        Command::Status(status) => {
            let mut line = format!(
                "{} {} {}",
                status.cmd_ref.as_deref().unwrap_or("-"),
                status.cmd,
                status.data
            );
            for target in status
                .target_refs
                .iter()
                .filter(|_| status.cmd != "SyncHdr")
            {
                line = line + " " + target;
            }
            if status.chal.is_some() {
                line += " Chal";
            }
            line
        }
        Command::Results(results) => {
            let items = results.items.iter().map(|item| {
                let source = item.source.as_ref().map_or("", |source| &source.uri);
                let format = item.meta.format.as_deref().unwrap_or("chr");
                format!("{source}={format}:{}", text(item.data.as_ref()))
            });
            let items: Vec<String> = items.collect();
            let cmd_ref = results.cmd_ref.as_deref().unwrap_or("-");
            format!("{cmd_ref} Results {}", items.join(" "))
        }
        Command::Alert(alert) => format!("Alert {}", alert.data.as_deref().unwrap_or("-")),
        Command::Replace(request) => format!("Replace {}", request.items.len()),
        other => format!("{other:?}"),
    }
}

fn text(data: Option<&Data>) -> String {
    match data {
        None => "-".to_owned(),
        Some(Data::Text(text)) => text.clone(),
        Some(other) => format!("{other:?}"),
    }
}

/// The octets that a challenge of the device wants the server to hash.
fn nonce_of(message: &Message) -> Vec<u8> {
    let chal = message.commands.iter().find_map(|command| match command {
        Command::Status(status) => status.chal.clone(),
        _ => None,
    });
    let nonce = chal.and_then(|meta| meta.next_nonce).expect("a challenge");
    omadm_syncml::auth::nonce_octets(&nonce, omadm_syncml::NonceForm::Decoded).unwrap()
}

/// The server's credential for a nonce.
fn server_cred(nonce: &[u8]) -> String {
    cred(&omadm_syncml::auth::md5(
        "srv",
        &Secret::from_text("srvpass"),
        nonce,
    ))
}
