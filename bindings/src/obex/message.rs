//! What objects mean: messages, notifications, bootstraps (OMA-TS-SyncML_OBEXBinding 1.2).

use super::code::ResponseCode;
use super::headers::{Description, Received};
use super::server::Object;
use crate::arrival::Bootstrap;

use bytes::Bytes;
use omadm_syncml::auth::HMAC_HEADER;
use omadm_syncml::{
    Envelope, HmacHeader, Limits, MediaType, decode_element, encode_element, notification,
};

/// The media type of the capability object (OBEX 1.5, 9.2).
pub(super) const CAPABILITY: &str = "x-obex/capability";

/// The bootstrap of OMA Client Provisioning.
const PROVISIONING: [&str; 2] = [
    "application/vnd.wap.connectivity-wbxml",
    "text/vnd.wap.connectivity-xml",
];

/// What a Type says that an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Package 0.
    Notification,
    /// A DM message.
    Message(MediaType),
    /// A bootstrap: a DM message, or a provisioning document, with SEC and MAC.
    Bootstrap,
    /// The capability object.
    Capability,
}

impl Kind {
    /// Peers vary case, padding and parameters.
    pub(super) fn of(text: &str) -> Option<Self> {
        let essence = essence(text);
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is(notification::MEDIA_TYPE) {
            return Some(Self::Notification);
        }
        if is(CAPABILITY) {
            return Some(Self::Capability);
        }
        let sealed = parameter(text, "SEC").is_some() || parameter(text, "MAC").is_some();
        if sealed || PROVISIONING.iter().any(|name| is(name)) {
            let known = MediaType::recognise(essence).is_some();
            return (known || PROVISIONING.iter().any(|name| is(name))).then_some(Self::Bootstrap);
        }
        MediaType::recognise(essence).map(Self::Message)
    }
}

fn essence(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

/// The value of a parameter of a media type.
fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut parameters = text
        .split(';')
        .skip(1)
        .filter_map(|part| part.split_once('='));
    let (_, value) = parameters.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

/// Judges an object by the headers of its first packet.
pub(super) fn admit(headers: &Received) -> Result<(), ResponseCode> {
    let kind = headers.kind.as_deref().filter(|kind| !kind.is_empty());
    let kind = kind.ok_or(ResponseCode::BAD_REQUEST)?;
    match Kind::of(kind) {
        Some(Kind::Notification | Kind::Message(_) | Kind::Bootstrap) => Ok(()),
        Some(Kind::Capability) | None => Err(ResponseCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

/// What describes a message that is sent; the answer to a GET has no Type, because it was asked
/// for, unless it is another one.
pub fn describe(envelope: &Envelope, with_type: bool) -> Vec<Description> {
    let mut all = Vec::new();
    if with_type {
        all.push(Description::Type(envelope.media_type.as_str().to_owned()));
    }
    all.extend(length(&envelope.body));
    if let Some(hmac) = &envelope.hmac {
        let line = format!("{HMAC_HEADER}: {hmac}\r\n");
        all.push(Description::Http(line.into()));
    }
    all
}

/// The Length of an object.
pub(super) fn length(body: &Bytes) -> Option<Description> {
    u32::try_from(body.len()).ok().map(Description::Length)
}

/// A message as it was received, in a Type that says so or was asked for. One that cannot be read has been damaged on the way: the peer
/// is told (0xC0) and may send it again, and nobody else hears of it.
pub fn envelope(object: Object, media_type: MediaType) -> Result<Envelope, ResponseCode> {
    let limits = Limits {
        message_bytes: object.body.len(),
        ..Limits::default()
    };
    if let Err(error) = decode_element(media_type, &object.body, &limits) {
        log::debug!(
            "a message of {} octets is damaged: {error}",
            object.body.len()
        );
        return Err(ResponseCode::BAD_REQUEST);
    }
    Ok(Envelope {
        to: None,
        media_type,
        hmac: hmac(&object.http),
        body: object.body,
    })
}

/// The digest that stands in HTTP headers (OMA-TS-DM_Security 1.2, 5.4).
pub(super) fn hmac(blocks: &[Bytes]) -> Option<HmacHeader> {
    let lines = blocks
        .iter()
        .flat_map(|block| block.split(|octet| *octet == b'\n'));
    let fields = lines.filter_map(|line| {
        let at = line.iter().position(|octet| *octet == b':')?;
        let (name, value) = line.split_at_checked(at)?;
        let named = name
            .trim_ascii()
            .eq_ignore_ascii_case(HMAC_HEADER.as_bytes());
        let padding = |octet: &u8| *octet == 0 || octet.is_ascii_whitespace();
        let value = value.get(1..).unwrap_or_default().trim_ascii_start();
        let end = value
            .iter()
            .rposition(|octet| !padding(octet))
            .map_or(0, |at| at + 1);
        named.then(|| value.get(..end).unwrap_or_default())
    });
    HmacHeader::of_fields(fields)
}

/// A message in the encoding that the peer has asked for. A message that is signed stays as it
/// is, because the digest is over its octets; its Type then says what it is.
pub(super) fn in_encoding(envelope: Envelope, wanted: MediaType) -> Envelope {
    if envelope.media_type == wanted || envelope.hmac.is_some() {
        return envelope;
    }
    let limits = Limits {
        message_bytes: envelope.body.len(),
        ..Limits::default()
    };
    let element = decode_element(envelope.media_type, &envelope.body, &limits).ok();
    match element.and_then(|element| encode_element(wanted, &element).ok()) {
        Some(body) => Envelope {
            media_type: wanted,
            body: body.into(),
            ..envelope
        },
        None => envelope,
    }
}

/// A bootstrap as it was received.
pub(super) fn bootstrap(object: Object) -> Bootstrap {
    let kind = object.kind.unwrap_or_default();
    let own = |name| parameter(&kind, name).map(str::to_owned);
    Bootstrap {
        media_type: essence(&kind).to_ascii_lowercase(),
        sec: own("SEC"),
        mac: own("MAC"),
        body: object.body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_as_peers_write_it() {
        for (text, expected) in [
            (
                "application/vnd.syncml.notification",
                Some(Kind::Notification),
            ),
            (
                "Application/vnd.SyncML.Notification; x=y",
                Some(Kind::Notification),
            ),
            (
                "application/vnd.syncml.dm+wbxml",
                Some(Kind::Message(MediaType::DmWbxml)),
            ),
            (
                "application/vnd.syncml.dm+xml; charset=utf-8",
                Some(Kind::Message(MediaType::DmXml)),
            ),
            (
                "application/vnd.syncml.dm+wbxml; SEC=USERPIN; MAC=00",
                Some(Kind::Bootstrap),
            ),
            (
                "application/vnd.wap.connectivity-wbxml",
                Some(Kind::Bootstrap),
            ),
            ("x-obex/capability", Some(Kind::Capability)),
            ("application/vnd.syncml.ds.notification", None),
            ("text/plain; SEC=USERPIN", None),
            ("", None),
        ] {
            assert_eq!(Kind::of(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_wanted_is_refused_at_its_first_packet() {
        let of = |kind: Option<&str>| {
            admit(&Received {
                kind: kind.map(str::to_owned),
                ..Received::default()
            })
        };
        assert_eq!(of(None), Err(ResponseCode::BAD_REQUEST));
        assert_eq!(of(Some("")), Err(ResponseCode::BAD_REQUEST));
        let unsupported = Err(ResponseCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(
            of(Some("application/vnd.syncml.ds.notification")),
            unsupported
        );
        assert_eq!(of(Some(CAPABILITY)), unsupported);
        assert_eq!(of(Some("application/vnd.syncml.dm+xml")), Ok(()));
    }

    #[test]
    fn a_digest_is_found_wherever_it_stands_in_the_http_headers() {
        let value = r#"algorithm=MD5, username="Bruce2", mac=urdCeS3JUmjFgi8SX3webw=="#;
        let expected = Some(HmacHeader::parse(value).unwrap());
        for block in [
            format!("x-syncml-hmac: {value}\r\n"),
            format!("X-SyncML-HMAC:{value}\0"),
            format!("Accept: */*\r\nx-syncml-hmac : {value}\r\n\r\n"),
            format!("x-syncml-hmac: {value}"),
        ] {
            assert_eq!(hmac(&[block.clone().into()]), expected, "{block:?}");
        }
        assert_eq!(hmac(&[]), None);
        assert_eq!(hmac(&["Accept: */*\r\n".into()]), None);
        // Twice is none that can be believed, and yet not absent.
        let twice = format!("x-syncml-hmac: {value}\r\nx-syncml-hmac: {value}\r\n");
        assert!(hmac(&[twice.into()]).unwrap().is_unreadable());
    }

    #[test]
    fn a_message_is_written_in_the_encoding_that_was_asked_for_unless_it_is_signed() {
        let xml = "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD>\
            <VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID></SyncHdr>\
            <SyncBody><Final/></SyncBody></SyncML>";
        let plain = Envelope {
            to: None,
            media_type: MediaType::DmXml,
            body: Bytes::from_static(xml.as_bytes()),
            hmac: None,
        };
        let other = in_encoding(plain.clone(), MediaType::DmWbxml);
        assert_eq!(other.media_type, MediaType::DmWbxml);
        assert_eq!(omadm_syncml::sniff(&other.body), Some(MediaType::DmWbxml));
        assert_eq!(in_encoding(plain.clone(), MediaType::DmXml), plain);
        let signed = Envelope {
            hmac: HmacHeader::of_fields([&b"username=\"a\", mac=b"[..]]),
            ..plain
        };
        assert_eq!(in_encoding(signed.clone(), MediaType::DmWbxml), signed);
        // The answer to a GET then names its Type.
        assert!(matches!(describe(&signed, true)[0], Description::Type(_)));
    }
}
