//! HTTPS: who is trusted, and what is said of those who are not.

use crate::authority::*;
use crate::peer::*;

use omadm_bindings::{Error, Retry, Settings, TlsFault, open};
use omadm_syncml::{PeerProof, ServerTrust};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::version;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_trusted_server_is_proven() {
    let authority = Authority::new();
    for versions in [&[&version::TLS13][..], &[&version::TLS12]] {
        let peer = authority.serve_with(|_| (), versions).await;
        for host in ["127.0.0.1", "localhost"] {
            let mut bearer = open(&address(&peer, host), &authority.trusted())
                .await
                .unwrap();
            assert_eq!(bearer.proof, PeerProof::tls(ServerTrust::PrivateCa));
            assert!(
                talk(&mut bearer, message("<SyncML/>"))
                    .await
                    .unwrap()
                    .is_some()
            );
            assert!(bearer.traffic.received() > 500, "TLS is counted");
        }
    }
}

#[tokio::test]
async fn a_private_authority_adds_to_those_of_the_machine() {
    let authority = Authority::new();
    let peer = authority.serve(|_| ()).await;
    let settings = Settings {
        system_roots: true,
        ..authority.trusted()
    };
    open(&address(&peer, "127.0.0.1"), &settings).await.unwrap();
}

#[tokio::test]
async fn a_clock_in_the_past_is_named_as_the_likely_cause() {
    let authority = Authority::new();
    let peer = authority
        .serve(|params| params.not_before = date_time_ymd(4000, 1, 1))
        .await;
    let (fault, error) = fault(&peer, &authority.trusted()).await;
    assert!(matches!(fault, TlsFault::NotYetValid { .. }), "{fault:?}");
    let text = error.to_string();
    assert!(
        text.contains("certificate not yet valid: the clock says 20"),
        "{text}"
    );
    assert!(error.wrong_clock());
    assert!(text.contains("it begins 4000-01-01 00:00:00 UTC"), "{text}");
    assert_eq!(
        error.retry(),
        Retry::Later(None),
        "the clock may be set yet"
    );
}

#[tokio::test]
async fn an_expired_certificate_is_named_with_its_end() {
    let authority = Authority::new();
    let peer = authority
        .serve(|params| params.not_after = date_time_ymd(2001, 2, 3))
        .await;
    let (fault, error) = fault(&peer, &authority.trusted()).await;
    assert!(matches!(fault, TlsFault::Expired { .. }), "{fault:?}");
    assert!(error.to_string().contains("it ended 2001-02-03"), "{error}");
    assert_eq!(error.retry(), Retry::Permanent);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_named_with_it() {
    let authority = Authority::new();
    let names = vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
    let peer = authority
        .serve(|params| params.subject_alt_names = names)
        .await;
    let (fault, error) = fault(&peer, &authority.trusted()).await;
    assert!(matches!(fault, TlsFault::WrongName { .. }), "{fault:?}");
    let text = error.to_string();
    assert!(
        text.ends_with(": the certificate is for other.example"),
        "{text}"
    );
}

#[tokio::test]
async fn an_authority_in_place_of_a_server_is_said_to_be_one() {
    let authority = Authority::new();
    let peer = authority
        .serve(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))
        .await;
    let (_, error) = fault(&peer, &authority.trusted()).await;
    let text = error.to_string();
    assert!(
        text.ends_with("make it with the extension basicConstraints=CA:FALSE"),
        "{text}"
    );
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let peer = Authority::named("stranger").serve(|_| ()).await;
    let (fault, error) = fault(&peer, &Authority::new().trusted()).await;
    assert_eq!(fault, TlsFault::UnknownIssuer);
    assert!(error.to_string().contains("ca-file"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_trusted_hears_why() {
    let acceptor = Authority::named("stranger").acceptor();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let peer = Peer::start(move |_, stream| {
        let (acceptor, tell) = (acceptor.clone(), tell.clone());
        async move {
            let error = acceptor.accept(stream).await.err();
            tell.send(error.map(|error| error.to_string())).unwrap();
        }
    })
    .await;
    fault(&peer, &Authority::new().trusted()).await;
    let error = told.recv().await.unwrap().unwrap();
    assert!(error.contains("UnknownCA"), "{error}");
}

#[tokio::test]
async fn an_authority_that_was_made_anew_is_named_as_the_likely_cause() {
    let peer = Authority::new().serve(|_| ()).await;
    let (_, error) = fault(&peer, &Authority::new().trusted()).await;
    assert!(
        error.to_string().contains("was the authority made anew?"),
        "{error}"
    );
}

#[tokio::test]
async fn a_self_signed_server_is_trusted_only_by_its_own_file() {
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let peer = start(vec![certificate.der().clone()], &key, &[&version::TLS13]).await;
    let authority = Authority::new();
    assert_eq!(
        fault(&peer, &authority.trusted()).await.0,
        TlsFault::UnknownIssuer
    );
    std::fs::write(authority.file(), certificate.pem()).unwrap();
    open(&address(&peer, "127.0.0.1"), &authority.trusted())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_useless_ca_file_is_named_before_anything_is_sent() {
    let authority = Authority::new();
    let peer = authority.serve(|_| ()).await;
    let damaged = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    std::fs::write(authority.file(), damaged).unwrap();
    let error = open(&address(&peer, "127.0.0.1"), &authority.trusted())
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("ca.pem: certificate 1 cannot be trusted"),
        "{text}"
    );
    let nobody = Settings {
        ca_file: None,
        ..authority.trusted()
    };
    let error = open(&address(&peer, "127.0.0.1"), &nobody)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("install ca-certificates"),
        "{error}"
    );
    assert_eq!(peer.connections(), 0);
}

#[tokio::test]
async fn a_plain_server_does_not_speak_tls() {
    let peer = Peer::start(|_, mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let (fault, error) = fault(&peer, &Authority::new().trusted()).await;
    assert_eq!(fault, TlsFault::NotTls);
    assert_eq!(error.retry(), Retry::Permanent);
}

#[tokio::test]
async fn a_server_of_old_versions_is_said_to_be_too_old() {
    // The alert protocol_version, as a server of TLS 1.1 answers.
    let peer = Peer::start(|_, mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"\x15\x03\x02\x00\x02\x02\x46").await;
    })
    .await;
    let (fault, _) = fault(&peer, &Authority::new().trusted()).await;
    assert!(matches!(fault, TlsFault::TooOld(_)), "{fault:?}");
}

#[tokio::test]
async fn a_handshake_that_breaks_off_or_stands_still_is_left() {
    let authority = Authority::new();
    let peer = Peer::start(|_, mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let error = open(&address(&peer, "127.0.0.1"), &authority.trusted())
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Tls { .. } | Error::Transport(_)),
        "{error:?}"
    );
    assert_eq!(error.retry(), Retry::Later(None));

    let peer = Peer::start(|_, stream| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let settings = Settings {
        connect_timeout: Duration::from_millis(300),
        ..authority.trusted()
    };
    let error = open(&address(&peer, "127.0.0.1"), &settings)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "no connection within 300ms");
}

#[tokio::test]
async fn nothing_leads_a_session_out_of_tls() {
    let authority = Authority::new();
    let peer = authority.serve(|_| ()).await;
    let settings = Settings {
        allow_http: true,
        ..authority.trusted()
    };
    let mut bearer = open(&address(&peer, "127.0.0.1"), &settings).await.unwrap();
    let away = format!("http://127.0.0.1:{}/dm", peer.port);
    let error = talk(&mut bearer, message_to(&away, "<SyncML/>"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("from https to http"), "{error}");
}

#[tokio::test]
async fn a_proven_server_may_send_the_session_to_one_that_proves_itself() {
    let authority = Authority::new();
    let front = authority.serve(|_| ()).await;
    let node = authority.serve(|_| ()).await;
    let stranger = Authority::named("stranger").serve(|_| ()).await;
    let mut bearer = open(&address(&front, "127.0.0.1"), &authority.trusted())
        .await
        .unwrap();
    let to = address(&node, "localhost").to_string();
    assert!(
        talk(&mut bearer, message_to(&to, "<SyncML/>"))
            .await
            .unwrap()
            .is_some()
    );
    let to = address(&stranger, "localhost").to_string();
    let error = talk(&mut bearer, message_to(&to, "<SyncML/>"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Tls {
                fault: TlsFault::UnknownIssuer,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_stale_tls_connection_is_replaced() {
    let authority = Authority::new();
    let peer = authority.serve(|_| ()).await;
    let mut bearer = open(&address(&peer, "127.0.0.1"), &authority.trusted())
        .await
        .unwrap();
    let answer = talk(&mut bearer, message("<SyncML/>"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.body, "<n0/>");
    // Both the kept connection and the new one end at this message.
    let error = talk(&mut bearer, message("<stop/>")).await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer), "{error:?}");
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn a_message_over_tls_is_one_segment() {
    let authority = Authority::new();
    let peer = authority.serve(|_| ()).await;
    let port = peer.port;
    // A relay that writes down what each read gives it.
    let reads = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&reads);
    let relay = Peer::start(move |_, mut client| {
        let log = Arc::clone(&log);
        async move {
            let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .unwrap();
            let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
            loop {
                tokio::select! {
                    read = client.read(&mut from_client) => match read {
                        Ok(read @ 1..) => {
                            log.lock().unwrap().push(read);
                            server.write_all(&from_client[..read]).await.unwrap();
                        }
                        _ => return,
                    },
                    read = server.read(&mut from_server) => match read {
                        Ok(read @ 1..) => client.write_all(&from_server[..read]).await.unwrap(),
                        _ => return,
                    },
                }
            }
        }
    })
    .await;
    let mut bearer = open(&address(&relay, "127.0.0.1"), &authority.trusted())
        .await
        .unwrap();
    talk(&mut bearer, message("<SyncML/>")).await.unwrap();
    reads.lock().unwrap().clear();
    talk(&mut bearer, message(&"x".repeat(2000))).await.unwrap();
    let reads = reads.lock().unwrap().clone();
    assert_eq!(reads.len(), 1, "{reads:?}");
    assert!(reads[0] > 2000);
}
