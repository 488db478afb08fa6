//! The messages of a session as XML with everything secret hidden.

use omadm_syncml::{
    Element, Envelope, Limits, MediaType, Node, decode_element, encode_element, mask,
};

use crate::cli::for_xml;
use crate::control::wire::{Direction, TraceEntry};

/// What stands where the server's key to the session stood.
const HIDDEN: &str = "(hidden)";

/// Describes the messages of one session in turn.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Whether the device's first package is complete, and then the server's.
    first_sent: bool,
    first_received: bool,
}

impl Trace {
    /// The entry of the session's next message.
    pub(crate) fn entry(
        &mut self,
        direction: Direction,
        envelope: &Envelope,
        limits: &Limits,
        time: Option<String>,
    ) -> TraceEntry {
        let decoded = decode_element(envelope.media_type, &envelope.body, limits);
        let shape = Shape {
            introduces: decoded.as_ref().is_ok_and(introduces),
            is_final: decoded.as_ref().is_ok_and(is_final),
        };
        let xml = match decoded {
            Ok(message) => xml(message),
            // What cannot be read cannot be masked, so it is not shown.
            Err(error) => format!("<!-- not readable: {error} -->"),
        };
        TraceEntry {
            direction,
            time,
            package: self.package(direction, shape),
            media_type: envelope.media_type.to_string(),
            bytes: i64::try_from(envelope.body.len()).unwrap_or(i64::MAX),
            xml,
        }
    }

    /// Packages 1 and 2 come first, and again after a challenge; then 3 and 4 in turn as often
    /// as the server asks for more (OMA-TS-DM-Protocol 8).
    fn package(&mut self, direction: Direction, shape: Shape) -> i64 {
        if direction == Direction::Sent && shape.introduces {
            *self = Self::default();
        }
        let (complete, first, later) = match direction {
            Direction::Sent => (&mut self.first_sent, 1, 3),
            Direction::Received => (&mut self.first_received, 2, 4),
        };
        let package = if *complete { later } else { first };
        *complete |= shape.is_final;
        package
    }
}

/// What tells packages apart.
#[derive(Debug, Clone, Copy)]
struct Shape {
    introduces: bool,
    is_final: bool,
}

/// Whether the message has the Alert that begins package 1: 1200 or 1201.
fn introduces(message: &Element) -> bool {
    let begins = |alert: &Element| {
        let code = alert.child("Data").map(Element::text);
        code.is_some_and(|code| matches!(code.trim(), "1200" | "1201"))
    };
    message.child("SyncBody").is_some_and(|body| {
        body.elements()
            .any(|command| command.name.local == "Alert" && begins(command))
    })
}

fn is_final(message: &Element) -> bool {
    let body = message.child("SyncBody");
    body.is_some_and(|body| body.child("Final").is_some())
}

fn xml(mut message: Element) -> String {
    mask(&mut message);
    hide_session_key(&mut message);
    let written = for_xml(message).and_then(|mut message| {
        replace_controls(&mut message);
        encode_element(MediaType::DmXml, &message).map_err(|error| error.to_string())
    });
    match written {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("<!-- not writable as XML: {error} -->"),
    }
}

/// WBXML carries control characters in its texts, XML does not (XML 1.0, 2.2). The decoder bounds
/// the depth.
fn replace_controls(element: &mut Element) {
    let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    for child in &mut element.children {
        match child {
            Node::Element(child) => replace_controls(child),
            Node::Text(text) if text.contains(is_control) => {
                *text = text.replace(is_control, "\u{fffd}");
            }
            Node::Text(_) | Node::Opaque(_) => {}
        }
    }
}

/// What follows the path of a `RespURI` is often all that a third party needs to go on with
/// the session.
fn hide_session_key(message: &mut Element) {
    let Some(resp_uri) = child(message, "SyncHdr").and_then(|header| child(header, "RespURI"))
    else {
        return;
    };
    let text = resp_uri.text().into_owned();
    if let Some((path, _)) = text.split_once(['?', ';']) {
        resp_uri.children = vec![Node::Text(format!("{path}?{HIDDEN}"))];
    }
}

fn child<'a>(element: &'a mut Element, local: &str) -> Option<&'a mut Element> {
    element.children.iter_mut().find_map(|node| match node {
        Node::Element(child) if child.name.local == local => Some(child),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_syncml::{Namespace, decode, encode};

    const SECRET: &str = "hunter2";

    fn traced(body: &str) -> String {
        let document = format!(
            "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>\
             <VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>\
             <Target><LocURI>https://srv/dm</LocURI></Target>\
             <Source><LocURI>urn:uuid:1</LocURI></Source>\
             <RespURI>https://srv/dm?sid={SECRET}</RespURI>\
             <Cred><Meta><Type xmlns='syncml:metinf'>syncml:auth-basic</Type></Meta>\
             <Data>{SECRET}</Data></Cred></SyncHdr><SyncBody>{body}<Final/></SyncBody></SyncML>"
        );
        let limits = Limits::default();
        let message = decode(MediaType::DmXml, document.as_bytes(), &limits).unwrap();
        let mut texts = Vec::new();
        for media_type in [MediaType::DmXml, MediaType::DmWbxml] {
            let envelope = Envelope {
                to: None,
                media_type,
                body: encode(media_type, &message).unwrap().into(),
                hmac: None,
            };
            let entry = Trace::default().entry(Direction::Sent, &envelope, &limits, None);
            assert!(!entry.xml.contains(SECRET), "{}", entry.xml);
            decode(MediaType::DmXml, entry.xml.as_bytes(), &limits).expect("still a message");
            texts.push(entry.xml);
        }
        texts.remove(0)
    }

    #[test]
    fn credentials_and_session_keys_are_hidden() {
        let text = traced("");
        assert!(text.contains("https://srv/dm?(hidden)"), "{text}");
        assert!(text.contains("syncml:auth-basic"), "{text}");
    }

    #[test]
    fn secret_leaves_are_hidden_and_others_are_not() {
        let add = |uri: &str, data: &str| {
            format!(
                "<Add><CmdID>1</CmdID><Item><Target><LocURI>{uri}</LocURI></Target>\
                 <Data>{data}</Data></Item></Add>"
            )
        };
        let secret = add("./DMAcc/a/AppAuth/0/AAuthSecret", SECRET);
        traced(&secret);
        traced(&format!("<Atomic><CmdID>1</CmdID>{secret}</Atomic>"));
        let open = traced(&add("./Lamp", "visible"));
        assert!(open.contains("visible"), "{open}");
    }

    #[test]
    fn octets_of_a_wbxml_message_stay_writable() {
        let message = "<Results><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>1</CmdRef><Item>\
             <Source><LocURI>./Bin</LocURI></Source><Meta>\
             <Format xmlns='syncml:metinf'>bin</Format></Meta><Data>AP8B</Data></Item></Results>";
        let text = traced(message);
        assert!(text.contains("./Bin"), "{text}");
    }

    #[test]
    fn what_xml_cannot_carry_is_shown_all_the_same() {
        let item = |uri: &'static str, data: Node| {
            let mut element = Element::new(Namespace::SyncMl, "Data");
            element.children.push(data);
            let address = Element::new(Namespace::SyncMl, "LocURI").with_text(uri);
            Element::new(Namespace::SyncMl, "Item")
                .with_child(Element::new(Namespace::SyncMl, "Target").with_child(address))
                .with_child(element)
        };
        let add = Element::new(Namespace::SyncMl, "Add")
            .with_child(item("./Bin", Node::Opaque(vec![0, 0xff, 1].into())))
            .with_child(item("./Text", Node::Text("a\u{1b}b".into())));
        let body = Element::new(Namespace::SyncMl, "SyncBody").with_child(add);
        let message = Element::new(Namespace::SyncMl, "SyncML").with_child(body);
        let envelope = Envelope {
            to: None,
            media_type: MediaType::DmWbxml,
            body: encode_element(MediaType::DmWbxml, &message).unwrap().into(),
            hmac: None,
        };
        let xml = Trace::default()
            .entry(Direction::Sent, &envelope, &Limits::default(), None)
            .xml;
        assert!(
            xml.contains(">b64</Format></Meta><Data>AP8B</Data>"),
            "{xml}"
        );
        assert!(xml.contains("<Data>a\u{fffd}b</Data>"), "{xml}");
    }

    #[test]
    fn what_cannot_be_read_is_not_shown() {
        let envelope = Envelope {
            to: None,
            media_type: MediaType::DmXml,
            body: format!("<SyncML>{SECRET}").into_bytes().into(),
            hmac: None,
        };
        let entry =
            Trace::default().entry(Direction::Received, &envelope, &Limits::default(), None);
        assert!(
            entry.xml.starts_with("<!-- not readable: "),
            "{}",
            entry.xml
        );
        assert!(!entry.xml.contains(SECRET));
    }

    #[test]
    fn packages_are_counted() {
        let mut trace = Trace::default();
        let course = [
            (Direction::Sent, true, false, 1),
            (Direction::Received, false, false, 2),
            (Direction::Sent, false, true, 1),
            (Direction::Received, false, true, 2),
            // After a challenge it all begins again.
            (Direction::Sent, true, true, 1),
            (Direction::Received, false, true, 2),
            (Direction::Sent, false, true, 3),
            (Direction::Received, false, true, 4),
            (Direction::Sent, false, true, 3),
        ];
        for (direction, introduces, is_final, expected) in course {
            let shape = Shape {
                introduces,
                is_final,
            };
            assert_eq!(trace.package(direction, shape), expected);
        }
    }
}
