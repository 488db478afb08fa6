//! What a bearer carries: one encoded message and where it goes.

use crate::auth::HmacHeader;
use bytes::Bytes;
use std::fmt;

/// The media type of a DM 1.2 message (IANA registrations of `vnd.syncml.dm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `application/vnd.syncml.dm+xml`
    DmXml,
    /// `application/vnd.syncml.dm+wbxml`
    DmWbxml,
}

impl MediaType {
    /// The exact name that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DmXml => "application/vnd.syncml.dm+xml",
            Self::DmWbxml => "application/vnd.syncml.dm+wbxml",
        }
    }

    /// Recognises a media type as peers send it: any case, any parameters, and the names
    /// without `.dm` that several DM servers use.
    pub fn recognise(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        let same = |name: &str| essence.eq_ignore_ascii_case(name);
        if same(Self::DmXml.as_str()) || same("application/vnd.syncml+xml") {
            Some(Self::DmXml)
        } else if same(Self::DmWbxml.as_str()) || same("application/vnd.syncml+wbxml") {
            Some(Self::DmWbxml)
        } else {
            None
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `RespURI` of a received header: where the next message of the session goes.
///
/// It may be relative and may carry the server's session token; it is kept verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RespUri(pub String);

/// One encoded message on its way.
///
/// The message holds credentials and the address may hold a session's token, so `Debug` shows
/// neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where it goes; `None` is the address of the account.
    pub to: Option<RespUri>,
    /// How `body` is encoded.
    pub media_type: MediaType,
    /// The encoded message.
    pub body: Bytes,
    /// The digest over `body` that travels beside it, in a header of the transport.
    pub hmac: Option<HmacHeader>,
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("media_type", &self.media_type)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_shows_its_kind_and_length_alone() {
        let envelope = Envelope {
            to: Some(RespUri("http://s/dm?token=SECRET".into())),
            media_type: MediaType::DmXml,
            body: Bytes::from_static(b"<SyncML>SECRET"),
            hmac: None,
        };
        let shown = format!("{envelope:?}");
        assert_eq!(shown, "Envelope { media_type: DmXml, length: 14, .. }");
    }

    #[test]
    fn media_types_are_recognised_as_peers_send_them() {
        for (text, expected) in [
            ("application/vnd.syncml.dm+xml", Some(MediaType::DmXml)),
            (
                "application/vnd.syncml.dm+wbxml; charset=utf-8",
                Some(MediaType::DmWbxml),
            ),
            ("Application/VND.SyncML+WBXML", Some(MediaType::DmWbxml)),
            (
                "application/vnd.syncml+xml;charset=UTF-8",
                Some(MediaType::DmXml),
            ),
            ("text/html", None),
            ("", None),
        ] {
            assert_eq!(MediaType::recognise(text), expected, "{text:?}");
        }
    }
}
