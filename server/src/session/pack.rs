//! Fills the messages of a package with the commands of jobs that wait, as far as the device takes
//! them.

use super::sent::Sent;
use super::track::Running;
use super::{Effect, Phase, Turn};
use omadm_syncml::{Command, Data, Message, encode, encoded_len};

/// What a message may hold when the device has not said: a cautious figure from the field.
const UNDECLARED: u64 = 5_000;

/// How many commands go in one message at most, whatever the device takes.
const MAX_COMMANDS: usize = 500;

/// How many commands may wait for their answers before a package ends.
const MAX_OUTSTANDING: usize = 2_000;

impl Turn<'_> {
    /// Adds the next commands. Without any, the session has come to its end: a package of Statuses
    /// alone is not answered (OMA-TS-DM-Protocol 8.1.4).
    pub(super) fn pack(&mut self) {
        let mut room = self.room();
        let mut jobs = std::mem::take(&mut self.jobs);
        let mut packed = Vec::new();
        let mut full = false;
        for job in &mut jobs {
            full = !self.pack_job(job, &mut room, &mut packed);
            if full {
                break;
            }
        }
        self.jobs = jobs;
        self.session.outstanding.append(&mut packed);
        self.session.package_open = full && self.may_go_on();
        if self.session.outstanding.is_empty() && !self.session.package_open {
            self.session.outstanding = self.ask_for_nonce();
        }
        self.session.phase = if self.session.outstanding.is_empty() && !self.session.package_open {
            Phase::Ended
        } else {
            Phase::Open
        };
        if self.session.package_open {
            self.reply.leave_open();
        }
    }

    /// Whether more commands may follow before the device has had its say. A Get ends the package:
    /// its Results are read before more is asked, so that the device need not hold many.
    fn may_go_on(&self) -> bool {
        let outstanding = &self.session.outstanding;
        outstanding.len() < MAX_OUTSTANDING && outstanding.iter().all(|sent| sent.name != "Get")
    }

    /// Adds what fits of one job; `false` when the message is full.
    fn pack_job(&mut self, job: &mut Running, room: &mut Room, packed: &mut Vec<Sent>) -> bool {
        let first = self.first_unsent(job);
        let start = usize::try_from(first).unwrap_or(usize::MAX);
        let waiting = job.commands.get(start..).unwrap_or_default();
        let msg_id = self.session.messages.to_string();
        let mut sent = None;
        let mut full = false;
        for (index, command) in (first..).zip(waiting) {
            let before = self.reply.mark();
            let mut command = command.clone();
            self.reply.number(&mut command);
            match self.try_to_fit(&command, room, packed.is_empty()) {
                Fit::Fits => {
                    packed.extend(Sent::entries(&command, job, index, &msg_id));
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

    /// The first command of a job that this package does not hold yet.
    fn first_unsent(&self, job: &Running) -> u32 {
        let outstanding = self.session.outstanding.iter();
        let sent = outstanding.filter(|sent| sent.job == job.id);
        let next = sent.map(|sent| sent.index.saturating_add(1)).max();
        next.unwrap_or_default().max(job.concluded)
    }

    fn try_to_fit(&self, command: &Command, room: &mut Room, first: bool) -> Fit {
        if let Some(why) = self.too_large(command) {
            return Fit::Never(why);
        }
        let bytes = encoded_len(self.exchange.media_type, command) as u64;
        if bytes == 0 {
            return Fit::Never(self.why_unwritable(command));
        }
        if room.takes(bytes, first) {
            return Fit::Fits;
        }
        let limit = room.limit;
        // Statuses may leave no room for a command; the next message has few of them.
        let bare = room
            .used
            .saturating_sub(self.reply.crowd(self.exchange.media_type));
        if !first || bare.saturating_add(bytes) <= limit {
            return Fit::Later;
        }
        Fit::Never(format!(
            "it needs {bytes} bytes, and the device takes messages of {limit} bytes"
        ))
    }

    /// Why the device would refuse an object (`MaxObjSize`).
    fn too_large(&self, command: &Command) -> Option<String> {
        let limit = self.session.max_object?;
        let largest = largest_object(command);
        (largest > limit).then(|| {
            format!("its value has {largest} bytes, and the device takes objects of {limit} bytes")
        })
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
            self.own(),
            Some(self.exchange.settings),
        )
    }
}

/// The length of the longest value that a command and its members carry.
fn largest_object(command: &Command) -> u64 {
    if let Command::Atomic(container) | Command::Sequence(container) = command {
        let members = container.commands.iter().map(largest_object);
        return members.max().unwrap_or_default();
    }
    let data = command.items().iter().filter_map(|item| item.data.as_ref());
    let octets = data.map(|data| match data {
        Data::Text(text) => text.len(),
        Data::Opaque(octets) => octets.len(),
        Data::Elements(_) => 0,
    });
    octets.max().unwrap_or_default() as u64
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
