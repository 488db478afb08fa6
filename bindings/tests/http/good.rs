//! A session with a server that does what it should.

use crate::peer::*;

use omadm_bindings::{Address, BearerEvent, Error, Settings, open};
use omadm_syncml::auth::HmacHeader;
use omadm_syncml::{MediaType, PeerProof};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_session_is_one_connection_of_posts() {
    let (peer, seen) = recording(vec![ok("<a/>"), ok("<b/>")]).await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    assert_eq!(bearer.proof, PeerProof::None);
    let answer = talk(&mut bearer, message("<SyncML/>"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.body, "<a/>");
    assert_eq!(answer.media_type, MediaType::DmXml);
    let answer = talk(&mut bearer, message("<SyncML>2</SyncML>"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.body, "<b/>");
    assert_eq!(peer.connections(), 1);

    let requests = seen.lock().unwrap().clone();
    let (head, content) = requests[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(content, "<SyncML/>");
    assert!(head.starts_with("POST /dm HTTP/1.1\r\n"), "{head}");
    let host = format!("127.0.0.1:{}", peer.port);
    for (name, value) in [
        ("Host", host.as_str()),
        ("Content-Type", "application/vnd.syncml.dm+xml"),
        ("Content-Length", "9"),
        (
            "Accept",
            "application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml",
        ),
        ("Cache-Control", "no-store"),
        ("User-Agent", &Settings::default().user_agent),
    ] {
        assert_eq!(field(head, name), Some(value), "{name} in {head}");
    }
    assert_eq!(field(head, "Transfer-Encoding"), None);
    assert_eq!(field(head, "Expect"), None);
}

#[tokio::test]
async fn wbxml_is_sent_and_preferred_as_such() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: APPLICATION/vnd.syncml+wbxml; charset=utf-8\r\n\
                  transfer-encoding: chunked\r\n\r\n2\r\n\x02\x01\r\n1;x=y\r\n\x6a\r\n0\r\nT: x\r\n\r\n";
    let (peer, seen) = recording(vec![answer.into()]).await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    let mut first = message("\x02\x00");
    first.media_type = MediaType::DmWbxml;
    let answer = talk(&mut bearer, first).await.unwrap().unwrap();
    assert_eq!(answer.media_type, MediaType::DmWbxml);
    assert_eq!(answer.body, "\x02\x01\x6a");
    let request = seen.lock().unwrap()[0].clone();
    assert_eq!(
        field(&request, "Content-Type"),
        Some("application/vnd.syncml.dm+wbxml")
    );
    let accept = "application/vnd.syncml.dm+wbxml, application/vnd.syncml.dm+xml";
    assert_eq!(field(&request, "Accept"), Some(accept));
}

#[tokio::test]
async fn a_digest_beside_the_message_travels_both_ways() {
    let answer = |fields: &str| {
        let text = String::from_utf8(ok("<a/>")).unwrap();
        text.replacen("\r\n", &format!("\r\n{fields}"), 1)
            .into_bytes()
    };
    let field_line = "X-SYNCML-HMAC: mac=urdCeS3JUmjFgi8SX3webw==,username=\"srv\"\r\n";
    let (peer, seen) = recording(vec![
        answer(field_line),
        answer(&field_line.repeat(2)),
        answer(""),
    ])
    .await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    let mut first = message("<SyncML/>");
    first.hmac = Some(HmacHeader {
        user: "Gerät \"1\"".to_owned(),
        mac: "YMOdd5Ux9r7ctoys3rZaZA==".to_owned(),
    });
    let hmac = talk(&mut bearer, first).await.unwrap().unwrap().hmac;
    let hmac = hmac.unwrap();
    assert_eq!(
        (hmac.user.as_str(), hmac.mac.as_str()),
        ("srv", "urdCeS3JUmjFgi8SX3webw==")
    );
    let request = seen.lock().unwrap()[0].clone();
    assert_eq!(
        field(&request, "X-Syncml-Hmac"),
        Some("algorithm=MD5, username=\"Gerät \\\"1\\\"\", mac=YMOdd5Ux9r7ctoys3rZaZA==")
    );

    let twice = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    assert!(twice.unwrap().hmac.unwrap().is_unreadable());
    let none = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    assert_eq!(none.unwrap().hmac, None);
    let request = seen.lock().unwrap()[1].clone();
    assert_eq!(field(&request, "X-Syncml-Hmac"), None);
}

#[tokio::test]
async fn each_message_is_one_write() {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&sizes);
    let peer = Peer::start(move |_, mut stream| {
        let log = Arc::clone(&log);
        async move {
            let mut buffer = vec![0; 65_536];
            loop {
                // What one read gives: with TCP_NODELAY, what one write sent.
                let read = stream.read(&mut buffer).await.unwrap();
                if read == 0 {
                    return;
                }
                let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                let (_, content) = text.split_once("\r\n\r\n").expect("head in one segment");
                log.lock().unwrap().push(content.len());
                stream.write_all(&ok("<a/>")).await.unwrap();
            }
        }
    })
    .await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    for size in [1, 100, 1024, 10_000] {
        talk(&mut bearer, message(&"x".repeat(size))).await.unwrap();
    }
    assert_eq!(*sizes.lock().unwrap(), [1, 100, 1024, 10_000]);
}

#[tokio::test]
async fn resp_uri_leads_the_session() {
    let (peer, seen) = recording(vec![ok("<a/>"); 4]).await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    let absolute = format!("http://127.0.0.1:{}/x;jsessionid=A%2f?t={{1}}", peer.port);
    for to in ["s/1?sid=%7e", "?sid=2", &absolute, "/dm"] {
        talk(&mut bearer, message_to(to, "<SyncML/>"))
            .await
            .unwrap();
    }
    let targets: Vec<String> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.split(' ').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(
        targets,
        [
            "/s/1?sid=%7e",
            "/s/1?sid=2",
            "/x;jsessionid=A%2f?t={1}",
            "/dm"
        ]
    );
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_cookie_is_shown_again_within_the_session() {
    let mut first = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=7; Path=/; HttpOnly".to_vec();
    first.extend_from_slice(&ok("<a/>")["HTTP/1.1 200 OK".len()..]);
    let (peer, seen) = recording(vec![first, ok("<b/>"), ok("<c/>")]).await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    for _ in 0..2 {
        talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    }
    // The next session knows nothing of it.
    once(&peer, &plain()).await.unwrap();
    let requests = seen.lock().unwrap().clone();
    let cookies: Vec<_> = requests.iter().map(|text| field(text, "Cookie")).collect();
    assert_eq!(cookies, [None, Some("sid=7"), None]);
}

#[tokio::test]
async fn a_resp_uri_to_another_port_gets_a_connection_of_its_own() {
    let (node, seen) = recording(vec![ok("<node/>")]).await;
    let (front, _) = recording(vec![ok("<a/>"), ok("<back/>")]).await;
    let mut bearer = open(&front.address(), &plain()).await.unwrap();
    talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    let to = format!("http://127.0.0.1:{}/n", node.port);
    let answer = talk(&mut bearer, message_to(&to, "<SyncML/>"))
        .await
        .unwrap();
    assert_eq!(answer.unwrap().body, "<node/>");
    assert!(seen.lock().unwrap()[0].starts_with("POST /n "));
    let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    assert_eq!(answer.unwrap().body, "<back/>");
}

#[tokio::test]
async fn a_resp_uri_to_a_stranger_is_refused_before_anything_is_sent() {
    let (peer, seen) = recording(vec![]).await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    let error = talk(&mut bearer, message_to("http://192.0.2.1/", "<SyncML/>"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::RespUri(_)), "{error}");
    assert!(
        error.to_string().contains("another host (192.0.2.1)"),
        "{error}"
    );
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_empty_answer_is_an_orderly_end() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let peer = Peer::answering(answer).await;
        assert_eq!(once(&peer, &plain()).await.unwrap(), None, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_with_the_connection_is_whole() {
    let peer =
        Peer::closing("HTTP/1.0 200 OK\r\nContent-Type: application/vnd.syncml.dm+xml\r\n\r\n<a/>")
            .await;
    let answer = once(&peer, &plain()).await.unwrap().unwrap();
    assert_eq!(answer.body, "<a/>");
}

#[tokio::test]
async fn a_server_that_closes_after_each_answer_is_connected_to_again() {
    let peer = Peer::closing(ok("<a/>")).await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    for _ in 0..3 {
        let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        assert_eq!(answer.unwrap().body, "<a/>");
    }
    assert_eq!(peer.connections(), 3);
}

/// The server reads the second request and closes, as if it had been idle for too long.
#[tokio::test]
async fn a_server_of_http_1_0_is_connected_to_for_each_message() {
    let old = |body: &str, fields: &str| {
        format!(
            "HTTP/1.0 200 OK\r\nContent-Type: application/vnd.syncml.dm+xml\r\n{fields}\r\n{body}"
        )
    };
    let answers = [
        // Its end is the end of the connection, unless it says how long it is.
        old("<a/>", ""),
        old("<b/>", "Content-Length: 4\r\n"),
        old("<c/>", "Connection: Keep-Alive\r\nContent-Length: 4\r\n"),
        old("<d/>", ""),
    ];
    let turn = Arc::new(Mutex::new(answers.into_iter()));
    let peer = Peer::start(move |_, mut stream| {
        let turn = Arc::clone(&turn);
        async move {
            while request(&mut stream).await.is_some() {
                let answer = turn.lock().unwrap().next().unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                if !answer.contains("Keep-Alive") {
                    return;
                }
            }
        }
    })
    .await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    for expected in ["<a/>", "<b/>", "<c/>", "<d/>"] {
        let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        assert_eq!(answer.unwrap().body, expected);
    }
    assert_eq!(peer.connections(), 3);
}

#[tokio::test]
async fn a_message_that_met_a_stale_connection_is_sent_again_once() {
    let peer = Peer::start(|number, mut stream| async move {
        if request(&mut stream).await.is_some() {
            stream
                .write_all(&ok(&format!("<n{number}/>")))
                .await
                .unwrap();
        }
        request(&mut stream).await;
    })
    .await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    for expected in ["<n0/>", "<n1/>", "<n2/>"] {
        let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        assert_eq!(answer.unwrap().body, expected);
    }
}

#[tokio::test]
async fn a_message_is_not_sent_a_third_time() {
    let (peer, seen) = {
        let seen = Arc::new(Mutex::new(0));
        let log = Arc::clone(&seen);
        let peer = Peer::start(move |_, mut stream| {
            let log = Arc::clone(&log);
            async move {
                request(&mut stream).await;
                *log.lock().unwrap() += 1;
            }
        })
        .await;
        (peer, seen)
    };
    let error = once(&peer, &plain()).await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer), "{error:?}");
    assert_eq!(*seen.lock().unwrap(), 2);
}

#[tokio::test]
async fn dropping_the_bearer_ends_its_connection() {
    let (ended, mut end) = tokio::sync::mpsc::channel(4);
    let peer = Peer::start(move |_, mut stream| {
        let ended = ended.clone();
        async move {
            // The first request is never answered.
            request(&mut stream).await;
            assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0);
            ended.send(()).await.unwrap();
        }
    })
    .await;
    let idle = open(&peer.address(), &plain()).await.unwrap();
    let busy = open(&peer.address(), &plain()).await.unwrap();
    busy.out.send(message("<SyncML/>")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop((idle, busy));
    for _ in 0..2 {
        tokio::time::timeout(Duration::from_secs(3), end.recv())
            .await
            .expect("the connection stays");
    }
}

#[tokio::test]
async fn an_answer_survives_a_cancelled_wait() {
    let peer = Peer::start(|_, mut stream| async move {
        request(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        stream.write_all(&ok("<a/>")).await.unwrap();
        request(&mut stream).await;
    })
    .await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    bearer.out.send(message("<SyncML/>")).await.unwrap();
    for _ in 0..4 {
        let wait = tokio::time::timeout(Duration::from_millis(20), bearer.events.recv());
        assert!(wait.await.is_err());
    }
    // The last answer comes although nothing more can be sent.
    drop(bearer.out);
    match bearer.events.recv().await {
        Some(BearerEvent::Message(answer)) => assert_eq!(answer.body, "<a/>"),
        other => panic!("{other:?}"),
    }
    assert!(bearer.events.recv().await.is_none());
}

#[tokio::test]
async fn every_byte_is_counted() {
    let (peer, seen) = recording(vec![ok("<a/>"), ok("<b/>")]).await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    let traffic = Arc::clone(&bearer.traffic);
    assert_eq!((traffic.sent(), traffic.received()), (0, 0));
    talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    drop(bearer);
    let sent: usize = seen.lock().unwrap().iter().map(String::len).sum();
    assert_eq!(traffic.sent(), sent as u64);
    assert_eq!(traffic.received(), 2 * ok("<a/>").len() as u64);
}

#[tokio::test]
async fn a_generic_type_is_looked_into_only_where_allowed() {
    let generic = |kind: &str, body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let sniffing = Settings {
        sniff_media_type: true,
        ..plain()
    };
    for (kind, body, expected) in [
        (
            "Content-Type: text/xml\r\n",
            "\u{feff}\n<a/>",
            Some(MediaType::DmXml),
        ),
        (
            "Content-Type: application/octet-stream\r\n",
            "\x02\x00",
            Some(MediaType::DmWbxml),
        ),
        ("", "\x03\x01", Some(MediaType::DmWbxml)),
        ("", "hello", None),
        ("Content-Type: text/html\r\n", "<html/>", None),
    ] {
        let peer = Peer::answering(generic(kind, body)).await;
        let strict = once(&peer, &plain()).await.unwrap_err();
        assert!(matches!(strict, Error::MediaType { .. }), "{strict:?}");
        let loose = once(&peer, &sniffing).await;
        match expected {
            Some(expected) => assert_eq!(loose.unwrap().unwrap().media_type, expected),
            None => assert!(matches!(loose, Err(Error::MediaType { .. })), "{loose:?}"),
        }
    }
}

#[tokio::test]
async fn ipv6_is_an_address_like_any_other() {
    let peer = Peer::at("::1", |_, mut stream| async move {
        let text = request(&mut stream).await.unwrap();
        let host = field(&text, "Host").unwrap().to_owned();
        stream.write_all(&ok(&host)).await.unwrap();
    })
    .await;
    let Ok(peer) = peer else {
        println!("skipped: ipv6_is_an_address_like_any_other: no IPv6 loopback");
        return;
    };
    let address: Address = format!("http://[::1]:{}", peer.port).parse().unwrap();
    let mut bearer = open(&address, &plain()).await.unwrap();
    let answer = talk(&mut bearer, message("<SyncML/>"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.body, format!("[::1]:{}", peer.port));
}

/// `localhost` has an IPv6 address on most machines, where nobody listens here.
#[tokio::test]
async fn the_addresses_of_a_name_are_tried_in_turn() {
    let peer = Peer::answering(ok("<a/>")).await;
    let address: Address = format!("http://localhost:{}/dm", peer.port)
        .parse()
        .unwrap();
    let mut bearer = open(&address, &plain()).await.unwrap();
    assert!(
        talk(&mut bearer, message("<SyncML/>"))
            .await
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_port_of_the_account_completes_its_address() {
    for (text, expected) in [
        ("http://dm.example", "http://dm.example:8080"),
        (
            "http://dm.example/dm?x=a:b",
            "http://dm.example:8080/dm?x=a:b",
        ),
        ("http://dm.example:81/dm", "http://dm.example:81/dm"),
        ("https://[::1]/dm", "https://[::1]:8080/dm"),
        ("https://[::1]:82/dm", "https://[::1]:82/dm"),
    ] {
        let address: Address = text.parse().unwrap();
        assert_eq!(address.with_port(8080).as_str(), expected);
    }
}

#[test]
fn an_address_of_another_scheme_names_those_that_are_known() {
    for text in ["", "dm.example", "ftp://dm.example", "irda+obex://0"] {
        let error = text.parse::<Address>().unwrap_err().to_string();
        assert!(error.contains("http, https"), "{text}: {error}");
    }
    "HTTPS://dm.example".parse::<Address>().unwrap();
}
