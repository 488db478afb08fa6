//! The WBXML encoding (WAP-192-WBXML 1.3 and its older versions).

mod header;
mod reader;
mod writer;

pub(crate) use reader::WbxmlReader;
pub(crate) use writer::WbxmlWriter;

/// The global tokens (WAP-192-WBXML 7.1).
mod token {
    pub(super) const SWITCH_PAGE: u8 = 0x00;
    pub(super) const END: u8 = 0x01;
    pub(super) const ENTITY: u8 = 0x02;
    pub(super) const STR_I: u8 = 0x03;
    pub(super) const LITERAL: u8 = 0x04;
    pub(super) const EXT_I_0: u8 = 0x40;
    pub(super) const EXT_I_2: u8 = 0x42;
    pub(super) const PI: u8 = 0x43;
    pub(super) const EXT_T_0: u8 = 0x80;
    pub(super) const EXT_T_2: u8 = 0x82;
    pub(super) const STR_T: u8 = 0x83;
    pub(super) const EXT_0: u8 = 0xC0;
    pub(super) const EXT_2: u8 = 0xC2;
    pub(super) const OPAQUE: u8 = 0xC3;

    /// The flag of a tag that has attributes.
    pub(super) const HAS_ATTRIBUTES: u8 = 0x80;
    /// The flag of a tag that has content.
    pub(super) const HAS_CONTENT: u8 = 0x40;
    /// The bits that name a tag.
    pub(super) const IDENTITY: u8 = 0x3F;
}

/// The formal public identifier of a description framework and of TNDS (OMA-TS-DM-TND 1.2).
const DM_DDF: &str = "-//OMA//DTD-DM-DDF 1.2//EN";

/// The public identifier of a document type that has none.
const UNKNOWN_TYPE: u32 = 0x01;
/// The public identifiers of SyncML 1.0, 1.1 and 1.2.
const SYNCML_1_0: u32 = 0x0FD1;
const SYNCML_1_1: u32 = 0x0FD3;
const SYNCML_1_2: u32 = 0x1201;

/// The `MIBenum` of UTF-8.
const UTF_8: u32 = 106;

#[cfg(test)]
mod tests;
