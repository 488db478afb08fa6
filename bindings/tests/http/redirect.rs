//! Servers that point elsewhere.

use crate::authority::*;
use crate::peer::*;

use omadm_bindings::{Error, Retry, Settings, open};
use tokio::io::AsyncWriteExt;

fn to(code: u16, location: &str) -> Vec<u8> {
    bare(
        &format!("{code} Elsewhere"),
        &[&format!("Location: {location}")],
    )
}

#[tokio::test]
async fn a_redirected_message_stays_a_post_with_its_body() {
    for code in [301, 302, 307, 308] {
        let page = format!(
            "HTTP/1.1 {code} Elsewhere\r\nLocation: /new/dm?x#part\r\n\
             Content-Type: text/html\r\nContent-Length: 7\r\n\r\n<html/>"
        );
        let (peer, seen) = recording(vec![page.into_bytes(), ok("<a/>"), ok("<b/>")]).await;
        let mut bearer = open(&peer.address(), &plain()).await.unwrap();
        let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        assert_eq!(answer.unwrap().body, "<a/>");
        talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        // A permanent one holds for the rest of the session.
        let third = if matches!(code, 301 | 308) {
            "POST /new/dm?x HTTP/1.1"
        } else {
            "POST /dm HTTP/1.1"
        };
        let expected = ["POST /dm HTTP/1.1", "POST /new/dm?x HTTP/1.1", third];
        assert_eq!(lines(&seen), expected, "{code}");
        assert!(seen.lock().unwrap()[1].ends_with("\r\n\r\n<SyncML/>"));
        assert_eq!(peer.connections(), 1, "the page was read past");
    }
}

#[tokio::test]
async fn the_next_session_begins_at_the_account_again() {
    let answers = vec![to(301, "/new"), ok("<a/>"), ok("<b/>")];
    let (peer, seen) = recording(answers).await;
    for _ in 0..2 {
        once(&peer, &plain()).await.unwrap();
    }
    let targets = [
        "POST /dm HTTP/1.1",
        "POST /new HTTP/1.1",
        "POST /dm HTTP/1.1",
    ];
    assert_eq!(lines(&seen), targets);
}

#[tokio::test]
async fn a_resp_uri_is_relative_to_where_its_message_came_from() {
    let answers = vec![to(307, "/east/dm"), ok("<a/>"), ok("<b/>")];
    let (peer, seen) = recording(answers).await;
    let mut bearer = open(&peer.address(), &plain()).await.unwrap();
    talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    let next = message_to("s?t=1", "<SyncML/>");
    talk(&mut bearer, next).await.unwrap();
    assert_eq!(lines(&seen)[2], "POST /east/s?t=1 HTTP/1.1");
}

#[tokio::test]
async fn redirects_are_bounded() {
    let peer = Peer::answering(to(302, "/dm")).await;
    let error = once(&peer, &plain()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("more than 5 redirects"), "{text}");
    assert_eq!(error.retry(), Retry::Permanent);

    let none = Settings {
        max_redirects: 0,
        ..plain()
    };
    let error = once(&peer, &none).await.unwrap_err();
    assert!(error.to_string().contains("more than 0"), "{error}");
}

#[tokio::test]
async fn a_redirect_that_makes_no_sense_is_named() {
    for (answer, reason) in [
        (bare("302 Found", &[]), "names no target"),
        (to(303, "/done.html"), "for a GET"),
        (to(307, "http://192.0.2.1/dm"), "another host (192.0.2.1)"),
        (to(307, "ftp://127.0.0.1/dm"), "does not begin with"),
        (to(307, "http://u:hidden@127.0.0.1/"), "user name"),
    ] {
        let error = failure(answer).await;
        assert!(matches!(error, Error::Redirect { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{reason}: {error}");
        assert_eq!(error.retry(), Retry::Permanent);
    }
}

#[tokio::test]
async fn no_redirect_leads_out_of_tls() {
    let authority = Authority::new();
    let plain = Peer::answering(ok("<a/>")).await;
    let location = format!("http://127.0.0.1:{}/dm", plain.port);
    let front = authority.serve_answers(vec![to(308, &location)]).await;
    let settings = Settings {
        allow_http: true,
        ..authority.trusted()
    };
    let mut bearer = open(&address(&front, "127.0.0.1"), &settings)
        .await
        .unwrap();
    let error = talk(&mut bearer, message("<SyncML/>")).await.unwrap_err();
    assert!(error.to_string().contains("from https to http"), "{error}");
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn cookies_stay_with_the_server_that_set_them() {
    let (node, seen) = recording(vec![ok("<a/>"), ok("<b/>")]).await;
    let location = format!("http://127.0.0.1:{}/node", node.port);
    let fields = [&*format!("Location: {location}"), "Set-Cookie: front=1"];
    let (front, front_seen) = recording(vec![bare("307 There", &fields); 2]).await;
    let mut bearer = open(&front.address(), &plain()).await.unwrap();
    for _ in 0..2 {
        talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    }
    let at_front = front_seen.lock().unwrap().clone();
    assert_eq!(field(&at_front[0], "Cookie"), None);
    assert_eq!(field(&at_front[1], "Cookie"), Some("front=1"));
    for request in seen.lock().unwrap().iter() {
        assert_eq!(field(request, "Cookie"), None);
    }
}

/// A page that is too long to be read past costs the connection, not the message.
#[tokio::test]
async fn a_long_page_of_a_redirect_is_not_read() {
    let peer = Peer::start(|number, mut stream| async move {
        request(&mut stream).await;
        if number == 0 {
            let head = b"HTTP/1.1 307 There\r\nLocation: /new\r\nContent-Length: 99999999\r\n\r\n";
            stream.write_all(head).await.unwrap();
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        } else {
            stream.write_all(&ok("<a/>")).await.unwrap();
        }
    })
    .await;
    let answer = once(&peer, &plain()).await.unwrap();
    assert_eq!(answer.unwrap().body, "<a/>");
    assert_eq!(peer.connections(), 2);
}
