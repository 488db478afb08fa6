//! `omadm-server job`: the queue and what came of it.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: waits for a job that another process carries out"
)]

use super::arguments::{Common, Job, Member};
use super::print::{self, Table};
use super::{device, members};
use crate::clock;
use crate::error::Error;
use crate::job::Operation;
use crate::store::{AlertRecord, JobRecord, JobState, JobSummary, Store};
use serde::Serialize;
use serde_json::json;
use std::io::Write;
use std::time::Duration;

/// How often a job that is waited for is looked at.
const POLL: Duration = Duration::from_millis(200);

/// How much of a value a table shows.
const MAX_VALUE: usize = 200;

pub(super) fn run(common: &Common, verb: Job, out: &mut dyn Write) -> Result<(), Error> {
    match verb {
        Job::Add { device, member } => add(common, &device, member, out),
        Job::List { device, state } => {
            let state = state.map(JobState::from);
            let jobs = Store::open_existing(&common.db)?.jobs(device.as_deref(), state)?;
            list(common, &jobs, out)
        }
        Job::Show { ids } => show(common, &ids, out),
        Job::Cancel { ids } => cancel(common, &ids, out),
        Job::Wait { ids, timeout } => wait(common, &ids, timeout, out),
    }
}

fn unknown(id: i64) -> Error {
    Error::NotFound(format!(
        "there is no job {id}; `omadm-server job list` names those there are"
    ))
}

fn add(common: &Common, id: &str, member: Member, out: &mut dyn Write) -> Result<(), Error> {
    let mut store = Store::open_existing(&common.db)?;
    if !store.has_device(id)? {
        return Err(device::unknown(id));
    }
    let kind = members::kind(&member);
    let operations = members::operations(member)?;
    let job = store.add_job(id, kind, &operations, clock::now())?;
    let correlators = correlators(&operations);
    if common.json {
        let added = json!({ "job": job, "device": id, "kind": kind, "correlators": correlators });
        return print::json(out, &added);
    }
    let id = print::harmless(id);
    print::line(out, &format!("job {job} ({kind}) is queued for {id}"))
}

fn correlators(operations: &[Operation]) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations {
        match operation {
            Operation::Exec { correlator, .. } => found.extend(correlator.clone()),
            Operation::Atomic { members } | Operation::Sequence { members } => {
                found.extend(correlators(members));
            }
            _ => {}
        }
    }
    found
}

fn list(common: &Common, jobs: &[JobSummary], out: &mut dyn Write) -> Result<(), Error> {
    if common.json {
        return print::json(out, &jobs);
    }
    let heads = ["JOB", "DEVICE", "KIND", "STATE", "QUEUED", "OVER", "DETAIL"];
    let mut table = Table::new(&heads).fold("DEVICE");
    for job in jobs {
        table.row(&[
            &job.id.to_string(),
            &job.device,
            &job.kind,
            job.state.as_str(),
            &print::moment(&job.created),
            &job.finished
                .as_deref()
                .map(print::moment)
                .unwrap_or_default(),
            job.detail.as_deref().unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        return print::line(
            out,
            "no jobs; queue one with: omadm-server job add DEVICE get URI",
        );
    }
    table.print(out)
}

/// A job with the alerts that answer it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    job: JobRecord,
    alerts: Vec<AlertRecord>,
}

fn find(store: &Store, id: i64) -> Result<Shown, Error> {
    let job = store.job(id)?.ok_or_else(|| unknown(id))?;
    let correlators = correlators(&job.operations);
    let alerts = store.correlated_alerts(&job.summary.device, &correlators)?;
    Ok(Shown { job, alerts })
}

fn show(common: &Common, ids: &[i64], out: &mut dyn Write) -> Result<(), Error> {
    let store = Store::open_existing(&common.db)?;
    let found = ids.iter().map(|id| find(&store, *id));
    let shown: Vec<Shown> = found.collect::<Result<_, _>>()?;
    match shown.as_slice() {
        [one] if common.json => print::json(out, one),
        all if common.json => print::json(out, &all),
        all => {
            for (position, one) in all.iter().enumerate() {
                if position > 0 {
                    print::line(out, "")?;
                }
                describe(one, out)?;
            }
            Ok(())
        }
    }
}

fn describe(shown: &Shown, out: &mut dyn Write) -> Result<(), Error> {
    let job = &shown.job.summary;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let broken = match job.broken_sessions {
        0 => String::new(),
        count => count.to_string(),
    };
    let facts = [
        ("job", job.id.to_string()),
        ("device", job.device.clone()),
        ("kind", job.kind.clone()),
        ("state", job.state.to_string()),
        ("detail", text(&job.detail)),
        ("queued", job.created.clone()),
        ("first sent", text(&job.started)),
        ("over", text(&job.finished)),
        (
            "session",
            job.session.map(|id| id.to_string()).unwrap_or_default(),
        ),
        ("broken sessions", broken),
    ];
    print::facts(out, &facts)?;
    statuses(&shown.job, out)?;
    values(&shown.job, out)?;
    if !shown.alerts.is_empty() {
        print::line(out, "")?;
        alerts(&shown.alerts).print(out)?;
    }
    Ok(())
}

fn statuses(job: &JobRecord, out: &mut dyn Write) -> Result<(), Error> {
    let mut table = Table::new(&["COMMAND", "NAME", "NODE", "STATUS", "NOTE"]);
    for status in &job.statuses {
        let code = match (status.status, status.phrase) {
            (Some(code), Some(phrase)) => format!("{code} {phrase}"),
            _ => "none".into(),
        };
        let note = status.note.as_deref().unwrap_or_default();
        table.row(&[&status.command, &status.name, &status.uri, &code, note]);
    }
    spaced(&table, out)
}

fn values(job: &JobRecord, out: &mut dyn Write) -> Result<(), Error> {
    let mut table = Table::new(&["NODE", "FORMAT", "TYPE", "VALUE"]);
    for result in &job.results {
        let value = match (&result.value.value, &result.value.value_base64) {
            (Some(text), _) => shortened(text),
            (None, Some(base64)) => format!("(base64) {}", shortened(base64)),
            (None, None) => String::new(),
        };
        table.row(&[
            &result.uri,
            result.format.as_deref().unwrap_or_default(),
            result.type_.as_deref().unwrap_or_default(),
            &value,
        ]);
    }
    spaced(&table, out)
}

fn spaced(table: &Table, out: &mut dyn Write) -> Result<(), Error> {
    if table.is_empty() {
        return Ok(());
    }
    print::line(out, "")?;
    table.print(out)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MAX_VALUE {
        return text.to_owned();
    }
    let start: String = text.chars().take(MAX_VALUE).collect();
    format!("{start}… ({} bytes; --json shows all)", text.len())
}

/// Alerts as a table.
pub(super) fn alerts(alerts: &[AlertRecord]) -> Table {
    let mut table = Table::new(&[
        "TIME",
        "ALERT",
        "TYPE",
        "MARK",
        "NODE",
        "CORRELATOR",
        "DATA",
    ]);
    for alert in alerts {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let value = alert
            .value
            .value
            .as_ref()
            .or(alert.value.value_base64.as_ref());
        table.row(&[
            &alert.time,
            &alert.code.to_string(),
            &text(&alert.type_),
            &text(&alert.mark),
            &text(&alert.source),
            &text(&alert.correlator),
            &value.map(|value| shortened(value)).unwrap_or_default(),
        ]);
    }
    table
}

fn cancel(common: &Common, ids: &[i64], out: &mut dyn Write) -> Result<(), Error> {
    let mut store = Store::open_existing(&common.db)?;
    for id in ids {
        let state = store.cancel_job(*id, clock::now())?;
        let state = state.ok_or_else(|| unknown(*id))?;
        if state.is_over() {
            let text = format!("job {id} is over: it is {state}");
            return Err(Error::Failed(text));
        }
        if !common.json {
            let remark = match state {
                JobState::Sent => "; the device may carry it out all the same",
                _ => "",
            };
            print::line(out, &format!("job {id} is cancelled{remark}"))?;
        }
    }
    if common.json {
        print::json(out, &json!({ "cancelled": ids }))?;
    }
    Ok(())
}

fn wait(
    common: &Common,
    ids: &[i64],
    timeout: Option<u64>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let store = Store::open_existing(&common.db)?;
    let deadline = timeout.map(|seconds| std::time::Instant::now() + Duration::from_secs(seconds));
    let summaries = loop {
        let found = ids
            .iter()
            .map(|id| store.job_summary(*id)?.ok_or_else(|| unknown(*id)));
        let jobs: Vec<JobSummary> = found.collect::<Result<_, _>>()?;
        let Some(waiting) = jobs.iter().find(|job| !job.state.is_over()) else {
            break jobs;
        };
        if deadline.is_some_and(|deadline| std::time::Instant::now() >= deadline) {
            let (id, seconds) = (waiting.id, timeout.unwrap_or(0));
            let text = format!("job {id} is not over after {seconds} seconds");
            return Err(Error::TimedOut(text));
        }
        std::thread::sleep(POLL);
    };
    list(common, &summaries, out)?;
    match summaries.iter().find(|job| job.state != JobState::Done) {
        None => Ok(()),
        Some(job) => Err(Error::Failed(format!("job {} is {}", job.id, job.state))),
    }
}
