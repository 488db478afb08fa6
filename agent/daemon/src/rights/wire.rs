//! The types of the interfaces `io.omadm.Rights.*`.
//!
//! What is asked is read strictly, what is answered leniently, as in `io.omadm.Agent`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Right;

/// A request of a right: its parameters and the type of its answer. Most rights have one: `Read`.
pub trait Request: Serialize + DeserializeOwned {
    /// The right it takes.
    const RIGHT: Right;
    /// The name of the method.
    const METHOD: &'static str = METHOD;
    /// The parameters of the reply.
    type Reply: Serialize + DeserializeOwned;
}

/// The name of the one method of most interfaces.
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

/// Makes the gadget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpGadget {
    /// With a serial port.
    pub acm: bool,
    /// With the OBEX function.
    pub obex: bool,
    /// On this controller; on one that is free when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udc: Option<String>,
}

/// Takes it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DownGadget {}

/// Asks what there is of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusOfGadget {}

/// Waits on its OBEX function: a descriptor comes with the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenGadget {}

/// What there is of the gadget.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GadgetReply {
    /// The gadget, when it is up.
    pub gadget: Option<Gadget>,
    /// The controllers of this machine.
    pub controllers: Vec<Controller>,
}

/// A gadget that is up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Gadget {
    /// The controller that it is bound to.
    pub udc: String,
    /// `acm` and `obex`.
    pub functions: Vec<String>,
    /// The serial ports of `acm` here.
    pub ports: Vec<String>,
    /// Whether the agent waits on `obex`.
    pub open: bool,
}

/// A USB device controller.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Controller {
    /// Its name below `/sys/class/udc`.
    pub name: String,
    /// As the kernel words it: `configured` when a host uses it.
    pub state: String,
    /// The gadget that it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gadget: Option<String>,
}

/// Whether there was a gadget to take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DownReply {
    /// There was.
    pub was_up: bool,
}

/// Nothing but the descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenReply {}

impl Request for UpGadget {
    const RIGHT: Right = Right::Gadget;
    const METHOD: &'static str = "Up";
    type Reply = GadgetReply;
}

impl Request for DownGadget {
    const RIGHT: Right = Right::Gadget;
    const METHOD: &'static str = "Down";
    type Reply = DownReply;
}

impl Request for StatusOfGadget {
    const RIGHT: Right = Right::Gadget;
    const METHOD: &'static str = "Status";
    type Reply = GadgetReply;
}

impl Request for OpenGadget {
    const RIGHT: Right = Right::Gadget;
    const METHOD: &'static str = "Open";
    type Reply = OpenReply;
}
