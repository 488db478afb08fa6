//! What the leaves of a message hold: identifiers, flags, data, credentials.

use super::Decoded;
use crate::Data;
use crate::error::Reason;
use crate::event::{Event, Events, join};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::borrow::Cow;
use zeroize::{Zeroize, Zeroizing};

/// An identifier, a code or an address: white space around it is layout.
///
/// These are echoed in the other encoding and shown in logs, so that control characters, which
/// WBXML can carry, are refused.
pub(super) fn token(e: &mut Events<'_>) -> Decoded<String> {
    let text = e.text()?;
    if let Some(character) = text.chars().find(|&c| is_unfit(c)) {
        return Err(e.error(Reason::IdentifierCharacter(character.into())));
    }
    Ok(match text {
        Cow::Borrowed(text) => text.trim().to_owned(),
        Cow::Owned(text) if text.trim().len() == text.len() => text,
        Cow::Owned(text) => text.trim().to_owned(),
    })
}

fn is_unfit(character: char) -> bool {
    let control = character.is_control() && !character.is_ascii_whitespace();
    control || !crate::xml::is_allowed(character)
}

/// An empty element that is there; whatever it holds means nothing.
pub(super) fn flag(e: &mut Events<'_>) -> Decoded<bool> {
    e.skip()?;
    Ok(true)
}

/// The content of `Data` exactly as it came: text, octets or elements.
pub(super) fn data(e: &mut Events<'_>) -> Decoded<Data> {
    let mut text = Cow::Borrowed("");
    let mut octets: Option<Octets<'_>> = None;
    let mut elements = Vec::new();
    loop {
        match e.next()? {
            Event::Text(piece) => match &mut octets {
                None => join(&mut text, piece),
                Some(octets) => octets.append(piece.as_bytes()),
            },
            Event::Opaque(piece) => match &mut octets {
                None if text.is_empty() => octets = Some(Octets(Cow::Borrowed(piece))),
                None => {
                    let mut joined = std::mem::take(&mut text).into_owned().into_bytes();
                    joined.extend_from_slice(piece);
                    octets = Some(Octets(Cow::Owned(joined)));
                }
                Some(octets) => octets.append(piece),
            },
            Event::Start(name) => elements.push(e.element(name)?),
            Event::End => break,
            Event::Eof => return Err(e.error(Reason::UnexpectedEnd)),
        }
    }
    match octets {
        None if elements.is_empty() => Ok(Data::Text(text.into_owned())),
        None if text.trim().is_empty() => Ok(Data::Elements(elements)),
        Some(octets) if elements.is_empty() => Ok(Data::Opaque(octets.into_bytes())),
        _ => Err(e.error(Reason::MixedContent)),
    }
}

/// Octets that are borrowed until a second piece follows.
struct Octets<'a>(Cow<'a, [u8]>);

impl Octets<'_> {
    fn append(&mut self, piece: &[u8]) {
        self.0.to_mut().extend_from_slice(piece);
    }

    fn into_bytes(self) -> Bytes {
        match self.0 {
            Cow::Borrowed(octets) => Bytes::copy_from_slice(octets),
            Cow::Owned(octets) => Bytes::from(octets),
        }
    }
}

/// The text of a credential; raw octets, which some WBXML peers send, become their base64.
pub(super) fn credential(data: Data) -> Zeroizing<String> {
    match data {
        Data::Text(text) => {
            let text = Zeroizing::new(text);
            if text.trim().len() == text.len() {
                return text;
            }
            Zeroizing::new(text.trim().to_owned())
        }
        Data::Opaque(octets) => {
            let text = Zeroizing::new(match std::str::from_utf8(&octets) {
                Ok(text) => text.trim().to_owned(),
                Err(_) => STANDARD.encode(&octets),
            });
            if let Ok(mut octets) = octets.try_into_mut() {
                octets.as_mut().zeroize();
            }
            text
        }
        Data::Elements(_) => Zeroizing::new(String::new()),
    }
}

/// White space around base64 text is layout.
pub(super) fn nonce(data: Data) -> Data {
    match data {
        Data::Text(text) => Data::Text(text.trim().to_owned()),
        other => other,
    }
}
