//! The XML encoding (OMA-TS-SyncML-RepPro 1.2 with XML 1.0 and its namespaces).

mod reader;
mod writer;

pub(crate) use reader::XmlReader;
pub(crate) use writer::XmlWriter;

use crate::error::EncodeError;

/// The namespace that the prefix `xml` always stands for.
pub(crate) const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// Whether XML 1.0 allows the character in a document.
const fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{1_0000}'..)
}

/// Whether `name` is a name without a prefix, a little more generous than XML is.
pub(crate) fn is_name(name: &str) -> bool {
    let starts = |c: char| c.is_alphabetic() || c == '_' || !c.is_ascii();
    let goes_on = |c: char| starts(c) || c.is_ascii_digit() || matches!(c, '-' | '.');
    name.starts_with(starts) && name.chars().all(goes_on)
}

/// `name` when it is a name that XML allows; `xmlns` only declares namespaces.
pub(crate) fn valid_name(name: &str) -> Result<&str, EncodeError> {
    if is_name(name) && name != "xmlns" {
        Ok(name)
    } else {
        Err(EncodeError::Name(name.into()))
    }
}
