//! Shows a document to people: one element a line, indented.

use crate::error::is_plain;
use crate::{Element, Limits, MediaType, Namespace, Node, decode_element};
use std::fmt::Write;

/// Octets of opaque data that are shown.
const SHOWN_OCTETS: usize = 32;

/// Documents in documents that are shown as such; one that is deeper is shown as octets.
const MAX_NESTED: usize = 4;

/// The element and everything in it as indented text.
///
/// Character data follows the name; what would not fit a line is escaped as in Rust. Opaque
/// data is shown as text, as the document it holds, or in hexadecimal.
pub fn dump(element: &Element) -> String {
    let mut dump = Dump {
        out: String::new(),
        nested: 0,
        limits: Limits::default(),
    };
    dump.element(element, &Namespace::SyncMl, 0);
    dump.out
}

struct Dump {
    out: String,
    /// Documents around the elements that are written now.
    nested: usize,
    /// What documents inside may cost, all of them together.
    limits: Limits,
}

impl Dump {
    fn element(&mut self, element: &Element, around: &Namespace, depth: usize) {
        self.limits.elements = self.limits.elements.saturating_sub(1);
        self.indent(depth);
        self.out.push_str(&element.name.local);
        let namespace = &element.name.namespace;
        if let (Namespace::Other(name), true) = (namespace, namespace != around) {
            let _ = write!(self.out, " ({})", line(name));
        }
        for attribute in &element.attributes {
            let (name, value) = (line(&attribute.local), &attribute.value);
            let _ = write!(self.out, " {name}={value:?}");
        }
        if let [only @ (Node::Text(_) | Node::Opaque(_))] = element.children.as_slice() {
            self.out.push_str(": ");
            self.content(only, depth);
            return;
        }
        self.out.push('\n');
        for child in &element.children {
            match child {
                Node::Element(child) if depth < 2 * Limits::MAX_DEPTH => {
                    self.element(child, namespace, depth + 1);
                }
                Node::Element(_) => {
                    self.indent(depth + 1);
                    self.out.push_str("…\n");
                }
                content => {
                    self.indent(depth + 1);
                    self.content(content, depth + 1);
                }
            }
        }
    }

    /// Writes text or octets, and the end of the line.
    fn content(&mut self, content: &Node, depth: usize) {
        match content {
            Node::Text(text) => {
                let _ = writeln!(self.out, "{}", line(text));
            }
            Node::Opaque(octets) => self.octets(octets, depth),
            Node::Element(_) => {}
        }
    }

    fn octets(&mut self, octets: &[u8], depth: usize) {
        if let Some(inner) = self.document(octets) {
            let _ = writeln!(self.out, "(WBXML, {} octets)", octets.len());
            self.nested += 1;
            self.element(&inner, &Namespace::SyncMl, depth + 1);
            self.nested -= 1;
        } else if let Ok(text) = std::str::from_utf8(octets) {
            let _ = writeln!(self.out, "{} ({} octets)", line(text), octets.len());
        } else {
            let _ = writeln!(self.out, "{}", hexadecimal(octets));
        }
    }

    fn document(&self, octets: &[u8]) -> Option<Element> {
        if self.nested >= MAX_NESTED {
            return None;
        }
        decode_element(MediaType::DmWbxml, octets, &self.limits).ok()
    }

    fn indent(&mut self, depth: usize) {
        for _ in 0..depth {
            self.out.push_str("  ");
        }
    }
}

/// The first octets, and how many there are.
pub(crate) fn hexadecimal(octets: &[u8]) -> String {
    let shown = octets.get(..SHOWN_OCTETS).unwrap_or(octets);
    let mut text = String::new();
    for octet in shown {
        let _ = write!(text, "{octet:02x} ");
    }
    let rest = if shown.len() < octets.len() {
        "… "
    } else {
        ""
    };
    let _ = write!(text, "{rest}({} octets)", octets.len());
    text
}

/// The text as it is when it fits a line and does not begin or end with white space, and else
/// in quotes and escaped. A peer cannot send a terminal control sequences this way, nor text
/// that turns the direction of what follows it.
pub(crate) fn line(text: &str) -> String {
    let plain = text.chars().all(|c| is_plain(c) || c == '\\');
    if plain && text.trim().len() == text.len() && !text.starts_with('"') {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_shown_indented() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/wbxml.json")).unwrap();
        let hex = vectors["V2_add_inbox_tnds"].as_str().unwrap();
        let octets: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let root = decode_element(MediaType::DmWbxml, &octets, &Limits::default()).unwrap();
        let expected = "\
SyncML
  SyncHdr
    VerDTD: 1.2
    VerProto: DM/1.2
    SessionID: 1
    MsgID: 1
    Target
      LocURI: IMEI:1
    Source
      LocURI: http://s/dm
  SyncBody
    Add
      CmdID: 1
      Item
        Target
          LocURI: ./Inbox
        Meta
          Format: xml
          Type: application/vnd.syncml.dmtnds+wbxml
        Data: (WBXML, 76 octets)
          MgmtTree
            VerDTD: 1.2
            Node
              NodeName: A
              RTProperties
                Format
                  chr
                Type
                  MIME: text/plain
              Value: x
    Final
";
        assert_eq!(dump(&root), expected);
    }

    #[test]
    fn documents_in_documents_cost_no_more_than_one() {
        let wrap = |inner: Vec<u8>| {
            let mut data = Element::new(Namespace::SyncMl, "Data");
            data.children.push(Node::Opaque(inner.into()));
            data
        };
        let mut data = wrap(vec![0xFF]);
        for _ in 0..9 {
            data = wrap(crate::encode_element(MediaType::DmWbxml, &data).unwrap());
        }
        assert_eq!(dump(&data).matches("WBXML").count(), 4);

        let many = vec![Node::Element(Element::new(Namespace::SyncMl, "Item")); 10_000];
        let mut add = Element::new(Namespace::SyncMl, "Add");
        add.children = many;
        let inner = crate::encode_element(MediaType::DmWbxml, &add).unwrap();
        let mut outer = Element::new(Namespace::SyncMl, "Data");
        outer.children = vec![Node::Opaque(inner.into()); 100];
        assert_eq!(dump(&outer).matches("Item").count(), 10_000);
    }

    #[test]
    fn text_cannot_break_out_of_its_line() {
        let mut element = Element::new(Namespace::Other("urn:x\u{7}".into()), "Data")
            .with_text("a\u{1b}[31m\nb ");
        assert_eq!(
            dump(&element),
            "Data (\"urn:x\\u{7}\"): \"a\\u{1b}[31m\\nb \"\n"
        );
        element.children = vec![Node::Text("a\\\u{202e}b".into())];
        assert!(dump(&element).ends_with(": \"a\\\\\\u{202e}b\"\n"));
        element.children = vec![
            Node::Opaque((&b"\xFF\x00"[..]).into()),
            Node::Text(" é".into()),
        ];
        element.name.namespace = Namespace::SyncMl;
        assert_eq!(dump(&element), "Data\n  ff 00 (2 octets)\n  \" é\"\n");
        element.children = vec![Node::Opaque(vec![0xFF; 40].into())];
        assert!(dump(&element).ends_with("ff … (40 octets)\n"));
    }
}
