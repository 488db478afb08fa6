//! Fills a package with the commands of jobs that wait, as far as the device takes them.

use super::sent::Sent;
use super::track::Running;
use super::{Effect, Phase, Turn};
use omadm_syncml::{Command, Message, encode, encoded_len};

/// What a message may hold when the device has not said: a cautious figure from the field.
const UNDECLARED: u64 = 5_000;

/// How many commands go in one message at most, whatever the device takes.
const MAX_COMMANDS: usize = 500;

impl Turn<'_> {
    /// Adds the next commands. Without any, the session has come to its end: a package of Statuses
    /// alone is not answered (OMA-TS-DM-Protocol 8.1.4).
    pub(super) fn pack(&mut self) {
        let mut room = self.room();
        let mut jobs = std::mem::take(&mut self.jobs);
        let mut packed = Vec::new();
        for job in &mut jobs {
            if !self.pack_job(job, &mut room, &mut packed) {
                break;
            }
        }
        self.jobs = jobs;
        self.session.phase = if packed.is_empty() {
            Phase::Ended
        } else {
            self.session.outstanding_msg_id = self.session.messages.to_string();
            Phase::Open
        };
        self.session.outstanding = packed;
    }

    /// Adds what fits of one job; `false` when the message is full.
    fn pack_job(&mut self, job: &mut Running, room: &mut Room, packed: &mut Vec<Sent>) -> bool {
        let start = usize::try_from(job.concluded).unwrap_or(usize::MAX);
        let waiting = job.commands.get(start..).unwrap_or_default();
        let mut sent = None;
        let mut full = false;
        for (index, command) in (job.concluded..).zip(waiting) {
            let before = self.reply.mark();
            let mut command = command.clone();
            self.reply.number(&mut command);
            match self.try_to_fit(&command, room, packed.is_empty()) {
                Fit::Fits => {
                    packed.extend(Sent::entries(&command, job, index));
                    self.reply.push(command);
                    sent = Some(index.saturating_add(1));
                    continue;
                }
                Fit::Later => full = true,
                // What goes before it in the same job is heard about first.
                Fit::Never(_) if sent.is_some() => full = true,
                Fit::Never(why) => self.give_up(job.id, index, &why),
            }
            self.reply.rewind(before);
            break;
        }
        if let Some(commands) = sent {
            job.sent = job.sent.max(commands);
            self.effects.push(Effect::Sent {
                job: job.id,
                commands: job.sent,
            });
        }
        !full
    }

    fn try_to_fit(&self, command: &Command, room: &mut Room, first: bool) -> Fit {
        let bytes = encoded_len(self.exchange.media_type, command) as u64;
        if bytes == 0 {
            return Fit::Never(self.why_unwritable(command));
        }
        if room.takes(bytes, first) {
            return Fit::Fits;
        }
        if !first {
            return Fit::Later;
        }
        let limit = room.limit;
        Fit::Never(format!(
            "it needs {bytes} bytes, and the device takes messages of {limit} bytes"
        ))
    }

    fn why_unwritable(&self, command: &Command) -> String {
        let message = Message {
            commands: vec![command.clone()],
            ..self.draft()
        };
        match encode(self.exchange.media_type, &message) {
            Err(error) => error.to_string(),
            Ok(_) => "it cannot be written".into(),
        }
    }

    /// A command that cannot go ends its job.
    fn give_up(&mut self, job: i64, index: u32, why: &str) {
        let detail = Some(format!("command {index}: {why}"));
        self.effects.push(Effect::Finished {
            job,
            done: false,
            detail,
        });
    }

    fn room(&self) -> Room {
        let used = encode(self.exchange.media_type, &self.draft()).map_or(0, |bytes| bytes.len());
        let declared = self.session.max_message;
        Room {
            used: used as u64,
            limit: declared.unwrap_or(UNDECLARED),
            declared: declared.is_some(),
            commands: 0,
        }
    }

    /// The answer so far, with all that its header may hold.
    fn draft(&self) -> Message {
        self.reply.to_message(
            self.exchange,
            self.session.messages,
            self.server_cred(),
            Some(self.exchange.settings),
        )
    }
}

enum Fit {
    Fits,
    /// Not in this message.
    Later,
    /// In no message.
    Never(String),
}

/// What is left of a message.
struct Room {
    used: u64,
    limit: u64,
    declared: bool,
    commands: usize,
}

impl Room {
    fn takes(&mut self, bytes: u64, first: bool) -> bool {
        let fits = self.used.saturating_add(bytes) <= self.limit;
        // Where the device has named no limit, one command may be as long as it is.
        let takes = self.commands < MAX_COMMANDS && (fits || (first && !self.declared));
        if takes {
            self.used = self.used.saturating_add(bytes);
            self.commands += 1;
        }
        takes
    }
}
