//! Messages and jobs as they may be shown: without secrets, and as text throughout.

use crate::job::{Content, Operation};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_syncml::{Command, Cred, Data, Element, Item, MediaType, Message, Meta, Node, encode};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// What stands for a secret.
pub(crate) const MASK: &str = "***";

/// The length of a token.
const TOKEN: usize = 32;

/// Leaves whose value is a secret, by the last part of their address (OMA-TS-DM-StdObj 5.3,
/// OMA CP parameter names among them).
const SECRET_LEAVES: &[&str] = &[
    "aauthsecret",
    "aauthdata",
    "secret",
    "password",
    "passphrase",
    "psk",
    "pin",
];

/// A message in XML with its secrets masked.
pub(crate) fn as_xml(message: &Message) -> String {
    let mut shown = message.clone();
    mask_cred(&mut shown.header.cred);
    shown.commands.iter_mut().for_each(mask_command);
    match encode(MediaType::DmXml, &shown) {
        Ok(octets) => mask_tokens(&String::from_utf8_lossy(&octets)),
        Err(error) => format!("(cannot be shown in XML: {error})"),
    }
}

/// Whoever knows the token of a `RespURI` can speak in its session.
fn mask_tokens(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("?s=") {
        let token = after
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(after.len());
        shown.push_str(before);
        shown.push_str("?s=");
        if token == TOKEN {
            shown.push_str(MASK);
            rest = after.get(token..).unwrap_or_default();
        } else {
            rest = after;
        }
    }
    shown + rest
}

/// A job with its secrets masked.
pub(crate) fn operations(operations: &mut [Operation]) {
    for operation in operations {
        match operation {
            Operation::Add { uri, content } | Operation::Replace { uri, content }
                if is_secret(uri) =>
            {
                *content = Content {
                    text: content.text.as_ref().map(|_| MASK.into()),
                    base64: content.base64.as_ref().map(|_| MASK.into()),
                    ..content.clone()
                };
            }
            Operation::Atomic { members } | Operation::Sequence { members } => {
                self::operations(members);
            }
            Operation::Raw { xml } => mask_raw(xml),
            _ => {}
        }
    }
}

/// Raw commands are shown as they would be sent, or not at all.
fn mask_raw(xml: &mut String) {
    if !SECRET_LEAVES
        .iter()
        .any(|leaf| xml.to_lowercase().contains(leaf))
    {
        return;
    }
    let raw = Operation::Raw {
        xml: std::mem::take(xml),
    };
    let Ok(commands) = crate::job::commands(&[raw], MediaType::DmXml) else {
        *xml = MASK.into();
        return;
    };
    let whole = as_xml(&Message {
        header: omadm_syncml::Header::default(),
        commands,
        is_final: false,
    });
    let body = whole.split_once("<SyncBody>").map(|(_, body)| body);
    let body = body.and_then(|body| body.split_once("</SyncBody>"));
    body.map_or(MASK, |(body, _)| body).clone_into(xml);
}

/// Whether the value of a node is a secret.
pub(crate) fn is_secret(uri: &str) -> bool {
    let path = uri.split('?').next().unwrap_or_default();
    let leaf = path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    SECRET_LEAVES.contains(&leaf.as_str())
}

fn mask_cred(cred: &mut Option<Cred>) {
    if let Some(cred) = cred {
        cred.data = Zeroizing::new(MASK.into());
    }
}

fn mask_command(command: &mut Command) {
    if let Some(request) = command.request_mut() {
        mask_cred(&mut request.cred);
        request.items.iter_mut().for_each(mask_item);
        return;
    }
    match command {
        Command::Alert(alert) => {
            mask_cred(&mut alert.cred);
            alert.items.iter_mut().for_each(mask_item);
        }
        Command::Atomic(c) | Command::Sequence(c) => c.commands.iter_mut().for_each(mask_command),
        Command::Results(results) => results.items.iter_mut().for_each(mask_item),
        Command::Status(status) => {
            mask_cred(&mut status.cred);
            if let Some(chal) = &mut status.chal {
                as_text(chal);
            }
            status.items.iter_mut().for_each(mask_item);
        }
        Command::Other(element) => mask_element(element),
        _ => {}
    }
}

fn mask_item(item: &mut Item) {
    let address = item.target.as_ref().or(item.source.as_ref());
    let secret = address.is_some_and(|address| is_secret(&address.uri));
    match &mut item.data {
        Some(data) if secret => *data = Data::Text(MASK.into()),
        Some(Data::Opaque(octets)) if std::str::from_utf8(octets).is_err() => {
            let mut text = String::from("(octets in base64) ");
            let _ = write!(text, "{}", STANDARD.encode(&*octets));
            item.data = Some(Data::Text(text));
        }
        Some(Data::Elements(elements)) => elements.iter_mut().for_each(mask_element),
        _ => {}
    }
    as_text(&mut item.meta);
}

/// A nonce of raw octets is shown as the base64 that it would be in XML.
fn as_text(meta: &mut Meta) {
    if let Some(Data::Opaque(octets)) = &meta.next_nonce
        && std::str::from_utf8(octets).is_err()
    {
        meta.next_nonce = Some(Data::Text(STANDARD.encode(octets)));
    }
}

/// What stands in an element that nobody knows may be a credential too.
fn mask_element(element: &mut Element) {
    let local = element.name.local.clone();
    for node in &mut element.children {
        match node {
            Node::Element(child) if local == "Cred" && child.name.local == "Data" => {
                child.children = vec![Node::Text(MASK.into())];
            }
            Node::Element(child) => mask_element(child),
            Node::Opaque(octets) if std::str::from_utf8(octets).is_err() => {
                *node = Node::Text(STANDARD.encode(&*octets));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_syncml::{Limits, decode};

    const DOCUMENT: &str = r#"<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD>
        <VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>
        <Target><LocURI>http://s/dm</LocURI></Target><Source><LocURI>dev</LocURI></Source>
        <Cred><Meta><Type xmlns="syncml:metinf">syncml:auth-basic</Type></Meta>
        <Data>c2VjcmV0LXVzZXI6cGFzcw==</Data></Cred></SyncHdr><SyncBody>
        <Atomic><CmdID>1</CmdID><Replace><CmdID>2</CmdID><Item><Target>
        <LocURI>./DMAcc/x/AppAuth/s/AAuthSecret</LocURI></Target><Data>hush-hush</Data></Item>
        </Replace></Atomic><Put><CmdID>3</CmdID><Cred><Data>hush-hush</Data></Cred></Put>
        <Results><CmdID>4</CmdID><CmdRef>1</CmdRef><Item><Source><LocURI>./A</LocURI></Source>
        <Data>plain</Data></Item></Results><Final/></SyncBody></SyncML>"#;

    #[test]
    fn no_secret_is_shown_and_all_else_is() {
        let message = decode(MediaType::DmXml, DOCUMENT.as_bytes(), &Limits::default()).unwrap();
        let shown = as_xml(&message);
        assert!(!shown.contains("c2VjcmV0"), "{shown}");
        assert!(!shown.contains("hush-hush"), "{shown}");
        assert!(shown.contains("plain"), "{shown}");
        assert!(shown.contains("syncml:auth-basic"), "{shown}");
        assert!(shown.contains("AAuthSecret"), "{shown}");
    }

    #[test]
    fn tokens_are_masked_wherever_they_stand() {
        let token = "0123456789abcdef".repeat(2);
        let text = format!("<A>http://h/dm?s={token}</A><B>?s=short</B><C>x?s={token}&amp;y");
        let expected = "<A>http://h/dm?s=***</A><B>?s=short</B><C>x?s=***&amp;y";
        assert_eq!(mask_tokens(&text), expected);
    }

    #[test]
    fn jobs_are_shown_without_secrets() {
        let replace = |uri: &str| Operation::Replace {
            uri: uri.into(),
            content: Content {
                text: Some("hush-hush".into()),
                ..Content::default()
            },
        };
        let raw = "<Replace><CmdID>1</CmdID><Item><Target><LocURI>./x/Password</LocURI></Target>
            <Data>hush-hush</Data></Item></Replace>";
        let mut job = vec![
            Operation::Atomic {
                members: vec![replace("./DMAcc/x/AppAuth/s/AAuthSecret"), replace("./A")],
            },
            Operation::Raw { xml: raw.into() },
        ];
        operations(&mut job);
        let shown = serde_json::to_string(&job).unwrap();
        assert_eq!(shown.matches("hush-hush").count(), 1, "{shown}");
        assert!(shown.contains("Password"), "{shown}");
    }

    #[test]
    fn secret_leaves_are_known_by_their_last_part() {
        assert!(is_secret("./DMAcc/x/AppAuth/s/AAuthSecret"));
        assert!(is_secret("./A/Password?prop=Name"));
        assert!(!is_secret("./DMAcc/x/AppAuth/s/AAuthSecretary"));
        assert!(!is_secret("./AAuthSecret/Name"));
    }
}
