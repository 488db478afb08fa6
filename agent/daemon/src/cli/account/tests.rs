use super::show::details;
use super::*;
use crate::control::wire::AccountState;
use crate::control::wire::Connection;
use std::io;

fn lab() -> AccountState {
    AccountState {
        name: "lab".to_owned(),
        server_id: "dm.example".to_owned(),
        addresses: vec!["https://dm.example/dm".to_owned()],
        encoding: "wbxml".to_owned(),
        client_auth: Some("md5".to_owned()),
        accepts: vec!["tls-ca".to_owned(), "tls-pin".to_owned()],
        default_route: "deny".to_owned(),
        roaming: "allow".to_owned(),
        metered: "deny".to_owned(),
        last_result: Some("bearer-failed".to_owned()),
        next_attempt: Some("2026-11-22T00:39:11.434Z".to_owned()),
        failures: 12,
        ..AccountState::default()
    }
}

fn printed(show: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    show(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table_is_narrow() {
    let text = printed(|out| table(&[lab()], Style::Plain, out));
    for line in text.lines() {
        assert!(
            line.chars().count() <= 100,
            "{}: {line}",
            line.chars().count()
        );
    }
    assert!(
        text.contains("bearer-failed") && text.contains("2026-11-22T00:39:11Z"),
        "{text}"
    );
    assert!(!text.contains("waiting"), "{text}");
}

#[test]
fn addresses_take_the_room_that_there_is() {
    let several = AccountState {
        name: "roof".to_owned(),
        addresses: vec!["https://dm.example:8443/dm".to_owned(), "b".to_owned()],
        ..lab()
    };
    let text = printed(|out| table(&[lab(), several.clone()], Style::Plain, out));
    let lines: Vec<&str> = text.lines().collect();
    let result = lines[0].find("LAST RESULT");
    assert!(lines[2].contains("8443/dm +1  bearer"), "{text}");
    assert_eq!(lines[1].find("bearer-failed"), result, "{text}");
    assert_eq!(lines[2].find("bearer-failed"), result, "{text}");
    assert!(lines.iter().all(|line| line.len() <= 100), "{text}");
}

#[test]
fn what_keeps_a_session_from_beginning_is_said_below_the_table() {
    let waiting = AccountState {
        waiting: Some("wwan0 is metered".to_owned()),
        ..lab()
    };
    let text = printed(|out| table(&[lab(), waiting.clone()], Style::Plain, out));
    assert!(
        text.ends_with("\nlab  waiting: wwan0 is metered\n"),
        "{text}"
    );
}

#[test]
fn an_account_is_shown_with_each_way_to_its_server() {
    let account = AccountState {
        connections: vec![
            Connection {
                reference: "lte".to_owned(),
                interface: None,
                reason: Some("wwan0 is metered".to_owned()),
            },
            Connection {
                reference: "interface:eth0".to_owned(),
                interface: Some("eth0".to_owned()),
                reason: None,
            },
        ],
        proxy: Some("http://proxy.example:3128".to_owned()),
        proxy_name: Some("gateway7".to_owned()),
        ..lab()
    };
    let text = printed(|out| details(&account, Style::Plain, out));
    for line in [
        "or by         tls-ca, tls-pin",
        "Proxy         http://proxy.example:3128, as gateway7",
        "Rules         default route deny, roaming allow, metered deny",
        "Connects by   lte: passed over, wwan0 is metered",
        "Connects by   interface:eth0: over eth0",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}: {text}");
    }
}

#[test]
fn lists_are_left_alone_replaced_or_taken_away() {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(list_of(Vec::new()), None);
    assert_eq!(list_of(texts(&[""])), Some(Vec::new()));
    assert_eq!(list_of(texts(&["a", "b"])), Some(texts(&["a", "b"])));
    assert_eq!(accepts(&[], false), None);
    assert_eq!(accepts(&[Proof::None], false), Some(Vec::new()));
    assert_eq!(accepts(&[], true), Some(texts(&["tls"])));
    let both = [Proof::TlsCa, Proof::TlsMutual];
    assert_eq!(
        accepts(&both, false),
        Some(texts(&["tls-ca", "tls-mutual"]))
    );
}
