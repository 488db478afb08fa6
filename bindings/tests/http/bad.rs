//! Servers that are slow, broken, hostile, or no servers at all.

use crate::peer::*;

use omadm_bindings::{Address, Error, Phase, Retry, Settings, open};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.syncml.dm+xml\r\n";

#[tokio::test]
async fn plain_http_needs_the_accounts_permission() {
    let peer = Peer::answering(ok("<a/>")).await;
    let error = open(&peer.address(), &Settings::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::PlainHttp), "{error:?}");
    assert_eq!(peer.connections(), 0);
}

#[tokio::test]
async fn nobody_there_is_said_for_each_address() {
    let port = {
        let peer = Peer::answering("").await;
        peer.port
    };
    tokio::task::yield_now().await;
    let address: Address = format!("http://127.0.0.1:{port}/dm").parse().unwrap();
    let error = open(&address, &plain()).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(&format!("127.0.0.1:{port}: Connection refused")),
        "{text}"
    );
    assert_eq!(error.retry(), Retry::Later(None));
}

#[tokio::test]
async fn a_name_without_address_is_said() {
    let address: Address = "http://nobody.invalid/dm".parse().unwrap();
    let error = open(&address, &plain()).await.unwrap_err();
    assert!(matches!(error, Error::Resolve { .. }), "{error:?}");
    assert!(error.to_string().contains("nobody.invalid"), "{error}");
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_no_message() {
    for answer in [
        format!("{HEAD}Content-Length: 100\r\n\r\n<SyncML/>"),
        format!("{HEAD}Content-Length: 100\r\n\r\n"),
        format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\n<SyncML/>\r\n"),
        format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\n<Syn"),
        HEAD.to_owned(),
        "HTT".to_owned(),
    ] {
        let error = failure(answer.as_str()).await;
        assert!(matches!(error, Error::Truncated), "{answer}: {error:?}");
        assert_eq!(error.retry(), Retry::Later(None));
    }
}

#[tokio::test]
async fn no_http_is_said() {
    for answer in [
        &b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..],
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"<html>hello</html>\n\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n<a/>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 4\r\n\r\n<a/>",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.syncml.dm+xml\r\n\
          Transfer-Encoding: chunked\r\n\r\nzz\r\n<a/>",
    ] {
        let error = failure(answer).await;
        let shown = String::from_utf8_lossy(answer);
        assert!(matches!(error, Error::NotHttp { .. }), "{shown}: {error:?}");
        assert_eq!(error.retry(), Retry::Permanent);
    }
}

#[tokio::test]
async fn an_answer_larger_than_allowed_is_cut_off() {
    let small = Settings {
        max_message: 1000,
        ..plain()
    };
    let fits = "x".repeat(1000);
    let peer = Peer::answering(ok(&fits)).await;
    assert_eq!(once(&peer, &small).await.unwrap().unwrap().body.len(), 1000);
    let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    for answer in [
        // Refused by its length alone.
        format!("{HEAD}Content-Length: 1001\r\n\r\n"),
        format!("{HEAD}Content-Length: 9999999999999999\r\n\r\n"),
        format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{chunk}"),
        format!("{HEAD}Connection: close\r\n\r\n{}", "x".repeat(1001)),
    ] {
        let peer = Peer::answering(answer.as_str()).await;
        let error = once(&peer, &small).await.unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { limit: 1000 }),
            "{error:?}"
        );
    }
}

/// Each of them never ends; each is given up after a bounded number of bytes.
#[tokio::test]
async fn an_endless_answer_is_bounded() {
    for (head, unit) in [
        (
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n"),
            format!("400\r\n{}\r\n", "x".repeat(1024)),
        ),
        (
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n5;"),
            "x".repeat(1024),
        ),
        (
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n"),
            format!("T: {}\r\n", "x".repeat(1024)),
        ),
        (HEAD.to_owned(), format!("X: {}\r\n", "x".repeat(1024))),
        (HEAD.to_owned(), "X: y\r\n".repeat(100)),
        ("HTTP/1.1 200 ".to_owned(), "x".repeat(1024)),
        (String::new(), "x".repeat(1024)),
    ] {
        let begin = head.clone();
        let peer = Peer::start(move |_, mut stream| {
            let (head, unit) = (head.clone(), unit.clone());
            async move {
                request(&mut stream).await;
                if stream.write_all(head.as_bytes()).await.is_ok() {
                    while stream.write_all(unit.as_bytes()).await.is_ok() {}
                }
            }
        })
        .await;
        let settings = Settings {
            max_message: 100_000,
            ..plain()
        };
        let mut bearer = open(&peer.address(), &settings).await.unwrap();
        let error = talk(&mut bearer, message("<SyncML/>")).await.unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { .. } | Error::NotHttp { .. }),
            "{begin}: {error:?}"
        );
        let received = bearer.traffic.received();
        assert!(received < 300_000, "{begin}: {received} bytes were read");
    }
}

#[tokio::test]
async fn endless_interim_answers_are_bounded_in_time() {
    let peer = Peer::start(|_, mut stream| async move {
        request(&mut stream).await;
        while stream
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let settings = Settings {
        response_timeout: Duration::from_millis(300),
        ..plain()
    };
    let error = once(&peer, &settings).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                phase: Phase::Response,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_left() {
    let peer = Peer::answering("").await;
    let settings = Settings {
        response_timeout: Duration::from_millis(200),
        ..plain()
    };
    let begin = Instant::now();
    let error = once(&peer, &settings).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                phase: Phase::Response,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "no answer within 200ms");
    assert_eq!(error.retry(), Retry::Later(None));
    assert!(begin.elapsed() < Duration::from_secs(2));
}

/// One byte at a time resets no clock.
#[tokio::test]
async fn a_slow_drip_is_left() {
    for head in [String::new(), format!("{HEAD}Content-Length: 1000\r\n\r\n")] {
        let peer = Peer::start(move |_, mut stream| {
            let head = head.clone();
            async move {
                request(&mut stream).await;
                stream.write_all(head.as_bytes()).await.unwrap();
                while stream.write_all(b"H").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        })
        .await;
        let settings = Settings {
            response_timeout: Duration::from_millis(300),
            message_timeout: Duration::from_millis(400),
            ..plain()
        };
        let begin = Instant::now();
        let error = once(&peer, &settings).await.unwrap_err();
        assert!(
            matches!(error, Error::Timeout { .. } | Error::NotHttp { .. }),
            "{error:?}"
        );
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
}

/// The message is larger than what the system buffers.
#[tokio::test]
async fn a_server_that_never_reads_is_left() {
    let peer = Peer::start(|_, stream| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let settings = Settings {
        response_timeout: Duration::from_millis(300),
        ..plain()
    };
    let mut bearer = open(&peer.address(), &settings).await.unwrap();
    let error = talk(&mut bearer, message(&"x".repeat(32 << 20)))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_reset_connection_is_a_failed_transport() {
    let peer = Peer::start(|_, mut stream| async move {
        stream.write_all(b"HTTP/1.1 200").await.unwrap();
        // Unread data makes the system answer the close with a reset.
        stream.readable().await.unwrap();
        let _ = stream.read(&mut [0; 1]).await;
    })
    .await;
    let error = once(&peer, &plain()).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Transport(_) | Error::Truncated | Error::NotHttp { .. }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_follows_an_answer_is_never_taken_for_the_next() {
    let peer = Peer::start(|number, mut stream| async move {
        let mut answer = ok(&format!("<n{number}/>"));
        answer.extend_from_slice(&ok("<smuggled/>"));
        while request(&mut stream).await.is_some() {
            stream.write_all(&answer).await.unwrap();
        }
    })
    .await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    for expected in ["<n0/>", "<n1/>", "<n2/>"] {
        let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        assert_eq!(answer.unwrap().body, expected);
    }
}

#[tokio::test]
async fn errors_of_the_server_carry_code_and_class() {
    for (code, fields, retry) in [
        (402, "", Retry::Permanent),
        (404, "", Retry::Permanent),
        (413, "", Retry::Permanent),
        (500, "", Retry::Later(None)),
        (
            503,
            "Retry-After: 7\r\n",
            Retry::Later(Some(Duration::from_secs(7))),
        ),
        (
            429,
            "Date: Wed, 21 Oct 2015 07:28:00 GMT\r\n\
             Retry-After: Wed, 21 Oct 2015 07:29:30 GMT\r\n",
            Retry::Later(Some(Duration::from_secs(90))),
        ),
        (
            503,
            "Retry-After: 123456789\r\n",
            Retry::Later(Some(Duration::from_hours(24))),
        ),
        (408, "", Retry::Later(None)),
        (502, "", Retry::Later(None)),
        (504, "", Retry::Later(None)),
    ] {
        let error = failure(format!(
            "HTTP/1.1 {code} Whatever\r\n{fields}Content-Type: text/html\r\n\
             Content-Length: 7\r\n\r\n<html/>"
        ))
        .await;
        assert!(
            matches!(error, Error::Status { code: found, .. } if found == code),
            "{error:?}"
        );
        assert!(
            error.to_string().starts_with(&format!("HTTP {code}")),
            "{error}"
        );
        assert_eq!(error.retry(), retry, "{code}");
    }
}

/// The rest of the message stays unread, as servers do with messages that are too large.
#[tokio::test]
async fn an_error_that_comes_before_the_message_was_read_is_heard() {
    let peer = Peer::start(|_, mut stream| async move {
        stream.read_exact(&mut [0; 1024]).await.unwrap();
        let answer = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    })
    .await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    let large = message(&"x".repeat(32 << 20));
    let error = talk(&mut bearer, large).await.unwrap_err();
    assert!(
        matches!(error, Error::Status { code: 413, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_page_is_not_a_message() {
    let error =
        failure("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\n<html/>")
            .await;
    assert!(matches!(error, Error::MediaType { .. }), "{error:?}");
    assert!(error.to_string().contains("text/html"), "{error}");
    let error = failure(format!(
        "{HEAD}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"
    ))
    .await;
    assert!(matches!(error, Error::ContentEncoding { .. }), "{error:?}");
}

/// Escape sequences of a server must not reach a terminal or a log as they are.
#[tokio::test]
async fn what_a_server_says_is_shown_escaped_and_short() {
    let error = failure(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/\u{1b}[31m{}\r\nContent-Length: 1\r\n\r\nx",
        "y".repeat(9000)
    ))
    .await;
    let text = error.to_string();
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.len() < 400, "{text}");
}
