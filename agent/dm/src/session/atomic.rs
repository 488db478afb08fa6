//! Atomic: all members or none (OMA-TS-DM_RepPro 6.6.3).

use super::command::{Execution, Place};
use super::content;
use super::reply::Reply;
use omadm_syncml::{Command, Container, StatusCode};

impl Execution<'_> {
    pub(super) fn atomic(
        &mut self,
        command: &Command,
        container: &Container,
        place: Place<'_>,
    ) -> bool {
        if place.in_atomic || place.depth >= self.setting.nesting {
            return self.refuse_with_members(command, StatusCode::COMMAND_FAILED);
        }
        if container.commands.is_empty() {
            return self.reply(command, StatusCode::INCOMPLETE_COMMAND);
        }
        let at = self.replies.len();
        self.reply(command, StatusCode::OK);
        let savepoint = self.overlay.savepoint();
        let meta = content::inherit(place.meta, &container.meta);
        let inner = Place {
            depth: place.depth + 1,
            in_atomic: true,
            meta: &meta,
        };
        let ok = self.members(container, inner, true);
        if !ok {
            self.overlay.rollback_to(savepoint);
        }
        self.close_atomic(at, ok);
        ok
    }

    /// Executes members in order; after a failure the rest is skipped if `stops`.
    pub(super) fn members(&mut self, container: &Container, inner: Place<'_>, stops: bool) -> bool {
        let mut ok = true;
        for member in &container.commands {
            if ok || !stops {
                ok &= self.command(member, inner);
            } else {
                self.skip(member);
            }
        }
        ok
    }

    /// Answers a command that cannot be executed, and the members of a container with 215.
    pub(super) fn refuse_with_members(&mut self, command: &Command, code: StatusCode) -> bool {
        self.reply(command, code);
        for member in command.members() {
            self.skip(member);
        }
        false
    }

    /// Gives the Atomic its status, and its executed members theirs when they were undone.
    fn close_atomic(&mut self, at: usize, ok: bool) {
        let Some([atomic, members @ ..]) = self.replies.get_mut(at..) else {
            return;
        };
        atomic.of_atomic(members.len());
        if !ok {
            atomic.set(StatusCode::ATOMIC_FAILED);
            members.iter_mut().for_each(Reply::roll_back);
        }
    }
}
