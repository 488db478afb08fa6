//! Reads WBXML into pull events.

use super::header::{Header, Octets, Strings};
use super::token;
use crate::codepage::{Page, Tag};
use crate::error::{Decoded, Failure, Reason};
use crate::event::{Event, Name};
use crate::limits::Limits;
use crate::progress::Progress;
use crate::{Attribute, ElementName, Namespace};
use std::borrow::Cow;

/// A WBXML document as a sequence of events.
pub(crate) struct WbxmlReader<'a> {
    octets: Octets<'a>,
    strings: Strings<'a>,
    /// The code page of tags. It holds until the next switch, whatever begins or ends.
    page: u8,
    /// The tag that was read last has no content, so it ends at once.
    ends_at_once: bool,
    attributes: Vec<Attribute>,
    progress: Progress,
}

impl<'a> WbxmlReader<'a> {
    /// Begins to read a document.
    pub(crate) fn new(document: &'a [u8], limits: Limits) -> Decoded<Self> {
        let mut octets = Octets::new(document);
        let header = Header::read(&mut octets, &limits)?;
        Ok(Self {
            octets,
            strings: header.strings,
            page: header.page as u8,
            ends_at_once: false,
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
        if std::mem::take(&mut self.ends_at_once) {
            self.progress.end();
            return Ok(Event::End);
        }
        if self.progress.is_after_root() {
            return self.trailer();
        }
        loop {
            self.progress.offset = self.octets.position();
            let token = self.octets.octet()?;
            match token {
                token::SWITCH_PAGE => self.page = self.octets.octet()?,
                token::PI => self.pass_instruction()?,
                _ if self.progress.depth() == 0 => return self.root(token),
                token::END => {
                    self.progress.end();
                    return Ok(Event::End);
                }
                token::OPAQUE => return self.opaque(),
                token::STR_I | token::STR_T | token::ENTITY => {
                    return Ok(Event::Text(self.string(token)?));
                }
                // Nobody knows what extensions mean in SyncML, so the text would have a hole.
                token::EXT_I_0..=token::EXT_I_2
                | token::EXT_T_0..=token::EXT_T_2
                | token::EXT_0..=token::EXT_2 => {
                    return Err(self.error(Reason::MisplacedToken(token)));
                }
                _ => return self.begin(token),
            }
        }
    }

    /// Reads what follows the root element: instructions, then NULs, which some servers append.
    fn trailer(&mut self) -> Decoded<Event<'a>> {
        while self.octets.rest().first() == Some(&token::PI) {
            self.progress.offset = self.octets.position();
            self.octets.octet()?;
            self.pass_instruction()?;
        }
        self.progress.offset = self.octets.position();
        match self.octets.rest().iter().position(|&octet| octet != 0) {
            None => Ok(Event::Eof),
            Some(padding) => {
                self.progress.offset += padding;
                Err(self.error(Reason::TrailingContent))
            }
        }
    }

    fn root(&mut self, token: u8) -> Decoded<Event<'a>> {
        let identity = token & token::IDENTITY;
        if identity < token::LITERAL {
            return Err(self.error(Reason::MisplacedToken(token)));
        }
        self.begin(token)
    }

    fn begin(&mut self, token: u8) -> Decoded<Event<'a>> {
        self.attributes.clear();
        let literal = match token & token::IDENTITY {
            token::LITERAL => Some(self.reference()?),
            _ => None,
        };
        let mut declared = None;
        if token & token::HAS_ATTRIBUTES != 0 {
            let raw = self.raw_attributes()?;
            declared = self.resolve_attributes(raw)?;
        }
        let name = match literal {
            Some(local) => self.literal_name(&local, declared)?,
            None => self.token_name(token & token::IDENTITY),
        };
        self.progress.begin(name.clone())?;
        self.ends_at_once = token & token::HAS_CONTENT == 0;
        Ok(Event::Start(name))
    }

    /// The name of a tag. One that the code page does not have is foreign, not an error: what
    /// belongs to it is known, so that it can be passed over.
    fn token_name(&self, identity: u8) -> Name {
        let page = Page::from_number(self.page);
        match page.and_then(|page| Tag::from_token(page, identity)) {
            Some(tag) => Name::Known(tag),
            None => Name::Foreign(Box::new(ElementName {
                namespace: Namespace::Other(format!("wbxml:page:{}", self.page)),
                local: Cow::Owned(format!("token-{identity:02X}")),
            })),
        }
    }

    /// The name of an element that is written out. Its namespace is its parent's unless it says
    /// otherwise.
    fn literal_name(&mut self, local: &str, declared: Option<Namespace>) -> Decoded<Name> {
        let local = local.rsplit(':').next().unwrap_or_default();
        if !crate::xml::is_name(local) {
            return Err(self.error(Reason::Name(local.into())));
        }
        let parent = self.progress.parent();
        let namespace = declared.unwrap_or_else(|| match parent {
            Some(Name::Known(tag)) => tag.page().namespace(),
            Some(Name::Foreign(name)) => name.namespace.clone(),
            None => Namespace::Other(String::new()),
        });
        let name = Name::resolve(parent, &namespace, local);
        self.progress.spend(namespace.as_str().len())?;
        Ok(name)
    }

    /// Reads an attribute list: names with values. A name that nobody knows is empty, as in the
    /// namespace that Nokia's encoder writes with an empty string table.
    fn raw_attributes(&mut self) -> Decoded<Vec<(String, String)>> {
        let mut attributes: Vec<(String, String)> = Vec::new();
        loop {
            let token = self.octets.octet()?;
            match token {
                token::END => return Ok(attributes),
                token::SWITCH_PAGE => {
                    self.octets.octet()?;
                }
                token::STR_I | token::STR_T | token::ENTITY => {
                    let value = self.string(token)?;
                    if let Some((_, so_far)) = attributes.last_mut() {
                        so_far.push_str(&value);
                    }
                }
                token::OPAQUE => {
                    self.opaque()?;
                }
                token::EXT_I_0..=token::EXT_I_2 => {
                    self.octets.terminated()?;
                }
                token::EXT_T_0..=token::EXT_T_2 => {
                    self.octets.integer()?;
                }
                token::EXT_0..=token::EXT_2 => {}
                token::LITERAL => {
                    let index = self.octets.integer()?;
                    let name = match self.strings.shared(index) {
                        Ok(octets) => self.expand(octets)?,
                        Err(_) => Cow::Borrowed(""),
                    };
                    attributes.push((name.into_owned(), String::new()));
                }
                // Attribute starts end at 0x7F, values begin at 0x85; SyncML defines neither.
                0x05..=0x7F => attributes.push((String::new(), String::new())),
                _ => {}
            }
            self.progress.check_attributes(attributes.len())?;
        }
    }

    /// Keeps the attributes that have a name; returns the namespace that they declare.
    fn resolve_attributes(&mut self, raw: Vec<(String, String)>) -> Decoded<Option<Namespace>> {
        let mut declared = None;
        let mut prefixes: Vec<(String, String)> = Vec::new();
        for (name, value) in raw {
            if name == "xmlns" {
                declared = Some(Namespace::of(&value));
                continue;
            }
            if let Some(prefix) = name.strip_prefix("xmlns:") {
                prefixes.push((prefix.to_owned(), value));
                continue;
            }
            let (prefix, local) = name.split_once(':').unwrap_or(("", &name));
            if !crate::xml::is_name(local) {
                continue;
            }
            let namespace = match prefix {
                "xml" => crate::xml::XML_NAMESPACE.to_owned(),
                _ => prefixes
                    .iter()
                    .find(|(known, _)| known == prefix)
                    .map_or_else(String::new, |(_, namespace)| namespace.clone()),
            };
            self.progress.spend(namespace.len())?;
            let same = |a: &Attribute| a.local == local && a.namespace == namespace;
            if self.attributes.iter().any(same) {
                return Err(self.error(Reason::RepeatedAttribute(local.into())));
            }
            self.attributes.push(Attribute {
                namespace,
                local: local.to_owned(),
                value,
            });
        }
        Ok(declared)
    }

    /// A processing instruction has the shape of an attribute and means nothing to SyncML.
    fn pass_instruction(&mut self) -> Decoded<()> {
        self.raw_attributes().map(drop)
    }

    /// The characters of a string of the table. Looking at them costs time even if they are none.
    fn expand(&mut self, shared: &'a [u8]) -> Decoded<Cow<'a, str>> {
        self.progress.spend(shared.len())?;
        self.strings.characters(shared).map_err(|r| self.error(r))
    }

    /// The characters that a reference to the table stands for.
    fn reference(&mut self) -> Decoded<Cow<'a, str>> {
        let index = self.octets.integer()?;
        let shared = self.strings.shared(index).map_err(|r| self.error(r))?;
        self.expand(shared)
    }

    /// The characters of `STR_I`, `STR_T` or `ENTITY`.
    fn string(&mut self, token: u8) -> Decoded<Cow<'a, str>> {
        match token {
            token::STR_I => {
                let octets = self.octets.terminated()?;
                self.strings.characters(octets).map_err(|r| self.error(r))
            }
            token::STR_T => self.reference(),
            _ => {
                let code = self.octets.integer()?;
                let character = char::from_u32(code).filter(|&character| character != '\0');
                let character = character.ok_or_else(|| self.error(Reason::Entity(code)))?;
                Ok(Cow::Owned(character.to_string()))
            }
        }
    }

    fn opaque(&mut self) -> Decoded<Event<'a>> {
        let length = self.octets.integer()?;
        Ok(Event::Opaque(self.octets.take(length)?))
    }

    fn error(&self, reason: Reason) -> Failure {
        self.progress.error(reason)
    }
}
