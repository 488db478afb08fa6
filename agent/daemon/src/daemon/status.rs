//! What the daemon says about itself.

use omadm_kpi::KpiSet;
use omadm_syncml::{AuthScheme, Now};

use super::agent::Agent;
use super::clock::rfc3339;
use super::conclude::due_text;
use crate::control::wire::{AccountState, Status};
use crate::mo::dmacc::{AccountError, Configured};

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
                Ok(configured) => state(&configured),
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

fn state(configured: &Configured) -> AccountState {
    let (account, policy) = (&configured.account, &configured.policy);
    let word = |scheme: AuthScheme| scheme.as_word().to_owned();
    AccountState {
        name: account.name.clone(),
        server_id: account.server_id.clone(),
        addresses: configured.addresses.clone(),
        encoding: policy.encoding.as_str().to_owned(),
        client_auth: account.client.as_ref().map(|own| word(own.scheme)),
        server_auth: account.server.as_ref().map(|own| word(own.scheme)),
        accepts_tls: policy.accepts_tls,
        allows_http: policy.allows_http,
        ..AccountState::default()
    }
}

fn with_record(mut state: AccountState, agent: &Agent, now: Now) -> AccountState {
    if let Some(local) = agent.book.get(&state.name) {
        let record = &local.record;
        state.last_result = state.last_result.or_else(|| record.result.clone());
        state.last_time = record.ended.and_then(rfc3339);
        state.next_attempt = local.due.and_then(|due| due_text(due.at, now));
        state.failures = i64::from(record.failures);
    }
    state
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
