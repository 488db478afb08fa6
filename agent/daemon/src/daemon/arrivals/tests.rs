#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "test: a scripted server on lines in memory and one on the network"
)]

use std::time::Duration;

use omadm_bindings::{BearerEvent, Bootstrap, Error as LineError};
use omadm_syncml::auth::{self, AuthScheme};
use omadm_syncml::{Envelope, Initiator, MediaType, Notification, Secret, UiMode};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::super::agent::Wakers;
use super::super::{start, status};
use super::*;
use crate::config::Config;
use crate::control::Asked;
use crate::control::wire::{AccountSettings, NewAccount, SessionState};
use crate::mo::dmacc;
use crate::store::{Change, Store};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const LINE: &str = "unix+obex:///run/test.sock";
const OTHER: &str = "tty+obex:///dev/ttyGS0";
const NONCE: &[u8] = b"server-nonce";

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A daemon with a scripted world around it.
struct Bench {
    home: tempfile::TempDir,
    agent: Agent,
    wakers: Wakers,
    asked: mpsc::Receiver<Asked>,
    arriving: mpsc::Sender<Arrival>,
}

fn config(more: &str) -> Config {
    let text = format!("[schedule]\ninterval = \"off\"\n{more}");
    toml::from_str(&text).unwrap()
}

/// An account whose server proves itself in OBEX or by its credentials.
fn lab(address: &str) -> NewAccount {
    let text = |text: &str| Some(Zeroizing::new(text.to_owned()));
    NewAccount {
        name: "lab".to_owned(),
        server_id: "lab.example".to_owned(),
        address: address.to_owned(),
        client_auth: Some("md5".to_owned()),
        client_name: Some("device".to_owned()),
        client_secret: text("mine"),
        server_auth: Some("md5".to_owned()),
        server_secret: text("srvpass"),
        server_nonce: Some(BASE64.encode(NONCE)),
        settings: Some(AccountSettings {
            encoding: Some("xml".to_owned()),
            allows_http: Some(true),
            accepts: Some(vec!["obex-digest".to_owned()]),
            obex_name: Some("pc".to_owned()),
            obex_secret: text("obex"),
            ..AccountSettings::default()
        }),
        ..NewAccount::default()
    }
}

impl Bench {
    async fn new(more: &str, accounts: &[NewAccount]) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::at(home, more, accounts).await
    }

    async fn at(home: tempfile::TempDir, more: &str, accounts: &[NewAccount]) -> Self {
        let opened = Store::open(&home.path().join("state.db")).unwrap();
        let (arriving, arrivals) = mpsc::channel(ARRIVALS);
        let (_, asked) = mpsc::channel(1);
        // Lines that cannot be opened are no hindrance: those of the tests are in memory.
        let (line, _) = mpsc::channel(1);
        let agent = start::agent(config(more), None, opened, line)
            .await
            .unwrap();
        let wakers = start::wakers(arrivals).unwrap();
        let mut bench = Self {
            home,
            agent,
            wakers,
            asked,
            arriving,
        };
        for account in accounts {
            bench.add(account).await;
        }
        bench
    }

    async fn add(&mut self, new: &NewAccount) {
        let agent = &mut self.agent;
        let now = super::super::clock::now();
        let (writes, policy) = dmacc::add(&agent.tree, new, &agent.dev_id, now).unwrap();
        let mut changes: Vec<_> = writes.iter().cloned().map(Change::Node).collect();
        changes.push(Change::Policy {
            account: new.name.clone(),
            policy: serde_json::to_string(&policy).unwrap(),
        });
        agent.store.commit(changes).await.unwrap().unwrap();
        agent.tree.apply(&writes);
        agent.book.local(&new.name).policy = Some(policy);
    }

    /// The daemon as after kill -9: nothing of it is left but the disk.
    async fn killed(self, more: &str) -> Self {
        let Self { home, agent, .. } = self;
        drop(agent);
        Self::at(home, more, &[]).await
    }

    /// Lets the daemon run until the script is through.
    async fn during<T>(&mut self, script: impl Future<Output = T>) -> T {
        let mut script = std::pin::pin!(tokio::time::timeout(PATIENCE, script));
        loop {
            tokio::select! {
                biased;
                done = &mut script => return done.expect("nothing happens"),
                more = self.agent.turn(&mut self.asked, &mut self.wakers) => assert!(more),
            }
        }
    }

    /// Lets the daemon run until something holds.
    async fn until(&mut self, holds: impl Fn(&Agent) -> bool) {
        let turns = async {
            while !holds(&self.agent) {
                let tick = tokio::time::sleep(Duration::from_millis(5));
                tokio::select! {
                    more = self.agent.turn(&mut self.asked, &mut self.wakers) => assert!(more),
                    () = tick => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, turns)
            .await
            .expect("it never holds");
    }

    async fn arrives(&mut self, opening: SessionOpening, address: &str) -> Peer {
        self.arrives_as(opening, address, Some(("pc", "obex")))
            .await
    }

    async fn arrives_as(
        &mut self,
        opening: SessionOpening,
        address: &str,
        proven: Option<(&str, &str)>,
    ) -> Peer {
        self.arrives_by(opening, address, proven, None).await
    }

    async fn arrives_by(
        &mut self,
        opening: SessionOpening,
        address: &str,
        proven: Option<(&str, &str)>,
        bonded: Option<&str>,
    ) -> Peer {
        let (out, messages) = mpsc::channel(4);
        let (events, heard) = mpsc::channel(4);
        let proven = proven.map(|(user, secret)| ObexCredential {
            user: user.to_owned(),
            secret: Secret::from_text(secret),
        });
        let bearer = Bearer {
            out,
            events: heard,
            proof: match (&proven, bonded) {
                (Some(_), _) => PeerProof::ObexDigest,
                (None, Some(_)) => PeerProof::BondedLink,
                (None, None) => PeerProof::None,
            },
            traffic: std::sync::Arc::default(),
        };
        let arrival = Arrival {
            bonded: bonded.map(str::to_owned),
            opening,
            bearer,
            address: address.to_owned(),
            proven,
        };
        self.arriving.send(arrival).await.unwrap();
        Peer {
            messages,
            events,
            device: self.agent.dev_id.clone(),
            session: String::new(),
            sent: 0,
        }
    }

    fn last(&self) -> &SessionState {
        self.agent
            .last_session
            .as_ref()
            .expect("a session has ended")
    }

    /// `accepted`, and how often each reason was given.
    fn counts(&self) -> (i64, Vec<(String, i64)>) {
        let counts = self.agent.counters.wire();
        let refused = counts.refused.into_iter();
        (
            counts.accepted,
            refused.map(|c| (c.reason, c.count)).collect(),
        )
    }

    /// Waits until the daemon has let go of the line, without having said a word.
    async fn is_refused(&mut self, mut peer: Peer, reason: &str) {
        let said = self.during(peer.messages.recv()).await;
        assert!(said.is_none(), "{said:?}");
        let (_, refused) = self.counts();
        assert!(
            refused.iter().any(|(word, _)| word == reason),
            "{refused:?}"
        );
    }

    async fn ends(&mut self) {
        self.until(|agent| agent.running.is_none() && agent.commit.is_none())
            .await;
    }
}

/// The server's end of a line.
struct Peer {
    messages: mpsc::Receiver<Envelope>,
    events: mpsc::Sender<BearerEvent>,
    device: String,
    session: String,
    sent: u32,
}

impl Peer {
    /// The device's next message.
    async fn next(&mut self) -> String {
        let envelope = self.messages.recv().await.expect("the device says nothing");
        let text = String::from_utf8(envelope.body.to_vec()).unwrap();
        self.session = between(&text, "<SessionID>", "</SessionID>").to_owned();
        text
    }

    /// Answers package 1 with these statuses for the header and these commands.
    async fn answer(&mut self, header: &str, code: u16, commands: &str) {
        self.sent += 1;
        let (session, device, msg_id) = (&self.session, &self.device, self.sent);
        let status = |at: u32, cmd: &str, code: u16| {
            format!(
                "<Status><CmdID>{}</CmdID><MsgRef>{msg_id}</MsgRef><CmdRef>{at}</CmdRef>\
                 <Cmd>{cmd}</Cmd><Data>{code}</Data></Status>",
                at + 1
            )
        };
        let statuses = match msg_id {
            1 => status(0, "SyncHdr", code) + &status(1, "Alert", 200) + &status(2, "Replace", 200),
            _ => status(0, "SyncHdr", code),
        };
        let body = format!(
            "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>\
             <VerProto>DM/1.2</VerProto><SessionID>{session}</SessionID><MsgID>{msg_id}</MsgID>\
             <Target><LocURI>{device}</LocURI></Target>\
             <Source><LocURI>http://lab.example/dm</LocURI>{header}\
             </SyncHdr><SyncBody>{statuses}{commands}<Final/></SyncBody></SyncML>"
        );
        let envelope = Envelope {
            to: None,
            media_type: MediaType::DmXml,
            body: body.into_bytes().into(),
            hmac: None,
        };
        self.events
            .send(BearerEvent::Message(envelope))
            .await
            .unwrap();
    }

    /// The server has nothing to ask.
    async fn is_content(&mut self) {
        self.answer("</Source>", 212, "").await;
    }

    async fn breaks(&self) {
        let end = BearerEvent::Closed(Err(LineError::NoAnswer));
        self.events.send(end).await.unwrap();
    }
}

const GET: &str = "<Get><CmdID>9</CmdID><Item><Target><LocURI>./DevInfo/DmV</LocURI></Target>\
                   </Item></Get>";

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("{text}")).1;
    rest.split_once(to).unwrap().0
}

fn sealed(session_id: u16, nonce: &[u8]) -> SessionOpening {
    sealed_by(session_id, "srvpass", nonce)
}

fn sealed_by(session_id: u16, secret: &str, nonce: &[u8]) -> SessionOpening {
    let notification = Notification {
        version: Notification::VERSION,
        ui_mode: UiMode::UserInteraction,
        initiator: Initiator::Server,
        session_id,
        server_id: "lab.example".to_owned(),
        vendor: vec![1, 2, 3],
    };
    let secret = Secret::from_text(secret);
    let octets = notification.seal("lab.example", &secret, nonce).unwrap();
    SessionOpening::Notification(octets.into())
}

#[tokio::test]
async fn a_notification_begins_its_session_on_its_line() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    let mut peer = bench.arrives(sealed(0x1F, NONCE), LINE).await;
    let first = bench.during(peer.next()).await;
    assert!(first.contains("<Data>1200</Data>"), "{first}");
    assert!(first.contains("<SessionID>1F</SessionID>"), "{first}");
    assert!(
        first.contains("<LocURI>http://lab.example/dm</LocURI>"),
        "{first}"
    );
    bench.during(peer.is_content()).await;
    bench.ends().await;
    let last = bench.last();
    assert_eq!(last.result.as_deref(), Some("completed"), "{last:?}");
    assert_eq!((&*last.cause, &*last.session_id), ("notification 1F", "1F"));
    assert_eq!(bench.counts(), (1, Vec::new()));
    assert!(
        bench.during(peer.messages.recv()).await.is_none(),
        "the line is let go of"
    );
}

#[tokio::test]
async fn what_is_not_followed_is_dropped_in_silence_and_not_remembered() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    for (opening, reason) in [
        (SessionOpening::Notification("rubbish".into()), "unreadable"),
        (sealed_by(7, "guessed", NONCE), "bad-digest"),
        (sealed(7, b"another"), "bad-digest"),
        (SessionOpening::Poll, "poll"),
        (
            SessionOpening::Bootstrap(Bootstrap {
                media_type: "application/vnd.syncml.dm+wbxml".to_owned(),
                sec: None,
                mac: None,
                body: "secret".into(),
            }),
            "bootstrap",
        ),
    ] {
        let peer = bench.arrives(opening, LINE).await;
        bench.is_refused(peer, reason).await;
    }
    assert!(bench.agent.last_session.is_none() && bench.agent.running.is_none());
    let told = status::status(&bench.agent, super::super::clock::now()).notifications;
    assert_eq!((told.accepted, told.refused.len()), (0, 4));
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(peer.next()).await;
}

#[tokio::test]
async fn the_same_notification_never_begins_a_second_session() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(peer.next()).await;
    // The power goes before the session has come to anything.
    drop(peer);
    let mut bench = bench.killed("").await;
    let peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.is_refused(peer, "repeated").await;
    assert_eq!(bench.agent.book.local("lab").record.crashes, 1);
    let mut peer = bench.arrives(sealed(8, NONCE), LINE).await;
    bench.during(peer.next()).await;
}

/// What a command comes to on a line that has proven this.
async fn status_of_a_command(proven: Option<(&str, &str)>) -> String {
    let other = NewAccount {
        name: "other".to_owned(),
        server_id: "other.example".to_owned(),
        settings: Some(AccountSettings {
            obex_name: Some("pc".to_owned()),
            obex_secret: Some(Zeroizing::new("others".to_owned())),
            ..lab("x").settings.unwrap()
        }),
        ..lab("http://lab.example/dm")
    };
    let mut bench = Bench::new("", &[lab("http://lab.example/dm"), other]).await;
    let mut peer = bench.arrives_as(sealed(7, NONCE), LINE, proven).await;
    bench.during(peer.next()).await;
    bench.during(peer.answer("</Source>", 212, GET)).await;
    let answer = bench.during(peer.next()).await;
    let get = answer
        .split("<Status>")
        .find(|status| status.contains("<Cmd>Get</Cmd>"));
    between(
        get.unwrap_or_else(|| panic!("{answer}")),
        "<Data>",
        "</Data>",
    )
    .to_owned()
}

#[tokio::test]
async fn a_digest_proves_the_server_of_its_own_account_alone() {
    assert_eq!(status_of_a_command(Some(("pc", "obex"))).await, "200");
    for stranger in [None, Some(("pc", "others")), Some(("other", "obex"))] {
        assert_eq!(status_of_a_command(stranger).await, "407", "{stranger:?}");
    }
}

/// An account that lists this Bluetooth peer, and whose server has this secret for OBEX.
async fn configured(accepts: &[&str], peer: &str, secret: Option<&str>) -> Configured {
    let mut account = lab("http://lab.example/dm");
    let mut settings = account.settings.take().unwrap_or_default();
    settings.accepts = Some(accepts.iter().map(|&proof| proof.to_owned()).collect());
    settings.bluetooth_peers = Some(vec![peer.to_owned()]);
    settings.obex_secret = secret.map(|text| Zeroizing::new(text.to_owned()));
    settings.obex_name = secret.map(|_| "pc".to_owned());
    account.settings = Some(settings);
    let bench = Bench::new("", &[account]).await;
    bench.agent.configured().remove(0).unwrap()
}

const PEER: &str = "00:1A:7D:DA:71:13";

#[tokio::test]
async fn a_proof_is_never_more_than_the_line_has_found() {
    use PeerProof::{BondedLink, None as Nothing, ObexDigest};
    let credential = |user: &str, secret: &str| ObexCredential {
        user: user.to_owned(),
        secret: Secret::from_text(secret),
    };
    let own = credential("pc", "one");
    let with = configured(&["obex-digest", "bonded-link"], PEER, Some("one")).await;
    let without = configured(&["bonded-link"], PEER, None).await;
    for (found, proven, bonded, account, expected) in [
        (ObexDigest, Some(&own), None, &with, ObexDigest),
        (Nothing, Some(&own), None, &with, Nothing),
        (ObexDigest, None, None, &with, Nothing),
        (ObexDigest, Some(&own), None, &without, Nothing),
        (BondedLink, None, None, &with, Nothing),
        (
            BondedLink,
            None,
            Some("00:1a:7d:da:71:13"),
            &with,
            BondedLink,
        ),
        (BondedLink, None, Some("00:1A:7D:DA:71:14"), &with, Nothing),
        (ObexDigest, Some(&own), Some(PEER), &with, ObexDigest),
        (ObexDigest, Some(&own), Some(PEER), &without, BondedLink),
    ] {
        let proof = proof(found, proven, bonded, account);
        assert_eq!(proof, expected, "{found} {bonded:?}");
    }
    for other in [
        credential("pc", "two"),
        credential("PC", "one"),
        credential("", "one"),
    ] {
        let found = proof(ObexDigest, Some(&other), None, &with);
        assert_eq!(found, Nothing, "{other:?}");
    }
    let bonded = configured(&["bonded-link"], PEER, Some("one")).await;
    let found = proof(ObexDigest, Some(&own), Some(PEER), &bonded);
    assert_eq!(found, BondedLink, "of two, the one that is accepted");
    let address = format!("bt+obex://{PEER}");
    let other = "bt+obex://00:00:00:00:00:01";
    for (found, address, account, expected) in [
        (BondedLink, address.as_str(), &bonded, BondedLink),
        // The address is the tree's, where the server may have changed it.
        (BondedLink, other, &bonded, Nothing),
        (BondedLink, "bt+obex:?service=client", &bonded, Nothing),
        (ObexDigest, &address, &bonded, BondedLink),
        (ObexDigest, other, &bonded, ObexDigest),
        (ObexDigest, &address, &with, ObexDigest),
        (ObexDigest, "unix+obex:///run/x.sock", &bonded, ObexDigest),
        (Nothing, &address, &bonded, Nothing),
    ] {
        let proof = dialled(found, address, account);
        assert_eq!(proof, expected, "{found} {address}");
    }
}

#[tokio::test]
async fn a_bluetooth_peer_that_the_account_does_not_list_begins_no_session() {
    let mut account = lab("http://lab.example/dm");
    let settings = account.settings.as_mut().unwrap();
    settings.accepts = Some(vec!["bonded-link".to_owned()]);
    settings.bluetooth_peers = Some(vec![PEER.to_owned()]);
    let mut bench = Bench::new("", &[account]).await;
    let other = Some("00:1A:7D:DA:71:14");
    let peer = bench.arrives_by(sealed(7, NONCE), LINE, None, other).await;
    bench.is_refused(peer, "unlisted-peer").await;
    let mut peer = bench
        .arrives_by(sealed(7, NONCE), LINE, None, Some(PEER))
        .await;
    bench.during(peer.next()).await;
    bench.during(peer.is_content()).await;
    bench.ends().await;
}

#[tokio::test]
async fn who_comes_while_a_session_runs_may_come_again() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(peer.next()).await;
    let second = bench.arrives(sealed(8, NONCE), OTHER).await;
    bench.is_refused(second, "busy").await;
    bench.during(peer.is_content()).await;
    bench.ends().await;
    // No fresh nonce was agreed on, since the line had proven the server.
    let mut second = bench.arrives(sealed(8, NONCE), OTHER).await;
    let first = bench.during(second.next()).await;
    assert!(first.contains("<SessionID>8</SessionID>"), "{first}");
}

#[tokio::test]
async fn a_server_that_connects_again_waits_for_the_end_of_its_session() {
    // A session that went on elsewhere would be heard of at the other address.
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let mut bench = Bench::new("", &[lab(&address)]).await;
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(peer.next()).await;
    let mut again = bench.arrives(sealed(8, NONCE), LINE).await;
    bench.until(|agent| agent.arrivals.len() == 1).await;
    assert!(
        bench.agent.running.is_some(),
        "the session goes on until its line breaks"
    );
    assert!(again.messages.try_recv().is_err());
    peer.breaks().await;
    let first = bench.during(again.next()).await;
    assert!(first.contains("<SessionID>8</SessionID>"), "{first}");
    assert_eq!(bench.last().session_id, "7");
    assert_eq!(bench.last().result.as_deref(), Some("bearer-failed"));
    let called = tokio::time::timeout(Duration::from_millis(50), server.accept());
    assert!(bench.during(called).await.is_err(), "it went on elsewhere");
    bench.during(again.is_content()).await;
    bench.ends().await;
    assert_eq!(bench.last().result.as_deref(), Some("completed"));
}

#[tokio::test]
async fn a_server_that_comes_back_is_heard_before_another_address_is() {
    // It takes connections and says nothing: TLS never stands.
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}/dm", server.local_addr().unwrap());
    let account = lab(&address);
    let mut bench = Bench::new("", &[account]).await;
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(peer.next()).await;
    peer.breaks().await;
    let (called, _) = bench.during(server.accept()).await.unwrap();
    assert!(bench.agent.running.is_some());
    assert!(!bench.agent.is_busy(), "nobody could connect to be heard");
    // Whoever proves nothing does not end that attempt.
    let stranger = bench.arrives(sealed_by(8, "guessed", NONCE), LINE).await;
    bench.is_refused(stranger, "bad-digest").await;
    assert!(bench.agent.running.is_some());
    let mut again = bench.arrives(sealed(8, NONCE), LINE).await;
    let first = bench.during(again.next()).await;
    assert!(first.contains("<SessionID>8</SessionID>"), "{first}");
    assert!(bench.agent.is_busy());
    bench.during(again.is_content()).await;
    bench.ends().await;
    let last = bench.last();
    assert_eq!(last.result.as_deref(), Some("completed"));
    assert_eq!(
        last.causes,
        ["notification 8", "retry"],
        "one session for both"
    );
    drop(called);
}

#[tokio::test]
async fn a_session_whose_line_breaks_goes_on_at_the_next_address() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/dm", server.local_addr().unwrap());
    let mut bench = Bench::new("", &[lab(&address)]).await;
    let mut peer = bench.arrives(sealed(0x1F, NONCE), LINE).await;
    bench.during(peer.next()).await;
    peer.breaks().await;
    let request = bench.during(async {
        let (line, _) = server.accept().await.unwrap();
        let mut line = BufReader::new(line);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            line.read_line(&mut head).await.unwrap();
        }
        let length = head.to_ascii_lowercase();
        let length = between(&length, "content-length: ", "\r\n")
            .parse()
            .unwrap();
        let mut body = vec![0; length];
        line.read_exact(&mut body).await.unwrap();
        (String::from_utf8(body).unwrap(), line)
    });
    let (body, _line) = request.await;
    assert!(body.contains("<Data>1201</Data>"), "{body}");
    assert_ne!(between(&body, "<SessionID>", "</SessionID>"), "1F");
    let running = bench.agent.running.as_ref().unwrap();
    assert_eq!(running.causes, [SessionCause::Retry]);
}

#[tokio::test]
async fn an_account_without_another_address_waits_for_its_server() {
    let listen = "[obex]\nlisten = [\"tty+obex:///dev/no-such-line\"]\n[retry]\ninitial = \"1h\"";
    let mut bench = Bench::new(listen, &[lab("tty+obex:///dev/no-such-line?baud=9600")]).await;
    bench.agent.plan(false, super::super::clock::now());
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(peer.next()).await;
    peer.breaks().await;
    bench.ends().await;
    assert_eq!(bench.last().result.as_deref(), Some("bearer-failed"));
    assert!(bench.agent.book.local("lab").agenda.is_empty());
    bench.agent.queue.push("lab", &[SessionCause::User], None);
    bench.until(|agent| !agent.queue.has("lab")).await;
    bench.ends().await;
    let last = bench.last();
    assert_eq!(last.result.as_deref(), Some("no-address"), "{last:?}");
    let detail = last.detail.as_deref().unwrap();
    assert!(
        detail.contains("the device waits for the server on this line"),
        "{detail}"
    );
    // An attempt could only fail, and would be written down each time.
    let now = super::super::clock::now();
    bench.agent.config.schedule.interval = Some(Duration::ZERO);
    bench.agent.config.schedule.at_boot = true;
    bench.agent.plan_start(true, None, now);
    assert!(bench.agent.book.local("lab").agenda.is_empty());
    let told = status::status(&bench.agent, now);
    let waiting = told.accounts[0].waiting.as_deref().unwrap();
    assert!(waiting.starts_with("for the server"), "{waiting}");
    let lines = told.lines;
    assert_eq!((&*lines[0].state, lines.len()), ("away", 1));
    assert!(lines[0].detail.is_some());
    // Where its server can be called, it is.
    bench.agent.config.obex.listen.clear();
    bench.agent.plan(true, now);
    assert!(!bench.agent.book.local("lab").agenda.is_empty());
}

#[tokio::test]
async fn a_server_may_ask_without_a_notification_where_it_is_allowed() {
    for (poll, found) in [("lab", true), ("nobody", false)] {
        let more = format!("[obex]\npoll = \"{poll}\"");
        let mut bench = Bench::new(&more, &[lab("http://lab.example/dm")]).await;
        let mut peer = bench.arrives(SessionOpening::Poll, LINE).await;
        if !found {
            bench.is_refused(peer, "poll").await;
            continue;
        }
        let first = bench.during(peer.next()).await;
        assert!(first.contains("<Data>1200</Data>"), "{first}");
        bench.during(peer.is_content()).await;
        bench.ends().await;
        assert_eq!(bench.last().cause, "poll");
        let mut peer = bench.arrives(SessionOpening::Poll, LINE).await;
        bench.during(peer.next()).await;
        assert_eq!(bench.counts().0, 0, "no notification was followed");
    }
}

#[tokio::test]
async fn whoever_only_asks_is_not_followed_again_and_again() {
    let more = format!("[obex]\nlisten = [{OTHER:?}]\npoll = \"lab\"");
    let mut bench = Bench::new(&more, &[lab(OTHER)]).await;
    for _ in 0..2 {
        // Who has proven himself may come again.
        let mut peer = bench.arrives(SessionOpening::Poll, OTHER).await;
        bench.during(peer.next()).await;
        peer.breaks().await;
        bench.ends().await;
    }
    let mut peer = bench.arrives_as(SessionOpening::Poll, OTHER, None).await;
    bench.during(peer.next()).await;
    peer.breaks().await;
    bench.ends().await;
    // Each session is written down, and proves nothing of whom it was for.
    for _ in 0..3 {
        let peer = bench.arrives(SessionOpening::Poll, OTHER).await;
        bench.is_refused(peer, "poll").await;
    }
    assert_eq!(bench.agent.book.local("lab").record.failures, 3);
    // Who proves himself is heard all the same,
    let mut peer = bench.arrives(sealed(7, NONCE), OTHER).await;
    bench.during(peer.next()).await;
    bench.during(peer.is_content()).await;
    bench.ends().await;
    // and who asks is after a while.
    bench.agent.polls_from = Duration::ZERO;
    let mut peer = bench.arrives(SessionOpening::Poll, OTHER).await;
    bench.during(peer.next()).await;
}

#[tokio::test]
async fn whoever_only_asks_does_not_end_the_daemon_again_and_again() {
    let more = "[obex]\npoll = \"lab\"";
    let mut bench = Bench::new(more, &[lab("http://lab.example/dm")]).await;
    for crashes in 1..=3 {
        let mut peer = bench.arrives(SessionOpening::Poll, LINE).await;
        bench.during(peer.next()).await;
        drop(peer);
        bench = bench.killed(more).await;
        assert_eq!(bench.agent.book.local("lab").record.crashes, crashes);
    }
    let peer = bench.arrives(SessionOpening::Poll, LINE).await;
    bench.is_refused(peer, "poll").await;
    // A server that proves itself is heard: who else could mend it?
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(peer.next()).await;
}

#[tokio::test]
async fn a_server_that_connects_again_and_again_leaves_others_their_turn() {
    // It takes connections and says nothing.
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}/dm", server.local_addr().unwrap());
    let other = NewAccount {
        name: "other".to_owned(),
        server_id: "other.example".to_owned(),
        ..lab(&address)
    };
    let mut bench = Bench::new("", &[lab("http://lab.example/dm"), other]).await;
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(peer.next()).await;
    bench
        .agent
        .queue
        .push("other", &[SessionCause::Alerts], None);
    let again = bench.arrives(sealed(8, NONCE), LINE).await;
    bench.until(|agent| agent.arrivals.len() == 1).await;
    peer.breaks().await;
    bench.is_refused(again, "busy").await;
    let running = bench.agent.running.as_ref().unwrap();
    assert_eq!(running.account.name, "other");
}

/// The digest of a message of the device or the server, by name, secret and nonce.
fn digest(name: &str, secret: &str, nonce: &[u8]) -> String {
    let secret = Secret::from_text(secret);
    let cred = auth::credential(AuthScheme::Md5, name, &secret, nonce).unwrap();
    cred.data.to_string()
}

/// The header of a server that proves itself with this nonce.
fn proven_with(nonce: &[u8]) -> String {
    let cred = digest("lab.example", "srvpass", nonce);
    format!(
        "<LocName>lab.example</LocName></Source><Cred><Meta>\
         <Format xmlns='syncml:metinf'>b64</Format>\
         <Type xmlns='syncml:metinf'>syncml:auth-md5</Type></Meta><Data>{cred}</Data></Cred>"
    )
}

/// The nonce that the device asks its server to use.
fn next_nonce(answer: &str) -> &str {
    let nonce = between(answer, "<NextNonce", "</NextNonce>");
    nonce.split_once('>').unwrap().1
}

#[tokio::test]
async fn both_ends_begin_with_the_nonce_to_resynchronise_with() {
    let account = NewAccount {
        client_nonce: Some(BASE64.encode(b"lost")),
        ..lab("http://lab.example/dm")
    };
    for nonce in [[0; 4].as_slice(), b"0x00000000"] {
        let mut bench = Bench::new("", std::slice::from_ref(&account)).await;
        let mut peer = bench.arrives_as(sealed(7, nonce), LINE, None).await;
        let first = bench.during(peer.next()).await;
        assert!(first.contains(&digest("device", "mine", nonce)), "{first}");
        // The server's digest with that nonce is what anyone may have overheard.
        bench
            .during(peer.answer(&proven_with(nonce), 212, GET))
            .await;
        let answer = bench.during(peer.next()).await;
        assert!(answer.contains("<Data>401</Data>"), "{answer}");
        let fresh = BASE64.decode(next_nonce(&answer)).unwrap();
        bench
            .during(peer.answer(&proven_with(&fresh), 200, GET))
            .await;
        let answer = bench.during(peer.next()).await;
        assert!(
            answer.contains("<Data>212</Data>") && answer.contains("NextNonce"),
            "{answer}"
        );
        // A fresh nonce is on the disk before the server is told.
        let accounts: Vec<_> = bench.agent.configured().into_iter().flatten().collect();
        let stored = accounts[0].account.server.as_ref().unwrap().nonce.clone();
        assert!(stored != NONCE && stored != nonce, "{stored:?}");
        assert_eq!(bench.agent.counters.wire().resynchronised, 1);
        bench.during(peer.is_content()).await;
        bench.ends().await;
        // Within the hour it is not taken again, not even after a crash.
        let second = bench.arrives(sealed(8, nonce), LINE).await;
        bench.is_refused(second, "resync-too-soon").await;
        let mut bench = bench.killed("").await;
        let second = bench.arrives(sealed(8, nonce), LINE).await;
        bench.is_refused(second, "resync-too-soon").await;
    }
}

#[tokio::test]
async fn the_hour_is_counted_over_a_power_cut_in_the_session() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    let mut peer = bench.arrives(sealed(7, &[0; 4]), LINE).await;
    bench.during(peer.next()).await;
    let mut bench = bench.killed("").await;
    let second = bench.arrives(sealed(8, &[0; 4]), LINE).await;
    bench.is_refused(second, "resync-too-soon").await;
}

#[tokio::test]
async fn the_hour_outlasts_what_is_stored_meanwhile() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    let peer = bench.arrives(sealed(7, &[0; 4]), LINE).await;
    let arrival = bench.wakers.arrivals.recv().await.unwrap();
    bench.agent.arrived(arrival);
    bench.agent.take_up_arrivals(super::super::clock::now());
    // The clock is set, say, while the notification is on its way to the disk.
    bench.agent.keep_records(vec!["lab".to_owned()], Vec::new());
    bench.until(|agent| agent.running.is_some()).await;
    drop(peer);
    let mut bench = bench.killed("").await;
    let second = bench.arrives(sealed(8, &[0; 4]), LINE).await;
    bench.is_refused(second, "resync-too-soon").await;
}

#[tokio::test]
async fn a_line_stays_while_its_session_is_written_down() {
    let home = tempfile::tempdir().unwrap();
    let address = format!("unix+obex://{}", home.path().join("obex.sock").display());
    let listen = format!("[obex]\nlisten = [{address:?}]");
    let mut bench = Bench::new(&listen, &[lab("http://lab.example/dm")]).await;
    let mut peer = bench.arrives(sealed(7, NONCE), &address).await;
    let arrival = bench.wakers.arrivals.recv().await.unwrap();
    bench.agent.arrived(arrival);
    bench.agent.settle_lines();
    bench.agent.take_up_arrivals(super::super::clock::now());
    // A reload takes the line out of the configuration.
    bench.agent.config = config("");
    bench.agent.lines_due = true;
    bench.agent.settle_lines();
    assert_eq!(bench.agent.lines.wire().len(), 1, "it is the session's");
    bench.during(peer.next()).await;
    bench.during(peer.is_content()).await;
    bench.ends().await;
    bench.until(|agent| agent.lines.wire().is_empty()).await;
}

#[tokio::test]
async fn what_cannot_be_remembered_is_not_followed() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    bench.agent.queue.push("lab", &[SessionCause::Alerts], None);
    let state = rusqlite::Connection::open(bench.home.path().join("state.db")).unwrap();
    state.execute_batch("DROP TABLE notification").unwrap();
    let peer = bench.arrives(sealed(7, &[0; 4]), LINE).await;
    let arrival = bench.wakers.arrivals.recv().await.unwrap();
    bench.agent.arrived(arrival);
    bench.is_refused(peer, "not-stored").await;
    assert_eq!(bench.counts().0, 0);
    assert_eq!(bench.agent.book.local("lab").record.resync, None);
    // What else the account has waited with goes on: the disk may be full.
    bench.until(|agent| agent.running.is_some()).await;
    let running = bench.agent.running.as_ref().unwrap();
    assert_eq!(running.causes, [SessionCause::Alerts]);
    assert!(running.line.is_none());
}

#[tokio::test]
async fn a_server_that_has_gone_is_not_called_back() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    peer.messages.close();
    bench
        .until(|agent| agent.arrivals.is_empty() && agent.commit.is_none())
        .await;
    assert_eq!(bench.counts(), (0, Vec::new()));
    // It was not followed, so that the server may repeat it.
    let mut again = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(again.next()).await;
}

#[tokio::test]
async fn a_server_on_a_line_is_told_that_the_device_stops() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    bench.during(peer.next()).await;
    bench.during(peer.answer("</Source>", 212, GET)).await;
    bench.during(peer.next()).await;
    bench.agent.stop(super::super::clock::now());
    let said = tokio::time::timeout(PATIENCE, async {
        while bench.agent.turn(&mut bench.asked, &mut bench.wakers).await {}
        peer.next().await
    });
    let said = said.await.unwrap();
    assert!(said.contains("<Data>1223</Data>"), "{said}");
    assert_eq!(bench.last().result.as_deref(), Some("cancelled"));
}

#[tokio::test]
async fn one_session_stands_for_all_that_has_waited() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    bench.agent.queue.push("lab", &[SessionCause::Alerts], None);
    let mut peer = bench.arrives(sealed(7, NONCE), LINE).await;
    let arrival = bench.wakers.arrivals.recv().await.unwrap();
    bench.agent.arrived(arrival);
    bench.during(peer.next()).await;
    let running = bench.agent.running.as_ref().unwrap();
    let named = SessionCause::Notification { session_id: 7 };
    assert_eq!(running.causes, [named, SessionCause::Alerts]);
    assert!(!bench.agent.queue.has("lab"));
}

#[tokio::test]
async fn what_a_notification_has_begun_is_in_the_audit() {
    let mut bench = Bench::new("", &[lab("http://lab.example/dm")]).await;
    let mut peer = bench.arrives(sealed(0xA1, NONCE), LINE).await;
    bench.during(peer.next()).await;
    let state = rusqlite::Connection::open(bench.home.path().join("state.db")).unwrap();
    let (who, what): (String, String) = state
        .query_row("SELECT who, what FROM audit", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(who, "lab.example");
    assert!(
        what.starts_with("notification A1 (initiator server"),
        "{what}"
    );
}
