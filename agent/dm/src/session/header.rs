//! What is checked and learned from the header of the server's messages
//! (OMA-TS-SyncML-RepPro 6.2, OMA-TS-DM-RepPro 6.1).

use omadm_syncml::{Header, RespUri, Status, StatusCode};

/// The version of the representation.
pub(super) const VER_DTD: &str = "1.2";
/// The version of the protocol.
pub(super) const VER_PROTO: &str = "DM/1.2";

/// Why a header is refused: the status of the header and of every command, and words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) code: StatusCode,
    pub(super) words: String,
}

/// Every answer repeats the `MsgID` and `CmdID` that it is to: a message of long ones would be
/// answered with many times its size. Real ones are numbers or UUIDs.
pub(super) const LONGEST_ID: usize = 255;

/// An identifier as an answer repeats it; one that is too long cannot be referred to.
pub(super) fn reference(id: &str) -> &str {
    if id.len() > LONGEST_ID { "" } else { id }
}

/// Checks that a message speaks the right protocol and belongs to this session and device.
pub(super) fn check(header: &Header, session_id: &str, device: &str) -> Result<(), Objection> {
    let objection = |code, words| Err(Objection { code, words });
    if header.ver_dtd.trim() != VER_DTD {
        let words = format!("VerDTD is \"{}\" instead of {VER_DTD}", header.ver_dtd);
        return objection(StatusCode::DTD_NOT_SUPPORTED, words);
    }
    if header.ver_proto.trim() != VER_PROTO {
        let words = format!(
            "VerProto is \"{}\" instead of {VER_PROTO}",
            header.ver_proto
        );
        return objection(StatusCode::PROTOCOL_NOT_SUPPORTED, words);
    }
    if header.msg_id.len() > LONGEST_ID {
        let words = format!("MsgID has more than {LONGEST_ID} octets");
        return objection(StatusCode::BAD_REQUEST, words);
    }
    if !same_session(&header.session_id, session_id) {
        let words = format!(
            "SessionID is \"{}\" instead of {session_id}",
            header.session_id
        );
        return objection(StatusCode::BAD_REQUEST, words);
    }
    if header.target.uri.trim() != device {
        let words = format!("Target is \"{}\" instead of {device}", header.target.uri);
        return objection(StatusCode::NOT_FOUND, words);
    }
    Ok(())
}

/// Servers rewrite the number, and some answer every session with 0.
fn same_session(received: &str, own: &str) -> bool {
    let number = |text: &str| u64::from_str_radix(text.trim(), 16).ok();
    received.trim() == own
        || matches!(number(received), Some(id) if id == 0 || Some(id) == number(own))
}

/// What the server's headers have said about the server so far.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// The largest message that it accepts.
    pub(super) max_msg_size: Option<u64>,
    /// The largest object that it accepts.
    pub(super) max_obj_size: Option<u64>,
    /// Where the next message goes.
    pub(super) resp_uri: Option<RespUri>,
}

impl Peer {
    /// Remembers what a header says; what it leaves out stays as it was.
    pub(super) fn learn(&mut self, header: &Header) {
        // Nobody accepts nothing: 0 stands for no limit.
        let limit = |size: Option<u64>| size.map(|size| if size == 0 { u64::MAX } else { size });
        self.max_msg_size = limit(header.meta.max_msg_size).or(self.max_msg_size);
        self.max_obj_size = limit(header.meta.max_obj_size).or(self.max_obj_size);
        let uri = header.resp_uri.as_deref().map(str::trim);
        if let Some(uri) = uri.filter(|uri| !uri.is_empty() && uri.len() <= LONGEST_RESP_URI) {
            self.resp_uri = Some(RespUri(uri.to_owned()));
        }
    }
}

/// No server's address with its session token is longer.
const LONGEST_RESP_URI: usize = 4_096;

/// The status of a header. The addresses are repeated exactly as they came.
pub(super) fn status(header: &Header, code: StatusCode) -> Status {
    Status {
        msg_ref: reference(&header.msg_id).to_owned(),
        cmd_ref: Some("0".to_owned()),
        cmd: "SyncHdr".to_owned(),
        target_refs: vec![header.target.uri.clone()],
        source_refs: vec![header.source.uri.clone()],
        data: code.to_string(),
        ..Status::default()
    }
}

/// Whether a status of the server answers the header of the message `msg_id`.
pub(super) fn is_answer(status: &Status, msg_id: &str) -> bool {
    // Some servers leave CmdRef out, or MsgRef.
    let is_header = status.cmd == "SyncHdr"
        || (status.cmd.is_empty() && status.cmd_ref.as_deref() == Some("0"));
    is_header && (status.msg_ref == msg_id || status.msg_ref.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_syncml::{Location, Meta};

    fn header() -> Header {
        let location = |uri: &str| Location {
            uri: uri.to_owned(),
            name: None,
        };
        Header {
            ver_dtd: "1.2".to_owned(),
            ver_proto: "DM/1.2".to_owned(),
            session_id: "1A".to_owned(),
            msg_id: "1".to_owned(),
            target: location("IMEI:1"),
            source: location("http://srv/dm"),
            ..Header::default()
        }
    }

    #[test]
    fn each_check_has_its_status_and_says_what_was_wrong() {
        type Spoil = fn(&mut Header);
        let cases: [(Spoil, u16, &str); 4] = [
            (|h| h.ver_dtd = "1.1".into(), 505, "\"1.1\" instead of 1.2"),
            (
                |h| h.ver_proto = "DM/2.0".into(),
                513,
                "\"DM/2.0\" instead of DM/1.2",
            ),
            (|h| h.session_id = "2B".into(), 400, "\"2B\" instead of 1A"),
            (
                |h| h.target.uri = "IMEI:2".into(),
                404,
                "\"IMEI:2\" instead of IMEI:1",
            ),
        ];
        assert_eq!(check(&header(), "1A", "IMEI:1"), Ok(()));
        for (spoil, code, words) in cases {
            let mut header = header();
            spoil(&mut header);
            let objection = check(&header, "1A", "IMEI:1").unwrap_err();
            assert_eq!(objection.code, StatusCode(code));
            assert!(objection.words.contains(words), "{}", objection.words);
        }
    }

    #[test]
    fn session_ids_are_compared_as_the_numbers_they_write() {
        for (received, same) in [
            ("1A", true),
            ("001a", true),
            ("0", true),
            ("1B", false),
            ("", false),
        ] {
            assert_eq!(same_session(received, "1A"), same, "{received:?}");
        }
        assert!(same_session("session-1", "session-1"));
    }

    #[test]
    fn what_a_header_leaves_out_stays_as_it_was() {
        let mut peer = Peer::default();
        let mut first = header();
        first.meta = Meta {
            max_msg_size: Some(5_000),
            ..Meta::default()
        };
        first.resp_uri = Some(" http://srv/dm?sid=1 ".to_owned());
        peer.learn(&first);
        peer.learn(&header());
        assert_eq!(peer.max_msg_size, Some(5_000));
        assert_eq!(
            peer.resp_uri,
            Some(RespUri("http://srv/dm?sid=1".to_owned()))
        );
        let mut third = header();
        third.resp_uri = Some(String::new());
        peer.learn(&third);
        assert!(peer.resp_uri.is_some());
    }
}
