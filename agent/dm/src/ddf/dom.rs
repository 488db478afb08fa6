//! The elements of a DDF with their lines, foreign namespaces left out.

use super::error::DdfReason;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

/// What OMA's DTD nests at most is far below; a deeper document is an attack on the stack.
const MAX_DEPTH: usize = 64;
const MAX_ELEMENTS: usize = 100_000;
/// The namespace that WBXML's code page 2 stands for; DDF files mostly have none.
const NAMESPACE: Namespace<'static> = Namespace("syncml:dmddf1.2");

pub(super) struct Element {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

/// Builds the tree of elements; `Err` carries the line.
pub(super) fn read(xml: &str) -> Result<Element, (usize, DdfReason)> {
    let mut reader = NsReader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut lines = Lines::new(xml);
    let mut builder = Builder::default();
    loop {
        let line = lines.at(reader.buffer_position());
        let (namespace, event) = reader
            .read_resolved_event()
            .map_err(|error| (line, DdfReason::Xml(error.to_string())))?;
        let ours = matches!(
            namespace,
            ResolveResult::Unbound | ResolveResult::Bound(NAMESPACE)
        );
        let step = match event {
            Event::Start(start) => builder.open(start.local_name().as_ref(), ours, line),
            Event::End(_) => builder.close(),
            Event::Text(text) => builder.text(&text.xml10_content()),
            Event::CData(text) => builder.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                resolve(&reference).and_then(|text| builder.text(&text))
            }
            Event::Eof => return builder.finish().map_err(|reason| (line, reason)),
            // Declarations, comments, instructions and the DTD carry nothing that is read;
            // no entity of the DTD is ever expanded.
            _ => Ok(()),
        };
        step.map_err(|reason| (line, reason))?;
    }
}

#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    /// Depth inside a foreign element, 0 outside.
    foreign: usize,
    elements: usize,
    root: Option<Element>,
}

impl Builder {
    fn open(&mut self, name: &str, ours: bool, line: usize) -> Result<(), DdfReason> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(DdfReason::TooManyElements);
        }
        if self.foreign > 0 || !ours {
            self.foreign += 1;
            return Ok(());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(DdfReason::TooDeep);
        }
        self.open.push(Element {
            name: name.to_owned(),
            line,
            text: String::new(),
            children: Vec::new(),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), DdfReason> {
        if self.foreign > 0 {
            self.foreign -= 1;
            return Ok(());
        }
        let Some(element) = self.open.pop() else {
            return Ok(());
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None if self.root.is_none() => self.root = Some(element),
            None => return Err(DdfReason::Root),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), DdfReason> {
        if text.chars().any(|c| !is_xml_char(c)) {
            return Err(DdfReason::Xml(
                "a character that XML does not allow".to_owned(),
            ));
        }
        if self.foreign == 0
            && let Some(element) = self.open.last_mut()
        {
            element.text.push_str(text);
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, DdfReason> {
        if let Some(element) = self.open.last() {
            return Err(DdfReason::Xml(format!("<{}> is not closed", element.name)));
        }
        self.root.ok_or(DdfReason::Root)
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, DdfReason> {
    let number = reference
        .resolve_char_ref()
        .map_err(|error| DdfReason::Xml(error.to_string()))?;
    if let Some(c) = number {
        return Ok(c.into());
    }
    let name = reference.xml10_content();
    resolve_predefined_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| DdfReason::Xml(format!("entity &{name}; is not defined")))
}

/// XML 1.0, production 2.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Turns growing offsets into line numbers in one pass.
struct Lines<'a> {
    xml: &'a [u8],
    seen: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(xml: &'a str) -> Self {
        Self {
            xml: xml.as_bytes(),
            seen: 0,
            line: 1,
        }
    }

    fn at(&mut self, offset: u64) -> usize {
        let offset = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.xml.len());
        let passed = self.xml.get(self.seen..offset).unwrap_or_default();
        self.line += passed.split(|byte| *byte == b'\n').count() - 1;
        self.seen = self.seen.max(offset);
        self.line
    }
}
