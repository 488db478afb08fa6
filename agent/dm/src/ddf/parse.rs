//! Reads a description from XML, with errors that name file, line and node.

use super::dom::{self, Element};
use super::error::{DdfError, DdfReason};
use super::{
    AccessType, CaseSense, Ddf, DdfNode, DdfPath, NodeType, Occurrence, RunTimeProperties, Scope,
    is_placeholder,
};
use crate::acl::Acl;
use omadm_syncml::{Format, Property, uri};
use std::collections::BTreeSet;

pub(super) fn parse(document: &str, xml: &str) -> Result<Ddf, DdfError> {
    let fault = |line, node, reason| DdfError {
        document: document.to_owned(),
        line,
        node,
        reason,
    };
    let root = dom::read(xml).map_err(|(line, reason)| fault(line, None, reason))?;
    let mut place = Place::default();
    mgmt_tree(document, &root, &mut place)
        .map_err(|(line, reason)| fault(line, place.inside.then(|| place.at.to_string()), reason))
}

/// Where the reader is; left as it was when an error passes through.
#[derive(Default)]
struct Place {
    at: DdfPath,
    inside: bool,
}

type Fault = (usize, DdfReason);

fn mgmt_tree(document: &str, root: &Element, place: &mut Place) -> Result<Ddf, Fault> {
    if root.name != "MgmtTree" {
        return Err((root.line, DdfReason::Root));
    }
    root.allow(&["VerDTD", "Man", "Mod"], &["Node"])?;
    let ver_dtd = root.need("VerDTD")?;
    if !matches!(ver_dtd.value(), "1.2" | "1.3") {
        return Err(ver_dtd.bad("VerDTD"));
    }
    let mut nodes = Vec::new();
    for element in root.all("Node") {
        nodes.push(top_node(element, place)?);
    }
    if nodes.is_empty() {
        return Err((root.line, DdfReason::Missing("Node")));
    }
    Ok(Ddf {
        document: document.to_owned(),
        ver_dtd: ver_dtd.value().to_owned(),
        man: root.text_of("Man"),
        model: root.text_of("Mod"),
        nodes,
    })
}

fn top_node(element: &Element, place: &mut Place) -> Result<DdfNode, Fault> {
    let path = match element.one("Path") {
        Some(path) if !path.value().is_empty() => Some(
            path.value()
                .parse::<DdfPath>()
                .map_err(|_| path.bad("Path"))?,
        ),
        _ => None,
    };
    place.at = path.clone().unwrap_or_default();
    let described = node(element, place)?;
    Ok(DdfNode { path, ..described })
}

/// Depth is bounded by the reader of elements.
fn node(element: &Element, place: &mut Place) -> Result<DdfNode, Fault> {
    let once = ["NodeName", "Path", "RTProperties", "DFProperties", "Value"];
    let name = node_name(element)?;
    place.at.push(name.as_deref());
    place.inside = true;
    element.allow(&once, &["Node"])?;
    let properties = element.need("DFProperties")?;
    let once = [
        "AccessType",
        "DefaultValue",
        "Description",
        "DFFormat",
        "Occurrence",
        "Scope",
        "DFTitle",
        "DFType",
        "CaseSense",
    ];
    properties.allow(&once, &[])?;
    let format = format(properties.need("DFFormat")?)?;
    let described = DdfNode {
        name,
        path: None,
        run_time: element.one("RTProperties").map(run_time).transpose()?,
        access: access(properties.need("AccessType")?)?,
        default: value(properties, "DefaultValue", format)?,
        description: properties.text_of("Description"),
        format,
        occurrence: properties
            .one("Occurrence")
            .map_or(Ok(Occurrence::One), occurrence)?,
        scope: properties.one("Scope").map_or(Ok(Scope::Dynamic), scope)?,
        title: properties.text_of("DFTitle"),
        types: node_type(properties.one("DFType"), format)?,
        case_sense: properties.one("CaseSense").map(case_sense).transpose()?,
        value: value(element, "Value", format)?,
        children: children(element, format, place)?,
    };
    place.at.pop();
    Ok(described)
}

fn node_name(element: &Element) -> Result<Option<String>, Fault> {
    let name = element.need("NodeName")?;
    if name.value().is_empty() || is_placeholder(name.value()) {
        return Ok(None);
    }
    uri::check_name(name.value()).map_err(|_| name.bad("NodeName"))?;
    Ok(Some(name.value().to_owned()))
}

fn children(element: &Element, format: Format, place: &mut Place) -> Result<Vec<DdfNode>, Fault> {
    let mut seen = BTreeSet::new();
    let mut nodes = Vec::new();
    for child in element.all("Node") {
        if format != Format::Node {
            return Err((child.line, DdfReason::LeafWithChildren));
        }
        if let Some(path) = child.one("Path") {
            return Err((
                path.line,
                DdfReason::Unexpected("Path of a nested node".to_owned()),
            ));
        }
        let described = node(child, place)?;
        // Nameless siblings are told apart by their formats, as a free subtree needs.
        let by_format = described.name.is_none().then(|| described.format.as_str());
        if !seen.insert((described.name.clone(), by_format)) {
            let name = described.name.unwrap_or_else(|| "<X>".to_owned());
            return Err((child.line, DdfReason::Duplicate(name)));
        }
        nodes.push(described);
    }
    Ok(nodes)
}

fn value(parent: &Element, name: &'static str, format: Format) -> Result<Option<String>, Fault> {
    let Some(element) = parent.one(name) else {
        return Ok(None);
    };
    let text = element.value();
    // An XML file carries octets as base64.
    let written = if format == Format::Bin {
        Format::B64
    } else {
        format
    };
    match format {
        Format::Node if text.is_empty() => Ok(None),
        Format::Node => Err((element.line, DdfReason::InteriorWithValue)),
        // Microsoft's descriptions leave the element empty where there is no default.
        _ if text.is_empty() && !written.admits(b"") => Ok(None),
        _ if written.admits(text.as_bytes()) => Ok(Some(text.to_owned())),
        _ => Err(element.bad(name)),
    }
}

fn access(element: &Element) -> Result<AccessType, Fault> {
    element
        .children
        .iter()
        .try_fold(AccessType::NONE, |all, child| {
            match AccessType::named(&child.name) {
                Some(access) => Ok(all.with(access)),
                None => Err((child.line, DdfReason::Unexpected(child.name.clone()))),
            }
        })
}

fn format(element: &Element) -> Result<Format, Fault> {
    let choice = element.choice("DFFormat")?;
    Format::parse(&choice.name).ok_or_else(|| {
        (
            choice.line,
            DdfReason::Content("DFFormat", choice.name.clone()),
        )
    })
}

fn scope(element: &Element) -> Result<Scope, Fault> {
    let choice = element.choice("Scope")?;
    match choice.name.as_str() {
        "Permanent" => Ok(Scope::Permanent),
        "Dynamic" => Ok(Scope::Dynamic),
        other => Err((choice.line, DdfReason::Content("Scope", other.to_owned()))),
    }
}

fn case_sense(element: &Element) -> Result<CaseSense, Fault> {
    let choice = element.choice("CaseSense")?;
    match choice.name.as_str() {
        "CS" => Ok(CaseSense::Sensitive),
        "CIS" => Ok(CaseSense::Insensitive),
        other => Err((
            choice.line,
            DdfReason::Content("CaseSense", other.to_owned()),
        )),
    }
}

fn occurrence(element: &Element) -> Result<Occurrence, Fault> {
    let choice = element.choice("Occurrence")?;
    let count = || match choice.value().parse() {
        Ok(n) if (2..=65536).contains(&n) => Ok(n),
        _ => Err(choice.bad("Occurrence")),
    };
    match choice.name.as_str() {
        "One" => Ok(Occurrence::One),
        "ZeroOrOne" => Ok(Occurrence::ZeroOrOne),
        "ZeroOrMore" => Ok(Occurrence::ZeroOrMore),
        "OneOrMore" => Ok(Occurrence::OneOrMore),
        "ZeroOrN" => count().map(Occurrence::ZeroOrN),
        "OneOrN" => count().map(Occurrence::OneOrN),
        other => Err((
            choice.line,
            DdfReason::Content("Occurrence", other.to_owned()),
        )),
    }
}

fn node_type(element: Option<&Element>, format: Format) -> Result<NodeType, Fault> {
    let interior = format == Format::Node;
    let Some(element) = element else {
        return Ok(if interior {
            NodeType::DdfName(String::new())
        } else {
            NodeType::Mime(Vec::new())
        });
    };
    element.allow(&["DDFName"], &["MIME"])?;
    let mimes = element.all("MIME").map(|mime| mime.value().to_owned());
    let mimes: Vec<String> = mimes.filter(|mime| !mime.is_empty()).collect();
    let name = element.text_of("DDFName");
    // The text of the specification puts an interior node's identifier into MIME, its DTD into
    // DDFName; an empty DDFName of a leaf says nothing.
    match (interior, name) {
        (true, name) => {
            let identifier = name.filter(|name| !name.is_empty());
            let identifier = identifier.or_else(|| mimes.into_iter().next());
            Ok(NodeType::DdfName(identifier.unwrap_or_default()))
        }
        (false, Some(name)) if !name.is_empty() => Err((
            element.line,
            DdfReason::Unexpected("DDFName of a leaf".to_owned()),
        )),
        (false, _) => Ok(NodeType::Mime(mimes)),
    }
}

fn run_time(element: &Element) -> Result<RunTimeProperties, Fault> {
    let mut properties = RunTimeProperties::default();
    for child in &element.children {
        let known = Property::ALL
            .into_iter()
            .find(|property| property.as_str() == child.name);
        let property =
            known.ok_or_else(|| (child.line, DdfReason::Unexpected(child.name.clone())))?;
        if properties
            .listed
            .iter()
            .any(|(listed, _)| *listed == property)
        {
            return Err((child.line, DdfReason::Repeated(child.name.clone())));
        }
        let text = match property {
            Property::Acl => {
                properties.acl = Acl::parse(child.value()).map_err(|_| child.bad("ACL"))?;
                properties.acl.to_string()
            }
            // A choice: the element below is the text.
            Property::Format => child
                .children
                .first()
                .map(|one| one.name.clone())
                .unwrap_or_default(),
            Property::Type => child
                .children
                .first()
                .map(|one| one.value().to_owned())
                .unwrap_or_default(),
            _ => child.value().to_owned(),
        };
        properties.listed.push((property, text));
    }
    Ok(properties)
}

impl Element {
    fn value(&self) -> &str {
        self.text.trim()
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    fn one(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    fn need(&self, name: &'static str) -> Result<&Self, Fault> {
        self.one(name).ok_or((self.line, DdfReason::Missing(name)))
    }

    fn text_of(&self, name: &str) -> Option<String> {
        self.one(name).map(|element| element.value().to_owned())
    }

    fn bad(&self, name: &'static str) -> Fault {
        (self.line, DdfReason::Content(name, self.value().to_owned()))
    }

    /// The one child of an element that is a choice.
    fn choice(&self, name: &'static str) -> Result<&Self, Fault> {
        match self.children.as_slice() {
            [one] => Ok(one),
            [] => Err((self.line, DdfReason::Missing(name))),
            [_, second, ..] => Err((second.line, DdfReason::Unexpected(second.name.clone()))),
        }
    }

    /// Refuses children that are in neither list, and repeated ones of the first.
    fn allow(&self, once: &[&str], many: &[&str]) -> Result<(), Fault> {
        let mut seen = BTreeSet::new();
        for child in &self.children {
            let name = child.name.as_str();
            if once.contains(&name) {
                if !seen.insert(name) {
                    return Err((child.line, DdfReason::Repeated(name.to_owned())));
                }
            } else if !many.contains(&name) {
                return Err((child.line, DdfReason::Unexpected(name.to_owned())));
            }
        }
        Ok(())
    }
}
