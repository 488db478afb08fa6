//! Writes a description in OMA's own format.

use super::{CaseSense, Ddf, DdfNode, NodeType, Occurrence, RunTimeProperties, Scope};
use omadm_syncml::Property;
use quick_xml::escape::escape;

const PROLOGUE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE MgmtTree PUBLIC "-//OMA//DTD-DM-DDF 1.2//EN" "http://www.openmobilealliance.org/tech/DTD/DM_DDF-V1_2.dtd">
"#;

pub(super) fn to_xml(ddf: &Ddf) -> String {
    let mut out = Writer {
        text: PROLOGUE.to_owned(),
        depth: 0,
    };
    out.within("MgmtTree", |out| {
        out.leaf("VerDTD", &ddf.ver_dtd);
        out.maybe("Man", ddf.man.as_deref());
        out.maybe("Mod", ddf.model.as_deref());
        for node in &ddf.nodes {
            out.node(node);
        }
    });
    out.text
}

struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn node(&mut self, node: &DdfNode) {
        self.within("Node", |out| {
            out.leaf("NodeName", node.name.as_deref().unwrap_or_default());
            out.maybe(
                "Path",
                node.path.as_ref().map(ToString::to_string).as_deref(),
            );
            if let Some(properties) = &node.run_time {
                out.run_time(properties, node.is_interior());
            }
            out.within("DFProperties", |out| out.properties(node));
            for child in &node.children {
                out.node(child);
            }
            out.maybe("Value", node.value.as_deref());
        });
    }

    fn run_time(&mut self, properties: &RunTimeProperties, interior: bool) {
        self.within("RTProperties", |out| {
            for (property, text) in &properties.listed {
                let name = property.as_str();
                match property {
                    Property::Format if text.is_empty() => out.empty(name),
                    Property::Format => out.within(name, |out| out.empty(text)),
                    Property::Type if interior => out.within(name, |out| out.leaf("DDFName", text)),
                    Property::Type => out.within(name, |out| out.leaf("MIME", text)),
                    _ => out.leaf(name, text),
                }
            }
        });
    }

    fn properties(&mut self, node: &DdfNode) {
        self.within("AccessType", |out| {
            for name in node.access.names() {
                out.empty(name);
            }
        });
        self.maybe("DefaultValue", node.default.as_deref());
        self.maybe("Description", node.description.as_deref());
        self.within("DFFormat", |out| out.empty(node.format.as_str()));
        self.within("Occurrence", |out| out.occurrence(node.occurrence));
        self.within("Scope", |out| {
            out.empty(match node.scope {
                Scope::Permanent => "Permanent",
                Scope::Dynamic => "Dynamic",
            });
        });
        self.maybe("DFTitle", node.title.as_deref());
        self.within("DFType", |out| match &node.types {
            NodeType::DdfName(name) => out.leaf("DDFName", name),
            NodeType::Mime(mimes) if mimes.is_empty() => out.empty("MIME"),
            NodeType::Mime(mimes) => mimes.iter().for_each(|mime| out.leaf("MIME", mime)),
        });
        if let Some(case_sense) = node.case_sense {
            self.within("CaseSense", |out| {
                out.empty(match case_sense {
                    CaseSense::Sensitive => "CS",
                    CaseSense::Insensitive => "CIS",
                });
            });
        }
    }

    fn occurrence(&mut self, occurrence: Occurrence) {
        match occurrence {
            Occurrence::One => self.empty("One"),
            Occurrence::ZeroOrOne => self.empty("ZeroOrOne"),
            Occurrence::ZeroOrMore => self.empty("ZeroOrMore"),
            Occurrence::OneOrMore => self.empty("OneOrMore"),
            Occurrence::ZeroOrN(n) => self.leaf("ZeroOrN", &n.to_string()),
            Occurrence::OneOrN(n) => self.leaf("OneOrN", &n.to_string()),
        }
    }

    fn within(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.line(&format!("<{name}>"));
        self.depth += 1;
        content(self);
        self.depth -= 1;
        self.line(&format!("</{name}>"));
    }

    fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    fn leaf(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            self.empty(name);
        } else {
            self.line(&format!("<{name}>{}</{name}>", escape(text)));
        }
    }

    fn empty(&mut self, name: &str) {
        self.line(&format!("<{name}/>"));
    }

    fn line(&mut self, text: &str) {
        (0..self.depth).for_each(|_| self.text.push_str("  "));
        self.text.push_str(text);
        self.text.push('\n');
    }
}
