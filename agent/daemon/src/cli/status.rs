//! `omadm status`: the daemon, its accounts and its last session.

use std::fmt::Display;
use std::io::{self, Write};

use super::account;
use super::arguments::Listing;
use super::client::Client;
use super::failure::Failure;
use super::print::{self, Harmless, Style};
use crate::control::wire::{GetStatus, SessionState, Status};

/// Shows the daemon.
pub(super) fn run(
    client: &mut Client,
    listing: Listing,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let reply = client.call(GetStatus {})?;
    if listing.json {
        return print::json(out, &reply);
    }
    Ok(show(&reply.status, style, out)?)
}

fn show(status: &Status, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |name: &str, value: &dyn Display| {
        writeln!(out, "{} {value}", style.strong(&format!("{name:<13}")))
    };
    line("Version", &Harmless(&status.version))?;
    line("Device", &Harmless(&status.device_id))?;
    let running = print::duration(status.uptime_seconds);
    let since = status.started.as_deref().map_or_else(String::new, |time| {
        format!(", since {}", print::moment(time))
    });
    line(
        "Running",
        &format_args!("{running}{}, process {}", Harmless(&since), status.pid),
    )?;
    line("State in", &Harmless(&status.state_directory))?;
    line(
        "Alerts",
        &format_args!("{} waiting for a session", status.pending_alerts),
    )?;
    line("KPIs", &format_args!("{} known", status.kpis))?;
    let none = "none";
    match &status.session {
        Some(session) => line("Session", &summary(session))?,
        None => line("Session", &none)?,
    }
    match &status.last_session {
        Some(session) => line("Last session", &summary(session))?,
        None => line("Last session", &none)?,
    }
    let refusals = status.last_session.iter().flat_map(|last| &last.refusals);
    for refusal in refusals {
        line("Refused", &Harmless(&refusal.to_string()))?;
    }
    writeln!(out)?;
    account::table(&status.accounts, style, out)
}

/// A session in a line.
pub(super) fn summary(session: &SessionState) -> String {
    let result = session.result.as_deref().unwrap_or("running");
    let id = match session.session_id.as_str() {
        // it ended before there was one
        "" => String::new(),
        id => format!("{id} "),
    };
    let mut text = format!(
        "{id}with {} ({}), {} in {}: {} sent in {}, {} received in {}, {}",
        session.account,
        session.cause,
        result,
        print::duration(session.seconds),
        octets(session.bytes_sent),
        print::counted(session.messages_sent, "message", "messages"),
        octets(session.bytes_received),
        session.messages_received,
        print::counted(session.commands, "command", "commands"),
    );
    if let Some(detail) = &session.detail {
        text.push_str("; ");
        text.push_str(detail);
    }
    Harmless(&text).to_string()
}

fn octets(count: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "printed with one decimal")]
    print::octets(count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire::Refusal;

    #[test]
    fn the_daemon_is_shown_at_a_glance() {
        let status = Status {
            version: "0.1.0".to_owned(),
            pid: 42,
            device_id: "urn:uuid:1".to_owned(),
            uptime_seconds: 61.0,
            state_directory: "/var/lib/omadm".to_owned(),
            last_session: Some(SessionState {
                account: "lab".to_owned(),
                session_id: "7".to_owned(),
                cause: "user".to_owned(),
                seconds: 1.5,
                messages_sent: 3,
                messages_received: 3,
                bytes_sent: 2048,
                commands: 5,
                result: Some("completed".to_owned()),
                refusals: vec![Refusal {
                    by: "server".to_owned(),
                    what: "nonce".to_owned(),
                    text: "stale".to_owned(),
                    mend: "nothing".to_owned(),
                    overcome: true,
                }],
                ..SessionState::default()
            }),
            ..Status::default()
        };
        let mut out = Vec::new();
        show(&status, Style::Plain, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("Running       00:01:01, process 42\n"),
            "{text}"
        );
        assert!(
            text.contains("7 with lab (user), completed in 1.500 s: 2.0 KiB sent in 3 messages, 0 B received in 3, 5 commands"),
            "{text}"
        );
        assert!(
            text.contains("Refused       server refuses nonce: stale; to mend it: nothing\n"),
            "{text}"
        );
        assert!(
            text.ends_with("no accounts; make one with: omadm account add\n"),
            "{text}"
        );
    }
}
