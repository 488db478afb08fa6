//! How data arrives: `Meta` from around it, its encoding, and large objects
//! (OMA-TS-SyncML-RepPro 6.3, OMA-TS-DM-Protocol 7).

use super::command::Execution;
use crate::Content;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use omadm_syncml::{
    Data, Element, Format, Item, MediaType, Meta, StatusCode, Value, encode_element,
};
use std::sync::Arc;

/// `Meta` of an outer and an inner place: each element of the inner one goes before.
pub(super) fn inherit(outer: &Meta, inner: &Meta) -> Meta {
    Meta {
        format: inner.format.clone().or_else(|| outer.format.clone()),
        type_: inner.type_.clone().or_else(|| outer.type_.clone()),
        mark: inner.mark.clone().or_else(|| outer.mark.clone()),
        size: inner.size.or(outer.size),
        ..Meta::default()
    }
}

/// A large object that the server sends in chunks, which the device refuses.
///
/// The last chunk looks like a complete object: without this it would be taken for one.
#[derive(Debug)]
pub(super) struct LargeObject {
    target: String,
    size: Option<u64>,
    seen: u64,
}

impl LargeObject {
    /// Whether `len` more octets for `target` are the rest of the object.
    fn ends_with(&self, target: &str, len: u64) -> bool {
        let complete = self.seen.saturating_add(len);
        self.target == target && self.size.is_none_or(|size| size == complete)
    }
}

impl Execution<'_> {
    /// The data of an item, as far as its own description decides how to read it.
    pub(super) fn content(&mut self, item: &Item, meta: &Meta) -> Result<Content, StatusCode> {
        self.refuse_chunk(item, meta)?;
        let format = match meta.format.as_deref() {
            None => None,
            Some(text) => Some(Format::parse(text).ok_or(StatusCode::UNSUPPORTED_FORMAT)?),
        };
        let data = item.data.as_ref();
        let value = data.map(|data| value(data, format, self.setting.received_as));
        let value = value.transpose()?;
        if let (Some(size), Some(data), Some(value)) = (meta.size, data, &value)
            && size != data_len(data)
            && size != value.len()
        {
            return Err(StatusCode::SIZE_MISMATCH);
        }
        Ok(Content {
            format,
            type_: meta.type_.as_deref().map(|type_| Arc::from(type_.trim())),
            value,
        })
    }

    /// 413 for what is too large, and for each chunk of an object in chunks: the device says in
    /// `./DevDetail/LrgObj` that it takes none.
    fn refuse_chunk(&mut self, item: &Item, meta: &Meta) -> Result<(), StatusCode> {
        let target = item
            .target
            .as_ref()
            .map_or("", |target| target.uri.as_str());
        let len = item.data.as_ref().map_or(0, data_len);
        let open = self.large.take();
        if item.more_data {
            let same = open.filter(|open| open.target == target);
            let before = same.unwrap_or_else(|| LargeObject {
                target: target.to_owned(),
                size: meta.size,
                seen: 0,
            });
            self.large = Some(LargeObject {
                seen: before.seen.saturating_add(len),
                ..before
            });
            return Err(StatusCode::TOO_LARGE);
        }
        let is_rest = open.is_some_and(|open| open.ends_with(target, len));
        let too_large = meta.size.unwrap_or(len).max(len) > self.setting.max_object;
        if is_rest || too_large {
            return Err(StatusCode::TOO_LARGE);
        }
        Ok(())
    }
}

fn data_len(data: &Data) -> u64 {
    match data {
        Data::Text(text) => text.len() as u64,
        Data::Opaque(octets) => octets.len() as u64,
        Data::Elements(_) => 0,
    }
}

fn value(data: &Data, format: Option<Format>, received_as: MediaType) -> Result<Value, StatusCode> {
    match (data, format, received_as) {
        // In XML octets only travel as base64, whatever the format calls itself.
        (Data::Text(text), Some(Format::Bin), MediaType::DmXml) => decode(text),
        (Data::Text(text), _, _) => Ok(Value::from(text.as_str())),
        (Data::Opaque(octets), _, _) => Ok(Value::from(octets.clone())),
        (Data::Elements(elements), _, _) => markup(elements),
    }
}

fn decode(text: &str) -> Result<Value, StatusCode> {
    let tolerant =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let digits: String = text.split_ascii_whitespace().collect();
    GeneralPurpose::new(&alphabet::STANDARD, tolerant)
        .decode(digits)
        .map(Value::from)
        .map_err(|_| StatusCode::UNSUPPORTED_FORMAT)
}

/// Markup that was not escaped, as the text it stands for.
fn markup(elements: &[Element]) -> Result<Value, StatusCode> {
    let mut text = String::new();
    for element in elements {
        let document = encode_element(MediaType::DmXml, element).ok();
        let document = document.and_then(|octets| String::from_utf8(octets).ok());
        let document = document.ok_or(StatusCode::UNSUPPORTED_FORMAT)?;
        // The declaration belongs to documents, and the data is none.
        text.push_str(
            document
                .split_once("?>")
                .map_or(&*document, |(_, root)| root),
        );
    }
    Ok(Value::from(text))
}
