//! `omadm-server session`: who called, and what was said.

use super::arguments::{Common, Session};
use super::print::{self, Table};
use crate::error::Error;
use crate::store::{AuditEntry, SessionSummary, Store};
use serde::Serialize;
use std::io::Write;

pub(super) fn run(common: &Common, verb: Session, out: &mut dyn Write) -> Result<(), Error> {
    let store = Store::open_existing(&common.db)?;
    match verb {
        Session::List { device } => list(common, &store.sessions(device.as_deref())?, out),
        Session::Show { id } => show(common, &store, id, out),
    }
}

fn list(common: &Common, sessions: &[SessionSummary], out: &mut dyn Write) -> Result<(), Error> {
    if common.json {
        return print::json(out, &sessions);
    }
    let mut table = Table::new(&[
        "SESSION", "DEVICE", "ID", "PHASE", "PROVEN", "STARTED", "MESSAGES", "BYTES", "DETAIL",
    ])
    .fold("DEVICE");
    for session in sessions {
        table.row(&[
            &session.id.to_string(),
            &session.device,
            &session.session_id,
            &session.phase,
            if session.authenticated { "yes" } else { "no" },
            &print::moment(&session.started),
            &session.received.to_string(),
            &(session.bytes_received + session.bytes_sent).to_string(),
            session.detail.as_deref().unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        return print::line(out, "no sessions yet");
    }
    table.print(out)
}

/// A session with what was said in it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    session: SessionSummary,
    audit: Vec<AuditEntry>,
}

fn show(common: &Common, store: &Store, id: i64, out: &mut dyn Write) -> Result<(), Error> {
    let session = store.session(id)?.ok_or_else(|| {
        Error::NotFound(format!(
            "there is no session {id}; `omadm-server session list` names those there are"
        ))
    })?;
    let audit = store.audit(id)?;
    if common.json {
        return print::json(out, &Shown { session, audit });
    }
    let proven = if session.authenticated { "yes" } else { "no" };
    let facts = [
        ("session", session.id.to_string()),
        ("device", session.device),
        ("SessionID", session.session_id),
        ("phase", session.phase),
        ("device proven", proven.into()),
        ("started", session.started),
        ("last message", session.last),
        ("bytes received", session.bytes_received.to_string()),
        ("bytes sent", session.bytes_sent.to_string()),
        ("detail", session.detail.unwrap_or_default()),
    ];
    print::facts(out, &facts)?;
    for refusal in &session.refusals {
        print::line(
            out,
            &format!("refused  {}", print::harmless(&refusal.to_string())),
        )?;
    }
    audit.iter().try_for_each(|entry| entry_of(entry, out))
}

fn entry_of(entry: &AuditEntry, out: &mut dyn Write) -> Result<(), Error> {
    let time = &entry.time;
    let head = match (entry.direction.as_str(), entry.bytes, &entry.media_type) {
        ("received", Some(bytes), Some(form)) => format!("\n{time}  <<<  {bytes} bytes, {form}"),
        ("sent", Some(bytes), Some(form)) => format!("\n{time}  >>>  {bytes} bytes, {form}"),
        _ => return print::line(out, &format!("\n{time}  {}", print::harmless(&entry.text))),
    };
    print::line(out, &head)?;
    print::line(out, print::indented(&entry.text).trim_end())
}
