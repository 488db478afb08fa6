//! `omadm session`: runs a session and shows what was said.
#![expect(
    clippy::disallowed_types,
    reason = "driver: writes the trace where the caller wants it"
)]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::arguments::{self, TERMINAL};
use super::client::Client;
use super::failure::Failure;
use super::print::{self, Style};
use super::status;
use super::trace::{self, Detail};
use crate::control::wire::{RunSession, RunSessionReply, SessionState, TraceEntry};
use crate::exit;

#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entries: Vec<TraceEntry>,
    session: Option<SessionState>,
}

/// Runs a session and waits for its end.
pub(super) fn run(
    client: &mut Client,
    arguments: arguments::Session,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let json = arguments.listing.json;
    let wanted = RunSession {
        account: arguments.account,
        trace: Some(arguments.trace.is_some()),
    };
    let file = arguments.trace.filter(|file| file.as_os_str() != TERMINAL);
    let mut file = file.as_deref().map(open).transpose()?;
    let mut report = Report {
        entries: Vec::new(),
        session: None,
    };
    client.stream(wanted, |reply: RunSessionReply| {
        if reply.session.is_some() {
            report.session = reply.session;
        }
        match (reply.entry, &mut file) {
            (None, _) => {}
            (Some(entry), Some(file)) => trace::render(&entry, Detail::Whole, Style::Plain, file)?,
            (Some(entry), None) if json => report.entries.push(entry),
            (Some(entry), None) => {
                trace::render(&entry, Detail::Summary, style, out)?;
                out.flush()?;
            }
        }
        Ok(())
    })?;
    if let Some(mut file) = file {
        file.flush()?;
    }
    conclude(&report, json, out)
}

fn open(path: &Path) -> Result<BufWriter<File>, Failure> {
    match File::create(path) {
        Ok(file) => Ok(BufWriter::new(file)),
        Err(error) => {
            let code = if error.kind() == io::ErrorKind::PermissionDenied {
                exit::NO_PERMISSION
            } else {
                exit::IO
            };
            Err(Failure::new(
                code,
                format_args!("{}: {error}", path.display()),
            ))
        }
    }
}

fn conclude(report: &Report, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if json {
        print::json(out, report)?;
    } else if let Some(session) = &report.session {
        // what a failed session ended with is said once, on standard error
        let figures = SessionState {
            detail: session.detail.clone().filter(|_| completed(session)),
            ..session.clone()
        };
        writeln!(out, "session {}", status::summary(&figures))?;
        for refusal in session.refusals.iter().filter(|refusal| refusal.overcome) {
            writeln!(out, "{}", print::Harmless(&refusal.to_string()))?;
        }
    }
    let Some(session) = &report.session else {
        return Err(Failure::new(
            exit::FAILED,
            "omadmd did not say how the session ended",
        ));
    };
    if completed(session) {
        return Ok(());
    }
    Err(Failure::new(
        exit::FAILED,
        format_args!("the session was not completed: {}", reason(session)),
    ))
}

/// Why a session failed: who refused what and the mend, or whatever else it was.
fn reason(session: &SessionState) -> String {
    let refusals = session.refusals.iter().filter(|refusal| !refusal.overcome);
    let refusals: Vec<String> = refusals.map(ToString::to_string).collect();
    if !refusals.is_empty() {
        return refusals.join("; ");
    }
    let reason = session.detail.as_deref().or(session.result.as_deref());
    reason.unwrap_or("it is still running").to_owned()
}

fn completed(session: &SessionState) -> bool {
    session.result.as_deref() == Some("completed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concluded(result: Option<&str>) -> (Result<(), Failure>, String) {
        let report = Report {
            entries: Vec::new(),
            session: Some(SessionState {
                account: "lab".to_owned(),
                session_id: "5".to_owned(),
                cause: "user".to_owned(),
                result: result.map(str::to_owned),
                detail: Some("no route".to_owned()),
                ..SessionState::default()
            }),
        };
        let mut out = Vec::new();
        let done = conclude(&report, false, &mut out);
        (done, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_session_that_did_not_complete_is_a_failure() {
        let (done, text) = concluded(Some("completed"));
        assert!(done.is_ok());
        assert!(
            text.starts_with("session 5 with lab (user), completed in "),
            "{text}"
        );
        let (done, text) = concluded(Some("bearer-failed"));
        let failure = done.unwrap_err();
        assert_eq!(failure.code, exit::FAILED);
        assert_eq!(failure.message, "the session was not completed: no route");
        assert!(!text.contains("no route"), "{text}");
    }
}
