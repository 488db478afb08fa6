//! Commands to a device as they are given: on the command line, on the lines of a file, in JSON.

use super::arguments::{Content, Member, MemberLine};
use super::{read_file, read_text};
use crate::clock;
use crate::error::Error;
use crate::job::{self, Operation};
use clap::Parser as _;
use omadm_syncml::MediaType;
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::Path;

/// Files may name files, which may name files.
const MAX_DEPTH: usize = 8;

/// The verb of a job.
pub(super) const fn kind(member: &Member) -> &'static str {
    match member {
        Member::Get { .. } => "get",
        Member::Add { .. } => "add",
        Member::Replace { .. } => "replace",
        Member::Delete { .. } => "delete",
        Member::Copy { .. } => "copy",
        Member::Exec { .. } => "exec",
        Member::Atomic { .. } => "atomic",
        Member::Sequence { .. } => "sequence",
        Member::Raw { .. } => "raw",
    }
}

/// What a job asks, checked as far as it can be without the device.
pub(super) fn operations(member: Member) -> Result<Vec<Operation>, Error> {
    let operations = expand(member, 0)?;
    for media_type in [MediaType::DmXml, MediaType::DmWbxml] {
        job::commands(&operations, media_type).map_err(|e| Error::Data(e.to_string()))?;
    }
    Ok(operations)
}

fn expand(member: Member, depth: usize) -> Result<Vec<Operation>, Error> {
    Ok(match member {
        Member::Get { uris } => uris.into_iter().map(|uri| Operation::Get { uri }).collect(),
        Member::Delete { uris } => uris
            .into_iter()
            .map(|uri| Operation::Delete { uri })
            .collect(),
        Member::Add { uri, content, node } => vec![Operation::Add {
            uri,
            content: if node {
                interior(content)
            } else {
                value(content)?
            },
        }],
        Member::Replace { uri, content } => {
            let content = value(content)?;
            vec![Operation::Replace { uri, content }]
        }
        Member::Copy { source, target } => vec![Operation::Copy { source, target }],
        Member::Exec {
            uri,
            data,
            correlator,
            no_correlator,
        } => vec![exec(uri, data, correlator, no_correlator)?],
        Member::Atomic { file } => vec![Operation::Atomic {
            members: members(&file, depth)?,
        }],
        Member::Sequence { file } => vec![Operation::Sequence {
            members: members(&file, depth)?,
        }],
        Member::Raw { file } => {
            let xml = read_text(&file)?;
            let operation = Operation::Raw { xml };
            job::commands(std::slice::from_ref(&operation), MediaType::DmXml)
                .map_err(|e| Error::Data(format!("{}: {e}", file.display())))?;
            vec![operation]
        }
    })
}

fn interior(content: Content) -> job::Content {
    job::Content {
        format: Some("node".into()),
        type_: content.type_,
        ..job::Content::default()
    }
}

fn value(content: Content) -> Result<job::Content, Error> {
    let Content {
        value,
        file,
        format,
        type_,
    } = content;
    if let Some(file) = file {
        return Ok(job::Content::from_octets(&read_file(&file)?, format, type_));
    }
    if value.is_none() && !matches!(format.as_deref(), Some("node" | "null")) {
        let text = "give the value with --value or --file, or --format null for none";
        return Err(Error::Usage(text.into()));
    }
    Ok(job::Content {
        format,
        type_,
        text: value,
        base64: None,
    })
}

/// A device remembers correlators, so that an Exec that is repeated after a broken session does
/// not run twice: each Exec has one of its own.
fn exec(
    uri: String,
    data: Option<String>,
    correlator: Option<String>,
    without: bool,
) -> Result<Operation, Error> {
    let correlator = match correlator {
        None if !without => Some(random_name()?),
        given => given,
    };
    Ok(Operation::Exec {
        uri,
        content: job::Content {
            text: data,
            ..job::Content::default()
        },
        correlator,
    })
}

fn random_name() -> Result<String, Error> {
    let octets: [u8; 8] = clock::random()?;
    let mut name = String::from("job-");
    for octet in octets {
        let _ = write!(name, "{octet:02x}");
    }
    Ok(name)
}

/// The members in a file, which is JSON when it begins so.
fn members(file: &Path, depth: usize) -> Result<Vec<Operation>, Error> {
    if depth >= MAX_DEPTH {
        let text = format!("{}: files name each other too deeply", file.display());
        return Err(Error::Data(text));
    }
    let text = read_text(file)?;
    let members = if text.trim_start().starts_with('[') {
        from_json(&text).map_err(|e| Error::Data(format!("{}: {e}", file.display())))?
    } else {
        from_lines(file, &text, depth)?
    };
    if members.is_empty() {
        let text = format!("there is no command in {}", file.display());
        return Err(Error::Data(text));
    }
    Ok(members)
}

fn from_lines(file: &Path, text: &str, depth: usize) -> Result<Vec<Operation>, Error> {
    let mut members = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = |why: &str| {
            let number = number + 1;
            Error::Data(format!("{}, line {number}: {why}", file.display()))
        };
        let words = words(line).map_err(&place)?;
        if words.is_empty() {
            continue;
        }
        let parsed = MemberLine::try_parse_from(words).map_err(|e| place(&first_line(&e)))?;
        let expanded = expand(parsed.member, depth + 1);
        members.extend(expanded.map_err(|e| place(&e.to_string()))?);
    }
    Ok(members)
}

/// What clap says without its usage lines.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// The words of a line, quoted as in a shell.
fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => {
                let next = chars.next().ok_or("a \\ stands at the end")?;
                word.get_or_insert_default().push(next);
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quotation mark is not closed");
    }
    words.extend(word);
    Ok(words)
}

/// A member in JSON.
#[derive(Deserialize)]
#[serde(tag = "verb", rename_all = "lowercase", deny_unknown_fields)]
enum JsonMember {
    Get {
        uri: String,
    },
    Add(JsonLeaf),
    Replace(JsonLeaf),
    Delete {
        uri: String,
    },
    Copy {
        source: String,
        target: String,
    },
    Exec {
        uri: String,
        data: Option<String>,
        correlator: Option<String>,
    },
    Atomic {
        members: Vec<JsonMember>,
    },
    Sequence {
        members: Vec<JsonMember>,
    },
}

/// A node and its value in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonLeaf {
    uri: String,
    value: Option<String>,
    value_base64: Option<String>,
    format: Option<String>,
    #[serde(rename = "type")]
    type_: Option<String>,
}

impl JsonLeaf {
    fn split(self) -> (String, job::Content) {
        let content = job::Content {
            format: self.format,
            type_: self.type_,
            text: self.value,
            base64: self.value_base64,
        };
        (self.uri, content)
    }
}

fn from_json(text: &str) -> Result<Vec<Operation>, Error> {
    let members: Vec<JsonMember> =
        serde_json::from_str(text).map_err(|e| Error::Data(e.to_string()))?;
    members.into_iter().map(from_json_member).collect()
}

fn from_json_member(member: JsonMember) -> Result<Operation, Error> {
    let all = |members: Vec<JsonMember>| -> Result<Vec<Operation>, Error> {
        members.into_iter().map(from_json_member).collect()
    };
    Ok(match member {
        JsonMember::Get { uri } => Operation::Get { uri },
        JsonMember::Delete { uri } => Operation::Delete { uri },
        JsonMember::Copy { source, target } => Operation::Copy { source, target },
        JsonMember::Add(leaf) => {
            let (uri, content) = leaf.split();
            Operation::Add { uri, content }
        }
        JsonMember::Replace(leaf) => {
            let (uri, content) = leaf.split();
            Operation::Replace { uri, content }
        }
        JsonMember::Exec {
            uri,
            data,
            correlator,
        } => exec(uri, data, correlator, false)?,
        JsonMember::Atomic { members } => Operation::Atomic {
            members: all(members)?,
        },
        JsonMember::Sequence { members } => Operation::Sequence {
            members: all(members)?,
        },
    })
}

#[cfg(test)]
mod tests;
