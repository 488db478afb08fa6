//! `omadm decode`: a document, a notification or a capture of OBEX in readable form.

mod line;

use std::io::{self, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use omadm_syncml::{Element, Limits, MediaType, Node, decode_element, sniff};

use super::arguments::{Encoding, Listing};
use super::codes;
use super::document::{Document, JsonElement};
use super::failure::Failure;
use super::input;
use super::print::{self, Harmless, Style};
use crate::exit;

/// The shortest octets that are tried as a document of their own.
const MIN_NESTED: usize = 6;

/// How many documents may stand one in the other; a TNDS in a message is one.
pub(super) const MAX_NESTED: u8 = 3;

/// A file that a person chose may be larger than a message of a peer.
const LIMITS: Limits = Limits {
    message_bytes: input::MAX_DOCUMENT,
    depth: 64,
    elements: 1 << 20,
    attributes: 32,
    string_table: 1 << 20,
    expansion: 1 << 24,
    memory: 1 << 28,
};

/// Prints what is in a file.
pub(super) fn run(
    file: &Path,
    listing: Listing,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let bytes = input::document(file)?;
    let (encoding, element) = match decode(&bytes) {
        Ok(document) => document,
        Err(reason) => {
            return match line::read(&bytes) {
                Ok(found) if listing.json => print::json(out, &found.json()),
                Ok(found) => Ok(found.print(style, out)?),
                Err(others) => Err(at(file, format_args!("{reason}; {others}"))),
            };
        }
    };
    if listing.json {
        let document = Document {
            encoding: encoding.as_str().to_owned(),
            bytes: bytes.len(),
            root: JsonElement::new(&element),
        };
        return print::json(out, &document);
    }
    let heading = format!("{}, {} bytes", encoding.as_str(), bytes.len());
    writeln!(out, "{}", style.faint(&heading))?;
    Ok(render(&element, 0, style, out)?)
}

/// An input that is no document.
pub(super) fn at(file: &Path, reason: impl std::fmt::Display) -> Failure {
    Failure::new(exit::DATA, format_args!("{}: {reason}", input::name(file)))
}

/// Decodes a document of either encoding.
pub(super) fn decode(bytes: &[u8]) -> Result<(Encoding, Element), String> {
    if bytes.is_empty() {
        return Err("there is nothing in it".to_owned());
    }
    let Some(media_type) = sniff(bytes) else {
        return Err("neither XML nor WBXML: it begins with none of <, 01, 02 and 03".to_owned());
    };
    let encoding = match media_type {
        MediaType::DmXml => Encoding::Xml,
        MediaType::DmWbxml => Encoding::Wbxml,
    };
    match decode_element(media_type, bytes, &LIMITS) {
        Ok(element) => Ok((encoding, element)),
        Err(error) => Err(error.to_string()),
    }
}

/// The document that opaque octets hold, such as a TNDS in WBXML; `levels` more may be opened.
pub(super) fn nested(octets: &[u8], levels: u8) -> Option<Element> {
    if octets.len() < MIN_NESTED || levels == 0 {
        return None;
    }
    decode(octets).ok().map(|(_, element)| element)
}

/// Prints an element and all below it, one line each, indented by its depth. The depth is
/// bounded by the decoder's limit.
pub(super) fn render(
    element: &Element,
    depth: usize,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let levels = MAX_NESTED;
    Frame { style, levels, out }.element(element, "", depth)
}

struct Frame<'a> {
    style: Style,
    /// How many nested documents may still be opened.
    levels: u8,
    out: &'a mut dyn Write,
}

impl Frame<'_> {
    fn element(&mut self, element: &Element, parent: &str, depth: usize) -> io::Result<()> {
        let name = &element.name.local;
        write!(self.out, "{:1$}", "", depth * 2)?;
        write!(
            self.out,
            "{}",
            self.style.strong(&Harmless(name).to_string())
        )?;
        for attribute in &element.attributes {
            let (local, value) = (Harmless(&attribute.local), Harmless(&attribute.value));
            write!(self.out, " {local}=\"{value}\"")?;
        }
        match element.children.as_slice() {
            [] => writeln!(self.out),
            [Node::Text(text)] if !text.contains('\n') => {
                let meaning = if name == "Data" {
                    codes::meaning(parent, text)
                } else {
                    None
                };
                writeln!(self.out, " {}{}", Harmless(text), self.explained(meaning))
            }
            [Node::Opaque(octets)] => self.octets(octets, depth),
            children => {
                writeln!(self.out)?;
                children
                    .iter()
                    .try_for_each(|child| self.node(child, name, depth + 1))
            }
        }
    }

    fn node(&mut self, node: &Node, parent: &str, depth: usize) -> io::Result<()> {
        match node {
            Node::Element(element) => self.element(element, parent, depth),
            Node::Opaque(octets) => {
                write!(self.out, "{:1$}", "", depth * 2 - 1)?;
                self.octets(octets, depth)
            }
            Node::Text(text) if text.trim().is_empty() => Ok(()),
            Node::Text(text) => text.lines().try_for_each(|line| {
                let bar = self.style.faint("|");
                writeln!(self.out, "{:2$}{bar} {}", "", Harmless(line), depth * 2)
            }),
        }
    }

    /// The rest of a line, and further lines when the octets hold a document.
    fn octets(&mut self, octets: &[u8], depth: usize) -> io::Result<()> {
        let count = octets.len();
        if let Some(inner) = nested(octets, self.levels) {
            let note = self.style.faint(&format!("({count} octets, a document:)"));
            writeln!(self.out, " {note}")?;
            self.levels -= 1;
            let shown = self.element(&inner, "", depth + 1);
            self.levels += 1;
            return shown;
        }
        let note = |kind: &str| self.style.faint(&format!("({count} octets{kind})"));
        match std::str::from_utf8(octets) {
            Ok(text) if !text.contains(char::is_control) => {
                writeln!(self.out, " {text} {}", note(""), text = Harmless(text))
            }
            _ => {
                let text = BASE64.encode(octets);
                writeln!(self.out, " {text} {}", note(", base64"))
            }
        }
    }

    fn explained(&self, meaning: Option<&str>) -> String {
        meaning.map_or_else(String::new, |text| self.style.faint(&format!(" ({text})")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{encode, plain};

    /// A small generator of test data (splitmix64).
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn vectors() -> Vec<Vec<u8>> {
        let text = include_str!("../../../../tests/vectors/wbxml.json");
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let octets = |name: &str| {
            let text = json[name].as_str().unwrap();
            let at = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
            (0..text.len()).step_by(2).map(at).collect::<Vec<u8>>()
        };
        let xml = json["V1_xml"].as_str().unwrap().as_bytes().to_vec();
        vec![
            octets("V1_package1_wbxml12"),
            octets("V2_add_inbox_tnds"),
            xml,
        ]
    }

    #[test]
    fn whatever_can_be_decoded_can_be_shown_and_encoded() {
        let (mut seed, mut decoded) = (1, 0);
        for vector in vectors() {
            for _ in 0..2000 {
                let mut octets = vector.clone();
                for _ in 0..=next(&mut seed) % 3 {
                    let at = usize::try_from(next(&mut seed)).unwrap() % octets.len();
                    octets[at] = next(&mut seed).to_le_bytes()[0];
                }
                let Ok((_, element)) = decode(&octets) else {
                    continue;
                };
                decoded += 1;
                let mut out = Vec::new();
                render(&element, 0, Style::Plain, &mut out).unwrap();
                let text = String::from_utf8(out).unwrap();
                assert!(
                    !text.contains(|c: char| c.is_control() && c != '\n'),
                    "{text:?}"
                );
                let json = serde_json::to_string(&JsonElement::new(&element)).unwrap();
                let json: JsonElement = serde_json::from_str(&json).unwrap();
                assert_eq!(Element::try_from(json), Ok(element.clone()));
                let _ =
                    plain::for_xml(element.clone()).map(|xml| encode::encode(Encoding::Xml, &xml));
                let _ = encode::encode(Encoding::Wbxml, &element);
            }
        }
        assert!(decoded > 1000, "{decoded}");
    }

    #[test]
    fn documents_are_opened_only_so_deep() {
        // a document that holds itself, as deep as anyone likes
        let mut element = Element::new(omadm_syncml::Namespace::SyncMl, "Data");
        for _ in 0..20 {
            let octets = encode::encode(Encoding::Wbxml, &element).unwrap();
            element = Element::new(omadm_syncml::Namespace::SyncMl, "Data");
            element.children.push(Node::Opaque(octets.into()));
        }
        let mut out = Vec::new();
        render(&element, 0, Style::Plain, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("a document:").count(), usize::from(MAX_NESTED));
    }
}
