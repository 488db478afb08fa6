//! `omadm encode`: a document in the other encoding.

use std::io::Write;
use std::path::Path;

use omadm_syncml::{Element, MediaType, encode_element};

use super::arguments::Encoding;
use super::decode;
use super::document::Document;
use super::failure::Failure;
use super::input;
use super::plain;

/// Writes the document of a file in the encoding that is wanted.
pub(super) fn run(to: Encoding, file: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let bytes = input::document(file)?;
    let element = read(&bytes).map_err(|reason| decode::at(file, reason))?;
    let element = match to {
        Encoding::Xml => plain::for_xml(element).map_err(|reason| decode::at(file, reason))?,
        Encoding::Wbxml => element,
    };
    let encoded = encode(to, &element).map_err(|reason| decode::at(file, reason))?;
    out.write_all(&encoded)?;
    match to {
        // as every text ends
        Encoding::Xml => Ok(out.write_all(b"\n")?),
        Encoding::Wbxml => Ok(()),
    }
}

/// Encodes a document.
pub(super) fn encode(to: Encoding, element: &Element) -> Result<Vec<u8>, String> {
    let media_type = match to {
        Encoding::Wbxml => MediaType::DmWbxml,
        Encoding::Xml => MediaType::DmXml,
    };
    encode_element(media_type, element).map_err(|error| error.to_string())
}

/// Reads a document in any of the three forms.
fn read(bytes: &[u8]) -> Result<Element, String> {
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        return from_json(bytes);
    }
    decode::decode(bytes).map(|(_, element)| element)
}

fn from_json(bytes: &[u8]) -> Result<Element, String> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|error| format!("not what decode --json prints: {error}"))?;
    let element = document.root.try_into();
    element.map_err(|error| format!("an opaque value is not base64: {error}"))
}
