//! Messages and jobs as they may be shown: without secrets, and as text throughout. What is a
//! secret is decided by [`omadm_syncml::mask`].

use crate::job::{self, Content, Operation};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_syncml::mask::HIDDEN;
use omadm_syncml::{
    Command, Element, Header, Limits, MediaType, Message, Node, decode_element, encode,
    encode_element, markup, mask,
};

/// The length of a token.
const TOKEN: usize = 32;

/// An encoded message in XML with its secrets hidden.
pub(crate) fn as_xml(media_type: MediaType, octets: &[u8]) -> String {
    match decode_element(media_type, octets, &limits(octets)) {
        Ok(mut root) => {
            mask(&mut root);
            make_text(&mut root);
            match encode_element(MediaType::DmXml, &root) {
                Ok(octets) => mask_tokens(&String::from_utf8_lossy(&octets)),
                Err(error) => format!("(cannot be shown in XML: {error})"),
            }
        }
        // What cannot be read cannot be masked.
        Err(error) => format!("(cannot be shown: {error})"),
    }
}

/// Whatever this program has read or written before.
fn limits(octets: &[u8]) -> Limits {
    Limits::spacious(octets.len().max(1 << 20))
}

/// XML carries neither octets nor control characters (XML 1.0, 2.2). The decoder bounds the depth.
fn make_text(element: &mut Element) {
    let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    for child in &mut element.children {
        match child {
            Node::Element(child) => make_text(child),
            Node::Text(text) if text.contains(is_control) => {
                *text = text.replace(is_control, "\u{fffd}");
            }
            Node::Text(_) => {}
            Node::Opaque(octets) => {
                let text = std::str::from_utf8(octets).ok();
                let text = text.filter(|text| !text.contains(is_control));
                let shown = text.map_or_else(
                    || format!("(octets in base64) {}", STANDARD.encode(&*octets)),
                    str::to_owned,
                );
                *child = Node::Text(shown);
            }
        }
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
            shown.push_str(HIDDEN);
            rest = after.get(token..).unwrap_or_default();
        } else {
            rest = after;
        }
    }
    shown + rest
}

/// A job with its secrets hidden.
pub(crate) fn operations(operations: &mut [Operation]) {
    for operation in operations {
        match operation {
            Operation::Atomic { members } | Operation::Sequence { members } => {
                self::operations(members);
            }
            Operation::Raw { .. } => mask_raw(operation),
            Operation::Add { .. } | Operation::Replace { .. } => mask_content(operation),
            _ => {}
        }
    }
}

/// The value of a secret leaf, and one that holds a secret, is hidden as a whole.
fn mask_content(operation: &mut Operation) {
    let is_open = masked(operation).is_some_and(|(hidden, _)| hidden == 0);
    if let Operation::Add { content, .. } | Operation::Replace { content, .. } = operation
        && !is_open
    {
        let hide = |value: &Option<String>| value.as_ref().map(|_| HIDDEN.to_owned());
        *content = Content {
            text: hide(&content.text),
            base64: hide(&content.base64),
            ..content.clone()
        };
    }
}

/// Raw commands with a secret are shown as they would be sent, or not at all.
fn mask_raw(operation: &mut Operation) {
    let shown = match masked(operation) {
        Some((0, _)) => return,
        Some((_, mut root)) => {
            make_text(&mut root);
            let body = root.child("SyncBody").map(|body| body.elements().cloned());
            let commands: Vec<Element> = body.into_iter().flatten().collect();
            markup(&commands).ok()
        }
        None => None,
    };
    *operation = Operation::Raw {
        xml: shown.unwrap_or_else(|| HIDDEN.to_owned()),
    };
}

/// What an operation would be sent as, and how much of it was hidden. Only WBXML shows octets as
/// they are, and so what is in them.
fn masked(operation: &Operation) -> Option<(usize, Element)> {
    let form = MediaType::DmWbxml;
    let commands: Vec<Command> = job::commands(std::slice::from_ref(operation), form).ok()?;
    let message = Message {
        header: Header::default(),
        commands,
        is_final: false,
    };
    let octets = encode(form, &message).ok()?;
    let mut root = decode_element(form, &octets, &limits(&octets)).ok()?;
    Some((mask(&mut root), root))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// A serialised subtree with a secret leaf.
    const SUBTREE: &str = "<MgmtTree xmlns='syncml:dmddf1.2'><VerDTD>1.2</VerDTD><Node>\
        <NodeName>x</NodeName><Node><NodeName>AAuthSecret</NodeName><Value>hush-hush</Value>\
        </Node></Node></MgmtTree>";

    #[test]
    fn no_secret_is_shown_and_all_else_is() {
        let shown = as_xml(MediaType::DmXml, DOCUMENT.as_bytes());
        assert!(!shown.contains("c2VjcmV0"), "{shown}");
        assert!(!shown.contains("hush-hush"), "{shown}");
        assert!(shown.contains("plain"), "{shown}");
        assert!(shown.contains("syncml:auth-basic"), "{shown}");
        assert!(shown.contains("AAuthSecret"), "{shown}");
        let broken = as_xml(MediaType::DmXml, b"<SyncML>hush-hush");
        assert!(!broken.contains("hush-hush"), "{broken}");
    }

    #[test]
    fn octets_and_controls_become_text() {
        let data = Element {
            children: vec![Node::Opaque(bytes::Bytes::from_static(&[0, 0xFF]))],
            ..Element::new(omadm_syncml::Namespace::SyncMl, "Data")
        };
        let root = Element::new(omadm_syncml::Namespace::SyncMl, "SyncML").with_child(data);
        let octets = encode_element(MediaType::DmWbxml, &root).unwrap();
        let shown = as_xml(MediaType::DmWbxml, &octets);
        assert!(shown.contains("(octets in base64) AP8="), "{shown}");
    }

    #[test]
    fn tokens_are_masked_wherever_they_stand() {
        let token = "0123456789abcdef".repeat(2);
        let text = format!("<A>http://h/dm?s={token}</A><B>?s=short</B><C>x?s={token}&amp;y");
        let expected = "<A>http://h/dm?s=(hidden)</A><B>?s=short</B><C>x?s=(hidden)&amp;y";
        assert_eq!(mask_tokens(&text), expected);
    }

    fn add(uri: &str, content: Content) -> Operation {
        Operation::Add {
            uri: uri.into(),
            content,
        }
    }

    fn text(text: &str) -> Content {
        Content {
            text: Some(text.into()),
            ..Content::default()
        }
    }

    #[test]
    fn jobs_are_shown_without_secrets() {
        let raw = "<Replace><CmdID>1</CmdID><Item><Target><LocURI>./x/Password</LocURI></Target>
            <Data>hush-hush</Data></Item></Replace>";
        let mut job = vec![
            Operation::Atomic {
                members: vec![
                    add("./DMAcc/x/AppAuth/s/AAuthSecret", text("hush-hush")),
                    add("./A", text("hush-hush")),
                ],
            },
            Operation::Raw { xml: raw.into() },
        ];
        operations(&mut job);
        let shown = serde_json::to_string(&job).unwrap();
        assert_eq!(shown.matches("hush-hush").count(), 1, "{shown}");
        assert!(shown.contains("Password"), "{shown}");
    }

    #[test]
    fn subtrees_in_jobs_are_looked_into() {
        let type_ = Some("application/vnd.syncml.dmtnds+xml".to_owned());
        let octets = Content {
            base64: Some(STANDARD.encode(SUBTREE)),
            format: Some("bin".to_owned()),
            type_: type_.clone(),
            ..Content::default()
        };
        let plain = Content {
            type_,
            format: Some("xml".to_owned()),
            ..text(SUBTREE)
        };
        let mut job = vec![add("./DMAcc/x", plain), add("./DMAcc/y", octets)];
        operations(&mut job);
        let shown = serde_json::to_string(&job).unwrap();
        assert!(!shown.contains("hush-hush"), "{shown}");
        assert_eq!(shown.matches(HIDDEN).count(), 2, "{shown}");
    }
}
