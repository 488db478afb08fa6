//! What was done for each command of a message, and the Status and Results that say so
//! (OMA-TS-SyncML-RepPro 6.6.15, 6.6.16).

use omadm_syncml::{Command, Item, MediaType, Results, Status, StatusCode, encoded_len};

/// The answer to one command; a container comes before its members.
#[derive(Debug)]
pub(super) struct Reply {
    cmd_ref: String,
    cmd: String,
    /// `NoResp`: the server wants no Status.
    silent: bool,
    /// How many of the replies after it belong to an `Atomic`.
    atomic_members: usize,
    outcomes: Vec<ItemOutcome>,
}

/// What was done for one item of a command, or for a command without items.
#[derive(Debug)]
pub(super) struct ItemOutcome {
    pub(super) code: StatusCode,
    /// `Target/LocURI` of the item, as received.
    pub(super) target: Option<String>,
    /// `Source/LocURI` of the item, as received.
    pub(super) source: Option<String>,
    /// What a `Get` found.
    pub(super) results: Vec<Item>,
    /// What the Status itself has to say.
    pub(super) said: Option<Item>,
    /// It changed something, or saw a change, that is not stored yet.
    pub(super) unstored: bool,
}

impl ItemOutcome {
    pub(super) const fn of(code: StatusCode) -> Self {
        Self {
            code,
            target: None,
            source: None,
            results: Vec::new(),
            said: None,
            unstored: false,
        }
    }

    /// The outcome for an item, which it names.
    pub(super) fn for_item(code: StatusCode, item: &Item) -> Self {
        let uri = |location: &Option<omadm_syncml::Location>| {
            location.as_ref().map(|location| location.uri.clone())
        };
        Self {
            target: uri(&item.target),
            source: uri(&item.source),
            ..Self::of(code)
        }
    }

    /// Whether its Status fits into `room` octets for certain, without encoding it: no character
    /// of an address becomes more than six.
    fn is_short(&self, room: usize) -> bool {
        const REST: usize = 512;
        let addresses = [&self.target, &self.source];
        let octets: usize = addresses.into_iter().flatten().map(String::len).sum();
        self.said.is_none() && octets.saturating_mul(6).saturating_add(REST) <= room
    }

    fn fail(&mut self, code: StatusCode) {
        self.code = code;
        self.results.clear();
        self.said = None;
        self.unstored = false;
    }
}

impl Reply {
    pub(super) fn new(cmd_ref: &str, cmd: &str, silent: bool, code: StatusCode) -> Self {
        Self {
            cmd_ref: cmd_ref.to_owned(),
            cmd: cmd.to_owned(),
            silent,
            atomic_members: 0,
            outcomes: vec![ItemOutcome::of(code)],
        }
    }

    pub(super) fn with_outcomes(mut self, outcomes: Vec<ItemOutcome>) -> Self {
        self.outcomes = outcomes;
        self
    }

    /// The `members` replies after this one belong to an `Atomic`.
    pub(super) fn of_atomic(&mut self, members: usize) {
        self.atomic_members = members;
    }

    /// Whether the server will hear of it.
    pub(super) fn speaks(&self) -> bool {
        !self.silent || self.outcomes.iter().any(|item| !item.results.is_empty())
    }

    pub(super) fn succeeded(&self) -> bool {
        self.outcomes.iter().all(|item| item.code.is_success())
    }

    pub(super) fn set(&mut self, code: StatusCode) {
        self.outcomes = vec![ItemOutcome::of(code)];
    }

    /// An `Atomic` around the command failed.
    pub(super) fn roll_back(&mut self) {
        for item in &mut self.outcomes {
            if item.code.is_success() {
                item.fail(StatusCode::ROLLED_BACK);
            }
        }
    }

    /// The message's changes could not be stored: what changed something has failed, and what
    /// was read after it was never true.
    pub(super) fn fail_commit(replies: &mut [Self], code: StatusCode) {
        // Members come after their Atomic, so that they are judged first from the end.
        for at in (0..replies.len()).rev() {
            let Some([reply, rest @ ..]) = replies.get_mut(at..) else {
                continue;
            };
            let members = rest.get(..reply.atomic_members).unwrap_or_default();
            if members.iter().any(|member| !member.succeeded()) && reply.succeeded() {
                reply.set(StatusCode::ATOMIC_FAILED);
            }
            for item in &mut reply.outcomes {
                if item.unstored && item.code.is_success() {
                    item.fail(code);
                }
            }
        }
    }

    /// Writes the Status and Results.
    pub(super) fn into_commands(mut self, msg_ref: &str, wire: &mut Wire) -> Vec<Command> {
        let mut results = Vec::new();
        for item in &mut self.outcomes {
            let found = std::mem::take(&mut item.results);
            match wire.results(msg_ref, &self.cmd_ref, found) {
                Some(found) => results.extend(found),
                None => item.fail(StatusCode::TOO_LARGE),
            }
        }
        let mut commands = self.statuses(msg_ref, wire);
        commands.extend(results);
        commands
    }

    /// One Status if all items fared alike, else one for each item: only then do they name it.
    fn statuses(&self, msg_ref: &str, wire: &Wire) -> Vec<Command> {
        if self.silent {
            return Vec::new();
        }
        let alike = self
            .outcomes
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a.code == b.code && a.said == b.said));
        let status = |item: &ItemOutcome, named: bool| {
            let name = |uri: &Option<String>| uri.clone().filter(|_| named).into_iter().collect();
            Command::Status(Status {
                msg_ref: msg_ref.to_owned(),
                cmd_ref: Some(self.cmd_ref.clone()),
                cmd: self.cmd.clone(),
                target_refs: name(&item.target),
                source_refs: name(&item.source),
                data: item.code.to_string(),
                items: item.said.clone().into_iter().collect(),
                ..Status::default()
            })
        };
        let named = self.outcomes.len() == 1 || !alike;
        let shown = if alike { 1 } else { self.outcomes.len() };
        let fitting = |item: &ItemOutcome| {
            let named = status(item, named);
            // An address that no message can carry back is left out: the code alone says more
            // than a session that breaks off.
            if item.is_short(wire.room) || encoded_len(wire.media_type, &named) <= wire.room {
                named
            } else {
                status(item, false)
            }
        };
        self.outcomes.iter().take(shown).map(fitting).collect()
    }
}

/// How results travel: in which encoding, and how large they may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire {
    pub(super) media_type: MediaType,
    /// The octets that a message has for one command.
    pub(super) room: usize,
    /// The octets that results may add to what waits to be sent.
    pub(super) left: usize,
}

impl Wire {
    /// The items in as few Results as fit; `None` if one of them fits in no message, or if too
    /// much would wait to be sent.
    fn results(&mut self, msg_ref: &str, cmd_ref: &str, items: Vec<Item>) -> Option<Vec<Command>> {
        let results = |items| results(msg_ref, cmd_ref, items);
        match items.len() {
            0 => return Some(Vec::new()),
            1 => return self.whole(results(items)).map(|whole| vec![whole]),
            _ => {}
        }
        let mut left = self.left;
        let mut commands = Vec::new();
        let empty = encoded_len(self.media_type, &results(Vec::new()));
        let mut group = Vec::new();
        let mut len = empty;
        for item in items {
            let alone = results(vec![item]);
            let more = encoded_len(self.media_type, &alone).saturating_sub(empty);
            if empty + more > self.room {
                return None;
            }
            // A quarter of the room wastes little of a message that other answers share.
            if !group.is_empty() && len + more > self.room / 4 {
                left = left.checked_sub(len)?;
                commands.push(results(std::mem::take(&mut group)));
                len = empty;
            }
            len += more;
            if let Command::Results(alone) = alone {
                group.extend(alone.items);
            }
        }
        if !group.is_empty() {
            left = left.checked_sub(len)?;
            commands.push(results(group));
        }
        self.left = left;
        Some(commands)
    }

    /// Results that are not divided, if they fit.
    fn whole(&mut self, results: Command) -> Option<Command> {
        let len = encoded_len(self.media_type, &results);
        if len > self.room {
            return None;
        }
        self.left = self.left.checked_sub(len)?;
        Some(results)
    }
}

fn results(msg_ref: &str, cmd_ref: &str, items: Vec<Item>) -> Command {
    Command::Results(Results {
        // As long as any that the message can need.
        cmd_id: "99999999".to_owned(),
        msg_ref: Some(msg_ref.to_owned()),
        cmd_ref: Some(cmd_ref.to_owned()),
        items,
        ..Results::default()
    })
}
