//! Values as they arrive, whole or in the chunks of a large object (OMA-TS-DM-Protocol 7).

use super::{ReceivedValue, Turn};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_syncml::{Data, Item, Meta, StatusCode, markup};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A large object of which chunks are missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Partial {
    /// The command, its reference and the node: what the next chunk must repeat.
    kind: String,
    reference: String,
    uri: String,
    /// `Size` of the first chunk.
    declared: Option<u64>,
    is_text: bool,
    #[serde(serialize_with = "as_base64", deserialize_with = "from_base64")]
    octets: Vec<u8>,
}

/// What an item brings.
pub(super) enum Chunk {
    /// A value, complete.
    Whole(ReceivedValue),
    /// A chunk; more follow.
    More,
    /// Nothing that can be kept.
    Bad(StatusCode),
}

impl Turn<'_> {
    /// Takes the data of an item; chunks are kept until the last one.
    pub(super) fn collect(
        &mut self,
        kind: &str,
        reference: &str,
        item: &Item,
        meta: &Meta,
    ) -> Chunk {
        let uri = uri_of(item);
        let value = received(item, meta);
        let continued = self.session.partial.as_ref().is_some_and(|partial| {
            partial.kind == kind && partial.reference == reference && partial.uri == uri
        });
        if !continued {
            self.drop_partial();
        }
        match self.session.partial.take() {
            None if !item.more_data => whole(value, self.exchange.settings.max_object),
            None => {
                let declared = item.meta.size.or(meta.size);
                let first = Partial::new(kind, reference, uri, declared);
                self.append(first, value, true)
            }
            Some(partial) => self.append(partial, value, item.more_data),
        }
    }

    fn append(&mut self, mut partial: Partial, value: ReceivedValue, more: bool) -> Chunk {
        let octets = match value {
            ReceivedValue::Text(text) => text.into_bytes(),
            ReceivedValue::Octets(octets) => {
                partial.is_text = false;
                octets
            }
        };
        partial.octets.extend_from_slice(&octets);
        let length = partial.octets.len() as u64;
        let largest = partial.declared.unwrap_or(length).max(length);
        self.chunk_seen = true;
        if largest > self.exchange.settings.max_object {
            return Chunk::Bad(StatusCode::TOO_LARGE);
        }
        if more {
            self.session.partial = Some(partial);
            return Chunk::More;
        }
        if partial.has_declared_size() {
            Chunk::Whole(partial.into_value())
        } else {
            Chunk::Bad(StatusCode::SIZE_MISMATCH)
        }
    }

    /// A large object that stops before its last chunk is dropped, and its sender told.
    pub(super) fn drop_partial(&mut self) {
        if let Some(partial) = self.session.partial.take() {
            self.reply.no_end_of_data(&partial.uri);
            self.note("a large object stopped before its last chunk");
        }
    }
}

impl Partial {
    fn new(kind: &str, reference: &str, uri: String, declared: Option<u64>) -> Self {
        Self {
            kind: kind.to_owned(),
            reference: reference.to_owned(),
            uri,
            declared,
            is_text: true,
            octets: Vec::new(),
        }
    }

    /// `Size` counts the encoded form, yet some peers count the decoded one.
    fn has_declared_size(&self) -> bool {
        let Some(declared) = self.declared else {
            return true;
        };
        let decoded = STANDARD
            .decode(&self.octets)
            .map(|octets| octets.len() as u64);
        declared == self.octets.len() as u64 || decoded == Ok(declared)
    }

    fn into_value(self) -> ReceivedValue {
        if !self.is_text {
            return ReceivedValue::Octets(self.octets);
        }
        match String::from_utf8(self.octets) {
            Ok(text) => ReceivedValue::Text(text),
            Err(error) => ReceivedValue::Octets(error.into_bytes()),
        }
    }
}

fn uri_of(item: &Item) -> String {
    let location = item.source.as_ref().or(item.target.as_ref());
    location.map_or_else(String::new, |location| location.uri.clone())
}

fn whole(value: ReceivedValue, max_object: u64) -> Chunk {
    let length = match &value {
        ReceivedValue::Text(text) => text.len(),
        ReceivedValue::Octets(octets) => octets.len(),
    };
    if length as u64 > max_object {
        return Chunk::Bad(StatusCode::TOO_LARGE);
    }
    Chunk::Whole(value)
}

/// The value of an item. WBXML peers send text as OPAQUE too, so octets that are text are text
/// unless `Format` says `bin`.
pub(super) fn received(item: &Item, meta: &Meta) -> ReceivedValue {
    let format = item.meta.format.as_deref().or(meta.format.as_deref());
    match &item.data {
        None => ReceivedValue::Text(String::new()),
        Some(Data::Text(text)) => ReceivedValue::Text(text.clone()),
        Some(Data::Opaque(octets)) => match std::str::from_utf8(octets) {
            Ok(text) if format != Some("bin") => ReceivedValue::Text(text.to_owned()),
            _ => ReceivedValue::Octets(octets.to_vec()),
        },
        Some(Data::Elements(elements)) => ReceivedValue::Text(markup(elements).unwrap_or_default()),
    }
}

fn as_base64<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(octets))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(D::Error::custom)
}
