//! What tells messages and sessions apart.

use super::Request;
use md5::{Digest as _, Md5};
use omadm_syncml::Message;
use std::fmt::Write as _;

/// Names that are kept and echoed must be there and must not be long.
pub(super) fn check_names(message: &Message) -> Result<(), &'static str> {
    let header = &message.header;
    match (&header.source.uri, &header.session_id, &header.msg_id) {
        (device, _, _) if device.is_empty() || device.len() > 255 => {
            Err("the Source of the header is missing or longer than 255 bytes")
        }
        (_, id, _) if id.is_empty() || id.len() > 64 => {
            Err("the SessionID is missing or longer than 64 bytes")
        }
        (_, _, id) if id.is_empty() || id.len() > 64 => {
            Err("the MsgID is missing or longer than 64 bytes")
        }
        _ => Ok(()),
    }
}

/// What tells a message from another one with the same `MsgID`: its octets, and what proves them.
pub(super) fn digest(request: &Request<'_>) -> Vec<u8> {
    let mac = request.hmac.map(|header| header.mac.as_bytes());
    let hash = Md5::new().chain_update(request.body);
    hash.chain_update(mac.unwrap_or_default())
        .finalize()
        .to_vec()
}

/// The part of a `RespURI` that nobody can guess.
pub(super) fn token(random: &[u8]) -> String {
    let mut text = String::with_capacity(32);
    for octet in random.iter().skip(18) {
        let _ = write!(text, "{octet:02x}");
    }
    text
}
