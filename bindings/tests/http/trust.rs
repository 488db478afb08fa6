//! Why a server is trusted: authorities, pins, and certificates of the device.

use crate::authority::*;
use crate::peer::*;

use omadm_bindings::{Error, Retry, Settings, SpkiPin, TlsFault, open};
use omadm_syncml::{PeerProof, ServerTrust};
use rustls::version;

#[tokio::test]
async fn an_account_says_which_kind_of_authority_it_trusts() {
    let (own, other) = (Authority::new(), Authority::named("other"));
    let peer = own.serve(|_| ()).await;
    // Both stores at once: which of them knows the authority decides.
    let both = Settings {
        system_roots: true,
        ..own.trusted()
    };
    let bearer = open(&address(&peer, "127.0.0.1"), &both).await.unwrap();
    assert_eq!(bearer.proof, PeerProof::tls(ServerTrust::PrivateCa));
    let (fault, _) = fault(
        &peer,
        &Settings {
            system_roots: true,
            ..other.trusted()
        },
    )
    .await;
    assert_eq!(fault, TlsFault::UnknownIssuer);
}

#[tokio::test]
async fn a_pinned_key_is_proven_and_another_is_told() {
    let authority = Authority::new();
    let (peer, pin) = authority.serve_devices(BOTH, false).await;
    let pinned = |pins| Settings {
        pins,
        ..authority.trusted()
    };
    let other: SpkiPin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        .parse()
        .unwrap();
    let settings = pinned(vec![other, pin]);
    let bearer = open(&address(&peer, "127.0.0.1"), &settings).await.unwrap();
    assert_eq!(bearer.proof, PeerProof::tls(ServerTrust::Pinned));

    let (found, error) = fault(&peer, &pinned(vec![other])).await;
    assert_eq!(found, TlsFault::PinMismatch { seen: Some(pin) });
    assert!(error.to_string().ends_with(&pin.to_string()), "{error}");
    assert_eq!(error.retry(), Retry::Permanent);
}

#[tokio::test]
async fn a_pin_does_not_stand_for_a_trusted_certificate() {
    let (peer, pin) = Authority::named("stranger")
        .serve_devices(BOTH, false)
        .await;
    let authority = Authority::new();
    let settings = Settings {
        pins: vec![pin],
        ..authority.trusted()
    };
    assert_eq!(fault(&peer, &settings).await.0, TlsFault::UnknownIssuer);
}

#[tokio::test]
async fn a_device_that_shows_its_certificate_proves_itself() {
    let authority = Authority::new();
    for versions in [&[&version::TLS13][..], &[&version::TLS12]] {
        let (peer, _) = authority.serve_devices(versions, true).await;
        let settings = Settings {
            client_certificate: Some(authority.device("device")),
            ..authority.trusted()
        };
        let address = address(&peer, "127.0.0.1");
        // The second connection would be a resumed session.
        for _ in 0..2 {
            let mut bearer = open(&address, &settings).await.unwrap();
            let server = ServerTrust::PrivateCa;
            let proof = PeerProof::Tls {
                server,
                mutual: true,
            };
            assert_eq!(bearer.proof, proof);
            let answer = talk(&mut bearer, message("<SyncML/>")).await.unwrap();
            assert!(answer.is_some());
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_ask_is_not_mutual() {
    let authority = Authority::new();
    let peer = authority.serve(|_| ()).await;
    let settings = Settings {
        client_certificate: Some(authority.device("device")),
        ..authority.trusted()
    };
    let bearer = open(&address(&peer, "127.0.0.1"), &settings).await.unwrap();
    assert_eq!(bearer.proof, PeerProof::tls(ServerTrust::PrivateCa));
}

/// The error of a device with this certificate: at the handshake, or in TLS 1.3 at the first
/// message.
async fn refused(peer: &Peer, settings: &Settings) -> Error {
    match open(&address(peer, "127.0.0.1"), settings).await {
        Ok(mut bearer) => talk(&mut bearer, message("<SyncML/>")).await.unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_missing_and_a_foreign_certificate_are_told_apart() {
    let authority = Authority::new();
    let (peer, _) = authority.serve_devices(&[&version::TLS13], true).await;
    let error = refused(&peer, &authority.trusted()).await;
    let missing = "asks for a certificate of the device and the account names none";
    assert!(error.to_string().contains(missing), "{error}");
    let stranger = Authority::named("stranger");
    let foreign = Settings {
        client_certificate: Some(stranger.device("device")),
        ..authority.trusted()
    };
    let error = refused(&peer, &foreign).await;
    let words = "the server refuses the device's certificate: UnknownCA";
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(error.retry(), Retry::Permanent);
}

#[tokio::test]
async fn a_useless_client_certificate_is_named_before_anything_is_sent() {
    let authority = Authority::new();
    let (peer, _) = authority.serve_devices(BOTH, true).await;
    let (one, two) = (authority.device("one"), authority.device("two"));
    let mut mixed = one.clone();
    mixed.key = two.key;
    let settings = Settings {
        client_certificate: Some(mixed),
        ..authority.trusted()
    };
    let error = refused(&peer, &settings).await.to_string();
    assert!(error.contains("two.key: this is not the key of"), "{error}");
    assert!(error.contains("one.pem"), "{error}");
    assert_eq!(peer.connections(), 0);
}

#[tokio::test]
async fn a_session_does_not_go_on_with_less_than_it_began_with() {
    let authority = Authority::new();
    let (front, _) = authority.serve_devices(BOTH, true).await;
    let node = authority.serve(|_| ()).await;
    let settings = Settings {
        client_certificate: Some(authority.device("device")),
        ..authority.trusted()
    };
    let mut bearer = open(&address(&front, "127.0.0.1"), &settings)
        .await
        .unwrap();
    let to = address(&node, "127.0.0.1").to_string();
    let error = talk(&mut bearer, message_to(&to, "<SyncML/>"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::WeakerProof { .. }), "{error:?}");
    assert!(error.to_string().contains("mutual"), "{error}");
}
