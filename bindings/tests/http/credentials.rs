//! HTTP servers that ask for credentials of their own.

use crate::authority::*;
use crate::peer::*;

use omadm_bindings::{Error, HttpAuthFault, HttpAuthScheme, HttpCredential, Retry, Settings, open};
use omadm_syncml::Secret;

const BASIC: &str = "WWW-Authenticate: Basic realm=\"dm\"";
const DIGEST: &str = "WWW-Authenticate: Digest realm=\"dm\", qop=\"auth\", nonce=\"n1\", \
                      algorithm=SHA-256, opaque=\"o\"";

fn credential(scheme: HttpAuthScheme) -> HttpCredential {
    HttpCredential {
        scheme,
        user: "Aladdin".to_owned(),
        secret: Secret::from_text("open sesame"),
    }
}

fn digest() -> Settings {
    Settings {
        http_credential: Some(credential(HttpAuthScheme::Digest)),
        ..plain()
    }
}

fn unauthorized(fields: &[&str]) -> Vec<u8> {
    bare("401 Unauthorized", fields)
}

async fn refused(settings: &Settings, answers: Vec<Vec<u8>>) -> (HttpAuthFault, String) {
    let (peer, _) = recording(answers).await;
    let error = once(&peer, settings).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Permanent);
    let text = error.to_string();
    assert!(text.starts_with("HTTP 401, not SyncML's: "), "{text}");
    match error {
        Error::HttpAuth { fault, .. } => (fault, text),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_digest_is_answered_on_the_same_connection_and_then_unasked() {
    let answers = vec![
        unauthorized(&[BASIC, DIGEST]),
        ok("<a/>"),
        ok("<b/>"),
        unauthorized(&[&DIGEST
            .replace("n1", "n2")
            .replace("opaque", "stale=true, opaque")]),
        ok("<c/>"),
    ];
    let (peer, seen) = recording(answers).await;
    let mut bearer = open(&peer.address(), &digest()).await.unwrap();
    for expected in ["<a/>", "<b/>", "<c/>"] {
        let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
        assert_eq!(answer.unwrap().body, expected);
    }
    let seen = seen.lock().unwrap().clone();
    let shown: Vec<_> = seen.iter().map(|r| field(r, "Authorization")).collect();
    assert_eq!(shown[0], None, "nobody had asked");
    let has = |index: usize, parts: &[&str]| {
        let shown = shown[index].unwrap();
        assert!(parts.iter().all(|part| shown.contains(part)), "{shown}");
    };
    let first = [
        "Digest username=\"Aladdin\"",
        "uri=\"/dm\"",
        "nonce=\"n1\"",
        "nc=00000001",
    ];
    has(1, &first);
    has(2, &["nonce=\"n1\"", "nc=00000002"]);
    has(3, &["nonce=\"n1\"", "nc=00000003"]);
    has(4, &["nonce=\"n2\"", "nc=00000001"]);
    assert!(seen.iter().all(|request| request.ends_with("<SyncML/>")));
    assert!(!seen.concat().contains("sesame"));
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn basic_is_answered_over_tls() {
    let authority = Authority::new();
    let answers = vec![unauthorized(&[BASIC]), ok("<a/>"), ok("<b/>")];
    let (peer, seen) = authority.serve_recording(answers).await;
    let settings = Settings {
        http_credential: Some(credential(HttpAuthScheme::Basic)),
        ..authority.trusted()
    };
    let mut bearer = open(&address(&peer, "127.0.0.1"), &settings).await.unwrap();
    for _ in 0..2 {
        talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    }
    let seen = seen.lock().unwrap().clone();
    let shown: Vec<_> = seen.iter().map(|r| field(r, "Authorization")).collect();
    let expected = Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(shown, [None, expected, expected]);
}

#[tokio::test]
async fn basic_never_leaves_without_tls() {
    let settings = Settings {
        http_credential: Some(credential(HttpAuthScheme::Basic)),
        ..plain()
    };
    let (peer, seen) = recording(vec![unauthorized(&[BASIC]), ok("<a/>")]).await;
    let error = once(&peer, &settings).await.unwrap_err();
    assert!(
        error.to_string().contains("never sent without TLS"),
        "{error}"
    );
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let (fault, text) = refused(&plain(), vec![unauthorized(&[BASIC, DIGEST])]).await;
    let offered = vec!["Basic".to_owned(), "Digest".to_owned()];
    assert_eq!(fault, HttpAuthFault::NoCredential { offered });
    assert!(text.contains("(Basic, Digest)"), "{text}");

    let (fault, _) = refused(&digest(), vec![unauthorized(&[BASIC])]).await;
    assert!(
        matches!(fault, HttpAuthFault::NotOffered { .. }),
        "{fault:?}"
    );

    let answers = vec![unauthorized(&[DIGEST]), unauthorized(&[DIGEST])];
    let (fault, text) = refused(&digest(), answers).await;
    assert!(matches!(fault, HttpAuthFault::Refused { .. }), "{fault:?}");
    assert!(text.contains("\"Aladdin\""), "{text}");

    let stale = DIGEST.replace("opaque", "stale=true, opaque");
    let (fault, _) = refused(&digest(), vec![unauthorized(&[&stale]); 4]).await;
    assert!(matches!(fault, HttpAuthFault::Refused { .. }), "{fault:?}");

    let (fault, _) = refused(&digest(), vec![unauthorized(&[])]).await;
    assert!(
        matches!(fault, HttpAuthFault::NotOffered { .. }),
        "{fault:?}"
    );
}

#[tokio::test]
async fn credentials_go_to_the_accounts_own_origin_alone() {
    let (node, seen) = recording(vec![unauthorized(&[DIGEST]), ok("<a/>")]).await;
    let location = format!("Location: http://127.0.0.1:{}/dm", node.port);
    let front = [unauthorized(&[DIGEST]), bare("307 There", &[&location])];
    let (peer, _) = recording(front.to_vec()).await;
    let error = once(&peer, &digest()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("only for its own address"), "{text}");
    assert!(text.contains(&node.port.to_string()), "{text}");
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 1);
    assert_eq!(field(&seen[0], "Authorization"), None);
}

#[tokio::test]
async fn a_server_that_closes_after_its_challenge_is_connected_to_again() {
    let (peer, seen) = recording(vec![
        unauthorized(&["Connection: close", DIGEST]),
        ok("<a/>"),
    ])
    .await;
    once(&peer, &digest()).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
    assert_eq!(peer.connections(), 2);
}
