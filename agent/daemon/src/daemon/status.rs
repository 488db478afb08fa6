//! What the daemon says about itself.

use std::path::PathBuf;

use omadm_kpi::KpiSet;
use omadm_syncml::{AuthScheme, Now};

use super::account::Local;
use super::agenda::Why;
use super::agent::Agent;
use super::clock::{self, rfc3339};
use super::schedule::Prospect;
use super::{opening, plan};
use crate::connectivity::{self, Connection};
use crate::control::wire::{self, AccountState, Status};
use crate::mo::dmacc::{AccountError, Configured, Rule};

/// What an account waits for whose sessions cannot begin by themselves.
const FOR_SERVER: &str = "for the server, which begins its sessions on the device's own lines";

/// The reply of `GetStatus`.
pub(super) fn status(agent: &Agent, now: Now) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: i64::from(std::process::id()),
        device_id: agent.dev_id.clone(),
        started: agent.started.wall.and_then(rfc3339),
        uptime_seconds: now.boot.saturating_sub(agent.started.boot).as_secs_f64(),
        state_directory: agent.config.state_dir.display().to_string(),
        accounts: accounts(agent, now),
        session: agent.running.as_ref().map(|running| running.state(now)),
        last_session: agent.last_session.clone(),
        lines: agent.lines.wire(),
        notifications: agent.counters.wire(),
        pending_alerts: i64::try_from(agent.alerts.len()).unwrap_or(i64::MAX),
        kpis: i64::try_from(KpiSet::all().len()).unwrap_or(i64::MAX),
    }
}

/// Every account as it stands.
pub(super) fn accounts(agent: &Agent, now: Now) -> Vec<AccountState> {
    let entries = agent.configured().into_iter();
    entries
        .filter_map(|entry| {
            let state = match entry {
                Ok(configured) if agent.waits_for_server(&configured) => AccountState {
                    waiting: Some(FOR_SERVER.to_owned()),
                    ..state(&configured, &agent.connections(&configured))
                },
                Ok(configured) => state(&configured, &agent.connections(&configured)),
                Err(AccountError::Invalid { name, reason }) => AccountState {
                    name,
                    last_result: Some(format!("unusable: {reason}")),
                    ..AccountState::default()
                },
                Err(_) => return None,
            };
            Some(with_record(state, agent, now))
        })
        .collect()
}

fn state(configured: &Configured, connections: &[Connection]) -> AccountState {
    let (account, policy) = (&configured.account, &configured.policy);
    let word = |scheme: AuthScheme| scheme.as_word().to_owned();
    let path = |path: &PathBuf| path.display().to_string();
    let certificate = policy.client_certificate.as_ref();
    let rules = opening::rules(policy, &configured.references);
    let fall_back = if rules.default_route {
        Rule::Allow
    } else {
        Rule::Deny
    };
    AccountState {
        name: account.name.clone(),
        server_id: account.server_id.clone(),
        addresses: configured.addresses.clone(),
        encoding: policy.encoding.as_str().to_owned(),
        client_auth: account.client.as_ref().map(|own| word(own.scheme)),
        server_auth: account.server.as_ref().map(|own| word(own.scheme)),
        http_auth: configured.http.as_ref().map(|own| own.scheme.to_string()),
        obex_name: configured.obex.as_ref().map(|own| own.user.clone()),
        accepts: policy.accepts.iter().map(ToString::to_string).collect(),
        allows_http: policy.allows_http,
        ca_file: policy.ca_file.as_ref().map(path),
        pins: policy.pins.iter().map(ToString::to_string).collect(),
        bluetooth_peers: policy
            .bluetooth_peers
            .iter()
            .map(ToString::to_string)
            .collect(),
        client_certificate: certificate.map(|files| path(&files.chain)),
        client_key: certificate.map(|files| path(&files.key)),
        proxy: policy.proxy.as_ref().map(|proxy| proxy.url.clone()),
        proxy_name: policy.proxy.as_ref().and_then(|proxy| proxy.name.clone()),
        connections: connections.iter().map(connection).collect(),
        default_route: fall_back.as_str().to_owned(),
        roaming: policy.roaming.as_str().to_owned(),
        metered: policy.metered.as_str().to_owned(),
        waiting: connectivity::waiting(connections),
        ..AccountState::default()
    }
}

fn connection(connection: &Connection) -> wire::Connection {
    let (interface, reason) = match &connection.outcome {
        Ok(binding) => (binding.interface.clone(), None),
        Err(obstacle) => (None, Some(obstacle.to_string())),
    };
    wire::Connection {
        reference: connection.reference.clone(),
        interface,
        reason,
    }
}

fn with_record(mut state: AccountState, agent: &Agent, now: Now) -> AccountState {
    if let Some(local) = agent.book.get(&state.name) {
        let record = &local.record;
        state.last_result = state.last_result.or_else(|| record.result.clone());
        state.last_time = record.ended.and_then(rfc3339);
        state.last_detail.clone_from(&record.detail);
        state.last_success = record.succeeded.and_then(rfc3339);
        state.failures = i64::from(record.failures);
        state.crashes = i64::from(record.crashes);
        let moment = agent.moment(now);
        if let Some(next) = local.agenda.next(agent.clock_wait(now)) {
            let rest = next.at.saturating_sub(now.boot);
            state.next_attempt = clock::after(moment.wall, Some(rest)).and_then(rfc3339);
            state.next_seconds = Some(rest.as_secs_f64());
            state.next_causes = next.causes.iter().map(ToString::to_string).collect();
            state.waiting = state.waiting.or_else(|| waits_for(agent, local, now));
        }
    }
    state
}

/// What the next attempt waits for besides its time, in words.
fn waits_for(agent: &Agent, local: &Local, now: Now) -> Option<String> {
    let (agenda, record) = (&local.agenda, &local.record);
    if let (Some(bound), Some(doubt), true) =
        (agent.clock_wait(now), agent.known.doubt(now), agenda.tls)
    {
        let rest = bound.saturating_sub(now.boot).as_secs();
        let text = plan::doubt_text(doubt, agent.known.last());
        return Some(format!("{text}; for {rest} s at most"));
    }
    if let Some(hold) = agenda.hold(agent.moment(now)) {
        return Some(match hold.why {
            Why::Asked => "the server asked to be left alone until then".to_owned(),
            Why::Crashes => format!(
                "omadmd did not survive {} sessions in a row: what caused them is dropped until \
                 then; report it with the log",
                record.crashes
            ),
        });
    }
    let failures = match record.failures {
        1 => "after a failure".to_owned(),
        count => format!("after {count} failures in a row"),
    };
    Some(match agenda.prospect()? {
        Prospect::Clock => format!("the clock to be set, or the backoff {failures}"),
        Prospect::Later(_)
            if matches!(
                record.result.as_deref(),
                Some("bearer-failed" | opening::NO_LINK)
            ) =>
        {
            let network = match agent.uplinks {
                Some(0) => "; there is no link with an address and a default route",
                _ => "",
            };
            format!("the backoff {failures}, or a network that comes{network}")
        }
        Prospect::Later(_) => format!("the backoff {failures}"),
        Prospect::Unlikely => {
            format!("the longest backoff, as this does not pass by itself; {failures}")
        }
    })
}

/// One line for the service manager.
pub(super) fn line(agent: &Agent) -> String {
    match (&agent.running, &agent.last_session) {
        (Some(running), _) => format!("in session with {}", running.account.server_id),
        (None, Some(last)) => format!(
            "idle; last session with {}: {}",
            last.server_id,
            last.result.as_deref().unwrap_or_default()
        ),
        (None, None) => "idle".to_owned(),
    }
}
