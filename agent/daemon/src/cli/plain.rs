//! Makes a document fit for XML, which carries no octets: what a WBXML document holds as
//! opaque data becomes elements or base64, and `Meta` says so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use omadm_syncml::{Element, Namespace, Node};

use super::decode;

/// What became of the data of an item, for the `Meta` that describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    /// An embedded WBXML document: its `Type` ends with `+xml` now.
    Elements,
    /// Octets: their `Format` is `b64` now.
    Base64,
}

/// The document without octets that XML cannot carry.
pub(crate) fn for_xml(mut document: Element) -> Result<Element, String> {
    match adapt(&mut document) {
        Some(Became::Base64) => {
            Err("Data holds octets that XML cannot carry, and no Meta could say that they are base64 then".to_owned())
        }
        Some(Became::Elements) | None => Ok(document),
    }
}

/// Adapts what lies below an element. An item says itself that it is base64, in a `Meta` of its own
/// if need be, since that of the command speaks for its other items too; another `Type` is handed
/// up to where it was given. The decoder bounds the depth.
fn adapt(element: &mut Element) -> Option<Became> {
    let mut became = None;
    for child in &mut element.children {
        let Node::Element(child) = child else {
            continue;
        };
        let here = match &*child.name.local {
            "Data" => replace_octets(child),
            // raw octets from some WBXML peers; in XML it is base64 in any case
            "NextNonce" => replace_octets(child).and(None),
            _ => None,
        };
        became = here.or_else(|| adapt(child)).or(became);
    }
    let became = became?;
    let meta = element.children.iter_mut().find_map(|child| match child {
        Node::Element(child) if child.name.local == "Meta" => Some(child),
        _ => None,
    });
    match meta {
        Some(meta) => (!say(meta, became)).then_some(became),
        None if became == Became::Base64 && element.name.local == "Item" => {
            describe(element);
            None
        }
        None => Some(became),
    }
}

/// Gives an item a `Meta`, which stands before its `Data` (SyncML 1.2 DTD, Item).
fn describe(item: &mut Element) {
    let mut meta = Element::new(Namespace::SyncMl, "Meta");
    say(&mut meta, Became::Base64);
    let is_data = |child: &Node| matches!(child, Node::Element(data) if data.name.local == "Data");
    let place = item.children.iter().position(is_data).unwrap_or_default();
    item.children.insert(place, Node::Element(meta));
}

/// Turns the octets of a `Data` into something that XML carries.
fn replace_octets(data: &mut Element) -> Option<Became> {
    let mut became = None;
    for child in &mut data.children {
        let Node::Opaque(octets) = child else {
            continue;
        };
        if is_text(octets) {
            continue;
        }
        let inner = decode::nested(octets, 1);
        let text = || Node::Text(BASE64.encode(&*octets));
        became = Some(inner.as_ref().map_or(Became::Base64, |_| Became::Elements));
        *child = inner.map_or_else(text, Node::Element);
    }
    became
}

/// Whether XML 1.0 has all characters (2.2).
fn is_text(octets: &[u8]) -> bool {
    let fits = |c: char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    std::str::from_utf8(octets).is_ok_and(|text| text.chars().all(fits))
}

/// Corrects a `Meta`; false if it says nothing about the matter.
fn say(meta: &mut Element, became: Became) -> bool {
    let (name, text) = match became {
        Became::Base64 => ("Format", "b64".to_owned()),
        Became::Elements => match meta.child("Type") {
            Some(type_) => ("Type", type_.text().replace("+wbxml", "+xml")),
            None => return false,
        },
    };
    let known = meta.children.iter_mut().find_map(|child| match child {
        Node::Element(child) if child.name.local == name => Some(child),
        _ => None,
    });
    match known {
        Some(element) => element.children = vec![Node::Text(text)],
        None => meta.children.insert(
            0,
            Node::Element(Element::new(Namespace::MetInf, name).with_text(text)),
        ),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn item(meta: Option<Element>, octets: &'static [u8]) -> Element {
        let mut data = Element::new(Namespace::SyncMl, "Data");
        data.children.push(Node::Opaque(Bytes::from_static(octets)));
        let mut item = Element::new(Namespace::SyncMl, "Item");
        item.children.extend(meta.map(Node::Element));
        item.with_child(data)
    }

    fn meta(name: &'static str, text: &str) -> Element {
        let child = Element::new(Namespace::MetInf, name).with_text(text);
        Element::new(Namespace::SyncMl, "Meta").with_child(child)
    }

    #[test]
    fn octets_become_base64_and_meta_says_so() {
        let adapted = for_xml(item(Some(meta("Format", "bin")), &[0, 0xff])).unwrap();
        assert_eq!(
            adapted
                .child("Meta")
                .unwrap()
                .child("Format")
                .unwrap()
                .text(),
            "b64"
        );
        assert_eq!(adapted.child("Data").unwrap().text(), "AP8=");
    }

    #[test]
    fn an_item_says_what_the_meta_of_the_command_does_not() {
        let command = Element::new(Namespace::SyncMl, "Add")
            .with_child(meta("Type", "application/octet-stream"))
            .with_child(item(None, &[0]))
            .with_child(item(None, b"text"));
        let adapted = for_xml(command).unwrap();
        assert!(adapted.child("Meta").unwrap().child("Format").is_none());
        let items: Vec<_> = adapted.elements().skip(1).collect();
        let format = items[0].child("Meta").unwrap().child("Format");
        assert_eq!(format.unwrap().text(), "b64");
        assert_eq!(items[0].elements().next().unwrap().name.local, "Meta");
        assert!(items[1].child("Meta").is_none());
    }

    #[test]
    fn text_stays_what_it_is() {
        let before = item(Some(meta("Format", "chr")), b"IMEI:1");
        assert_eq!(for_xml(before.clone()), Ok(before));
    }

    #[test]
    fn octets_that_nothing_describes_are_refused() {
        let mut data = Element::new(Namespace::SyncMl, "Data");
        data.children.push(Node::Opaque(Bytes::from_static(&[0])));
        let status = Element::new(Namespace::SyncMl, "Status").with_child(data);
        assert!(for_xml(status).unwrap_err().contains("Meta"));
    }

    #[test]
    fn a_raw_nonce_becomes_base64() {
        let mut nonce = Element::new(Namespace::MetInf, "NextNonce");
        nonce
            .children
            .push(Node::Opaque(Bytes::from_static(&[1, 2])));
        let meta = Element::new(Namespace::SyncMl, "Meta").with_child(nonce);
        let adapted = for_xml(Element::new(Namespace::SyncMl, "Chal").with_child(meta)).unwrap();
        assert_eq!(adapted.child("Meta").unwrap().text(), "");
        let nonce = adapted.child("Meta").unwrap().child("NextNonce");
        assert_eq!(nonce.unwrap().text(), "AQI=");
    }
}
