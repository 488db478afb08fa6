//! The octets before the body of a WBXML document, and the primitive types it is made of.

use super::{DM_DDF, SYNCML_1_0, SYNCML_1_1, SYNCML_1_2, UNKNOWN_TYPE, UTF_8, token};
use crate::codepage::Page;
use crate::error::{Decoded, Failure, Reason};
use crate::limits::Limits;
use std::borrow::Cow;
use std::ffi::CStr;

/// Octets that are read from the front.
#[derive(Clone)]
pub(super) struct Octets<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Octets<'a> {
    pub(super) const fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    /// How many octets were read.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// The octets that were not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.all.get(self.at..).unwrap_or_default()
    }

    /// The next octet.
    pub(super) fn octet(&mut self) -> Decoded<u8> {
        match self.all.get(self.at) {
            Some(&octet) => {
                self.at += 1;
                Ok(octet)
            }
            None => Err(self.error(Reason::UnexpectedEnd)),
        }
    }

    /// The next `count` octets.
    pub(super) fn take(&mut self, count: u32) -> Decoded<&'a [u8]> {
        let taken = usize::try_from(count)
            .ok()
            .and_then(|count| self.rest().get(..count));
        match taken {
            Some(octets) => {
                self.at += octets.len();
                Ok(octets)
            }
            None => Err(self.error(Reason::UnexpectedEnd)),
        }
    }

    /// The octets before the next NUL, which is read as well.
    pub(super) fn terminated(&mut self) -> Decoded<&'a [u8]> {
        match CStr::from_bytes_until_nul(self.rest()) {
            Ok(text) => {
                self.at += text.count_bytes() + 1;
                Ok(text.to_bytes())
            }
            Err(_) => Err(self.error(Reason::UnexpectedEnd)),
        }
    }

    /// A multi-byte integer: seven bits an octet, at most 32 bits (WAP-192-WBXML 5.1).
    pub(super) fn integer(&mut self) -> Decoded<u32> {
        let mut value: u32 = 0;
        for _ in 0..5 {
            let octet = self.octet()?;
            if value > u32::MAX >> 7 {
                return Err(self.error(Reason::IntegerTooLong));
            }
            value = value << 7 | u32::from(octet & 0x7F);
            if octet & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.error(Reason::IntegerTooLong))
    }

    #[cold]
    fn error(&self, reason: Reason) -> Failure {
        Failure::at(self.at, reason)
    }
}

/// The character set of a document's strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    Latin1,
}

/// The strings of a document: their character set and the table of those that are shared.
pub(super) struct Strings<'a> {
    charset: Charset,
    table: &'a [u8],
}

impl<'a> Strings<'a> {
    /// The characters that the octets of a string stand for.
    pub(super) fn characters(&self, octets: &'a [u8]) -> Result<Cow<'a, str>, Reason> {
        match (std::str::from_utf8(octets), self.charset) {
            (Ok(text), Charset::Utf8) => Ok(Cow::Borrowed(text)),
            (Ok(text), Charset::Latin1) if octets.is_ascii() => Ok(Cow::Borrowed(text)),
            (_, Charset::Latin1) => Ok(octets.iter().copied().map(char::from).collect()),
            (Err(_), Charset::Utf8) => Err(Reason::NotText),
        }
    }

    /// The octets of the table's string that begins at `index`. It ends at a NUL or with the
    /// table: some encoders leave the last NUL out.
    pub(super) fn shared(&self, index: u32) -> Result<&'a [u8], Reason> {
        let start = usize::try_from(index).ok();
        let tail = start.and_then(|start| self.table.get(start..));
        let tail = tail
            .filter(|tail| !tail.is_empty())
            .ok_or(Reason::StringIndex(index))?;
        Ok(CStr::from_bytes_until_nul(tail).map_or(tail, CStr::to_bytes))
    }
}

/// What stands before the body.
pub(super) struct Header<'a> {
    pub(super) strings: Strings<'a>,
    /// The code page the body begins on.
    pub(super) page: Page,
}

impl<'a> Header<'a> {
    pub(super) fn read(octets: &mut Octets<'a>, limits: &Limits) -> Decoded<Self> {
        let version = octets.octet()?;
        if version > 0x03 {
            return Err(Failure::at(0, Reason::WbxmlVersion(version)));
        }
        let public_id = PublicId::read(octets)?;
        let strings = if version == 0 {
            Self::strings_of_1_0(octets, limits)?
        } else {
            Self::strings(octets, limits, true)?
        };
        let page = public_id
            .first_page(&strings)
            .map_err(|reason| Failure::at(1, reason))?;
        Ok(Self { strings, page })
    }

    /// Version 1.0 has no character set, yet some encoders write one: what comes before a root
    /// element tells.
    fn strings_of_1_0(octets: &mut Octets<'a>, limits: &Limits) -> Decoded<Strings<'a>> {
        let mut without = octets.clone();
        let with = Self::strings(octets, limits, true);
        if with.is_ok() && begins_body(octets.rest()) {
            return with;
        }
        match Self::strings(&mut without, limits, false) {
            Ok(strings) if begins_body(without.rest()) => {
                *octets = without;
                Ok(strings)
            }
            _ => with,
        }
    }

    fn strings(
        octets: &mut Octets<'a>,
        limits: &Limits,
        has_charset: bool,
    ) -> Decoded<Strings<'a>> {
        let offset = octets.position();
        let charset = match if has_charset {
            octets.integer()?
        } else {
            UTF_8
        } {
            // Unknown and US-ASCII are parts of UTF-8 as far as anybody has seen.
            0 | 3 | UTF_8 => Charset::Utf8,
            4 => Charset::Latin1,
            other => {
                let reason = Reason::Charset(other);
                return Err(Failure::at(offset, reason));
            }
        };
        let offset = octets.position();
        let length = octets.integer()?;
        if usize::try_from(length).map_or(true, |length| length > limits.string_table) {
            let reason = Reason::StringTableTooLong(limits.string_table);
            return Err(Failure::at(offset, reason));
        }
        let table = octets.take(length)?;
        Ok(Strings { charset, table })
    }
}

/// Whether this is the begin of a `SyncML` or a `MgmtTree` that is not empty.
fn begins_body(octets: &[u8]) -> bool {
    matches!(
        octets,
        [0x6D | 0xED | token::PI, ..] | [token::SWITCH_PAGE, 0x02, 0x60 | 0xE0, ..]
    )
}

/// The document type.
enum PublicId {
    Number(u32),
    /// A text that begins there in the string table.
    Text(u32),
}

impl PublicId {
    fn read(octets: &mut Octets<'_>) -> Decoded<Self> {
        Ok(match octets.integer()? {
            0 => Self::Text(octets.integer()?),
            number => Self::Number(number),
        })
    }

    /// The code page that the body begins on, when it is a document of SyncML at all. Device
    /// information is one of its own: its page 0 has other elements.
    fn first_page(&self, strings: &Strings<'_>) -> Result<Page, Reason> {
        match self {
            Self::Number(UNKNOWN_TYPE | SYNCML_1_0 | SYNCML_1_1 | SYNCML_1_2) => Ok(Page::SyncMl),
            Self::Number(other) => Err(Reason::PublicId(format!("0x{other:X}").as_str().into())),
            Self::Text(index) => {
                let text = strings.characters(strings.shared(*index)?)?;
                let upper = text.to_ascii_uppercase();
                if text == DM_DDF || upper.contains("DM-DDF") || upper.contains("DMDDF") {
                    Ok(Page::DmDdf)
                } else if upper.contains("DTD SYNCML") {
                    Ok(Page::SyncMl)
                } else {
                    Err(Reason::PublicId(text.as_ref().into()))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecodeError;

    fn integer(octets: &[u8]) -> Result<u32, Reason> {
        Octets::new(octets)
            .integer()
            .map_err(|failure| DecodeError::from(failure).reason)
    }

    #[test]
    fn integers_have_seven_bits_an_octet() {
        assert_eq!(integer(&[0x00]), Ok(0));
        assert_eq!(integer(&[0xA4, 0x01]), Ok(0x1201));
        assert_eq!(integer(&[0x9F, 0x53]), Ok(0x0FD3));
        assert_eq!(integer(&[0x80, 0x80, 0x01]), Ok(1));
        assert_eq!(integer(&[0x8F, 0xFF, 0xFF, 0xFF, 0x7F]), Ok(u32::MAX));
        assert_eq!(
            integer(&[0x90, 0x80, 0x80, 0x80, 0x00]),
            Err(Reason::IntegerTooLong)
        );
        assert_eq!(
            integer(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
            Err(Reason::IntegerTooLong)
        );
        assert_eq!(integer(&[0x80]), Err(Reason::UnexpectedEnd));
    }

    #[test]
    fn strings_of_the_table_end_at_a_nul_or_with_it() {
        let strings = |charset| Strings {
            charset,
            table: b"ab\0c\xE9",
        };
        let utf_8 = strings(Charset::Utf8);
        assert_eq!(utf_8.shared(0).unwrap(), b"ab");
        assert_eq!(utf_8.shared(1).unwrap(), b"b");
        assert_eq!(utf_8.shared(2).unwrap(), b"");
        let last = utf_8.shared(3).unwrap();
        assert_eq!(utf_8.characters(last), Err(Reason::NotText));
        assert_eq!(strings(Charset::Latin1).characters(last).unwrap(), "cé");
        assert_eq!(utf_8.shared(5), Err(Reason::StringIndex(5)));
        assert_eq!(utf_8.shared(u32::MAX), Err(Reason::StringIndex(u32::MAX)));
    }
}
