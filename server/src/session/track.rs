//! Which command of which job a Status or Results is about, and when a job is over.

use super::chunk::Chunk;
use super::sent::Sent;
use super::{Effect, ReceivedValue, Turn};
use crate::job;
use omadm_syncml::{Command, Item, Results, Status, StatusCode};

/// How many values one command may bring.
const MAX_RESULTS: u32 = 100_000;

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

impl Running {
    /// What the server asks for itself.
    pub(super) fn own() -> Self {
        Self {
            id: super::OWN_JOB,
            commands: Vec::new(),
            concluded: 0,
            sent: 0,
            failed: false,
            failure: None,
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
        if super::own::is_for_header(status) {
            return;
        }
        let msg_ref = status.msg_ref.trim();
        let cmd_ref = status.cmd_ref.as_deref().unwrap_or_default().trim();
        let cmd = status.cmd.trim();
        let sent = self.session.outstanding.iter_mut();
        let mut found = sent
            .filter(|sent| sent.msg_id == msg_ref && sent.cmd_id == cmd_ref && sent.name == cmd);
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
        let msg_ref = results.msg_ref.as_deref().map(str::trim);
        let own = |sent: &Sent| msg_ref.is_none_or(|msg_ref| sent.msg_id == msg_ref);
        // The last message is meant by a Results that names none.
        let mut outstanding = self.session.outstanding.iter();
        let found = outstanding.rposition(|sent| own(sent) && sent.cmd_id == cmd_ref);
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
                note: Some(sent.silence().into()),
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
        self.session.package_open = false;
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
        self.session.package_open = false;
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
