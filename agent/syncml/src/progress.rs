//! How far a reader is in its document, and what the document may still cost.

use crate::error::{Decoded, Failure, Reason};
use crate::event::Name;
use crate::limits::Limits;

/// The state that the readers of both encodings share.
pub(crate) struct Progress {
    /// Octets of the document before the last event.
    pub(crate) offset: usize,
    limits: Limits,
    open: Vec<Name>,
    elements: usize,
    /// Octets that references and the names of namespaces may still add up to.
    expansion: usize,
    /// Octets of memory that elements may still take.
    memory: usize,
}

impl Progress {
    /// The state before a document.
    pub(crate) const fn new(limits: Limits) -> Self {
        Self {
            offset: 0,
            limits,
            open: Vec::new(),
            elements: 0,
            expansion: limits.expansion,
            memory: limits.memory,
        }
    }

    /// The number of open elements.
    pub(crate) const fn depth(&self) -> usize {
        self.open.len()
    }

    /// The innermost open element.
    pub(crate) fn parent(&self) -> Option<&Name> {
        self.open.last()
    }

    /// Whether the document is before its root element.
    pub(crate) const fn is_before_root(&self) -> bool {
        self.elements == 0
    }

    /// Whether the root element has ended.
    pub(crate) const fn is_after_root(&self) -> bool {
        self.elements > 0 && self.open.is_empty()
    }

    /// Notes that an element begins.
    pub(crate) fn begin(&mut self, name: Name) -> Decoded<()> {
        self.elements += 1;
        if self.depth() >= self.limits.depth {
            return Err(self.error(Reason::TooDeep(self.limits.depth)));
        }
        if self.elements > self.limits.elements {
            return Err(self.error(Reason::TooManyElements(self.limits.elements)));
        }
        self.open.push(name);
        Ok(())
    }

    /// Notes that the innermost open element ends.
    pub(crate) fn end(&mut self) {
        self.open.pop();
    }

    /// Counts octets that are copied from one place of the document to many.
    pub(crate) fn spend(&mut self, octets: usize) -> Decoded<()> {
        match self.expansion.checked_sub(octets) {
            Some(rest) => {
                self.expansion = rest;
                Ok(())
            }
            None => Err(self.error(Reason::ExpandsTooFar(self.limits.expansion))),
        }
    }

    /// Counts memory that is kept for as long as what was read.
    pub(crate) fn keep(&mut self, octets: usize) -> Decoded<()> {
        match self.memory.checked_sub(octets) {
            Some(rest) => {
                self.memory = rest;
                Ok(())
            }
            None => Err(self.error(Reason::TooMuchMemory(self.limits.memory))),
        }
    }

    /// Checks the number of an element's attributes.
    pub(crate) fn check_attributes(&self, count: usize) -> Decoded<()> {
        if count > self.limits.attributes {
            return Err(self.error(Reason::TooManyAttributes(self.limits.attributes)));
        }
        Ok(())
    }

    /// An error at the last event.
    #[cold]
    pub(crate) fn error(&self, reason: Reason) -> Failure {
        Failure::at(self.offset, reason)
    }
}
