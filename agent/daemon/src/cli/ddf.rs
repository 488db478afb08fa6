//! `omadm ddf`: the descriptions of the management objects.

use std::io::Write;

use omadm_syncml::{Element, Limits, MediaType, decode_element};
use serde::Serialize;

use super::arguments::{Ddf, Encoding, Listing};
use super::encode;
use super::failure::Failure;
use super::print::{self, Align, Style, Table};
use crate::exit;
use crate::mo::DDFS;

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Entry {
    name: &'static str,
    uri: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    mo: String,
    title: String,
    nodes: usize,
}

#[derive(Serialize)]
struct Entries {
    ddfs: Vec<Entry>,
}

/// Runs a verb.
pub(super) fn run(verb: Ddf, style: Style, out: &mut dyn Write) -> Result<(), Failure> {
    match verb {
        Ddf::List { listing } => list(listing, style, out),
        Ddf::Export { name, to } => export(&name, to, out),
    }
}

fn list(listing: Listing, style: Style, out: &mut dyn Write) -> Result<(), Failure> {
    let ddfs: Result<Vec<Entry>, Failure> =
        DDFS.iter().map(|(name, text)| entry(name, text)).collect();
    let ddfs = ddfs?;
    if listing.json {
        return print::json(out, &Entries { ddfs });
    }
    let mut table = Table::new(&[
        ("NAME", Align::Left),
        ("URI", Align::Left),
        ("OBJECT", Align::Left),
        ("NODES", Align::Right),
        ("TITLE", Align::Left),
    ]);
    for entry in &ddfs {
        table.row([
            entry.name,
            &entry.uri,
            &entry.mo,
            &entry.nodes.to_string(),
            &entry.title,
        ]);
    }
    Ok(table.print(out, style)?)
}

fn export(name: &str, to: Encoding, out: &mut dyn Write) -> Result<(), Failure> {
    let Some((_, text)) = DDFS.iter().find(|(known, _)| *known == name) else {
        let message = format_args!("no management object is called {name}; see: omadm ddf list");
        return Err(Failure::new(exit::USAGE, message));
    };
    match to {
        Encoding::Xml => Ok(out.write_all(text.as_bytes())?),
        Encoding::Wbxml => {
            let encoded = encode::encode(to, &parse(name, text)?);
            let encoded = encoded
                .map_err(|reason| Failure::new(exit::SOFTWARE, format_args!("{name}: {reason}")))?;
            Ok(out.write_all(&encoded)?)
        }
    }
}

fn parse(name: &str, text: &str) -> Result<Element, Failure> {
    let parsed = decode_element(MediaType::DmXml, text.as_bytes(), &Limits::default());
    parsed.map_err(|error| Failure::new(exit::SOFTWARE, format_args!("{name}: {error}")))
}

fn entry(name: &'static str, text: &str) -> Result<Entry, Failure> {
    let tree = parse(name, text)?;
    let text_of = |element: Option<&Element>| {
        element
            .map(|element| element.text().trim().to_owned())
            .unwrap_or_default()
    };
    let node = tree.child("Node");
    let properties = node.and_then(|node| node.child("DFProperties"));
    let path = text_of(node.and_then(|node| node.child("Path")));
    let parent = if path.is_empty() { "." } else { &path };
    let own = text_of(node.and_then(|node| node.child("NodeName")));
    let type_ = properties.and_then(|properties| properties.child("DFType"));
    Ok(Entry {
        name,
        uri: format!("{parent}/{own}"),
        mo: text_of(type_.and_then(|type_| type_.child("DDFName"))),
        title: text_of(properties.and_then(|properties| properties.child("DFTitle"))),
        nodes: count(&tree),
    })
}

/// The nodes below an element; the decoder bounds the depth.
fn count(element: &Element) -> usize {
    let below = element
        .elements()
        .filter(|child| child.name.local == "Node");
    below.map(|node| 1 + count(node)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_syncml::encode_element;

    #[test]
    fn every_description_has_a_place_and_goes_there_and_back() {
        for (name, text) in DDFS {
            let entry = entry(name, text).unwrap();
            assert!(entry.uri.starts_with("./D"), "{entry:?}");
            assert!(entry.nodes > 0, "{entry:?}");
            let tree = parse(name, text).unwrap();
            for encoding in [MediaType::DmXml, MediaType::DmWbxml] {
                let encoded = encode_element(encoding, &tree).unwrap();
                let again = decode_element(encoding, &encoded, &Limits::default()).unwrap();
                assert_eq!(text_only(again), text_only(tree.clone()), "{name}");
            }
        }
    }

    /// The element without the white space between its children.
    fn text_only(mut element: Element) -> Element {
        use omadm_syncml::Node;
        if element.elements().next().is_some() {
            element
                .children
                .retain(|child| !matches!(child, Node::Text(text) if text.trim().is_empty()));
        }
        for child in &mut element.children {
            if let Node::Element(inner) = child {
                *inner = text_only(inner.clone());
            }
        }
        element
    }

    #[test]
    fn the_listing_names_the_objects() {
        let mut out = Vec::new();
        list(Listing { json: false }, Style::Plain, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("memory     ./DiagMon/Memory  urn:oma:mo:oma-diag:memory:1.0"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_name_is_a_wrong_command_line() {
        let failure = export("x", Encoding::Xml, &mut Vec::new()).unwrap_err();
        assert_eq!(failure.code, exit::USAGE);
    }
}
