//! The code pages of SyncML documents: which elements exist and their WBXML tokens.
//!
//! Page 0 and 1 are OMA-TS-SyncML-RepPro 1.2 and OMA-TS-SyncML-MetaInfo 1.2, page 2 is
//! OMA-TS-DM-TND 1.2 (DM DDF, which TNDS shares). XML uses the same tables for its names.

use crate::Namespace;

/// A code page that carries elements of a SyncML document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Page {
    /// `SYNCML:SYNCML1.2`
    SyncMl = 0,
    /// `syncml:metinf`
    MetInf = 1,
    /// `syncml:dmddf1.2`
    DmDdf = 2,
}

impl Page {
    /// Every page, in the order in which a name without namespace is looked up.
    pub(crate) const ALL: [Self; 3] = [Self::SyncMl, Self::MetInf, Self::DmDdf];

    /// The page of a `SWITCH_PAGE` operand.
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::SyncMl),
            1 => Some(Self::MetInf),
            2 => Some(Self::DmDdf),
            _ => None,
        }
    }

    /// The page that stands for a namespace.
    pub(crate) const fn of(namespace: &Namespace) -> Option<Self> {
        match namespace {
            Namespace::SyncMl => Some(Self::SyncMl),
            Namespace::MetInf => Some(Self::MetInf),
            Namespace::DmDdf => Some(Self::DmDdf),
            Namespace::Other(_) => None,
        }
    }

    /// The namespace that the page stands for.
    pub(crate) const fn namespace(self) -> Namespace {
        match self {
            Self::SyncMl => Namespace::SyncMl,
            Self::MetInf => Namespace::MetInf,
            Self::DmDdf => Namespace::DmDdf,
        }
    }
}

/// An element that a code page knows: its page and its token without the flag bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    page: Page,
    token: u8,
}

impl Tag {
    /// The tag with `token` on `page`, when there is one.
    pub(crate) fn from_token(page: Page, token: u8) -> Option<Self> {
        let tag = Self { page, token };
        (!tag.local().is_empty()).then_some(tag)
    }

    /// The tag called `local` on `page`, when there is one.
    pub(crate) fn find(page: Page, local: &str) -> Option<Self> {
        let mut slot = hash(page, local.as_bytes());
        loop {
            let &index = INDEX.get(slot)?;
            let &(tag, name) = ENTRIES.get(usize::from(index))?;
            if tag.page as u8 == page as u8 && name == local {
                return Some(tag);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The page the tag is on.
    pub(crate) const fn page(self) -> Page {
        self.page
    }

    /// The token without the flag bits.
    pub(crate) const fn token(self) -> u8 {
        self.token
    }

    /// The element's local name.
    pub(crate) fn local(self) -> &'static str {
        NAMES
            .get(self.page as usize)
            .and_then(|names| names.get(usize::from(self.token)))
            .copied()
            .unwrap_or_default()
    }
}

/// Declares a page's table; a row with an arrow also names a constant for the code.
macro_rules! page {
    ($module:ident, $page:ident, $($token:literal $name:literal $(=> $constant:ident)?,)*) => {
        pub(crate) mod $module {
            use super::{Page, Tag};

            $($(#[doc = concat!("`", $name, "`")]
            pub(crate) const $constant: Tag = Tag { page: Page::$page, token: $token };)?)*

            pub(super) const ENTRIES: &[(Tag, &str)] =
                &[$((Tag { page: Page::$page, token: $token }, $name),)*];
        }
    };
}

page! { syncml, SyncMl,
    0x05 "Add" => ADD, 0x06 "Alert" => ALERT, 0x07 "Archive" => ARCHIVE, 0x08 "Atomic" => ATOMIC,
    0x09 "Chal" => CHAL, 0x0A "Cmd" => CMD, 0x0B "CmdID" => CMD_ID, 0x0C "CmdRef" => CMD_REF,
    0x0D "Copy" => COPY, 0x0E "Cred" => CRED, 0x0F "Data" => DATA, 0x10 "Delete" => DELETE,
    0x11 "Exec" => EXEC, 0x12 "Final" => FINAL, 0x13 "Get" => GET, 0x14 "Item" => ITEM,
    0x15 "Lang" => LANG, 0x16 "LocName" => LOC_NAME, 0x17 "LocURI" => LOC_URI, 0x18 "Map",
    0x19 "MapItem", 0x1A "Meta" => META, 0x1B "MsgID" => MSG_ID, 0x1C "MsgRef" => MSG_REF,
    0x1D "NoResp" => NO_RESP, 0x1E "NoResults", 0x1F "Put", 0x20 "Replace" => REPLACE,
    0x21 "RespURI" => RESP_URI, 0x22 "Results" => RESULTS, 0x23 "Search",
    0x24 "Sequence" => SEQUENCE, 0x25 "SessionID" => SESSION_ID, 0x26 "SftDel" => SFT_DEL,
    0x27 "Source" => SOURCE, 0x28 "SourceRef" => SOURCE_REF, 0x29 "Status" => STATUS, 0x2A "Sync",
    0x2B "SyncBody" => SYNC_BODY, 0x2C "SyncHdr" => SYNC_HDR, 0x2D "SyncML" => SYNC_ML,
    0x2E "Target" => TARGET, 0x2F "TargetRef" => TARGET_REF, 0x31 "VerDTD" => VER_DTD,
    0x32 "VerProto" => VER_PROTO, 0x33 "NumberOfChanges", 0x34 "MoreData" => MORE_DATA,
    0x35 "Field", 0x36 "Filter", 0x37 "Record", 0x38 "FilterType",
    0x39 "SourceParent" => SOURCE_PARENT, 0x3A "TargetParent" => TARGET_PARENT, 0x3B "Move",
    0x3C "Correlator" => CORRELATOR,
}

page! { metinf, MetInf,
    0x05 "Anchor", 0x06 "EMI", 0x07 "Format" => FORMAT, 0x08 "FreeID", 0x09 "FreeMem",
    0x0A "Last", 0x0B "Mark" => MARK, 0x0C "MaxMsgSize" => MAX_MSG_SIZE, 0x0D "Mem",
    0x0E "MetInf" => MET_INF, 0x0F "Next", 0x10 "NextNonce" => NEXT_NONCE, 0x11 "SharedMem",
    0x12 "Size" => SIZE, 0x13 "Type" => TYPE, 0x14 "Version", 0x15 "MaxObjSize" => MAX_OBJ_SIZE,
    0x16 "FieldLevel",
}

page! { dmddf, DmDdf,
    0x05 "AccessType", 0x06 "ACL", 0x07 "Add", 0x08 "b64", 0x09 "bin", 0x0A "bool", 0x0B "chr",
    0x0C "CaseSense", 0x0D "CIS", 0x0E "Copy", 0x0F "CS", 0x10 "date", 0x11 "DDFName",
    0x12 "DefaultValue", 0x13 "Delete", 0x14 "Description", 0x15 "DFFormat",
    0x16 "DFProperties", 0x17 "DFTitle", 0x18 "DFType", 0x19 "Dynamic", 0x1A "Exec",
    0x1B "float", 0x1C "Format", 0x1D "Get", 0x1E "int", 0x1F "Man", 0x20 "MgmtTree",
    0x21 "MIME", 0x22 "Mod", 0x23 "Name", 0x24 "Node", 0x25 "node", 0x26 "NodeName",
    0x27 "null", 0x28 "Occurrence", 0x29 "One", 0x2A "OneOrMore", 0x2B "OneOrN", 0x2C "Path",
    0x2D "Permanent", 0x2E "Replace", 0x2F "RTProperties", 0x30 "Scope", 0x31 "Size",
    0x32 "time", 0x33 "Title", 0x34 "TStamp", 0x35 "Type", 0x36 "Value", 0x37 "VerDTD",
    0x38 "VerNo", 0x39 "xml", 0x3A "ZeroOrMore", 0x3B "ZeroOrN", 0x3C "ZeroOrOne",
}

const COUNT: usize = syncml::ENTRIES.len() + metinf::ENTRIES.len() + dmddf::ENTRIES.len();

/// A power of two well above `COUNT`, so that a probe for an absent name ends soon.
const SLOTS: usize = 512;

/// An index value that no entry has.
const FREE: u8 = u8::MAX;

const ENTRIES: [(Tag, &str); COUNT] = entries();
const NAMES: [[&str; 64]; 3] = names();
const INDEX: [u8; SLOTS] = index();

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const fn entries() -> [(Tag, &'static str); COUNT] {
    let mut all = [syncml::ENTRIES[0]; COUNT];
    let pages = [syncml::ENTRIES, metinf::ENTRIES, dmddf::ENTRIES];
    let (mut page, mut next) = (0, 0);
    while page < pages.len() {
        let mut row = 0;
        while row < pages[page].len() {
            all[next] = pages[page][row];
            next += 1;
            row += 1;
        }
        page += 1;
    }
    all
}

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const fn names() -> [[&'static str; 64]; 3] {
    let mut names = [[""; 64]; 3];
    let mut row = 0;
    while row < COUNT {
        let (tag, name) = ENTRIES[row];
        names[tag.page as usize][tag.token as usize] = name;
        row += 1;
    }
    names
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time"
)]
const fn index() -> [u8; SLOTS] {
    assert!(COUNT < FREE as usize);
    let mut slots = [FREE; SLOTS];
    let mut row = 0;
    while row < COUNT {
        let (tag, name) = ENTRIES[row];
        let mut slot = hash(tag.page, name.as_bytes());
        while slots[slot] != FREE {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = row as u8;
        row += 1;
    }
    slots
}

#[expect(clippy::indexing_slicing, reason = "the loop ends at the length")]
const fn hash(page: Page, name: &[u8]) -> usize {
    let mut value = page as usize + 1;
    let mut at = 0;
    // Every known name is told apart by its first octets and its length.
    while at < name.len() && at < 12 {
        value = value.wrapping_mul(31).wrapping_add(name[at] as usize);
        at += 1;
    }
    (value ^ (value >> 9) ^ name.len()) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_by_name_and_by_token() {
        assert_eq!(COUNT, 55 + 18 + 56);
        for (tag, name) in ENTRIES {
            assert_eq!(Tag::find(tag.page(), name), Some(tag), "{name}");
            assert_eq!(Tag::from_token(tag.page(), tag.token()), Some(tag));
            assert_eq!(tag.local(), name);
        }
    }

    #[test]
    fn what_is_not_in_a_table_is_not_found() {
        assert_eq!(Tag::find(Page::SyncMl, "Format"), None);
        assert_eq!(Tag::find(Page::SyncMl, "add"), None);
        assert_eq!(Tag::find(Page::MetInf, ""), None);
        assert_eq!(Tag::find(Page::DmDdf, "Nonesuch"), None);
        assert_eq!(Tag::from_token(Page::SyncMl, 0x30), None);
        assert_eq!(Tag::from_token(Page::MetInf, 0x17), None);
        assert_eq!(Page::from_number(3), None);
    }
}
