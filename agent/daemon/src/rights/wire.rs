//! The types of the interfaces `io.omadm.Rights.*`.
//!
//! What is asked is read strictly, what is answered leniently, as in `io.omadm.Agent`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Right;

/// A request of a right: its parameters and the type of its answer. Each right has one: `Read`.
pub trait Request: Serialize + DeserializeOwned {
    /// The right it takes.
    const RIGHT: Right;
    /// The parameters of the reply.
    type Reply: Serialize + DeserializeOwned;
}

/// The name of the one method of each interface.
pub const METHOD: &str = "Read";

/// Asks for the memory of processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPss {
    /// The processes.
    pub pids: Vec<u32>,
}

/// The memory of processes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PssReply {
    /// In the order they were asked for.
    pub processes: Vec<ProcessMemory>,
}

/// The memory of a process, in octets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessMemory {
    /// The process.
    pub pid: u32,
    /// What is shared counts by the part of this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pss: Option<u64>,
    /// What only this process has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uss: Option<u64>,
    /// What is swapped out, shared parts counted as in `pss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_pss: Option<u64>,
    /// Why it could not be read, though it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Request for ReadPss {
    const RIGHT: Right = Right::Pss;
    type Reply = PssReply;
}

/// Asks for records of the kernel's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadKmsg {
    /// The first that is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// How many at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Records of the kernel's log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KmsgReply {
    /// Oldest first.
    pub records: Vec<KernelRecord>,
    /// Where to go on.
    pub next: u64,
    /// How many of the wanted ones were overwritten.
    pub lost: u64,
}

/// A record of the kernel's log (`Documentation/ABI/testing/dev-kmsg`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelRecord {
    /// Its number; none is given twice until the next boot.
    pub sequence: u64,
    /// 0 (emergency) to 7 (debug).
    pub level: u8,
    /// 0 is the kernel itself.
    pub facility: u32,
    /// Since the start of the kernel.
    pub microseconds: u64,
    /// What it says.
    pub message: String,
}

impl Request for ReadKmsg {
    const RIGHT: Right = Right::Kmsg;
    type Reply = KmsgReply;
}

/// Asks for what is kept of crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPstore {}

/// What is kept of crashes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PstoreReply {
    /// Newest first.
    pub records: Vec<CrashRecord>,
    /// How many others there are.
    pub omitted: u64,
}

/// A file of pstore.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CrashRecord {
    /// It is in systemd's archive, no longer in pstore itself.
    pub archived: bool,
    /// Relative to the directory it was found in.
    pub name: String,
    /// Seconds since 1970.
    pub modified: i64,
    /// The octets of the whole.
    pub size: u64,
    /// What it says, or its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// Why there is neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Request for ReadPstore {
    const RIGHT: Right = Right::Pstore;
    type Reply = PstoreReply;
}
