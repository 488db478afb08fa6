//! Which command of which job a Status or Results is about, and when a job is over.

use super::chunk::Chunk;
use super::{CommandPath, Effect, ReceivedValue, Turn};
use crate::job;
use omadm_syncml::{Command, Item, Results, Status, StatusCode};
use serde::{Deserialize, Serialize};

/// How many values one command may bring.
const MAX_RESULTS: u32 = 10_000;

/// How much of what a device says with a Status is kept.
const MAX_NOTE: usize = 1024;

/// A job while a message is answered.
pub(super) struct Running {
    pub(super) id: i64,
    pub(super) commands: Vec<Command>,
    pub(super) concluded: u32,
    pub(super) sent: u32,
    pub(super) failed: bool,
    pub(super) failure: Option<String>,
}

/// A command that was sent and is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sent {
    pub(super) job: i64,
    /// The index of the command in its job; members share it with their container.
    pub(super) index: u32,
    pub(super) path: CommandPath,
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
    /// Whether it was sent before, in a session that broke.
    pub(super) repeated: bool,
    /// How many commands of the job had been sent before this one went out.
    pub(super) mark: u32,
}

impl Sent {
    fn is_container(&self) -> bool {
        self.name == "Atomic" || self.name == "Sequence"
    }

    /// Whether nothing more is to be expected.
    fn is_complete(&self) -> bool {
        let Some(status) = self.status else {
            return false;
        };
        let values = usize::try_from(self.results).unwrap_or(usize::MAX);
        let wants_values = self.name == "Get" && StatusCode(status).is_success();
        self.unanswered.is_empty() && (!wants_values || values >= self.uris.len())
    }

    /// Whether `code` means that what was asked is so.
    fn is_satisfied_by(&self, code: StatusCode) -> bool {
        code.is_success() || self.was_carried_out_before(code)
    }

    /// An Add that finds its node, or a Delete that does not, has been carried out by the
    /// session that broke before its Status arrived.
    fn was_carried_out_before(&self, code: StatusCode) -> bool {
        self.repeated
            && !self.in_atomic
            && matches!(
                (self.name.as_str(), code),
                ("Add", StatusCode::ALREADY_EXISTS) | ("Delete", StatusCode::NOT_FOUND)
            )
    }

    fn hear(&mut self, code: StatusCode, refs: &[String]) {
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

    fn failure(&self) -> Option<String> {
        let subject = match self.uris.first() {
            Some(uri) => format!("{} {uri}", self.name),
            None => self.name.clone(),
        };
        match self.status.map(StatusCode) {
            Some(code) if self.is_satisfied_by(code) => None,
            Some(code) => Some(format!("{subject}: {code} {}", code.phrase())),
            None => Some(format!("{subject}: the device gave no Status")),
        }
    }
}

impl Turn<'_> {
    pub(super) fn load_jobs(&mut self) {
        let media_type = self.exchange.media_type;
        for job in self.exchange.jobs {
            match job::commands(&job.operations, media_type) {
                Ok(commands) if commands.is_empty() => self.effects.push(Effect::Finished {
                    job: job.id,
                    done: true,
                    detail: None,
                }),
                Ok(commands) => self.jobs.push(Running {
                    id: job.id,
                    commands,
                    concluded: job.concluded,
                    sent: job.sent,
                    failed: job.failed,
                    failure: None,
                }),
                Err(error) => self.effects.push(Effect::Finished {
                    job: job.id,
                    done: false,
                    detail: Some(error.to_string()),
                }),
            }
        }
    }

    /// Whose command a Status answers is known by `MsgRef`, `CmdRef` and `Cmd`, in whatever order
    /// the Statuses come.
    pub(super) fn receive_status(&mut self, status: &Status) {
        if super::authenticate::is_for_header(status) {
            return;
        }
        let own = status.msg_ref.trim() == self.session.outstanding_msg_id;
        let cmd_ref = status.cmd_ref.as_deref().unwrap_or_default().trim();
        let cmd = status.cmd.trim();
        let sent = self.session.outstanding.iter_mut();
        let mut found = sent.filter(|sent| own && sent.cmd_id == cmd_ref && sent.name == cmd);
        let (Some(sent), Some(code)) = (found.next(), StatusCode::parse(&status.data)) else {
            self.unmatched += 1;
            return;
        };
        if code == StatusCode::CHUNK_ACCEPTED {
            return;
        }
        let refs: Vec<String> = [&status.target_refs[..], &status.source_refs[..]].concat();
        let effect = answered(sent, code, status, &refs);
        sent.hear(code, &refs);
        self.effects.push(effect);
    }

    pub(super) fn receive_results(&mut self, results: &Results) {
        // A missing reference means `1` (MS-MDM, Results).
        let cmd_ref = results.cmd_ref.as_deref().unwrap_or("1").trim();
        let own = results
            .msg_ref
            .as_deref()
            .is_none_or(|msg_ref| msg_ref.trim() == self.session.outstanding_msg_id);
        let mut position = self.session.outstanding.iter();
        let found = position.position(|sent| own && sent.cmd_id == cmd_ref);
        let Some(index) = found else {
            return self
                .reply
                .results_status(&results.cmd_id, StatusCode::NOT_FOUND);
        };
        for item in &results.items {
            match self.collect("Results", cmd_ref, item, &results.meta) {
                Chunk::Whole(value) => self.keep_result(index, results, item, value),
                Chunk::More => self
                    .reply
                    .results_status(&results.cmd_id, StatusCode::CHUNK_ACCEPTED),
                Chunk::Bad(code) => self.reply.results_status(&results.cmd_id, code),
            }
        }
    }

    fn keep_result(&mut self, index: usize, results: &Results, item: &Item, value: ReceivedValue) {
        let Some(sent) = self.session.outstanding.get_mut(index) else {
            return;
        };
        if sent.results >= MAX_RESULTS {
            let code = StatusCode::TOO_LARGE;
            return self.reply.results_status(&results.cmd_id, code);
        }
        sent.results += 1;
        let source = item.source.as_ref().or(item.target.as_ref());
        let uri = source
            .map(|location| location.uri.clone())
            .or_else(|| results.source_ref.clone())
            .or_else(|| results.target_ref.clone())
            .or_else(|| sent.uris.first().cloned());
        self.effects.push(Effect::Result {
            job: sent.job,
            path: sent.path.clone(),
            uri: uri.unwrap_or_default(),
            format: item.meta.format.clone().or(results.meta.format.clone()),
            type_: item.meta.type_.clone().or(results.meta.type_.clone()),
            value,
        });
    }

    /// Ends what is over. At the end of the device's package everything is, answered or not.
    pub(super) fn conclude(&mut self, all: bool) {
        while let Some(first) = self.session.outstanding.first() {
            let (job, index) = (first.job, first.index);
            let same = |sent: &Sent| sent.job == job && sent.index == index;
            let outstanding = &self.session.outstanding;
            let length = outstanding.iter().take_while(|sent| same(sent)).count();
            let complete = outstanding.iter().take(length).all(Sent::is_complete);
            if !complete && !all {
                return;
            }
            let group: Vec<Sent> = self.session.outstanding.drain(..length).collect();
            self.conclude_command(job, index, &group);
        }
    }

    fn conclude_command(&mut self, job: i64, index: u32, group: &[Sent]) {
        let failure = failure_of(group);
        for sent in group.iter().filter(|sent| sent.status.is_none()) {
            self.effects.push(Effect::Answered {
                job,
                path: sent.path.clone(),
                name: sent.name.clone(),
                uri: sent.uris.first().cloned().unwrap_or_default(),
                status: None,
                note: Some("the device gave no Status".into()),
            });
        }
        let Some(running) = self.jobs.iter_mut().find(|running| running.id == job) else {
            return;
        };
        running.concluded = index.saturating_add(1);
        running.failed |= failure.is_some();
        running.failure = running.failure.take().or_else(|| failure.clone());
        self.effects.push(Effect::Concluded {
            job,
            commands: running.concluded,
            failure,
        });
        if usize::try_from(running.concluded).is_ok_and(|n| n >= running.commands.len()) {
            self.effects.push(Effect::Finished {
                job,
                done: !running.failed,
                detail: running.failure.clone(),
            });
        }
    }

    /// Puts commands that the device has not executed back, as if they had not been sent.
    pub(super) fn take_back(&mut self, reason: &str) {
        for sent in std::mem::take(&mut self.session.outstanding) {
            let running = self.jobs.iter_mut().find(|running| running.id == sent.job);
            if let Some(running) = running.filter(|running| running.sent > sent.mark) {
                running.sent = sent.mark;
            }
            self.return_job(sent.job, sent.mark, false, reason);
        }
    }

    /// Puts the jobs of a session that breaks back into the queue.
    pub(super) fn return_jobs(&mut self, reason: &str) {
        self.conclude(false);
        for sent in std::mem::take(&mut self.session.outstanding) {
            let reached = sent.index.saturating_add(1).max(sent.mark);
            self.return_job(sent.job, reached, true, reason);
        }
    }

    /// One effect for all commands of a job: the lowest or highest mark is settled by the last.
    fn return_job(&mut self, job: i64, sent: u32, broken: bool, reason: &str) {
        let same = |effect: &&mut Effect| matches!(effect, Effect::Returned { job: other, .. } if *other == job);
        if let Some(Effect::Returned { sent: old, .. }) = self.effects.iter_mut().find(same) {
            *old = (*old).max(sent);
            return;
        }
        self.effects.push(Effect::Returned {
            job,
            sent,
            broken,
            reason: reason.to_owned(),
        });
    }
}

fn answered(sent: &Sent, code: StatusCode, status: &Status, refs: &[String]) -> Effect {
    let texts = status.items.iter().filter_map(|item| match &item.data {
        Some(omadm_syncml::Data::Text(text)) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    let said = texts.collect::<Vec<_>>().join(", ");
    let note = if sent.was_carried_out_before(code) {
        Some("carried out by an earlier session that broke".to_owned())
    } else {
        (!said.is_empty()).then(|| said.chars().take(MAX_NOTE).collect())
    };
    let uri = refs.first().filter(|_| sent.uris.len() > 1);
    Effect::Answered {
        job: sent.job,
        path: sent.path.clone(),
        name: sent.name.clone(),
        uri: uri.or(sent.uris.first()).cloned().unwrap_or_default(),
        status: Some(code),
        note,
    }
}

/// What of a command and its members failed first. A container without a Status of its own is
/// judged by its members: some devices give Atomic none.
fn failure_of(group: &[Sent]) -> Option<String> {
    let silent = |sent: &&Sent| sent.is_container() && sent.status.is_none() && group.len() > 1;
    let (members, containers): (Vec<&Sent>, Vec<&Sent>) = group
        .iter()
        .filter(|sent| !silent(sent))
        .partition(|sent| !sent.is_container());
    // The member that failed says more than the members that were undone for its sake.
    let consequence = |sent: &&&Sent| {
        let undone = [StatusCode::NOT_EXECUTED, StatusCode::ROLLED_BACK];
        sent.status
            .is_some_and(|code| undone.contains(&StatusCode(code)))
    };
    let causes = members.iter().filter(|sent| !consequence(sent));
    let effects = members.iter().filter(consequence);
    causes
        .chain(effects)
        .chain(containers.iter())
        .find_map(|sent| sent.failure())
}

impl Sent {
    /// The entries for a command that is about to go, its members after it.
    pub(super) fn entries(command: &Command, job: &Running, index: u32) -> Vec<Self> {
        let mut entries = Vec::new();
        enter(command, job, index, &index.to_string(), false, &mut entries);
        entries
    }
}

fn enter(
    command: &Command,
    job: &Running,
    index: u32,
    path: &str,
    in_atomic: bool,
    entries: &mut Vec<Sent>,
) {
    let uris = uris_of(command);
    entries.push(Sent {
        job: job.id,
        index,
        path: CommandPath(path.to_owned()),
        cmd_id: command.cmd_id().trim().to_owned(),
        name: command.name().to_owned(),
        unanswered: uris.clone(),
        uris,
        status: None,
        results: 0,
        in_atomic,
        repeated: index < job.sent,
        mark: job.sent,
    });
    if let Command::Atomic(container) | Command::Sequence(container) = command {
        let in_atomic = in_atomic || matches!(command, Command::Atomic(_));
        for (number, member) in container.commands.iter().enumerate() {
            let path = format!("{path}.{number}");
            enter(member, job, index, &path, in_atomic, entries);
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
