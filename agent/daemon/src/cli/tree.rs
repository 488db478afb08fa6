//! `omadm tree`: the management tree, drawn.

use std::collections::HashMap;
use std::io::{self, Write};

use super::arguments::Listing;
use super::client::Client;
use super::failure::Failure;
use super::node;
use super::print::{self, Harmless, Style};
use crate::control::wire::{ListTree, Node};

/// How much of a value is drawn, in characters.
const MAX_VALUE: usize = 60;

/// Draws the subtree at a URI.
pub(super) fn run(
    client: &mut Client,
    uri: String,
    listing: Listing,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let reply = client.call(ListTree { uri: Some(uri) })?;
    if listing.json {
        return print::json(out, &reply);
    }
    Ok(draw(&reply.nodes, style, out)?)
}

/// Draws nodes that come parents before children; one whose parent is not among them begins
/// a drawing of its own.
fn draw(nodes: &[Node], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let known: HashMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (node.uri.as_str(), at))
        .collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut pending: Vec<Branch> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let parent = parent(&node.uri).and_then(|uri| known.get(uri));
        match parent.and_then(|parent| children.get_mut(*parent)) {
            Some(siblings) => siblings.push(at),
            None => pending.push(Branch::root(at)),
        }
    }
    pending.reverse();
    while let Some(branch) = pending.pop() {
        let (Some(node), Some(below)) = (nodes.get(branch.at), children.get(branch.at)) else {
            continue;
        };
        let name = if branch.lead.is_empty() {
            node.uri.as_str()
        } else {
            name(&node.uri)
        };
        writeln!(
            out,
            "{}{}",
            style.faint(&branch.lead),
            label(name, node, style)
        )?;
        pending.extend(
            below
                .iter()
                .enumerate()
                .rev()
                .map(|(place, at)| branch.child(*at, place + 1 == below.len())),
        );
    }
    Ok(())
}

/// A node to draw, with what stands left of it and of its children.
struct Branch {
    at: usize,
    lead: String,
    below: String,
}

impl Branch {
    fn root(at: usize) -> Self {
        let (lead, below) = (String::new(), String::new());
        Self { at, lead, below }
    }

    fn child(&self, at: usize, last: bool) -> Self {
        let (corner, line) = if last {
            ("└── ", "    ")
        } else {
            ("├── ", "│   ")
        };
        Self {
            at,
            lead: format!("{}{corner}", self.below),
            below: format!("{}{line}", self.below),
        }
    }
}

fn parent(uri: &str) -> Option<&str> {
    uri.rsplit_once('/').map(|(parent, _)| parent)
}

fn name(uri: &str) -> &str {
    uri.rsplit_once('/').map_or(uri, |(_, name)| name)
}

fn label(name: &str, node: &Node, style: Style) -> String {
    let name = Harmless(name).to_string();
    if node.format == "node" {
        let kind = node.type_.as_deref().filter(|kind| !kind.is_empty());
        let kind = kind.map(|kind| style.faint(&format!("  {}", Harmless(kind))));
        return style.strong(&name) + &kind.unwrap_or_default();
    }
    let value = match (&node.value, &node.value_base64) {
        (Some(value), _) => shortened(value),
        (None, Some(value)) => shortened(value) + " (base64)",
        (None, None) => match node::absence(node) {
            _ if !node.access.iter().any(|access| access == "Get") => {
                style.faint("(cannot be read)")
            }
            Some(reason) => style.bad(&reason),
            None => style.faint("(no value)"),
        },
    };
    format!("{name} = {value}")
}

fn shortened(value: &str) -> String {
    let mut text: String = value.chars().take(MAX_VALUE).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    Harmless(&text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(uris: &[(&str, Option<&str>)]) -> Vec<Node> {
        let node = |(uri, value): &(&str, Option<&str>)| Node {
            uri: (*uri).to_owned(),
            format: if value.is_some() { "chr" } else { "node" }.to_owned(),
            value: value.map(str::to_owned),
            ..Node::default()
        };
        uris.iter().map(node).collect()
    }

    fn drawn(nodes: &[Node]) -> String {
        let mut out = Vec::new();
        draw(nodes, Style::Plain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_tree_is_drawn_with_its_branches() {
        let nodes = nodes(&[
            (".", None),
            ("./DMAcc", None),
            ("./DevInfo", None),
            ("./DMAcc/lab", None),
            ("./DMAcc/lab/AppID", Some("w7")),
            ("./DevInfo/Man", Some("Acme\nInc")),
            ("./DevInfo/Mod", Some("G1")),
        ]);
        assert_eq!(
            drawn(&nodes),
            ".\n\
             ├── DMAcc\n\
             │   └── lab\n\
             │       └── AppID = w7\n\
             └── DevInfo\n    \
                 ├── Man = Acme\\nInc\n    \
                 └── Mod = G1\n"
        );
    }

    #[test]
    fn a_subtree_begins_with_its_whole_uri() {
        let nodes = nodes(&[("./DMAcc/lab", None), ("./DMAcc/lab/AppID", Some("w7"))]);
        assert_eq!(drawn(&nodes), "./DMAcc/lab\n└── AppID = w7\n");
    }

    #[test]
    fn long_values_are_cut_and_absent_ones_explained() {
        let mut nodes = nodes(&[("./A", Some(&"x".repeat(100))), ("./B", Some(""))]);
        nodes[1].value = None;
        nodes[1].status = Some(404);
        nodes[1].access = vec!["Get".to_owned()];
        let drawn = drawn(&nodes);
        assert!(drawn.contains(&format!("./A = {}…\n", "x".repeat(60))));
        assert!(drawn.contains("./B = 404 (not found)\n"));
    }

    #[test]
    fn secrets_are_not_errors() {
        let mut nodes = nodes(&[("./A", Some(""))]);
        nodes[0].value = None;
        nodes[0].status = Some(405);
        nodes[0].access = vec!["Replace".to_owned()];
        assert_eq!(drawn(&nodes), "./A = (cannot be read)\n");
    }

    #[test]
    fn thousands_of_levels_are_drawn_without_recursion() {
        let mut uri = ".".to_owned();
        let mut list = vec![Node {
            uri: uri.clone(),
            format: "node".to_owned(),
            ..Node::default()
        }];
        for _ in 0..2000 {
            uri.push_str("/a");
            list.push(Node {
                uri: uri.clone(),
                format: "node".to_owned(),
                ..Node::default()
            });
        }
        assert_eq!(drawn(&list).lines().count(), 2001);
    }
}
