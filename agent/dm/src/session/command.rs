//! The commands of a message, executed in document order on an overlay that nobody else sees yet
//! (OMA-TS-DM_RepPro 6.6). Each command has a file of its own beside this one.

use super::content::{self, LargeObject};
use super::reply::{ItemOutcome, Reply};
use super::{ExecKey, ExecRecord, header};
use crate::{Authority, Edit, Overlay, Savepoint, Snapshot, Tree, View};
use omadm_syncml::uri::UriLimits;
use omadm_syncml::{Address, Command, Item, MediaType, Meta, Now, Request, StatusCode};
use std::collections::VecDeque;

/// What the execution of a message's commands needs to know.
pub(super) struct Setting<'a> {
    pub(super) tree: &'a Tree,
    /// One consistent state of the live nodes for the whole message.
    pub(super) live: &'a Snapshot,
    pub(super) server_id: &'a str,
    pub(super) now: Now,
    /// How the message was encoded.
    pub(super) received_as: MediaType,
    /// How the answer will be encoded.
    pub(super) answered_as: MediaType,
    /// The header's `NoResp`.
    pub(super) silent: bool,
    pub(super) sequence_stops: bool,
    /// How deep containers may be nested.
    pub(super) nesting: usize,
    /// The largest object that the device takes.
    pub(super) max_object: u64,
    /// The largest object that the server takes.
    pub(super) max_result: u64,
    /// The octets that all results of the message may have.
    pub(super) result_bytes: u64,
    /// The nodes that all listings of the message may look at.
    pub(super) listed_nodes: u64,
    /// The `Exec`s that must not run again.
    pub(super) seen: &'a VecDeque<ExecKey>,
}

/// The commands of one message while they are executed.
pub(super) struct Execution<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) overlay: Overlay,
    pub(super) large: Option<LargeObject>,
    pub(super) replies: Vec<Reply>,
    pub(super) execs: Vec<ExecRecord>,
    /// The octets that results have so far.
    pub(super) result_bytes: u64,
    /// The nodes that listings may still look at.
    pub(super) listed_nodes: u64,
    /// The correlator of the `Exec` that is being executed.
    pub(super) correlator: Option<String>,
    untouched: Savepoint,
}

/// Where a command stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// How many containers are around it.
    pub(super) depth: usize,
    pub(super) in_atomic: bool,
    /// The `Meta` of the containers around it.
    pub(super) meta: &'a Meta,
}

/// What became of an item.
pub(super) type Done = Result<Outcome, StatusCode>;

/// What a successful item gives back.
pub(super) struct Outcome {
    pub(super) code: StatusCode,
    /// For Results.
    pub(super) results: Vec<Item>,
    /// For the Status.
    pub(super) said: Option<Item>,
}

impl Outcome {
    pub(super) const OK: Self = Self::code(StatusCode::OK);

    pub(super) const fn code(code: StatusCode) -> Self {
        Self {
            code,
            results: Vec::new(),
            said: None,
        }
    }
}

impl<'a> Execution<'a> {
    pub(super) fn new(setting: Setting<'a>, large: Option<LargeObject>) -> Self {
        let overlay = Overlay::new();
        Self {
            untouched: overlay.savepoint(),
            listed_nodes: setting.listed_nodes,
            setting,
            overlay,
            large,
            replies: Vec::new(),
            execs: Vec::new(),
            result_bytes: 0,
            correlator: None,
        }
    }

    /// Executes the commands in document order.
    pub(super) fn run(&mut self, commands: &[Command]) {
        let place = Place {
            depth: 0,
            in_atomic: false,
            meta: &Meta::default(),
        };
        for command in commands {
            self.command(command, place);
        }
    }

    /// Executes one command; true if it and all its members succeeded.
    pub(super) fn command(&mut self, command: &Command, place: Place<'_>) -> bool {
        if !has_cmd_id(command) {
            return self.refuse_with_members(command, StatusCode::BAD_REQUEST);
        }
        match command {
            Command::Add(request) => self.items(command, request, place, Self::add),
            Command::Replace(request) => self.items(command, request, place, Self::replace),
            Command::Delete(request) => self.items(command, request, place, Self::delete),
            Command::Copy(request) => self.items(command, request, place, Self::copy),
            // Neither is among the members of Atomic (OMA-TS-DM_RepPro 6.6.3).
            Command::Get(_) | Command::Exec(_) if place.in_atomic => {
                self.reply(command, StatusCode::COMMAND_FAILED)
            }
            Command::Get(request) => self.items(command, request, place, Self::get),
            Command::Exec(request) => self.exec(command, request, place),
            Command::Alert(alert) => self.alert(command, alert),
            Command::Atomic(container) => self.atomic(command, container, place),
            Command::Sequence(container) => self.sequence(command, container, place),
            // A server has nothing that a client could have asked for.
            Command::Results(_) => self.reply(command, StatusCode::NOT_SUPPORTED),
            Command::Other(_) => self.reply(command, StatusCode::NOT_IMPLEMENTED),
            // A Status is never answered.
            Command::Status(_) => true,
        }
    }

    /// Executes a command item by item.
    pub(super) fn items(
        &mut self,
        command: &Command,
        request: &Request,
        place: Place<'_>,
        one: fn(&mut Self, &Item, &Meta) -> Done,
    ) -> bool {
        if request.items.is_empty() {
            return self.reply(command, StatusCode::INCOMPLETE_COMMAND);
        }
        let outer = content::inherit(place.meta, &request.meta);
        let mut outcomes = Vec::with_capacity(request.items.len());
        let mut ok = true;
        for item in &request.items {
            let done = if ok || !place.in_atomic {
                one(self, item, &content::inherit(&outer, &item.meta))
            } else {
                Err(StatusCode::NOT_EXECUTED)
            };
            ok &= done.is_ok();
            outcomes.push(self.outcome(item, done));
        }
        let reply = self.bare_reply(command, StatusCode::OK);
        self.replies.push(reply.with_outcomes(outcomes));
        ok
    }

    fn outcome(&self, item: &Item, done: Done) -> ItemOutcome {
        match done {
            Err(code) => ItemOutcome::for_item(code, item),
            Ok(outcome) => ItemOutcome {
                results: outcome.results,
                said: outcome.said,
                unstored: outcome.code == StatusCode::ACCEPTED
                    || self.overlay.savepoint() != self.untouched,
                ..ItemOutcome::for_item(outcome.code, item)
            },
        }
    }

    /// Answers a command as a whole; true if the code is a success.
    pub(super) fn reply(&mut self, command: &Command, code: StatusCode) -> bool {
        let reply = self.bare_reply(command, code);
        self.replies.push(reply);
        code.is_success()
    }

    fn bare_reply(&self, command: &Command, code: StatusCode) -> Reply {
        let silent = self.setting.silent || command.no_resp();
        let cmd_id = command.cmd_id();
        Reply::new(header::reference(&cmd_id), command.name(), silent, code)
    }

    /// Answers a command and its members with 215.
    pub(super) fn skip(&mut self, command: &Command) {
        let skipped = refuse(
            std::slice::from_ref(command),
            StatusCode::NOT_EXECUTED,
            self.setting.silent,
        );
        self.replies.extend(skipped);
    }

    pub(super) fn by(&self) -> Authority<'a> {
        Authority::Server(self.setting.server_id)
    }

    pub(super) fn view(&self) -> View<'_> {
        View::new(self.setting.tree, Some(&self.overlay), self.setting.live)
    }

    pub(super) fn edit(&mut self) -> Edit<'_> {
        Edit::new(self.setting.tree, &mut self.overlay, self.setting.live)
    }

    /// The address in an item's `Target`; 412 if it has none.
    pub(super) fn target(&self, item: &Item) -> Result<Address, StatusCode> {
        let target = item.target.as_ref();
        self.address(target.map(|target| target.uri.as_str()))
    }

    pub(super) fn address(&self, text: Option<&str>) -> Result<Address, StatusCode> {
        let text = text.ok_or(StatusCode::INCOMPLETE_COMMAND)?;
        Ok(Address::parse(text, &self.setting.tree.limits().uri)?)
    }
}

/// Answers commands, and the members of containers, with one code: none is executed.
pub(super) fn refuse(commands: &[Command], code: StatusCode, silent: bool) -> Vec<Reply> {
    let mut replies = Vec::new();
    let mut open: Vec<&Command> = commands.iter().rev().collect();
    while let Some(command) = open.pop() {
        let code = if has_cmd_id(command) {
            code
        } else {
            StatusCode::BAD_REQUEST
        };
        let silent = silent || command.no_resp();
        let cmd_id = command.cmd_id();
        let cmd_ref = header::reference(&cmd_id);
        replies.push(Reply::new(cmd_ref, command.name(), silent, code));
        open.extend(command.members().iter().rev());
    }
    replies
}

/// Every node that the commands are about, where the address can be read.
pub(super) fn addresses(commands: &[Command], limits: UriLimits) -> Vec<Address> {
    let mut found = Vec::new();
    let mut open: Vec<&Command> = commands.iter().collect();
    while let Some(command) = open.pop() {
        open.extend(command.members());
        for item in command.items() {
            let both = [&item.target, &item.source];
            let texts = both.into_iter().flatten().map(|location| &location.uri);
            found.extend(texts.filter_map(|text| Address::parse(text, &limits).ok()));
        }
    }
    found
}

/// The `CmdID` as it came. `0` stands for the header and names no command.
fn has_cmd_id(command: &Command) -> bool {
    let cmd_id = command.cmd_id();
    matches!(command, Command::Status(_)) || !matches!(header::reference(&cmd_id), "" | "0")
}
