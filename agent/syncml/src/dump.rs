//! Shows a document to people: one element a line, indented.

use crate::error::is_plain;
use crate::{Element, Limits, MediaType, Namespace, Node, decode_element};
use std::fmt::Write;

/// Octets of opaque data that are shown.
const SHOWN_OCTETS: usize = 32;

/// The element and everything in it as indented text.
///
/// Character data follows the name; what would not fit a line is escaped as in Rust. Opaque
/// data is shown as text, as the document it holds, or in hexadecimal.
pub fn dump(element: &Element) -> String {
    let mut out = String::new();
    write_element(&mut out, element, &Namespace::SyncMl, 0);
    out
}

fn write_element(out: &mut String, element: &Element, around: &Namespace, depth: usize) {
    indent(out, depth);
    out.push_str(&element.name.local);
    let namespace = &element.name.namespace;
    if let (Namespace::Other(name), true) = (namespace, namespace != around) {
        let _ = write!(out, " ({})", line(name));
    }
    for attribute in &element.attributes {
        let _ = write!(out, " {}={:?}", line(&attribute.local), attribute.value);
    }
    if let [only @ (Node::Text(_) | Node::Opaque(_))] = element.children.as_slice() {
        out.push_str(": ");
        write_content(out, only, depth);
        return;
    }
    out.push('\n');
    for child in &element.children {
        match child {
            Node::Element(child) if depth < 2 * Limits::MAX_DEPTH => {
                write_element(out, child, namespace, depth + 1);
            }
            Node::Element(_) => {
                indent(out, depth + 1);
                out.push_str("…\n");
            }
            content => {
                indent(out, depth + 1);
                write_content(out, content, depth + 1);
            }
        }
    }
}

/// Writes text or octets, and the end of the line.
fn write_content(out: &mut String, content: &Node, depth: usize) {
    match content {
        Node::Text(text) => {
            let _ = writeln!(out, "{}", line(text));
        }
        Node::Opaque(octets) => write_octets(out, octets, depth),
        Node::Element(_) => {}
    }
}

fn write_octets(out: &mut String, octets: &[u8], depth: usize) {
    let limits = Limits::default();
    let inner = decode_element(MediaType::DmWbxml, octets, &limits).ok();
    if let Some(inner) = inner.filter(|_| depth < Limits::MAX_DEPTH) {
        let _ = writeln!(out, "(WBXML, {} octets)", octets.len());
        write_element(out, &inner, &Namespace::SyncMl, depth + 1);
    } else if let Ok(text) = std::str::from_utf8(octets) {
        let _ = writeln!(out, "{} ({} octets)", line(text), octets.len());
    } else {
        let shown = octets.get(..SHOWN_OCTETS).unwrap_or(octets);
        for octet in shown {
            let _ = write!(out, "{octet:02x} ");
        }
        let rest = if shown.len() < octets.len() {
            "… "
        } else {
            ""
        };
        let _ = writeln!(out, "{rest}({} octets)", octets.len());
    }
}

/// The text as it is when it fits a line and does not begin or end with white space, and else
/// in quotes and escaped. A peer cannot send a terminal control sequences this way, nor text
/// that turns the direction of what follows it.
fn line(text: &str) -> String {
    let plain = text.chars().all(|c| is_plain(c) || c == '\\');
    if plain && text.trim().len() == text.len() && !text.starts_with('"') {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
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
