//! Sequence: members in order (OMA-TS-DM_RepPro 6.6.11).

use super::command::{Execution, Place};
use super::content;
use omadm_syncml::{Command, Container, StatusCode};

impl Execution<'_> {
    /// The Status of the Sequence itself only says that it was begun.
    ///
    /// The text leaves open whether a failed member keeps the rest from being executed; the
    /// account says.
    pub(super) fn sequence(
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
        self.reply(command, StatusCode::OK);
        let meta = content::inherit(place.meta, &container.meta);
        let inner = Place {
            depth: place.depth + 1,
            in_atomic: false,
            meta: &meta,
        };
        self.members(container, inner, self.setting.sequence_stops)
    }
}
