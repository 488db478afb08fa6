//! A SyncML message as DM 1.2 uses it (OMA-TS-SyncML-RepPro 6, OMA-TS-DM-RepPro 6).
//!
//! The types say what a message holds, not how it is encoded. Texts that a peer may use
//! freely (`CmdID`, `MsgID`, `SessionID`, references) stay texts, so that they are echoed exactly.

mod command;

use crate::Element;
use bytes::Bytes;
use std::fmt;
use zeroize::Zeroizing;

/// One SyncML document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `SyncHdr`.
    pub header: Header,
    /// The commands of `SyncBody` in document order.
    pub commands: Vec<Command>,
    /// Whether `Final` closes the package.
    pub is_final: bool,
}

/// `SyncHdr`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// `VerDTD`: `1.2` for DM 1.2.
    pub ver_dtd: String,
    /// `VerProto`: `DM/1.2`.
    pub ver_proto: String,
    /// `SessionID`, chosen by the client or by Package 0.
    pub session_id: String,
    /// `MsgID`, counted by each sender on its own.
    pub msg_id: String,
    /// `Target`: the recipient.
    pub target: Location,
    /// `Source`: the originator; `name` carries the user of an MD5 credential.
    pub source: Location,
    /// `RespURI`: where the next message goes.
    pub resp_uri: Option<String>,
    /// `NoResp`; not used in DM.
    pub no_resp: bool,
    /// `Cred`.
    pub cred: Option<Cred>,
    /// `Meta`: `MaxMsgSize` and `MaxObjSize`.
    pub meta: Meta,
}

/// `Target`, `Source` and their like: an address and its display name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Location {
    /// `LocURI`, as received, escapes included.
    pub uri: String,
    /// `LocName`.
    pub name: Option<String>,
}

/// `Meta` with the MetInf elements that DM uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// `Format` as it is written; `None` means `chr`.
    pub format: Option<String>,
    /// `Type`: media type, MO identifier, authentication scheme or alert type.
    pub type_: Option<String>,
    /// `Mark`: the importance of a Generic Alert.
    pub mark: Option<String>,
    /// `Size` in bytes of the whole object as it travels.
    pub size: Option<u64>,
    /// `NextNonce` as it travels: base64 text, or raw octets from some WBXML peers.
    pub next_nonce: Option<Data>,
    /// `MaxMsgSize` in bytes.
    pub max_msg_size: Option<u64>,
    /// `MaxObjSize` in bytes.
    pub max_obj_size: Option<u64>,
    /// Every other MetInf element (`Anchor`, `Version`, `Mem`, `EMI`, `FieldLevel` …), as it came.
    pub others: Vec<Element>,
}

/// `Cred`: its data is a secret, so it has no readable `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Cred {
    /// `Type` and `Format` of the credential; boxed, since nearly every command goes without one.
    pub meta: Box<Meta>,
    /// The credential's text.
    pub data: Zeroizing<String>,
}

impl fmt::Debug for Cred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cred")
            .field("type", &self.meta.type_)
            .finish_non_exhaustive()
    }
}

/// The content of a `Data` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Character data.
    Text(String),
    /// Octets of a WBXML OPAQUE token.
    Opaque(Bytes),
    /// Child elements, such as a `MgmtTree` that is not escaped.
    Elements(Vec<Element>),
}

impl Data {
    /// The character data; opaque octets count when they are UTF-8, elements never do.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Opaque(octets) => std::str::from_utf8(octets).ok(),
            Self::Elements(_) => None,
        }
    }

    /// The octets of the text or of the opaque data; elements have none.
    pub fn as_octets(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Opaque(octets) => Some(octets),
            Self::Elements(_) => None,
        }
    }
}

/// `Item`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// `Target`.
    pub target: Option<Location>,
    /// `Source`.
    pub source: Option<Location>,
    /// `TargetParent`; not used in DM.
    pub target_parent: Option<String>,
    /// `SourceParent`; not used in DM.
    pub source_parent: Option<String>,
    /// `Meta`.
    pub meta: Meta,
    /// `Data`.
    pub data: Option<Data>,
    /// `MoreData`: more chunks follow.
    pub more_data: bool,
}

/// A command of `SyncBody`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `Add`
    Add(Request),
    /// `Replace`
    Replace(Request),
    /// `Delete`
    Delete(Request),
    /// `Copy`
    Copy(Request),
    /// `Get`
    Get(Request),
    /// `Exec`
    Exec(Request),
    /// `Alert`
    Alert(Alert),
    /// `Atomic`
    Atomic(Container),
    /// `Sequence`
    Sequence(Container),
    /// `Results`
    Results(Results),
    /// `Status`
    Status(Status),
    /// A command that DM does not use (`Put`, `Search`, `Map`, `Sync`, `Move`) or that nobody knows.
    Other(Element),
}

/// `Add`, `Replace`, `Delete`, `Copy`, `Get` or `Exec`: a command on items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// `CmdID`, any text; empty when it is missing.
    pub cmd_id: String,
    /// `NoResp`: no Status is wanted.
    pub no_resp: bool,
    /// `Archive`; `Delete` only, not used in DM.
    pub archive: bool,
    /// `SftDel`; `Delete` only, not used in DM.
    pub soft_delete: bool,
    /// `Lang`; `Get` only, not used in DM.
    pub lang: Option<String>,
    /// `Cred`; in DM only the header carries one.
    pub cred: Option<Cred>,
    /// `Meta`, which holds for every item that does not say otherwise.
    pub meta: Meta,
    /// `Correlator`; `Exec` only.
    pub correlator: Option<String>,
    /// `Item`s.
    pub items: Vec<Item>,
}

/// `Alert`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alert {
    /// `CmdID`, any text; empty when it is missing.
    pub cmd_id: String,
    /// `NoResp`: no Status is wanted.
    pub no_resp: bool,
    /// `Cred`; in DM only the header carries one.
    pub cred: Option<Cred>,
    /// `Data`: the alert code as text.
    pub data: Option<String>,
    /// `Correlator`.
    pub correlator: Option<String>,
    /// `Item`s.
    pub items: Vec<Item>,
}

/// `Atomic` or `Sequence`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// `CmdID`, any text; empty when it is missing.
    pub cmd_id: String,
    /// `NoResp`: no Status is wanted.
    pub no_resp: bool,
    /// `Meta`, which holds for every member that does not say otherwise.
    pub meta: Meta,
    /// The members in document order.
    pub commands: Vec<Command>,
}

/// `Results`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Results {
    /// `CmdID`, any text; empty when it is missing.
    pub cmd_id: String,
    /// `MsgRef`; a missing one means `1`.
    pub msg_ref: Option<String>,
    /// `CmdRef`; a missing one means `1`.
    pub cmd_ref: Option<String>,
    /// `Meta`.
    pub meta: Meta,
    /// `TargetRef`.
    pub target_ref: Option<String>,
    /// `SourceRef`.
    pub source_ref: Option<String>,
    /// `Item`s.
    pub items: Vec<Item>,
}

/// `Status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// `CmdID`, any text; empty when it is missing.
    pub cmd_id: String,
    /// `MsgRef`.
    pub msg_ref: String,
    /// `CmdRef`; `0` for the header, which some peers leave out.
    pub cmd_ref: Option<String>,
    /// `Cmd`: the name of the command that is answered.
    pub cmd: String,
    /// `TargetRef`s.
    pub target_refs: Vec<String>,
    /// `SourceRef`s.
    pub source_refs: Vec<String>,
    /// `Cred`.
    pub cred: Option<Cred>,
    /// `Chal`: its `Meta` with `Type`, `Format` and `NextNonce`.
    pub chal: Option<Meta>,
    /// `Data`: the status code as text; see [`crate::StatusCode::parse`].
    pub data: String,
    /// `Item`s.
    pub items: Vec<Item>,
}
