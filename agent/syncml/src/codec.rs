//! Reading and writing whole documents in XML and WBXML.

use crate::error::{DecodeError, EncodeError};
use crate::event::Events;
use crate::limits::Limits;
use crate::writer::Writer;
use crate::{Command, Element, MediaType, Message, Namespace, decode as typed, encode as untyped};

/// Reads a message.
///
/// Children are taken in any order, elements that nobody knows are passed over, and commands
/// that nobody knows are kept as [`Command::Other`], so that they can be answered.
///
/// ```
/// use omadm_syncml::{Limits, MediaType, decode, encode};
///
/// let document = br#"<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD>
///   <VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>
///   <Target><LocURI>http://s/dm</LocURI></Target><Source><LocURI>IMEI:1</LocURI></Source>
///   </SyncHdr><SyncBody><Final/></SyncBody></SyncML>"#;
/// let message = decode(MediaType::DmXml, document, &Limits::default())?;
/// assert_eq!(message.header.source.uri, "IMEI:1");
/// assert!(encode(MediaType::DmXml, &message)?.ends_with(b"</SyncML>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode(
    media_type: MediaType,
    document: &[u8],
    limits: &Limits,
) -> Result<Message, DecodeError> {
    Events::new(media_type, document, limits)
        .and_then(|mut events| typed::message(&mut events))
        .map_err(DecodeError::from)
}

/// Writes a message, children in the order of the DTD.
pub fn encode(media_type: MediaType, message: &Message) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::new(media_type, &Namespace::SyncMl, &message.header.ver_dtd);
    untyped::message(&mut writer, message)?;
    Ok(writer.finish())
}

/// The octets that one more command makes a message longer by, never less.
///
/// The sum over the commands and the length of the message without them bounds the length of
/// the whole. A command that cannot be written counts as nothing: writing it says why.
pub fn encoded_len(media_type: MediaType, command: &Command) -> usize {
    let mut writer = Writer::fragment(media_type);
    match untyped::command(&mut writer, command, 2) {
        Ok(()) => writer.len(),
        Err(_) => 0,
    }
}

/// Reads any document whose elements the code pages cover: a message of any SyncML version, a
/// `MgmtTree` of the tree and description serialisation or of a description framework.
pub fn decode_element(
    media_type: MediaType,
    document: &[u8],
    limits: &Limits,
) -> Result<Element, DecodeError> {
    Events::new(media_type, document, limits)
        .and_then(|mut events| events.document())
        .map_err(DecodeError::from)
}

/// Writes any element as a document of its own.
pub fn encode_element(media_type: MediaType, element: &Element) -> Result<Vec<u8>, EncodeError> {
    let ver_dtd = element
        .child("SyncHdr")
        .and_then(|header| header.child("VerDTD"))
        .map(Element::text)
        .unwrap_or_default();
    let mut writer = Writer::new(media_type, &element.name.namespace, &ver_dtd);
    writer.element(element, 0)?;
    Ok(writer.finish())
}

/// The XML text of the elements that a `Data` holds, as it would stand there escaped: without a
/// declaration, with every namespace that it needs.
///
/// ```
/// use omadm_syncml::{Element, Namespace, markup};
///
/// let tree = Element::new(Namespace::DmDdf, "MgmtTree");
/// assert_eq!(markup(&[tree])?, r#"<MgmtTree xmlns="syncml:dmddf1.2"/>"#);
/// # Ok::<(), omadm_syncml::EncodeError>(())
/// ```
pub fn markup(elements: &[Element]) -> Result<String, EncodeError> {
    let mut writer = Writer::markup();
    for element in elements {
        writer.element(element, 0)?;
    }
    Ok(String::from_utf8_lossy(&writer.finish()).into_owned())
}

/// Tells the encodings apart by their first octets.
pub fn sniff(document: &[u8]) -> Option<MediaType> {
    match document {
        [0x00..=0x03, ..] => Some(MediaType::DmWbxml),
        [0xEF, 0xBB, 0xBF, ..] | [b'<' | b' ' | b'\t' | b'\r' | b'\n', ..] => {
            Some(MediaType::DmXml)
        }
        _ => None,
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
