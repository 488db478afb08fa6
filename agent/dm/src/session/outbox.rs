//! The commands that wait to be sent, and how they are packed into messages that the server
//! accepts (OMA-TS-DM-Protocol 6, OMA-TS-SyncML-RepPro 6.10).

use omadm_syncml::{
    Alert, AlertCode, AlertId, Command, EncodeError, Header, MediaType, Message, Status, encode,
    encoded_len,
};
use std::collections::VecDeque;
use std::fmt;

/// Commands in the order in which they have to be sent, without their `CmdID`.
pub(super) struct Outbox {
    media_type: MediaType,
    queue: VecDeque<Queued>,
    bytes: usize,
}

struct Queued {
    command: Command,
    len: usize,
    alert: Option<AlertId>,
}

/// What a message holds besides the queue.
pub(super) struct Frame {
    pub(super) header: Header,
    /// The status of the server's header: always the first command.
    pub(super) status: Option<Status>,
    pub(super) closing: Closing,
    /// The server's `MaxMsgSize`.
    pub(super) limit: usize,
}

/// How a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// `Final` as soon as the queue is empty.
    Regular,
    /// The server's package goes on: Alert 1222, and no `Final`.
    NextMessage,
    /// Alert 1223 and `Final`, whatever is left in the queue.
    Abort,
}

/// A message and what it took from the queue.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) body: Vec<u8>,
    pub(super) is_final: bool,
    /// The alerts in the message, with their `CmdID`s.
    pub(super) alerts: Vec<(String, AlertId)>,
    /// The alerts that no message of this size can hold.
    pub(super) dropped: Vec<AlertId>,
}

/// Why no message could be made.
#[derive(Debug)]
pub(super) enum PackError {
    /// Not even one status fits.
    TooSmall { limit: usize, needed: usize },
    /// A text cannot be written.
    Encode(EncodeError),
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { limit, needed } => write!(
                f,
                "its MaxMsgSize is {limit} and the smallest answer has {needed} bytes"
            ),
            Self::Encode(error) => write!(f, "the answer cannot be encoded: {error}"),
        }
    }
}

/// As long as any `CmdID` that a message can need.
const LONGEST_CMD_ID: &str = "99999999";

impl Outbox {
    pub(super) const fn new(media_type: MediaType) -> Self {
        Self {
            media_type,
            queue: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The octets that wait.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }

    pub(super) fn push(&mut self, command: Command) {
        self.enqueue(command, None);
    }

    pub(super) fn push_alert(&mut self, command: Command, id: AlertId) {
        self.enqueue(command, Some(id));
    }

    fn enqueue(&mut self, mut command: Command, alert: Option<AlertId>) {
        set_cmd_id(&mut command, LONGEST_CMD_ID.to_owned());
        let len = encoded_len(self.media_type, &command);
        self.bytes += len;
        self.queue.push_back(Queued {
            command,
            len,
            alert,
        });
    }

    fn pop(&mut self) -> Option<Queued> {
        let queued = self.queue.pop_front()?;
        self.bytes = self.bytes.saturating_sub(queued.len);
        Some(queued)
    }

    /// The octets that a message with this frame leaves for commands of the queue.
    pub(super) fn room(&self, frame: &Frame) -> Result<usize, PackError> {
        let (commands, next) = frame.commands();
        let bare = Message {
            header: frame.header.clone(),
            commands: commands.into_iter().chain(next).collect(),
            is_final: true,
        };
        let needed = encode(self.media_type, &bare)
            .map_err(PackError::Encode)?
            .len();
        frame.limit.checked_sub(needed).ok_or(PackError::TooSmall {
            limit: frame.limit,
            needed,
        })
    }

    /// Makes the next message: as much of the queue as fits, and `Final` when all of it did.
    pub(super) fn pack(&mut self, frame: Frame) -> Result<Packed, PackError> {
        let room = self.room(&frame)?;
        let dropped = self.drop_oversized(room, frame.limit)?;
        let (mut commands, next) = frame.commands();
        let alerts = self.take(room, &mut commands);
        commands.extend(next);
        number(&mut commands);
        let is_final = match frame.closing {
            Closing::Regular => self.queue.is_empty(),
            Closing::NextMessage => false,
            Closing::Abort => true,
        };
        let alerts = alerts
            .into_iter()
            .filter_map(|(at, id)| Some((commands.get(at)?.cmd_id().into_owned(), id)))
            .collect();
        let message = Message {
            header: frame.header,
            commands,
            is_final,
        };
        Ok(Packed {
            body: encode(self.media_type, &message).map_err(PackError::Encode)?,
            is_final,
            alerts,
            dropped,
        })
    }

    /// Moves what fits and returns where the alerts are.
    fn take(&mut self, mut room: usize, commands: &mut Vec<Command>) -> Vec<(usize, AlertId)> {
        let mut alerts = Vec::new();
        while self.queue.front().is_some_and(|next| next.len <= room) {
            let Some(queued) = self.pop() else { break };
            room -= queued.len;
            alerts.extend(queued.alert.map(|id| (commands.len(), id)));
            commands.push(queued.command);
        }
        alerts
    }

    /// Takes what can never be sent from the head of the queue: alerts wait for a session with
    /// more room, results were measured before and only fail when the server shrinks its limit.
    fn drop_oversized(&mut self, room: usize, limit: usize) -> Result<Vec<AlertId>, PackError> {
        let mut dropped = Vec::new();
        while self.queue.front().is_some_and(|next| next.len > room) {
            let Some(queued) = self.pop() else { break };
            match queued.command {
                Command::Results(_) => {}
                Command::Alert(_) => dropped.extend(queued.alert),
                _ => {
                    let needed = limit - room + queued.len;
                    return Err(PackError::TooSmall { limit, needed });
                }
            }
        }
        Ok(dropped)
    }
}

impl Frame {
    /// The commands before and after those of the queue.
    fn commands(&self) -> (Vec<Command>, Option<Command>) {
        let numbered = |mut command: Command| {
            set_cmd_id(&mut command, LONGEST_CMD_ID.to_owned());
            command
        };
        let status = self.status.clone().map(Command::Status).map(numbered);
        let last = match self.closing {
            Closing::Regular => None,
            Closing::NextMessage => Some(AlertCode::NEXT_MESSAGE),
            Closing::Abort => Some(AlertCode::SESSION_ABORT),
        };
        let last = last.map(alert).map(numbered);
        (status.into_iter().collect(), last)
    }
}

/// An alert without items.
pub(super) fn alert(code: AlertCode) -> Command {
    Command::Alert(Alert {
        data: Some(code.to_string()),
        ..Alert::default()
    })
}

/// Gives the commands their `CmdID`s: they start anew with each message.
fn number(commands: &mut [Command]) {
    for (at, command) in commands.iter_mut().enumerate() {
        set_cmd_id(command, (at + 1).to_string());
    }
}

fn set_cmd_id(command: &mut Command, id: String) {
    if let Some(cmd_id) = command.cmd_id_mut() {
        *cmd_id = id;
    }
}
