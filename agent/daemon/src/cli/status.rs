//! `omadm status`: the daemon, its accounts and its last session.

use std::fmt::Display;
use std::io::{self, Write};

use super::account;
use super::arguments::Listing;
use super::client::Client;
use super::failure::Failure;
use super::print::{self, Harmless, Style};
use crate::control::wire::{AccountState, GetStatus, Line, Notifications, SessionState, Status};

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
        let name = format!("{name:<13}");
        writeln!(
            out,
            "{} {}",
            style.strong(&name),
            fold(14, &value.to_string())
        )
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
    for (name, text) in of_servers(status) {
        line(name, &Harmless(&text))?;
    }
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
    // What keeps an account waiting is said with the rest of what lies before it.
    let quiet = |account: &AccountState| AccountState {
        waiting: None,
        ..account.clone()
    };
    let accounts: Vec<_> = status.accounts.iter().map(quiet).collect();
    account::table(&accounts, style, out)?;
    for account in &status.accounts {
        let name = Harmless(&account.name).to_string();
        let indent = name.chars().count() + 2;
        for text in [trouble(account), prospect(account)].into_iter().flatten() {
            let text = Harmless(&text).to_string();
            writeln!(out, "{name}  {}", fold(indent, &text))?;
        }
    }
    Ok(())
}

/// Where servers begin sessions, and what has come of it.
fn of_servers(status: &Status) -> Vec<(&'static str, String)> {
    let line = |line: &Line| {
        let detail = line.detail.as_ref();
        let detail = detail.map_or_else(String::new, |detail| format!(": {detail}"));
        ("Line", format!("{} {}{detail}", line.address, line.state))
    };
    let notified = notifications(&status.notifications).map(|text| ("Notified", text));
    status.lines.iter().map(line).chain(notified).collect()
}

/// What has come of notifications, if there were any.
fn notifications(counts: &Notifications) -> Option<String> {
    let mut texts = Vec::new();
    match (counts.accepted, counts.resynchronised) {
        (0, _) => {}
        (count, 0) => texts.push(format!("{count} followed")),
        (count, resynchronised) => {
            texts.push(format!(
                "{count} followed, {resynchronised} to resynchronise"
            ));
        }
    }
    let refused = counts.refused.iter();
    let refused: Vec<_> = refused
        .map(|refused| format!("{} {}", refused.count, refused.reason))
        .collect();
    if !refused.is_empty() {
        texts.push(format!("not followed: {}", refused.join(", ")));
    }
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// What went wrong last, if it did.
fn trouble(account: &AccountState) -> Option<String> {
    let result = account.last_result.as_deref()?;
    if account.failures == 0 {
        return None;
    }
    let detail = match account.last_detail.as_deref() {
        Some(detail) => format!(": {detail}"),
        None => String::new(),
    };
    let success = match account.last_success.as_deref() {
        Some(time) => format!("; the last success was at {}", print::moment(time)),
        None => "; never a success".to_owned(),
    };
    Some(format!("{result}{detail}{success}"))
}

/// When the next session is, why, and what it waits for.
fn prospect(account: &AccountState) -> Option<String> {
    let waiting = account.waiting.as_deref();
    let Some(seconds) = account.next_seconds else {
        return waiting.map(|reason| format!("waiting: {reason}"));
    };
    let causes = account.next_causes.join(", ");
    let mut text = match seconds.round() {
        seconds if seconds < 1.0 => format!("due ({causes})"),
        seconds if seconds < 60.0 => format!("next in {seconds:.0} s ({causes})"),
        seconds => format!("next in {} ({causes})", print::duration(seconds)),
    };
    if let Some(reason) = waiting {
        text.push_str(", waiting: ");
        text.push_str(reason);
    }
    Some(text)
}

/// How wide the output is.
const WIDTH: usize = 100;

/// A text in lines that fit beside `indent` columns, broken between words.
fn fold(indent: usize, text: &str) -> String {
    let room = WIDTH.saturating_sub(indent).max(20);
    let mut folded = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            folded.push('\n');
            folded.extend(std::iter::repeat_n(' ', indent));
            used = 0;
        } else if used > 0 {
            folded.push(' ');
            used += 1;
        }
        folded.push_str(word);
        used += length;
    }
    folded
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
        causes(session),
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

fn causes(session: &SessionState) -> String {
    if session.causes.is_empty() {
        return session.cause.clone(); // a daemon of an earlier version
    }
    session.causes.join(", ")
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
                causes: vec!["user".to_owned(), "calendar".to_owned()],
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
            text.contains("7 with lab (user, calendar), completed in 1.500 s: 2.0 KiB sent in 3 messages, 0 B\n              received in 3, 5 commands\n"),
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

    #[test]
    fn lines_and_notifications_are_shown_where_there_are_any() {
        use crate::control::wire::Count;
        assert!(of_servers(&Status::default()).is_empty());
        let line = |state: &str, detail: Option<&str>| Line {
            address: "tty+obex:///dev/ttyGS0".to_owned(),
            state: state.to_owned(),
            detail: detail.map(str::to_owned),
        };
        let status = Status {
            lines: vec![line("waiting", None), line("away", Some("no such file"))],
            notifications: Notifications {
                accepted: 3,
                resynchronised: 1,
                refused: vec![Count {
                    reason: "busy".to_owned(),
                    count: 2,
                }],
            },
            ..Status::default()
        };
        let shown: Vec<_> = of_servers(&status)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(
            shown,
            [
                "tty+obex:///dev/ttyGS0 waiting",
                "tty+obex:///dev/ttyGS0 away: no such file",
                "3 followed, 1 to resynchronise; not followed: 2 busy",
            ]
        );
    }

    #[test]
    fn the_time_until_the_next_attempt_has_whole_seconds() {
        for (seconds, expected) in [
            (0.0, "due (retry), waiting: no network"),
            (7.2, "next in 7 s (retry), waiting: no network"),
            (61.0, "next in 00:01:01 (retry), waiting: no network"),
        ] {
            let account = AccountState {
                next_seconds: Some(seconds),
                next_causes: vec!["retry".to_owned()],
                waiting: Some("no network".to_owned()),
                ..AccountState::default()
            };
            assert_eq!(prospect(&account).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_lies_before_an_account_is_said_in_words() {
        let account = AccountState {
            name: "lab".to_owned(),
            server_id: "lab.example".to_owned(),
            addresses: vec!["https://lab.example/dm".to_owned()],
            last_result: Some("bearer-failed".to_owned()),
            last_detail: Some("lab.example: connection refused ".repeat(5)),
            next_seconds: Some(612.3),
            next_causes: vec!["alerts".to_owned(), "retry".to_owned()],
            waiting: Some("the backoff after 3 failures in a row".to_owned()),
            failures: 3,
            ..AccountState::default()
        };
        let status = Status {
            accounts: vec![account],
            ..Status::default()
        };
        let mut out = Vec::new();
        show(&status, Style::Plain, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{text}");
        assert!(
            text.contains("\nlab  bearer-failed: lab.example: "),
            "{text}"
        );
        let words: Vec<_> = text.split_whitespace().collect();
        let words = words.join(" ");
        assert!(
            words.contains("refused ; never a success lab next in"),
            "{text}"
        );
        assert!(
            text.ends_with(
                "\nlab  next in 00:10:12 (alerts, retry), waiting: the backoff after 3 failures \
                 in a row\n"
            ),
            "{text}"
        );
    }
}
