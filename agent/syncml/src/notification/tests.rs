use super::*;
use proptest::prelude::*;

struct Vector {
    octets: Vec<u8>,
    notification: Notification,
    secret: Secret,
    nonce: Vec<u8>,
    session_text: String,
}

impl Vector {
    fn new(value: &serde_json::Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let number = |key: &str| u16::try_from(value[key].as_u64().unwrap()).unwrap();
        let ui_mode = [
            UiMode::NotSpecified,
            UiMode::Background,
            UiMode::Informative,
            UiMode::UserInteraction,
        ][usize::from(number("ui_mode"))];
        Self {
            octets: octets(&text("package0_hex")),
            notification: Notification {
                version: number("version"),
                ui_mode,
                initiator: [Initiator::Client, Initiator::Server][usize::from(number("initiator"))],
                session_id: number("session_id"),
                server_id: text("server_id"),
                vendor: octets(&text("vendor_hex")),
            },
            secret: Secret::from_text(&text("password")),
            nonce: octets(&text("nonce_hex")),
            session_text: text("session_text"),
        }
    }

    fn verify(&self, octets: &[u8]) -> Option<NonceUsed> {
        let names = [self.notification.server_id.as_str()];
        Package0::parse(octets)
            .ok()?
            .verify(&names, &self.secret, &self.nonce)
    }
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../../../../tests/vectors/package0.json");
    let all: serde_json::Value = serde_json::from_str(text).unwrap();
    let all: Vec<_> = all["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(Vector::new)
        .collect();
    assert_eq!(all.len(), 4);
    all
}

fn sample() -> Notification {
    Notification {
        version: Notification::VERSION,
        ui_mode: UiMode::Background,
        initiator: Initiator::Server,
        session_id: 1,
        server_id: "srv".to_owned(),
        vendor: Vec::new(),
    }
}

fn secret() -> Secret {
    Secret::from_text("srvpass")
}

fn sealed(notification: &Notification, name: &str, nonce: &[u8]) -> Vec<u8> {
    notification.seal(name, &secret(), nonce).unwrap()
}

/// A notification of these octets behind a digest of zeros.
fn parse(trigger: &[u8]) -> Result<Notification, NotificationError> {
    let package = Package0::parse(&[&[0; 16], trigger].concat())?;
    Ok(package.notification().clone())
}

#[test]
fn vectors_of_another_program_are_read_and_written() {
    for vector in vectors() {
        let Vector {
            octets,
            notification,
            secret,
            nonce,
            ..
        } = &vector;
        let package = Package0::parse(octets).unwrap();
        assert_eq!(package.notification(), notification);
        assert_eq!(package.digest().as_slice(), &octets[..16]);
        assert_eq!(notification.session_text(), vector.session_text);
        let sealed = notification.seal(&notification.server_id, secret, nonce);
        assert_eq!(sealed.as_ref(), Ok(octets));
    }
}

#[test]
fn the_nonce_that_fits_is_told() {
    let all = vectors();
    let expected = [
        NonceUsed::Stored,
        NonceUsed::ResyncOctets,
        NonceUsed::ResyncText,
        NonceUsed::Stored,
    ];
    for (vector, expected) in all.iter().zip(expected) {
        let package = Package0::parse(&vector.octets).unwrap();
        let verify = |nonce: &[u8]| package.verify(&["com.example.dm"], &vector.secret, nonce);
        assert_eq!(verify(&vector.nonce), Some(expected));
        let other = (expected != NonceUsed::Stored).then_some(expected);
        assert_eq!(verify(b"another"), other);
        assert_eq!(verify(b""), other);
    }
    let package = Package0::parse(&sealed(&sample(), "srv", b"")).unwrap();
    assert_eq!(
        package.verify(&["srv"], &secret(), b""),
        Some(NonceUsed::Empty)
    );
    assert_eq!(package.verify(&["srv"], &secret(), b"Nonce"), None);
}

#[test]
fn any_of_the_names_will_do_and_no_other() {
    for nonce in [b"Nonce".as_slice(), RESYNC_OCTETS, RESYNC_TEXT] {
        let package = Package0::parse(&sealed(&sample(), "user", nonce)).unwrap();
        let verify =
            |names: &[&str], secret: &Secret| package.verify(names, secret, b"Nonce").is_some();
        assert!(verify(&["user", "srv"], &secret()));
        assert!(verify(&["srv", "user"], &secret()));
        assert!(!verify(&["srv"], &secret()));
        assert!(!verify(&[], &secret()));
        assert!(!verify(&["user", "srv"], &Secret::from_text("x")));
    }
}

#[test]
fn a_cut_notification_is_refused_or_proves_nothing() {
    for vector in vectors() {
        let head = 24 + vector.notification.server_id.len();
        for length in 0..vector.octets.len() {
            let cut = &vector.octets[..length];
            let expected = match length {
                0..24 => Some(NotificationError::TooShort),
                _ if length < head => Some(NotificationError::ServerIdLength),
                _ => None,
            };
            assert_eq!(Package0::parse(cut).err(), expected, "{length}");
            assert_eq!(vector.verify(cut), None, "{length}");
        }
        assert!(vector.verify(&vector.octets).is_some());
        assert_eq!(vector.verify(&[&vector.octets[..], &[0]].concat()), None);
    }
}

#[test]
fn every_bit_counts() {
    for vector in vectors() {
        let mut readable = 0;
        for bit in 0..vector.octets.len() * 8 {
            let mut octets = vector.octets.clone();
            octets[bit / 8] ^= 0x80 >> (bit % 8);
            readable += usize::from(Package0::parse(&octets).is_ok());
            assert_eq!(vector.verify(&octets), None, "bit {bit}");
        }
        // At least those of the digest, mode, initiator and session, and the reserved ones.
        assert!(readable >= 128 + 3 + 27 + 16, "{readable}");
    }
}

#[test]
fn reserved_bits_are_ignored_yet_part_of_the_digest() {
    let mut trigger = sample().trigger().unwrap();
    for (at, bits) in [(1, 0x07), (2, 0xFF), (3, 0xFF), (4, 0xFF)] {
        assert_eq!(trigger[at] & bits, 0);
        trigger[at] |= bits;
    }
    let digest = body_digest("srv", &secret(), b"Nonce", &trigger);
    let package = Package0::parse(&[&digest[..], &trigger].concat()).unwrap();
    assert_eq!(package.notification(), &sample());
    let proof = package.verify(&["srv"], &secret(), b"Nonce");
    assert_eq!(proof, Some(NonceUsed::Stored));
}

#[test]
fn versions_are_1_0_to_1_2() {
    for version in 0..1_u16 << 10 {
        let [high, low] = (version << 6).to_be_bytes();
        let read = parse(&[high, low, 0, 0, 0, 0, 1, 1, b's']).map(|read| read.version);
        let notification = Notification {
            version,
            ..sample()
        };
        let written = notification.trigger().map(|_| version);
        let expected = match version {
            10..=12 => Ok(version),
            _ => Err(NotificationError::Version(version)),
        };
        assert_eq!((read, written), (expected, expected));
    }
    let large = Notification {
        version: 11 + (1 << 10),
        ..sample()
    };
    assert_eq!(large.trigger(), Err(NotificationError::Version(1_035)));
    let error = NotificationError::Version(1_023).to_string();
    assert!(error.contains("102.3"), "{error}");
}

#[test]
fn server_identifiers_are_text_of_1_to_255_octets() {
    use NotificationError::{ServerId, ServerIdLength};

    let with = |server_id: &str| Notification {
        server_id: server_id.to_owned(),
        ..sample()
    };
    for (server_id, expected) in [
        ("é漢".to_owned(), None),
        ("s".repeat(255), None),
        ("s".repeat(256), Some(ServerIdLength)),
        (String::new(), Some(ServerId)),
        ("a\0".to_owned(), Some(ServerId)),
        ("a\nb".to_owned(), Some(ServerId)),
        ("\u{7f}".to_owned(), Some(ServerId)),
        ("\u{9b}2J".to_owned(), Some(ServerId)),
    ] {
        let notification = with(&server_id);
        let written = notification.seal("srv", &secret(), b"");
        assert_eq!(written.as_ref().err(), expected.as_ref(), "{server_id:?}");
        let header = [2, 0xD8, 0, 0, 0, 0, 1];
        let Ok(length) = u8::try_from(server_id.len()) else {
            continue;
        };
        let read = parse(&[&header[..], &[length], server_id.as_bytes()].concat());
        assert_eq!(
            read,
            expected.map_or(Ok(notification), Err),
            "{server_id:?}"
        );
    }
    assert_eq!(parse(b"\x02\xD8\0\0\0\0\x01\x02\xC3("), Err(ServerId));
}

#[test]
fn vendors_have_a_bound() {
    for (length, expected) in [
        (MAX_VENDOR, None),
        (MAX_VENDOR + 1, Some(NotificationError::TooLong)),
    ] {
        let notification = Notification {
            server_id: "s".repeat(255),
            vendor: vec![0xCA; length],
            ..sample()
        };
        let written = notification.seal("srv", &secret(), b"");
        assert_eq!(written.err(), expected);
        let header = [2, 0xD8, 0, 0, 0, 0, 1, 255];
        let id = notification.server_id.as_bytes();
        let read = parse(&[&header, id, &notification.vendor].concat());
        assert_eq!(read, expected.map_or(Ok(notification), Err));
    }
}

#[test]
fn sessions_are_written_as_hexadecimal() {
    for (session_id, text) in [
        (0, "0"),
        (1, "1"),
        (0x00A1, "A1"),
        (0x0FF0, "FF0"),
        (0xFFFF, "FFFF"),
    ] {
        let notification = Notification {
            session_id,
            ..sample()
        };
        assert_eq!(notification.session_text(), text);
        let read = parse(&notification.trigger().unwrap()).unwrap();
        assert_eq!(read.session_id, session_id);
    }
}

#[test]
fn a_notification_is_shown_one_field_a_line() {
    let vector = vectors().pop().unwrap();
    let package = Package0::parse(&vector.octets).unwrap();
    let expected = "\
Package 0
  digest: 4a1bd8568b30d32a06cf1b970053b405
  version: 1.1 (11)
  ui-mode: user interaction
  initiator: client
  session id: A1
  server id: com.example.dm
  vendor: ca fe 01 (3 octets)
";
    assert_eq!(package.to_string(), expected);
    assert!(!format!("{package:?}").contains("digest"));

    let hostile = Notification {
        server_id: "a\u{202e}b".to_owned(),
        vendor: vec![0xCA; 40],
        ..sample()
    };
    let shown = Package0::parse(&sealed(&hostile, "srv", b"")).unwrap();
    let shown = shown.to_string();
    assert!(shown.contains("  server id: \"a\\u{202e}b\"\n"), "{shown}");
    assert!(shown.ends_with("ca … (40 octets)\n"), "{shown}");
    let plain = Package0::parse(&sealed(&sample(), "srv", b"")).unwrap();
    assert!(plain.to_string().ends_with("  server id: srv\n"));
}

fn notification() -> impl Strategy<Value = Notification> {
    use Initiator::{Client, Server};
    use UiMode::{Background, Informative, NotSpecified, UserInteraction};
    use proptest::sample::select;

    (
        10_u16..=12,
        select(vec![NotSpecified, Background, Informative, UserInteraction]),
        select(vec![Client, Server]),
        any::<u16>(),
        "\\PC{1,40}|[!-~]{1,255}",
        proptest::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(
            |(version, ui_mode, initiator, session_id, server_id, vendor)| Notification {
                version,
                ui_mode,
                initiator,
                session_id,
                server_id,
                vendor,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_notification_comes_back_as_it_was(
        sent in notification(),
        name in "\\PC{0,20}",
        nonce in proptest::collection::vec(any::<u8>(), 5..40),
    ) {
        let octets = sealed(&sent, &name, &nonce);
        let package = Package0::parse(&octets).unwrap();
        prop_assert_eq!(package.notification(), &sent);
        let proof = package.verify(&[&name], &secret(), &nonce);
        prop_assert_eq!(proof, Some(NonceUsed::Stored));
        prop_assert_eq!(package.verify(&[&name], &secret(), b"old"), None);
    }

    #[test]
    fn no_octets_make_the_reader_panic(
        // Versions around those that are read, and identifiers that are there and not.
        first in 2_u8..4,
        header in any::<[u8; 6]>(),
        length in 0_u8..12,
        rest in proptest::collection::vec(prop_oneof![9 => b' '..0x7F, 1 => any::<u8>()], 0..12),
    ) {
        let octets = [&[0; 16], &[first][..], &header, &[length], &rest].concat();
        if let Ok(package) = Package0::parse(&octets) {
            let again = parse(&package.notification().trigger().unwrap());
            prop_assert_eq!(again.as_ref(), Ok(package.notification()));
            prop_assert!(package.to_string().lines().count() >= 7);
        }
    }
}
