//! The XML encoding (OMA-TS-SyncML-RepPro 1.2 with XML 1.0 and its namespaces).

mod reader;
mod writer;

pub(crate) use reader::XmlReader;
pub(crate) use writer::XmlWriter;

use crate::error::EncodeError;

/// The namespace that the prefix `xml` always stands for.
pub(crate) const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// Whether XML 1.0 allows the character in a document.
pub(crate) const fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{1_0000}'..)
}

/// Whether `name` is a name without a prefix (Namespaces in XML 1.0, `NCName`).
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(starts_name) && name.chars().all(|c| starts_name(c) || goes_on_name(c))
}

/// `NameStartChar` of XML 1.0 without the colon.
const fn starts_name(character: char) -> bool {
    matches!(character,
        'A'..='Z' | 'a'..='z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}'
        | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}'
        | '\u{200C}' | '\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{1_0000}'..='\u{E_FFFF}')
}

/// What `NameChar` of XML 1.0 has beyond `NameStartChar`.
const fn goes_on_name(character: char) -> bool {
    matches!(character,
        '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}')
}

/// `name` when it is a name that XML allows; `xmlns` only declares namespaces.
pub(crate) fn valid_name(name: &str) -> Result<&str, EncodeError> {
    if is_name(name) && name != "xmlns" {
        Ok(name)
    } else {
        Err(EncodeError::Name(name.into()))
    }
}
