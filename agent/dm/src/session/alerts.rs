//! The Generic Alerts of a session: each leaves the queue of the device only when the server has
//! answered it (OMA-TS-DM-Protocol 8.7).

use super::outgoing;
use omadm_syncml::{
    Alert, AlertCode, AlertId, Command, GenericAlert, Item, Location, Mark, MediaType, Meta,
    Status, StatusCode,
};

/// The alerts of one session and how far each has come.
pub(super) struct AlertQueue {
    entries: Vec<Entry>,
}

struct Entry {
    alert: GenericAlert,
    progress: Progress,
}

enum Progress {
    /// It has to be sent.
    Waiting,
    /// It waits for room in a message.
    Packing,
    /// It is on its way.
    Sent { msg_id: String, cmd_id: String },
    /// Nothing more happens to it in this session.
    Settled,
}

/// What the server's status means for an alert.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) id: AlertId,
    pub(super) code: StatusCode,
    /// The alert leaves the queue of the device.
    pub(super) leaves: bool,
}

impl AlertQueue {
    pub(super) fn new(alerts: Vec<GenericAlert>) -> Self {
        let entry = |alert| Entry {
            alert,
            progress: Progress::Waiting,
        };
        Self {
            entries: alerts.into_iter().map(entry).collect(),
        }
    }

    /// Adds an alert that was raised in mid-session.
    pub(super) fn add(&mut self, alert: GenericAlert) {
        if self.entries.iter().all(|entry| entry.alert.id != alert.id) {
            self.entries.push(Entry {
                alert,
                progress: Progress::Waiting,
            });
        }
    }

    /// Whether an alert has to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| matches!(entry.progress, Progress::Waiting))
    }

    /// The alerts that have to be sent, as commands, and those that cannot be.
    pub(super) fn take_waiting(
        &mut self,
        media_type: MediaType,
    ) -> (Vec<(Command, AlertId)>, Vec<AlertId>) {
        let mut commands = Vec::new();
        let mut unsendable = Vec::new();
        for entry in &mut self.entries {
            if !matches!(entry.progress, Progress::Waiting) {
                continue;
            }
            if let Ok(command) = command(&entry.alert, media_type) {
                entry.progress = Progress::Packing;
                commands.push((command, entry.alert.id));
            } else {
                entry.progress = Progress::Settled;
                unsendable.push(entry.alert.id);
            }
        }
        (commands, unsendable)
    }

    /// A message with these alerts has left.
    pub(super) fn sent(&mut self, message: &str, alerts: Vec<(String, AlertId)>) {
        for (cmd_id, id) in alerts {
            let msg_id = message.to_owned();
            self.set(id, Progress::Sent { msg_id, cmd_id });
        }
    }

    /// The alert fits in no message of this session.
    pub(super) fn settle(&mut self, id: AlertId) {
        self.set(id, Progress::Settled);
    }

    /// Package 1 starts over: all that is not answered has to be sent again.
    pub(super) fn start_over(&mut self) {
        for entry in &mut self.entries {
            if !matches!(entry.progress, Progress::Settled) {
                entry.progress = Progress::Waiting;
            }
        }
    }

    /// Takes a status of an authenticated server; `None` if it answers no alert.
    pub(super) fn handle_status(&mut self, status: &Status) -> Option<Answered> {
        let code = StatusCode::parse(&status.data)?;
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.progress.is_answered_by(status))?;
        // The server wants to know who speaks first: the alert will be sent again.
        if matches!(
            code,
            StatusCode::INVALID_CREDENTIALS | StatusCode::CREDENTIALS_REQUIRED
        ) {
            return None;
        }
        entry.progress = Progress::Settled;
        let later = matches!(code, StatusCode::TIMEOUT | StatusCode::RETRY_LATER) || code.0 >= 500;
        Some(Answered {
            id: entry.alert.id,
            code,
            leaves: !later,
        })
    }

    /// Takes statuses of a stranger: what they answer has to be said again, to whoever can prove
    /// to be the server.
    pub(super) fn doubt(&mut self, statuses: &[Status]) {
        for entry in &mut self.entries {
            let answers = |status| entry.progress.is_answered_by(status);
            if statuses.iter().any(answers) {
                entry.progress = Progress::Waiting;
            }
        }
    }

    fn set(&mut self, id: AlertId, progress: Progress) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.alert.id == id) {
            entry.progress = progress;
        }
    }
}

impl Progress {
    fn is_answered_by(&self, status: &Status) -> bool {
        match self {
            Self::Sent { msg_id, cmd_id } => {
                let same_message = status.msg_ref == *msg_id || status.msg_ref.is_empty();
                let is_alert = status.cmd == "Alert" || status.cmd.is_empty();
                same_message && is_alert && status.cmd_ref.as_deref() == Some(cmd_id)
            }
            _ => false,
        }
    }
}

fn command(alert: &GenericAlert, media_type: MediaType) -> Result<Command, StatusCode> {
    let (format, data) = outgoing::value(alert.format, &alert.data, media_type)?;
    // The format of a Generic Alert is mandatory, even where it is the default.
    let format = format.unwrap_or(alert.format);
    let meta = Meta {
        format: Some(format.as_str().to_owned()),
        type_: Some(alert.alert_type.clone()),
        mark: (alert.mark != Mark::default()).then(|| alert.mark.to_string()),
        ..Meta::default()
    };
    let source = alert.source.as_ref().map(|uri| Location {
        uri: uri.to_string(),
        name: None,
    });
    Ok(Command::Alert(Alert {
        data: Some(AlertCode::GENERIC.to_string()),
        correlator: alert.correlator.clone(),
        items: vec![Item {
            source,
            meta,
            data: Some(data),
            ..Item::default()
        }],
        ..Alert::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_syncml::{Format, Value};

    fn alert(id: u64) -> GenericAlert {
        GenericAlert {
            id: AlertId(id),
            source: "./DiagMon/Memory".parse().ok(),
            alert_type: "urn:oma:at:diagmon:opcomplete:1.0".to_owned(),
            format: Format::Chr,
            mark: Mark::Critical,
            correlator: Some("c-1".to_owned()),
            data: Value::from("done"),
        }
    }

    fn status(msg_ref: &str, cmd_ref: &str, data: &str) -> Status {
        Status {
            msg_ref: msg_ref.to_owned(),
            cmd_ref: Some(cmd_ref.to_owned()),
            cmd: "Alert".to_owned(),
            data: data.to_owned(),
            ..Status::default()
        }
    }

    fn sent() -> AlertQueue {
        let mut queue = AlertQueue::new(vec![alert(7), alert(8)]);
        assert_eq!(queue.take_waiting(MediaType::DmXml).0.len(), 2);
        queue.sent(
            "1",
            vec![("3".into(), AlertId(7)), ("4".into(), AlertId(8))],
        );
        queue
    }

    #[test]
    fn an_alert_names_its_type_format_source_and_correlator() {
        let Ok(Command::Alert(sent)) = command(&alert(7), MediaType::DmXml) else {
            panic!("an alert is an alert");
        };
        assert_eq!(sent.data.as_deref(), Some("1226"));
        assert_eq!(sent.correlator.as_deref(), Some("c-1"));
        let item = &sent.items[0];
        assert_eq!(item.source.as_ref().unwrap().uri, "./DiagMon/Memory");
        assert_eq!(item.meta.format.as_deref(), Some("chr"));
        assert_eq!(item.meta.mark.as_deref(), Some("critical"));
        assert_eq!(
            item.meta.type_.as_deref(),
            Some("urn:oma:at:diagmon:opcomplete:1.0")
        );
    }

    #[test]
    fn only_the_status_for_that_command_settles_an_alert() {
        let mut queue = sent();
        assert_eq!(queue.handle_status(&status("1", "5", "200")), None);
        assert_eq!(queue.handle_status(&status("2", "3", "200")), None);
        assert_eq!(queue.handle_status(&status("1", "3", "2x0")), None);
        let answered = queue.handle_status(&status("1", "4", "200")).unwrap();
        assert_eq!((answered.id, answered.leaves), (AlertId(8), true));
        assert_eq!(queue.handle_status(&status("1", "4", "200")), None);
    }

    #[test]
    fn a_server_that_is_busy_gets_the_alert_in_another_session() {
        for (code, leaves) in [("202", true), ("415", true), ("417", false), ("503", false)] {
            let answered = sent().handle_status(&status("1", "3", code)).unwrap();
            assert_eq!(answered.leaves, leaves, "{code}");
        }
    }

    #[test]
    fn a_challenge_sends_alerts_again() {
        let mut queue = sent();
        assert_eq!(queue.handle_status(&status("1", "3", "407")), None);
        queue.handle_status(&status("1", "4", "200"));
        queue.start_over();
        let (again, _) = queue.take_waiting(MediaType::DmXml);
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].1, AlertId(7));
        assert!(!queue.is_waiting());
    }
}
