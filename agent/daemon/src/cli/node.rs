//! `omadm get`: nodes with their values and properties.

use std::fmt::Display;
use std::io::{self, Write};

use omadm_syncml::StatusCode;
use serde::Serialize;

use super::client::Client;
use super::failure::Failure;
use super::print::{self, Harmless, Style};
use crate::control::wire::{GetNode, Node};
use crate::exit;

/// What is shown of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Value and properties, for people.
    All(Style),
    /// Value and properties, for programs.
    Json,
    /// The value alone, to the last octet of its text.
    Value,
    /// The value alone, on a terminal.
    HarmlessValue,
}

#[derive(Serialize)]
struct Nodes {
    nodes: Vec<Node>,
}

/// Shows nodes.
pub(super) fn get(
    client: &mut Client,
    uris: Vec<String>,
    shown: Shown,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut nodes = Vec::new();
    for uri in uris {
        let node = client.call(GetNode { uri })?.node;
        match shown {
            Shown::Json => nodes.push(node),
            Shown::All(style) => properties(&node, style, out)?,
            Shown::Value => writeln!(out, "{}", value(&node)?)?,
            Shown::HarmlessValue => writeln!(out, "{}", Harmless(value(&node)?))?,
        }
    }
    match shown {
        Shown::Json => print::json(out, &Nodes { nodes }),
        _ => Ok(()),
    }
}

/// The value, or why there is none.
fn value(node: &Node) -> Result<&str, Failure> {
    let value = node.value.as_deref().or(node.value_base64.as_deref());
    if let Some(value) = value {
        return Ok(value);
    }
    let uri = &node.uri;
    Err(match absence(node) {
        Some(reason) => Failure::new(exit::FAILED, format_args!("{uri}: no value: {reason}")),
        None => Failure::new(
            exit::FAILED,
            format_args!("{uri}: an interior node has no value"),
        ),
    })
}

/// Why a node has no value: its status in words.
pub(super) fn absence(node: &Node) -> Option<String> {
    let code = u16::try_from(node.status?).ok()?;
    Some(format!("{code} ({})", StatusCode(code).phrase()))
}

fn properties(node: &Node, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.strong(&Harmless(&node.uri).to_string()))?;
    let mut line = |name: &str, value: &dyn Display| writeln!(out, "  {name:<9}{value}");
    if let Some(value) = &node.value {
        line("Value", &Harmless(value))?;
    }
    if let Some(value) = &node.value_base64 {
        line(
            "Value",
            &format_args!("{} {}", Harmless(value), style.faint("(base64)")),
        )?;
    }
    if let Some(reason) = absence(node) {
        line("Value", &style.bad(&format!("none: {reason}")))?;
    }
    if let Some(children) = &node.children {
        line("Children", &Harmless(&children.join(" ")))?;
    }
    line("Format", &Harmless(&node.format))?;
    let texts = [
        ("Type", &node.type_),
        ("ACL", &node.acl),
        ("Title", &node.title),
        ("TStamp", &node.tstamp),
    ];
    for (name, text) in texts {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            line(name, &Harmless(text))?;
        }
    }
    for (name, number) in [("VerNo", node.verno), ("Size", node.size)] {
        if let Some(number) = number {
            line(name, &number)?;
        }
    }
    line("Access", &Harmless(&node.access.join(" ")))?;
    if node.live {
        line("Live", &"read from the machine when it is asked for")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Node {
        Node {
            uri: "./DevInfo/Lang".to_owned(),
            format: "chr".to_owned(),
            type_: Some("text/plain".to_owned()),
            value: Some("en\x1b".to_owned()),
            verno: Some(3),
            access: vec!["Get".to_owned(), "Replace".to_owned()],
            ..Node::default()
        }
    }

    #[test]
    fn a_node_is_shown_with_what_it_has() {
        let mut out = Vec::new();
        properties(&node(), Style::Plain, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "./DevInfo/Lang\n  Value    en\\u{1b}\n  Format   chr\n  Type     text/plain\n  \
             VerNo    3\n  Access   Get Replace\n"
        );
    }

    #[test]
    fn a_missing_value_is_explained() {
        let node = Node {
            value: None,
            status: Some(404),
            ..node()
        };
        let failure = value(&node).unwrap_err();
        assert_eq!(failure.message, "./DevInfo/Lang: no value: 404 (not found)");
    }
}
