//! The messages of a session as XML with everything secret hidden.

use omadm_syncml::{
    Element, Envelope, Limits, MediaType, Node, decode_element, encode_element, mask,
};

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
        let is_final = decoded.as_ref().is_ok_and(is_final);
        let xml = match decoded {
            Ok(message) => xml(message),
            // What cannot be read cannot be masked, so it is not shown.
            Err(error) => format!("<!-- not readable: {error} -->"),
        };
        TraceEntry {
            direction,
            time,
            package: self.package(direction, is_final),
            media_type: envelope.media_type.to_string(),
            bytes: i64::try_from(envelope.body.len()).unwrap_or(i64::MAX),
            xml,
        }
    }

    /// Packages 1 and 2 come once, 3 and 4 in turn as often as the server asks for more
    /// (OMA-TS-DM-Protocol 8).
    fn package(&mut self, direction: Direction, is_final: bool) -> i64 {
        let (complete, first, later) = match direction {
            Direction::Sent => (&mut self.first_sent, 1, 3),
            Direction::Received => (&mut self.first_received, 2, 4),
        };
        let package = if *complete { later } else { first };
        *complete |= is_final;
        package
    }
}

fn is_final(message: &Element) -> bool {
    let body = message.child("SyncBody");
    body.is_some_and(|body| body.child("Final").is_some())
}

fn xml(mut message: Element) -> String {
    mask(&mut message);
    hide_session_key(&mut message);
    match encode_element(MediaType::DmXml, &message) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("<!-- not writable as XML: {error} -->"),
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
    use omadm_syncml::{decode, encode};

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
    fn what_cannot_be_read_is_not_shown() {
        let envelope = Envelope {
            to: None,
            media_type: MediaType::DmXml,
            body: format!("<SyncML>{SECRET}").into_bytes().into(),
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
        let mut next = |direction, is_final| trace.package(direction, is_final);
        let course = [
            (Direction::Sent, false, 1),
            (Direction::Received, false, 2),
            (Direction::Sent, true, 1),
            (Direction::Received, true, 2),
            (Direction::Sent, true, 3),
            (Direction::Received, true, 4),
            (Direction::Sent, true, 3),
        ];
        for (direction, is_final, expected) in course {
            assert_eq!(next(direction, is_final), expected);
        }
    }
}
