//! Reads XML into pull events.

use super::{XML_NAMESPACE, is_allowed, is_name};
use crate::error::{Decoded, Excerpt, Failure, Reason};
use crate::event::{Event, Name};
use crate::limits::Limits;
use crate::progress::Progress;
use crate::{Attribute, Namespace};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event as Markup};
use std::borrow::Cow;
use std::fmt::Display;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Namespace declarations that are in force at once, each of which costs every name a look.
const MAX_BINDINGS: usize = 64;

/// A namespace declaration that is in force.
struct Binding {
    /// The number of open elements around it, the declaring one included.
    depth: usize,
    /// Empty for the default namespace.
    prefix: String,
    namespace: Namespace,
}

/// An XML document as a sequence of events.
pub(crate) struct XmlReader<'a> {
    markup: quick_xml::Reader<&'a [u8]>,
    /// Where `markup` begins in the document.
    base: usize,
    bindings: Vec<Binding>,
    attributes: Vec<Attribute>,
    progress: Progress,
}

impl<'a> XmlReader<'a> {
    /// Begins to read a document.
    pub(crate) fn new(document: &'a [u8], limits: Limits) -> Decoded<Self> {
        let text = document.strip_prefix(BYTE_ORDER_MARK);
        let base = text.map_or(0, |_| BYTE_ORDER_MARK.len());
        let text = trim_padding(text.unwrap_or(document));
        check_encoding(text, base)?;
        let mut markup = quick_xml::Reader::from_reader(text);
        markup.config_mut().expand_empty_elements = true;
        Ok(Self {
            markup,
            base,
            bindings: Vec::new(),
            attributes: Vec::new(),
            progress: Progress::new(limits),
        })
    }

    /// How far the reader is.
    pub(crate) const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// How far the reader is, to count what is kept of the document.
    pub(crate) const fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    /// The attributes of the element that began last.
    pub(crate) fn take_attributes(&mut self) -> Vec<Attribute> {
        std::mem::take(&mut self.attributes)
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Decoded<Event<'a>> {
        loop {
            self.progress.offset = self.base + position(self.markup.buffer_position());
            let markup = self.markup.read_event().map_err(|e| self.syntax(&e))?;
            match markup {
                Markup::Start(start) | Markup::Empty(start) => return self.begin(&start),
                Markup::End(_) => {
                    self.end();
                    return Ok(Event::End);
                }
                Markup::Text(text) => {
                    if let Some(text) = self.text(text.xml10_content())? {
                        return Ok(Event::Text(text));
                    }
                }
                Markup::CData(text) => return self.inside(text.xml10_content()),
                Markup::GeneralRef(reference) => {
                    let text = self.resolve(&reference)?;
                    return self.inside(text);
                }
                Markup::Decl(declaration) => self.declaration(&declaration)?,
                Markup::DocType(content) => self.document_type(&content)?,
                Markup::Comment(_) | Markup::PI(_) => {}
                Markup::Eof if self.progress.is_after_root() => return Ok(Event::Eof),
                Markup::Eof => return Err(self.error(Reason::UnexpectedEnd)),
            }
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Decoded<Event<'a>> {
        if self.progress.is_after_root() {
            return Err(self.error(Reason::TrailingContent));
        }
        self.attributes.clear();
        if start.len() > start.name().as_ref().len() {
            self.declare(start)?;
            self.collect_attributes(start)?;
        }
        let name = start.name();
        let (local, prefix) = name.decompose();
        let prefix = prefix.map_or("", quick_xml::name::Prefix::into_inner);
        let name = self.name(prefix, local.into_inner())?;
        self.progress.begin(name.clone())?;
        Ok(Event::Start(name))
    }

    fn name(&mut self, prefix: &str, local: &str) -> Decoded<Name> {
        const NONE: &Namespace = &Namespace::Other(String::new());
        let declared = self.lookup(prefix).unwrap_or(NONE);
        let name = Name::resolve(self.progress.parent(), declared, local);
        if matches!(name, Name::Foreign(_)) {
            if !is_name(local) {
                return Err(self.error(Reason::Name(local.into())));
            }
            let cost = declared.as_str().len();
            self.progress.spend(cost)?;
        }
        Ok(name)
    }

    /// Notes the namespaces that an element declares.
    fn declare(&mut self, start: &BytesStart<'_>) -> Decoded<()> {
        let depth = self.progress.depth() + 1;
        let mut attributes = start.attributes();
        let attributes = attributes.with_checks(false);
        for (count, attribute) in attributes.enumerate() {
            let attribute = attribute.map_err(|e| self.malformed(&e))?;
            self.progress.check_attributes(count + 1)?;
            if let Some(prefix) = declared_prefix(attribute.key.as_ref()) {
                if self.bindings.len() >= MAX_BINDINGS {
                    return Err(self.error(Reason::TooManyNamespaces(MAX_BINDINGS)));
                }
                let uri = self.value(&attribute)?;
                self.bindings.push(Binding {
                    depth,
                    prefix: prefix.to_owned(),
                    namespace: Namespace::of(&uri),
                });
            }
        }
        Ok(())
    }

    /// Collects the attributes that declare no namespace.
    fn collect_attributes(&mut self, start: &BytesStart<'_>) -> Decoded<()> {
        let mut attributes = start.attributes();
        for attribute in attributes.with_checks(false).flatten() {
            if declared_prefix(attribute.key.as_ref()).is_some() {
                continue;
            }
            let (local, prefix) = attribute.key.decompose();
            let local = local.into_inner().to_owned();
            let namespace = match prefix.map(quick_xml::name::Prefix::into_inner) {
                None => String::new(),
                Some("xml") => XML_NAMESPACE.to_owned(),
                Some(prefix) => self
                    .lookup(prefix)
                    .map_or_else(String::new, |namespace| namespace.as_str().to_owned()),
            };
            self.progress.spend(namespace.len())?;
            if !is_name(&local) {
                return Err(self.error(Reason::Name(local.as_str().into())));
            }
            let same = |a: &Attribute| a.local == local && a.namespace == namespace;
            if self.attributes.iter().any(same) {
                return Err(self.error(Reason::RepeatedAttribute(local.as_str().into())));
            }
            let value = self.value(&attribute)?.into_owned();
            self.attributes.push(Attribute {
                namespace,
                local,
                value,
            });
        }
        Ok(())
    }

    fn value<'v>(
        &self,
        attribute: &quick_xml::events::attributes::Attribute<'v>,
    ) -> Decoded<Cow<'v, str>> {
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|e| self.malformed(&e))?;
        match value.chars().find(|&c| !is_allowed(c)) {
            None => Ok(value),
            Some(c) => Err(self.error(Reason::ControlCharacter(c.into()))),
        }
    }

    /// The namespace that a prefix stands for, unless none was declared.
    fn lookup(&self, prefix: &str) -> Option<&Namespace> {
        // Most documents have no prefix, and comparing nothing with nothing is not free.
        let same = |b: &&Binding| match prefix {
            "" => b.prefix.is_empty(),
            _ => b.prefix == prefix,
        };
        Some(&self.bindings.iter().rev().find(same)?.namespace)
    }

    fn end(&mut self) {
        let depth = self.progress.depth();
        self.progress.end();
        while self.bindings.last().is_some_and(|b| b.depth >= depth) {
            self.bindings.pop();
        }
    }

    /// Text in the root element; white space around it is nothing.
    fn text(&self, text: Cow<'a, str>) -> Decoded<Option<Cow<'a, str>>> {
        if self.progress.depth() > 0 {
            Ok(Some(text))
        } else if text.trim().is_empty() {
            Ok(None)
        } else {
            Err(self.outside())
        }
    }

    fn inside(&self, text: Cow<'a, str>) -> Decoded<Event<'a>> {
        if self.progress.depth() == 0 {
            return Err(self.outside());
        }
        Ok(Event::Text(text))
    }

    fn outside(&self) -> Failure {
        if self.progress.is_after_root() {
            self.error(Reason::TrailingContent)
        } else {
            self.malformed(&"text before the root element")
        }
    }

    /// The character that a reference stands for; only the five names of XML are defined.
    fn resolve(&self, reference: &BytesRef<'a>) -> Decoded<Cow<'a, str>> {
        let text = match reference.as_ref() {
            "lt" => "<",
            "gt" => ">",
            "amp" => "&",
            "quot" => "\"",
            "apos" => "'",
            name => match reference.resolve_char_ref() {
                Ok(Some(character)) if is_allowed(character) => {
                    return Ok(Cow::Owned(character.to_string()));
                }
                Ok(Some(character)) => {
                    return Err(self.error(Reason::ControlCharacter(character.into())));
                }
                Ok(None) => return Err(self.error(Reason::UnknownEntity(name.into()))),
                Err(error) => return Err(self.malformed(&error)),
            },
        };
        Ok(Cow::Borrowed(text))
    }

    fn declaration(&self, declaration: &BytesDecl<'_>) -> Decoded<()> {
        if self.progress.offset > self.base {
            return Err(self.malformed(&"an XML declaration that is not at the start"));
        }
        let encoding = match declaration.encoding() {
            None => return Ok(()),
            Some(encoding) => encoding.map_err(|e| self.malformed(&e))?,
        };
        // US-ASCII is a part of UTF-8.
        let known = ["utf-8", "utf8", "us-ascii", "ascii"];
        if known.iter().any(|name| encoding.eq_ignore_ascii_case(name)) {
            Ok(())
        } else {
            Err(self.error(Reason::Encoding(encoding.as_ref().into())))
        }
    }

    /// A plain document type names the vocabulary and is passed over. An internal subset could
    /// define entities and is refused.
    fn document_type(&self, content: &str) -> Decoded<()> {
        if !self.progress.is_before_root() {
            return Err(self.malformed(&"a document type after the root element"));
        }
        if content.contains('[') {
            return Err(self.error(Reason::InternalSubset));
        }
        Ok(())
    }

    fn error(&self, reason: Reason) -> Failure {
        self.progress.error(reason)
    }

    fn syntax(&self, error: &quick_xml::Error) -> Failure {
        match error {
            quick_xml::Error::Encoding(_) => self.error(Reason::NotText),
            quick_xml::Error::Syntax(_) => self.error(Reason::UnexpectedEnd),
            other => self.malformed(other),
        }
    }

    #[cold]
    fn malformed(&self, message: &dyn Display) -> Failure {
        self.error(Reason::Xml(Excerpt::sentence(&message.to_string())))
    }
}

/// The prefix that an attribute of this name declares, empty for the default namespace.
fn declared_prefix(key: &str) -> Option<&str> {
    match key.strip_prefix("xmlns")? {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    }
}

/// Some servers send the NUL that ends a C string.
fn trim_padding(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .rposition(|&b| b != 0)
        .map_or(0, |last| last + 1);
    text.get(..end).unwrap_or(text)
}

fn check_encoding(text: &[u8], base: usize) -> Decoded<()> {
    let utf_16 = matches!(
        text,
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, b'<', ..] | [b'<', 0, ..]
    );
    if utf_16 {
        return Err(Failure::at(0, Reason::Encoding("UTF-16".into())));
    }
    let mut passed = 0;
    while let Some(rest) = text.get(passed..) {
        let Some(at) = rest.iter().position(|&octet| is_suspicious(octet)) else {
            break;
        };
        let code = match rest.get(at..) {
            Some([0xEF, 0xBF, last @ 0xBE..=0xBF, ..]) => 0xFF40 | u32::from(*last),
            Some([0xEF, ..]) | None => {
                passed += at + 1;
                continue;
            }
            Some(control) => control.first().copied().unwrap_or_default().into(),
        };
        let reason = Reason::ControlCharacter(code);
        return Err(Failure::at(base + passed + at, reason));
    }
    Ok(())
}

/// Whether an octet is a control character or begins a character such as U+FFFE.
const fn is_suspicious(octet: u8) -> bool {
    octet < b' ' && !matches!(octet, b'\t' | b'\n' | b'\r') || octet == 0xEF
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
