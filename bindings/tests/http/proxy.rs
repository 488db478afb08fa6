//! Proxies, good and bad.

use crate::authority::*;
use crate::peer::*;

use omadm_bindings::{Error, HttpAuthFault, Phase, Proxy, ProxyFault, Retry, Settings, open};
use omadm_syncml::{PeerProof, Secret, ServerTrust};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

const BASIC: &str = "Proxy-Authenticate: Basic realm=\"p\"";
const DIGEST: &str = "Proxy-Authenticate: Digest realm=\"p\", qop=\"auth\", nonce=\"n1\"";

fn through(proxy: &Peer, settings: Settings) -> Settings {
    let host = "127.0.0.1".to_owned();
    Settings {
        proxy: Some(Proxy {
            host,
            port: proxy.port,
            credential: None,
        }),
        ..settings
    }
}

fn with_credential(mut settings: Settings) -> Settings {
    if let Some(proxy) = &mut settings.proxy {
        proxy.credential = Some(("Aladdin".to_owned(), Secret::from_text("open sesame")));
    }
    settings
}

type Seen = Arc<Mutex<Vec<String>>>;

/// The head of a CONNECT.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// A proxy that opens tunnels to whatever is asked for, on this machine, once `answers` have
/// refused as many.
async fn tunnels(answers: Vec<Vec<u8>>) -> (Peer, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let answers = Arc::new(answers);
    let peer = Peer::start(move |number, mut stream| {
        let (log, answers) = (Arc::clone(&log), Arc::clone(&answers));
        async move {
            let head = head(&mut stream).await.unwrap();
            log.lock().unwrap().push(head.clone());
            if let Some(answer) = answers.get(number) {
                stream.write_all(answer).await.unwrap();
                return;
            }
            let target = head.split(' ').nth(1).unwrap();
            let port: u16 = target.rsplit(':').next().unwrap().parse().unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let ok = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 p\r\n\r\n";
            stream.write_all(ok).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut server).await;
        }
    })
    .await;
    (peer, seen)
}

async fn refused(settings: &Settings, url: &str) -> Error {
    open(&url.parse().unwrap(), settings).await.unwrap_err()
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_is_proven_end_to_end() {
    let authority = Authority::new();
    let server = authority.serve_answers(vec![ok("<a/>"), ok("<b/>")]).await;
    let (proxy, seen) = tunnels(Vec::new()).await;
    let settings = through(&proxy, authority.trusted());
    // Only the proxy could know this name.
    let url = format!("https://dm.example:{}/dm", server.port);
    let mut bearer = open(&url.parse().unwrap(), &settings).await.unwrap();
    assert_eq!(bearer.proof, PeerProof::tls(ServerTrust::PrivateCa));
    for expected in ["<a/>", "<b/>"] {
        let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        assert_eq!(answer.unwrap().body, expected);
    }
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 1, "one tunnel for the session");
    let target = format!("dm.example:{}", server.port);
    assert!(seen[0].starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")));
    assert_eq!(field(&seen[0], "Host"), Some(target.as_str()));
    assert_eq!(field(&seen[0], "Proxy-Authorization"), None);
}

#[tokio::test]
async fn a_proxy_that_asks_for_credentials_gets_them_and_the_server_does_not() {
    let authority = Authority::new();
    for (challenge, expected) in [
        (BASIC, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (DIGEST, "Digest username=\"Aladdin\""),
    ] {
        let (server, requests) = authority.serve_recording(vec![ok("<a/>")]).await;
        let refusal = bare("407 Proxy Authentication Required", &[challenge]);
        let (proxy, seen) = tunnels(vec![refusal]).await;
        let settings = with_credential(through(&proxy, authority.trusted()));
        let mut bearer = open(&address(&server, "localhost"), &settings)
            .await
            .unwrap();
        talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        let seen = seen.lock().unwrap().clone();
        assert_eq!(field(&seen[0], "Proxy-Authorization"), None);
        let shown = field(&seen[1], "Proxy-Authorization").unwrap();
        assert!(shown.starts_with(expected), "{shown}");
        if challenge == DIGEST {
            let target = format!("uri=\"localhost:{}\"", server.port);
            assert!(shown.contains(&target), "{shown}");
        }
        let request = requests.lock().unwrap()[0].clone();
        assert_eq!(field(&request, "Proxy-Authorization"), None);
    }
}

#[tokio::test]
async fn what_a_proxy_refuses_is_named() {
    let authority = Authority::new();
    let settings = |proxy: &Peer| through(proxy, authority.trusted());
    let url = "https://dm.example/dm";
    let (proxy, _) = tunnels(vec![bare("403 Forbidden", &[])]).await;
    let error = refused(&settings(&proxy), url).await;
    let text = error.to_string();
    let expected = format!(
        "proxy 127.0.0.1:{} opens no tunnel to dm.example:443: HTTP 403",
        proxy.port
    );
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(error.retry(), Retry::Permanent);

    let busy = bare("503 Busy", &["Retry-After: 9"]);
    let (proxy, _) = tunnels(vec![busy]).await;
    let error = refused(&settings(&proxy), url).await;
    assert_eq!(error.retry(), Retry::Later(Some(Duration::from_secs(9))));

    let challenge = bare("407 Auth", &[BASIC]);
    let (proxy, _) = tunnels(vec![challenge.clone()]).await;
    let error = refused(&settings(&proxy), url).await;
    assert!(error.to_string().contains("wants HTTP credentials (Basic)"));

    let (proxy, seen) = tunnels(vec![challenge; 3]).await;
    let error = refused(&with_credential(settings(&proxy)), url).await;
    let fault = ProxyFault::Auth(HttpAuthFault::Refused {
        user: "Aladdin".to_owned(),
    });
    assert!(error.to_string().contains(&fault.to_string()), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_bad_proxy_is_left() {
    let authority = Authority::new();
    let through = |proxy: &Peer| through(proxy, authority.trusted());
    let url = "https://dm.example/dm";
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    for (answer, expected) in [
        (&b"\x05\xff"[..], "does not answer in HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not answer in HTTP"),
        (long.as_bytes(), "does not answer in HTTP"),
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 200", "closed the connection without an answer"),
    ] {
        let answer = answer.to_vec();
        let (proxy, _) = tunnels(vec![answer]).await;
        let error = refused(&through(&proxy), url).await;
        assert!(matches!(error, Error::Proxy { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }

    let silent = Peer::start(|_, stream| async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
    })
    .await;
    let hasty = Settings {
        connect_timeout: Duration::from_millis(500),
        ..through(&silent)
    };
    let error = refused(&hasty, url).await;
    let tunnel = matches!(
        error,
        Error::Timeout {
            phase: Phase::Tunnel,
            ..
        }
    );
    assert!(tunnel, "{error:?}");

    let gone = through(&Peer::answering("").await);
    tokio::task::yield_now().await;
    let error = refused(&gone, url).await.to_string();
    assert!(
        error.contains("no connection to the proxy 127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test]
async fn what_follows_the_head_of_a_tunnel_belongs_to_it() {
    // A server that speaks first, in the same segment as the proxy.
    let proxy = Peer::start(|_, mut stream| async move {
        head(&mut stream).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 400 Bad\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    })
    .await;
    let authority = Authority::new();
    let settings = through(&proxy, authority.trusted());
    let error = refused(&settings, "https://dm.example/dm").await;
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn plain_http_is_told_to_the_proxy_as_whole_urls() {
    let challenge = bare("407 Auth", &[DIGEST]);
    let moved = bare("307 There", &["Location: /new"]);
    let (proxy, seen) = recording(vec![ok("<a/>"), challenge, ok("<b/>"), moved, ok("<c/>")]).await;
    let settings = with_credential(through(&proxy, plain()));
    let address = "http://dm.example:8080/dm?x=1".parse().unwrap();
    let mut bearer = open(&address, &settings).await.unwrap();
    assert_eq!(bearer.proof, PeerProof::None);
    for expected in ["<a/>", "<b/>", "<c/>"] {
        let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        assert_eq!(answer.unwrap().body, expected);
    }
    let line = "POST http://dm.example:8080/dm?x=1 HTTP/1.1";
    let moved = "POST http://dm.example:8080/new HTTP/1.1";
    assert_eq!(lines(&seen), [line, line, line, line, moved]);
    let seen = seen.lock().unwrap().clone();
    assert_eq!(field(&seen[0], "Host"), Some("dm.example:8080"));
    assert_eq!(field(&seen[1], "Proxy-Authorization"), None);
    let shown = field(&seen[2], "Proxy-Authorization").unwrap();
    assert!(
        shown.contains("uri=\"http://dm.example:8080/dm?x=1\""),
        "{shown}"
    );
    assert!(
        field(&seen[4], "Proxy-Authorization")
            .unwrap()
            .contains("nc=00000003")
    );
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_407_of_a_server_is_not_the_proxys() {
    let authority = Authority::new();
    let answers = vec![bare("407 Auth", &[BASIC])];
    let (server, requests) = authority.serve_recording(answers).await;
    let (proxy, _) = tunnels(Vec::new()).await;
    let settings = with_credential(through(&proxy, authority.trusted()));
    let mut bearer = open(&address(&server, "localhost"), &settings)
        .await
        .unwrap();
    let error = talk(&mut bearer, message("<SyncML/>")).await.unwrap_err();
    assert!(
        matches!(error, Error::Status { code: 407, .. }),
        "{error:?}"
    );
    assert_eq!(requests.lock().unwrap().len(), 1);
}
