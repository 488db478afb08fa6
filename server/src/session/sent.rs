//! A command that has gone to a device, and what is known of its fate.

use super::CommandPath;
use super::track::Running;
use omadm_syncml::{Command, Item, StatusCode};
use serde::{Deserialize, Serialize};

/// A command that was sent and is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sent {
    pub(super) job: i64,
    /// The index of the command in its job; members share it with their container.
    pub(super) index: u32,
    pub(super) path: CommandPath,
    /// The `MsgID` of the message that it went in.
    #[serde(default)]
    pub(super) msg_id: String,
    pub(super) cmd_id: String,
    pub(super) name: String,
    /// The addresses of its items.
    pub(super) uris: Vec<String>,
    /// The items that no Status has named yet.
    pub(super) unanswered: Vec<String>,
    /// The worst code so far.
    pub(super) status: Option<u16>,
    /// How many values came back.
    pub(super) results: u32,
    /// Whether it is a member of an `Atomic`.
    pub(super) in_atomic: bool,
    /// Whether it, or its container, asks for no Status.
    #[serde(default)]
    pub(super) no_resp: bool,
    /// Whether it was sent before, in a session that broke.
    pub(super) repeated: bool,
    /// How many commands of the job had been sent before this one went out.
    pub(super) mark: u32,
}

impl Sent {
    pub(super) fn is_container(&self) -> bool {
        self.name == "Atomic" || self.name == "Sequence"
    }

    /// Whether nothing more is to be expected.
    pub(super) fn is_complete(&self) -> bool {
        let Some(status) = self.status else {
            return false;
        };
        let values = usize::try_from(self.results).unwrap_or(usize::MAX);
        let wants_values = self.name == "Get" && StatusCode(status).is_success();
        let enough = !self.lists() && values >= self.uris.len();
        self.unanswered.is_empty() && (!wants_values || enough)
    }

    /// Whether it asks for a subtree (`?list=`): that all of it has come, only the end of the
    /// device's package tells.
    fn lists(&self) -> bool {
        self.uris.iter().any(|uri| uri.contains('?'))
    }

    /// Whether `code` means that what was asked is so.
    pub(super) fn is_satisfied_by(&self, code: StatusCode) -> bool {
        code.is_success() || self.was_carried_out_before(code)
    }

    /// An Add that finds its node, or a Delete that does not, has been carried out by the
    /// session that broke before its Status arrived.
    pub(super) fn was_carried_out_before(&self, code: StatusCode) -> bool {
        self.repeated
            && !self.in_atomic
            && matches!(
                (self.name.as_str(), code),
                ("Add", StatusCode::ALREADY_EXISTS) | ("Delete", StatusCode::NOT_FOUND)
            )
    }

    pub(super) fn hear(&mut self, code: StatusCode, refs: &[String]) {
        let worse = self
            .status
            .is_none_or(|old| self.is_satisfied_by(StatusCode(old)) && !self.is_satisfied_by(code));
        if worse {
            self.status = Some(code.0);
        }
        if refs.is_empty() || self.uris.len() < 2 {
            self.unanswered.clear();
        }
        self.unanswered.retain(|uri| !refs.contains(uri));
    }

    /// What it means that there is no Status.
    pub(super) fn silence(&self) -> &'static str {
        if self.no_resp {
            "no Status was asked for (NoResp)"
        } else {
            "the device gave no Status"
        }
    }

    /// What to say of it when it failed.
    pub(super) fn failure(&self) -> Option<String> {
        let subject = match self.uris.first() {
            Some(uri) => format!("{} {uri}", self.name),
            None => self.name.clone(),
        };
        match self.status.map(StatusCode) {
            Some(code) if self.is_satisfied_by(code) => None,
            Some(code) => Some(format!("{subject}: {code} {}", code.phrase())),
            None if self.no_resp => None,
            None => Some(format!("{subject}: {}", self.silence())),
        }
    }

    /// The entries for a command that is about to go in message `msg_id`, its members after it.
    pub(super) fn entries(command: &Command, job: &Running, index: u32, msg_id: &str) -> Vec<Self> {
        let mut entries = Vec::new();
        let parent = (false, false);
        enter(
            command,
            job,
            index,
            &index.to_string(),
            parent,
            &mut entries,
        );
        for entry in &mut entries {
            msg_id.clone_into(&mut entry.msg_id);
        }
        entries
    }
}

fn enter(
    command: &Command,
    job: &Running,
    index: u32,
    path: &str,
    (in_atomic, no_resp): (bool, bool),
    entries: &mut Vec<Sent>,
) {
    let uris = uris_of(command);
    let no_resp = no_resp || command.no_resp();
    entries.push(Sent {
        job: job.id,
        index,
        path: CommandPath(path.to_owned()),
        msg_id: String::new(),
        cmd_id: command.cmd_id().trim().to_owned(),
        name: command.name().to_owned(),
        unanswered: uris.clone(),
        uris,
        status: None,
        results: 0,
        in_atomic,
        no_resp,
        repeated: index < job.sent,
        mark: job.sent,
    });
    if let Command::Atomic(container) | Command::Sequence(container) = command {
        let in_atomic = in_atomic || matches!(command, Command::Atomic(_));
        for (number, member) in container.commands.iter().enumerate() {
            let path = format!("{path}.{number}");
            enter(member, job, index, &path, (in_atomic, no_resp), entries);
        }
    }
}

fn uris_of(command: &Command) -> Vec<String> {
    let address = |item: &Item| {
        let location = item.target.as_ref().or(item.source.as_ref());
        location.map(|location| location.uri.clone())
    };
    command.items().iter().filter_map(address).collect()
}
