//! What can be asked of any command, whichever it is.

use super::{Command, Container, Item, Request};
use crate::Element;
use std::borrow::Cow;

impl Command {
    /// The name of its element, as `Cmd` of a Status has it.
    pub fn name(&self) -> &str {
        match self {
            Self::Add(_) => "Add",
            Self::Replace(_) => "Replace",
            Self::Delete(_) => "Delete",
            Self::Copy(_) => "Copy",
            Self::Get(_) => "Get",
            Self::Exec(_) => "Exec",
            Self::Alert(_) => "Alert",
            Self::Atomic(_) => "Atomic",
            Self::Sequence(_) => "Sequence",
            Self::Results(_) => "Results",
            Self::Status(_) => "Status",
            Self::Other(element) => &element.name.local,
        }
    }

    /// `CmdID` as it came; empty when it is missing.
    pub fn cmd_id(&self) -> Cow<'_, str> {
        let known = match self {
            Self::Alert(alert) => alert.cmd_id.as_str(),
            Self::Atomic(container) | Self::Sequence(container) => &container.cmd_id,
            Self::Results(results) => &results.cmd_id,
            Self::Status(status) => &status.cmd_id,
            Self::Other(element) => {
                return element
                    .child("CmdID")
                    .map(Element::text)
                    .unwrap_or_default();
            }
            _ => self.request().map_or("", |request| &request.cmd_id),
        };
        Cow::Borrowed(known)
    }

    /// Where it keeps its `CmdID`; an element of an unknown name is left as it came.
    pub fn cmd_id_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Alert(alert) => Some(&mut alert.cmd_id),
            Self::Atomic(container) | Self::Sequence(container) => Some(&mut container.cmd_id),
            Self::Results(results) => Some(&mut results.cmd_id),
            Self::Status(status) => Some(&mut status.cmd_id),
            _ => self.request_mut().map(|request| &mut request.cmd_id),
        }
    }

    /// Whether its sender wants no Status: `NoResp`.
    pub fn no_resp(&self) -> bool {
        match self {
            Self::Alert(alert) => alert.no_resp,
            Self::Atomic(container) | Self::Sequence(container) => container.no_resp,
            Self::Results(_) | Self::Status(_) => false,
            Self::Other(element) => element.child("NoResp").is_some(),
            _ => self.request().is_some_and(|request| request.no_resp),
        }
    }

    /// The command on items that it is: `Add`, `Replace`, `Delete`, `Copy`, `Get` or `Exec`.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::Add(request)
            | Self::Replace(request)
            | Self::Delete(request)
            | Self::Copy(request)
            | Self::Get(request)
            | Self::Exec(request) => Some(request),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn request_mut(&mut self) -> Option<&mut Request> {
        match self {
            Self::Add(request)
            | Self::Replace(request)
            | Self::Delete(request)
            | Self::Copy(request)
            | Self::Get(request)
            | Self::Exec(request) => Some(request),
            _ => None,
        }
    }

    /// The container that it is: `Atomic` or `Sequence`.
    pub fn container(&self) -> Option<&Container> {
        match self {
            Self::Atomic(container) | Self::Sequence(container) => Some(container),
            _ => None,
        }
    }

    /// The items of a command on items.
    pub fn items(&self) -> &[Item] {
        self.request().map_or(&[], |request| &request.items)
    }

    /// The members of a container.
    pub fn members(&self) -> &[Self] {
        self.container()
            .map_or(&[], |container| &container.commands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Namespace;

    #[test]
    fn every_kind_of_command_has_its_identifier() {
        let request = || Request {
            cmd_id: "7".to_owned(),
            no_resp: true,
            ..Request::default()
        };
        let container = || Container {
            cmd_id: "7".to_owned(),
            commands: vec![Command::Get(request())],
            ..Container::default()
        };
        for command in [
            Command::Add(request()),
            Command::Exec(request()),
            Command::Sequence(container()),
        ] {
            assert_eq!(command.cmd_id(), "7", "{}", command.name());
            assert_eq!(command.no_resp(), command.request().is_some());
            assert_eq!(
                command.members().len(),
                usize::from(command.container().is_some())
            );
        }
    }

    #[test]
    fn an_unknown_command_is_asked_by_its_children() {
        let element = Element::new(Namespace::SyncMl, "Search")
            .with_child(Element::new(Namespace::SyncMl, "CmdID").with_text(" 3 "))
            .with_child(Element::new(Namespace::SyncMl, "NoResp"));
        let mut command = Command::Other(element);
        assert_eq!(command.name(), "Search");
        assert_eq!(command.cmd_id().trim(), "3");
        assert!(command.no_resp());
        assert_eq!(command.cmd_id_mut(), None);
    }
}
