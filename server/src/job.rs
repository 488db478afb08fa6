//! What a job asks of a device, and the SyncML commands that it becomes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use omadm_syncml::{
    Command, Container, Data, Item, Limits, Location, MediaType, Meta, Request, decode,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that a job asks; a job is a list of them, carried out in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Operation {
    /// `Get` of one address.
    Get {
        /// The node, with `?prop=` or `?list=` if wanted.
        uri: String,
    },
    /// `Add` of a node.
    Add {
        /// The node that is to be.
        uri: String,
        /// Its value; none for an interior node.
        content: Content,
    },
    /// `Replace` of a value or a property.
    Replace {
        /// The node.
        uri: String,
        /// Its new value.
        content: Content,
    },
    /// `Delete` of a node and all below it.
    Delete {
        /// The node.
        uri: String,
    },
    /// `Copy` of a leaf.
    Copy {
        /// The leaf that is read.
        source: String,
        /// The leaf that is written.
        target: String,
    },
    /// `Exec` of a node.
    Exec {
        /// The node.
        uri: String,
        /// What the procedure is given.
        content: Content,
        /// Ties a later Generic Alert to this command.
        correlator: Option<String>,
    },
    /// `Atomic`: all members or none.
    Atomic {
        /// The members in order.
        members: Vec<Operation>,
    },
    /// `Sequence`: the members in order.
    Sequence {
        /// The members in order.
        members: Vec<Operation>,
    },
    /// SyncML commands as they are written in a file.
    Raw {
        /// The commands in XML: a message, a `SyncBody`, or the commands alone.
        xml: String,
    },
}

/// A value with its `Format` and `Type`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// `Format`; `None` leaves it out, which means `chr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// `Type`; `None` leaves it out, which means `text/plain`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// `Data` as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `Data` as octets, kept as base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// Why an operation does not become a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationError(pub String);

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OperationError {}

/// How deep `Atomic` and `Sequence` may nest in a job.
const MAX_DEPTH: usize = 8;

/// The commands of a job for a device that talks in `media_type`, still without `CmdID`s.
pub fn commands(
    operations: &[Operation],
    media_type: MediaType,
) -> Result<Vec<Command>, OperationError> {
    at_depth(operations, media_type, 0)
}

fn at_depth(
    operations: &[Operation],
    media_type: MediaType,
    depth: usize,
) -> Result<Vec<Command>, OperationError> {
    if depth > MAX_DEPTH {
        let text = format!("Atomic and Sequence nest deeper than {MAX_DEPTH}");
        return Err(OperationError(text));
    }
    let mut commands = Vec::with_capacity(operations.len());
    for operation in operations {
        match operation {
            Operation::Raw { xml } => commands.extend(raw(xml)?),
            _ => commands.push(command(operation, media_type, depth)?),
        }
    }
    Ok(commands)
}

fn command(
    operation: &Operation,
    media_type: MediaType,
    depth: usize,
) -> Result<Command, OperationError> {
    let container = |members: &[Operation]| {
        Ok(Container {
            commands: at_depth(members, media_type, depth + 1)?,
            ..Container::default()
        })
    };
    Ok(match operation {
        Operation::Get { uri } => Command::Get(on(uri, None)),
        Operation::Delete { uri } => Command::Delete(on(uri, None)),
        Operation::Add { uri, content } => Command::Add(on(uri, Some(content.encode(media_type)?))),
        Operation::Replace { uri, content } => {
            Command::Replace(on(uri, Some(content.encode(media_type)?)))
        }
        Operation::Copy { source, target } => Command::Copy(copy(source, target)),
        Operation::Exec {
            uri,
            content,
            correlator,
        } => Command::Exec(Request {
            correlator: correlator.clone(),
            ..on(uri, Some(content.encode(media_type)?))
        }),
        Operation::Atomic { members } => Command::Atomic(container(members)?),
        Operation::Sequence { members } => Command::Sequence(container(members)?),
        // Raw text may hold several commands; `at_depth` has taken it already.
        Operation::Raw { .. } => Command::Sequence(Container::default()),
    })
}

fn on(uri: &str, content: Option<(Meta, Option<Data>)>) -> Request {
    let (meta, data) = content.unwrap_or_default();
    Request {
        items: vec![Item {
            target: Some(location(uri)),
            meta,
            data,
            ..Item::default()
        }],
        ..Request::default()
    }
}

fn copy(source: &str, target: &str) -> Request {
    Request {
        items: vec![Item {
            source: Some(location(source)),
            target: Some(location(target)),
            ..Item::default()
        }],
        ..Request::default()
    }
}

fn location(uri: &str) -> Location {
    Location {
        uri: uri.to_owned(),
        name: None,
    }
}

impl Content {
    /// A value of octets: text where they are text, base64 otherwise.
    pub fn from_octets(octets: &[u8], format: Option<String>, type_: Option<String>) -> Self {
        let text = std::str::from_utf8(octets)
            .ok()
            .filter(|text| is_xml_text(text));
        let as_base64 = || Some(STANDARD.encode(octets));
        let (format, text, base64) = match (format.as_deref(), text) {
            // The node holds base64 text, so that is what travels in either encoding.
            (Some("b64"), _) => (format, as_base64(), None),
            (Some("bin"), _) => (format, None, as_base64()),
            (_, Some(text)) => (format, Some(text.to_owned()), None),
            (_, None) => (format.or_else(|| Some("bin".into())), None, as_base64()),
        };
        Self {
            format,
            type_,
            text,
            base64,
        }
    }

    fn encode(&self, media_type: MediaType) -> Result<(Meta, Option<Data>), OperationError> {
        let mut meta = Meta {
            format: self.format.clone(),
            type_: self.type_.clone(),
            ..Meta::default()
        };
        let data = match (&self.text, &self.base64) {
            (Some(text), _) => Some(Data::Text(text.clone())),
            (None, Some(text)) if media_type == MediaType::DmWbxml => {
                let octets = STANDARD.decode(text);
                let octets = octets.map_err(|e| OperationError(format!("bad base64: {e}")))?;
                Some(Data::Opaque(Bytes::from(octets)))
            }
            (None, Some(text)) => {
                // XML carries no octets: RepPro has them as base64 with Format b64.
                meta.format = Some("b64".into());
                Some(Data::Text(text.clone()))
            }
            (None, None) => None,
        };
        Ok((meta, data))
    }
}

/// Whether XML 1.0 can carry every character (XML 1.0, 2.2).
fn is_xml_text(text: &str) -> bool {
    text.chars()
        .all(|c| matches!(c, '\t' | '\n') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}')))
}

/// Reads commands as a file has them; their `CmdID`s do not matter.
fn raw(xml: &str) -> Result<Vec<Command>, OperationError> {
    let text = xml.trim_start_matches('\u{feff}').trim();
    let (before, after) = if text.contains("<SyncML") {
        ("", "")
    } else if text.contains("<SyncBody") {
        (RAW_HEAD, "</SyncML>")
    } else {
        (RAW_BODY, "</SyncBody></SyncML>")
    };
    let whole = format!("{before}{text}{after}");
    let message = decode(MediaType::DmXml, whole.as_bytes(), &Limits::default())
        .map_err(|e| OperationError(format!("the SyncML commands cannot be read: {e}")))?;
    let mut commands = message.commands;
    for command in &commands {
        if let Command::Status(_) | Command::Results(_) | Command::Other(_) = command {
            let text = "a job holds commands to the device; Status, Results and unknown elements are not such";
            return Err(OperationError(text.into()));
        }
    }
    if commands.is_empty() {
        return Err(OperationError("there is no SyncML command in it".into()));
    }
    commands.iter_mut().for_each(strip_cmd_id);
    Ok(commands)
}

fn strip_cmd_id(command: &mut Command) {
    if let Some(cmd_id) = command.cmd_id_mut() {
        cmd_id.clear();
    }
}

const RAW_HEAD: &str = concat!(
    "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>",
    "<SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>.</LocURI></Target>",
    "<Source><LocURI>.</LocURI></Source></SyncHdr>"
);
const RAW_BODY: &str = concat!(
    "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>",
    "<SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>.</LocURI></Target>",
    "<Source><LocURI>.</LocURI></Source></SyncHdr><SyncBody>"
);
