//! Questions for addresses, and the answers to them (RFC 1035), on the codec of `domain`.

use domain::base::iana::{Rcode, Rtype};
use domain::base::{Message, MessageBuilder, Name};
use domain::rdata::{A, Aaaa};
use std::net::IpAddr;
use std::str::FromStr;

/// More addresses than are ever tried.
const MAX_ADDRESSES: usize = 16;

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// A question as it goes on the wire.
#[derive(Debug, Clone)]
pub(super) struct Question {
    family: Family,
    message: Message<Vec<u8>>,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// These addresses; none if the name has none of this family.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    NoSuchName,
    /// There is more than fits: ask again over TCP.
    Truncated,
    /// The server cannot or will not answer.
    Failed(String),
}

impl Question {
    /// `None` if no question can be asked for this name.
    pub(super) fn new(name: &str, family: Family, id: u16) -> Option<Self> {
        let name: Name<Vec<u8>> = Name::from_str(name).ok()?;
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_id(id);
        builder.header_mut().set_rd(true);
        let kind = match family {
            Family::V4 => Rtype::A,
            Family::V6 => Rtype::AAAA,
        };
        let mut builder = builder.question();
        builder.push((&name, kind)).ok()?;
        Some(Self {
            family,
            message: builder.into_message(),
        })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.message.as_slice()
    }

    /// What `answer` says to this question; `None` if it is none to it.
    pub(super) fn read(&self, answer: &[u8]) -> Option<Reply> {
        let answer = Message::from_slice(answer).ok()?;
        if !answer.is_answer(&self.message.for_slice_ref()) {
            return None;
        }
        let header = answer.header();
        if header.tc() {
            return Some(Reply::Truncated);
        }
        match header.rcode() {
            Rcode::NOERROR => Some(self.addresses(answer)),
            Rcode::NXDOMAIN => Some(Reply::NoSuchName),
            other => Some(Reply::Failed(format!("the DNS server says {other}"))),
        }
    }

    /// The addresses at the end of the aliases that the answer names.
    fn addresses(&self, answer: &Message<[u8]>) -> Reply {
        let damaged = || Reply::Failed("the answer of the DNS server is damaged".to_owned());
        let (Some(name), Ok(section)) = (answer.canonical_name(), answer.answer()) else {
            return damaged();
        };
        let mut found: Vec<IpAddr> = Vec::new();
        match self.family {
            Family::V4 => {
                for record in section.limit_to_in::<A>().take(MAX_ADDRESSES).flatten() {
                    if record.owner() == &name {
                        found.push(record.data().addr().into());
                    }
                }
            }
            Family::V6 => {
                for record in section.limit_to_in::<Aaaa>().take(MAX_ADDRESSES).flatten() {
                    if record.owner() == &name {
                        found.push(record.data().addr().into());
                    }
                }
            }
        }
        Reply::Addresses(found)
    }
}
