use super::*;

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName, Ttl};
use domain::rdata::{A, Aaaa, Cname};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a scripted server does with a question.
type Script = fn(&Message<[u8]>, bool) -> Vec<Vec<u8>>;

struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Server {
    /// Over UDP and TCP on one port.
    async fn start(script: Script) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (over_udp, over_tcp) = (Arc::clone(&asked), Arc::clone(&asked));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok((read, from)) = udp.recv_from(&mut buffer).await {
                let question = Message::from_slice(&buffer[..read]).unwrap();
                note(&over_udp, question, "udp");
                for answer in script(question, false) {
                    udp.send_to(&answer, from).await.unwrap();
                }
            }
        });
        task.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut question = vec![0; length.into()];
                stream.read_exact(&mut question).await.unwrap();
                let question = Message::from_slice(&question).unwrap();
                note(&over_tcp, question, "tcp");
                for answer in script(question, true) {
                    let length = u16::try_from(answer.len()).unwrap();
                    stream.write_u16(length).await.unwrap();
                    stream.write_all(&answer).await.unwrap();
                }
            }
        });
        Self {
            address,
            asked,
            _task: task,
        }
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }
}

fn note(asked: &Mutex<Vec<String>>, question: &Message<[u8]>, over: &str) {
    let first = question.sole_question().unwrap();
    let text = format!("{over} {} {}", first.qname(), first.qtype());
    asked.lock().unwrap().push(text);
}

async fn lookup(servers: &[&Server], name: &str) -> io::Result<Vec<IpAddr>> {
    let servers = servers.iter().map(|server| server.address).collect();
    Resolver::asking(servers, None).lookup(name).await
}

fn name(text: &str) -> Name<Vec<u8>> {
    Name::from_str(text).unwrap()
}

fn is_v6(question: &Message<[u8]>) -> bool {
    question.sole_question().unwrap().qtype() == Rtype::AAAA
}

/// The addresses 192.0.2.1 and `2001:db8::1` at the end of an alias, and a record of a stranger.
fn good(question: &Message<[u8]>, _: bool) -> Vec<Vec<u8>> {
    let asked = question.sole_question().unwrap();
    let owner: Name<Vec<u8>> = asked.qname().to_name();
    let mut answer = MessageBuilder::new_vec()
        .start_answer(question, Rcode::NOERROR)
        .unwrap();
    let (alias, ttl) = (name("node.example"), Ttl::from_secs(60));
    answer.push((&owner, ttl, Cname::new(&alias))).unwrap();
    if is_v6(question) {
        let address = "2001:db8::1".parse().unwrap();
        answer.push((&alias, ttl, Aaaa::new(address))).unwrap();
    } else {
        let octets = |last| A::from_octets(192, 0, 2, last);
        answer
            .push((&name("other.example"), ttl, octets(66)))
            .unwrap();
        answer.push((&alias, ttl, octets(1))).unwrap();
    }
    vec![answer.finish()]
}

fn failing(code: Rcode, question: &Message<[u8]>) -> Vec<Vec<u8>> {
    let answer = MessageBuilder::new_vec().start_answer(question, code);
    vec![answer.unwrap().finish()]
}

#[tokio::test]
async fn both_families_are_asked_for_and_aliases_followed() {
    let server = Server::start(good).await;
    let found = lookup(&[&server], "dm.example").await.unwrap();
    let expected: Vec<IpAddr> = ["2001:db8::1", "192.0.2.1"]
        .map(|ip| ip.parse().unwrap())
        .into();
    assert_eq!(found, expected);
    assert_eq!(server.asked(), ["udp dm.example A", "udp dm.example AAAA"]);
}

#[tokio::test]
async fn a_family_without_addresses_leaves_the_other() {
    let server = Server::start(|question, tcp| {
        if is_v6(question) {
            failing(Rcode::NOERROR, question)
        } else {
            good(question, tcp)
        }
    })
    .await;
    let found = lookup(&[&server], "dm.example").await.unwrap();
    assert_eq!(found, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
}

#[tokio::test]
async fn a_server_that_fails_gives_way_to_the_next() {
    let bad = Server::start(|question, _| failing(Rcode::SERVFAIL, question)).await;
    let server = Server::start(good).await;
    let found = lookup(&[&bad, &server], "dm.example").await.unwrap();
    assert_eq!(found.len(), 2);
    let error = lookup(&[&bad], "dm.example").await.unwrap_err().to_string();
    assert!(error.contains("SERVFAIL"), "{error}");
    assert!(error.contains(&bad.address.to_string()), "{error}");
}

#[tokio::test]
async fn a_name_that_is_not_there_is_asked_for_once() {
    let server = Server::start(|question, _| failing(Rcode::NXDOMAIN, question)).await;
    let error = lookup(&[&server], "nobody.example").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_over_tcp() {
    let server = Server::start(|question, tcp| {
        let mut answers = good(question, tcp);
        if !tcp {
            // TC, RFC 1035 4.1.1.
            answers[0][2] |= 0x02;
        }
        answers
    })
    .await;
    let found = lookup(&[&server], "dm.example").await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn answers_to_other_questions_are_passed_over() {
    let server = Server::start(|question, tcp| {
        let right = good(question, tcp).remove(0);
        let mut other_id = right.clone();
        other_id[0] ^= 0xff;
        let mut a_question = right.clone();
        a_question[2] &= 0x7f;
        let elsewhere = {
            let mut builder = MessageBuilder::new_vec().question();
            builder.push((&name("evil.example"), Rtype::A)).unwrap();
            let mut question2 = builder.into_message();
            question2.header_mut().set_id(question.header().id());
            failing(Rcode::NOERROR, question2.for_slice()).remove(0)
        };
        vec![
            other_id,
            a_question,
            elsewhere,
            vec![1, 2, 3],
            vec![],
            right,
        ]
    })
    .await;
    assert_eq!(lookup(&[&server], "dm.example").await.unwrap().len(), 2);
}

#[tokio::test]
async fn damaged_answers_are_no_addresses() {
    for cut in [12, 20, 40] {
        let question = Question::new("dm.example", Family::V4, 7).unwrap();
        let message = Message::from_slice(question.as_bytes()).unwrap();
        let mut answer = good(message, false).remove(0);
        answer.truncate(cut);
        let reply = question.read(&answer);
        assert!(
            !matches!(&reply, Some(Reply::Addresses(found)) if !found.is_empty()),
            "{cut}: {reply:?}"
        );
    }
    // Each octet in turn, with values that are lengths, pointers and counts.
    let question = Question::new("dm.example", Family::V4, 7).unwrap();
    let message = Message::from_slice(question.as_bytes()).unwrap();
    let right = good(message, false).remove(0);
    for at in 0..right.len() {
        for value in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
            let mut answer = right.clone();
            answer[at] = value;
            if let Some(Reply::Addresses(found)) = question.read(&answer) {
                assert!(found.len() < 3, "{at} {value}: {found:?}");
            }
        }
    }
    // A name that points at itself (RFC 1035 4.1.4).
    let question = Question::new("a", Family::V4, 7).unwrap();
    let mut answer = question.as_bytes().to_vec();
    answer[2] |= 0x80;
    answer[7] = 1;
    let at = u8::try_from(answer.len()).unwrap();
    answer.extend_from_slice(&[0xc0, at, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
    let reply = question.read(&answer);
    assert!(
        !matches!(&reply, Some(Reply::Addresses(found)) if !found.is_empty()),
        "{reply:?}"
    );
}

#[tokio::test]
async fn no_question_is_asked_for_what_is_no_name() {
    let server = Server::start(good).await;
    for name in [&"x".repeat(64), "a..b", ""] {
        lookup(&[&server], name).await.unwrap_err();
    }
    assert!(server.asked().is_empty());
}

#[test]
fn servers_of_the_system_are_those_that_can_be_reached() {
    let text = "# c\nsearch lan\nnameserver 127.0.0.53\nnameserver\t192.0.2.53 # x\n\
                nameserver fe80::1%wwan0\nnameserver bad\noptions edns0\nnameserver 192.0.2.54\n\
                nameserver 192.0.2.55\n";
    let shown = |loopback| {
        let servers = name_servers(text, loopback);
        servers.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(true),
        ["127.0.0.53:53", "192.0.2.53:53", "[fe80::1]:53"]
    );
    assert_eq!(
        shown(false),
        ["192.0.2.53:53", "[fe80::1]:53", "192.0.2.54:53"]
    );
    assert!(name_servers("", false).is_empty());
}

#[test]
fn names_of_this_machine_come_first() {
    let text =
        "127.0.0.1 localhost\n192.0.2.9  dm.lab DM2.lab # dm3.lab\n::1 localhost\nx dm.lab\n";
    let shown = |name| {
        in_hosts(text, name)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(shown("localhost"), ["127.0.0.1", "::1"]);
    assert_eq!(shown("dm2.LAB"), ["192.0.2.9"]);
    assert!(shown("dm3.lab").is_empty());
}
