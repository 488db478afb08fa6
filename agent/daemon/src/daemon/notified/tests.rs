use omadm_dm::Credential;
use omadm_syncml::{AuthScheme, Initiator, Secret, UiMode, Wall};
use serde_json::Value as Json;

use super::*;

const SERVER: &str = "com.example.dm";

fn vectors() -> Vec<Json> {
    let text = include_str!("../../../../../tests/vectors/package0.json");
    let all: Json = serde_json::from_str(text).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

fn octets(hex: &Json) -> Vec<u8> {
    let digits = hex.as_str().unwrap();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn account(nonce: &[u8]) -> Account {
    let mut account = Account::new("lab", SERVER, "https://lab.example/dm");
    account.server = Some(Credential {
        scheme: AuthScheme::Md5,
        name: SERVER.to_owned(),
        secret: Secret::from_text("srvpass"),
        nonce: nonce.to_vec(),
        nonce_uri: None,
    });
    account
}

/// The clocks so many seconds after a boot.
fn at(seconds: u64) -> Moment {
    Moment {
        boot: Duration::from_secs(seconds),
        wall: Some(Wall(Duration::from_secs(1_800_000_000 + seconds))),
        before: Duration::ZERO,
    }
}

fn judged(octets: &[u8], account: &Account, seen: &Seen) -> Result<Accepted, Reason> {
    judged_after(octets, account, seen, None, at(10))
}

fn judged_after(
    octets: &[u8],
    account: &Account,
    seen: &Seen,
    resync: Option<Anchor>,
    now: Moment,
) -> Result<Accepted, Reason> {
    let find = |server: &str| {
        (server == account.server_id).then_some(Addressee {
            account,
            seen: Some(seen),
            resync,
        })
    };
    judge(octets, find, now).map_err(|refused| refused.reason)
}

/// A notification of the server, sealed by `name` and `secret`.
fn sealed(session_id: u16, name: &str, secret: &str, nonce: &[u8]) -> Vec<u8> {
    let notification = Notification {
        version: Notification::VERSION,
        ui_mode: UiMode::Background,
        initiator: Initiator::Server,
        session_id,
        server_id: SERVER.to_owned(),
        vendor: Vec::new(),
    };
    let secret = Secret::from_text(secret);
    notification.seal(name, &secret, nonce).unwrap()
}

#[test]
fn every_vector_is_followed_with_the_nonce_it_was_made_with() {
    let mut resynced = Vec::new();
    for vector in vectors() {
        let package = octets(&vector["package0_hex"]);
        let nonce = octets(&vector["nonce_hex"]);
        let accepted = judged(&package, &account(&nonce), &Seen::default()).unwrap();
        assert_eq!(accepted.account, "lab");
        assert_eq!(
            accepted.notification.session_text(),
            vector["session_text"].as_str().unwrap()
        );
        // With another nonce, those to resynchronise with are followed alone.
        let other = judged(&package, &account(b"another"), &Seen::default());
        assert_eq!(other.is_ok(), accepted.resync.is_some(), "{vector}");
        resynced.extend(other.ok().and_then(|accepted| accepted.resync));
    }
    assert_eq!(resynced, [&[0; 4][..], b"0x00000000"]);
}

#[test]
fn what_proves_nothing_is_told_apart() {
    let none = Seen::default();
    let good = sealed(1, SERVER, "srvpass", b"nonce");
    let reason = |octets: &[u8], account: &Account| judged(octets, account, &none).unwrap_err();
    assert_eq!(reason(b"short", &account(b"nonce")), Reason::Unreadable);
    let stranger = Account::new("lab", "other.example", "https://lab.example/dm");
    assert_eq!(reason(&good, &stranger), Reason::UnknownServer);
    let bad = sealed(1, SERVER, "guessed", b"nonce");
    assert_eq!(reason(&bad, &account(b"nonce")), Reason::BadDigest);
    assert_eq!(reason(&good, &account(b"later")), Reason::BadDigest);
    let empty = sealed(1, SERVER, "srvpass", b"");
    assert_eq!(reason(&empty, &account(b"")), Reason::EmptyNonce);
    let mut without = account(b"nonce");
    without.server = None;
    assert_eq!(reason(&good, &without), Reason::NoSecret);
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        assert!(judged(&damaged, &account(b"nonce"), &none).is_err(), "{at}");
    }
}

#[test]
fn a_server_may_seal_with_either_of_its_names() {
    let mut account = account(b"nonce");
    account.server.as_mut().unwrap().name = "the server".to_owned();
    for (name, followed) in [(SERVER, true), ("the server", true), ("else", false)] {
        let package = sealed(1, name, "srvpass", b"nonce");
        let judged = judged(&package, &account, &Seen::default());
        assert_eq!(judged.is_ok(), followed, "{name}");
    }
}

#[test]
fn one_that_was_followed_is_not_followed_again() {
    let account = account(b"nonce");
    let first = sealed(7, SERVER, "srvpass", b"nonce");
    let mut seen = Seen::default();
    seen.add(judged(&first, &account, &seen).unwrap().notified);
    assert_eq!(judged(&first, &account, &seen), Err(Reason::Repeated));
    // The same session by another digest: it has another nonce.
    let mut renewed = account.clone();
    renewed.server.as_mut().unwrap().nonce = b"fresh".to_vec();
    let same = sealed(7, SERVER, "srvpass", b"fresh");
    assert_eq!(judged(&same, &renewed, &seen), Err(Reason::Repeated));
    assert!(judged(&sealed(8, SERVER, "srvpass", b"nonce"), &account, &seen).is_ok());
    for session_id in 100..164 {
        let package = sealed(session_id, SERVER, "srvpass", b"nonce");
        seen.add(judged(&package, &account, &seen).unwrap().notified);
    }
    assert!(judged(&same, &renewed, &seen).is_ok(), "64 are remembered");
}

#[test]
fn the_nonce_to_resynchronise_with_is_taken_once_an_hour() {
    let (account, none) = (account(b"stored"), Seen::default());
    let last = Some(Anchor::new(at(100)));
    let text = b"0x00000000".as_slice();
    let hour = 100 + 3600;
    for nonce in [[0; 4].as_slice(), text] {
        let package = sealed(9, SERVER, "srvpass", nonce);
        let judged = |seconds| judged_after(&package, &account, &none, last, at(seconds));
        assert_eq!(judged(hour - 1), Err(Reason::ResyncTooSoon));
        assert_eq!(judged(hour).unwrap().resync, Some(nonce));
    }
    // The stored one is taken at any time, unless it is one that everyone knows.
    let regular = sealed(9, SERVER, "srvpass", b"stored");
    let judged = judged_after(&regular, &account, &none, last, at(101));
    assert_eq!(judged.unwrap().resync, None);
    let known = self::account(text);
    let package = sealed(9, SERVER, "srvpass", text);
    let judged = judged_after(&package, &known, &none, last, at(101));
    assert_eq!(judged, Err(Reason::ResyncTooSoon));
}

#[test]
fn a_new_boot_without_a_clock_does_not_shorten_the_hour() {
    let (account, none) = (account(b"stored"), Seen::default());
    let package = sealed(9, SERVER, "srvpass", &[0; 4]);
    let last = Some(Anchor::new(at(100)));
    let later = |seconds, wall: bool| Moment {
        boot: Duration::from_secs(seconds),
        wall: wall.then_some(Wall(Duration::from_secs(1_900_000_000))),
        before: Duration::from_secs(200),
    };
    let judged = |now| judged_after(&package, &account, &none, last, now).is_ok();
    assert!(!judged(later(60, false)), "it was on for 160 s");
    assert!(judged(later(3600, false)), "it was on for an hour");
    assert!(judged(later(60, true)), "the clock knows");
}

#[test]
fn what_came_of_them_is_counted() {
    let mut counters = Counters::default();
    counters.accepted(false);
    counters.accepted(true);
    for reason in [Reason::Busy, Reason::BadDigest, Reason::Busy] {
        counters.refused(reason);
    }
    let wire = counters.wire();
    assert_eq!((wire.accepted, wire.resynchronised), (2, 1));
    let refused: Vec<_> = wire.refused.iter().map(|c| (&*c.reason, c.count)).collect();
    assert_eq!(refused, [("bad-digest", 1), ("busy", 2)]);
}
