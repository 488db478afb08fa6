//! Sessions that the daemon does not survive: what is noted before one begins, and what is made
//! of it at the next start. Pure.

use omadm_dm::session::SessionCause;
use omadm_syncml::Wall;
use serde::{Deserialize, Serialize};

use crate::event::{self, About};
use crate::store::AccountRecord;

/// The key of the note. It is empty while no session runs.
pub(super) const KEY: &str = "in-session";

/// A session that began and did not end.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Crash {
    /// The account.
    pub account: String,
    /// Why it had started.
    causes: Vec<String>,
    /// The boot of the machine.
    boot: Option<String>,
}

/// What is noted before a session begins.
pub(super) fn begun(account: &str, causes: &[SessionCause], boot: Option<&str>) -> String {
    let crash = Crash {
        account: account.to_owned(),
        causes: causes.iter().map(ToString::to_string).collect(),
        boot: boot.map(str::to_owned),
    };
    serde_json::to_string(&crash).unwrap_or_default()
}

/// What the note says at the start of the daemon. When the machine has been booted since, it
/// was the power: the daemon is not to blame.
pub(super) fn found(note: Option<&str>, boot: Option<&str>) -> Option<Crash> {
    let crash: Crash = serde_json::from_str(note?).ok()?;
    (crash.boot.is_some() && crash.boot.as_deref() == boot).then_some(crash)
}

/// Counts a session that the daemon did not survive as one that failed.
pub(super) fn note(record: &mut AccountRecord, crash: &Crash, now: Option<Wall>) {
    record.crashes = record.crashes.saturating_add(1);
    record.failures = record.failures.saturating_add(1);
    record.ended = now.or(record.ended);
    record.result = Some("crashed".to_owned());
    let detail = format!(
        "omadmd ended in the middle of the session ({})",
        crash.causes.join(", ")
    );
    let node = format!("./DMAcc/{}", crash.account);
    let about = About {
        node: Some(&node),
        ..About::default()
    };
    event::session_failed(&about, format_args!("account {}: {detail}", crash.account));
    record.detail = Some(detail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_session_of_this_boot_that_did_not_end_is_a_crash() {
        let causes = [SessionCause::User, SessionCause::Schedule];
        let note = begun("lab", &causes, Some("one"));
        let crash = found(Some(&note), Some("one")).unwrap();
        assert_eq!(crash.account, "lab");
        assert_eq!(crash.causes, ["user", "schedule"]);
        assert_eq!(found(Some(&note), Some("two")), None, "the power was cut");
        assert_eq!(found(Some(&note), None), None);
        assert_eq!(found(Some(&begun("lab", &causes, None)), None), None);
        assert_eq!(found(Some(""), Some("one")), None, "it has ended");
        assert_eq!(found(Some("{damaged"), Some("one")), None);
        assert_eq!(found(None, Some("one")), None);
    }

    #[test]
    fn a_crash_is_a_failure() {
        let mut record = AccountRecord::default();
        let note_text = begun("lab", &[SessionCause::Boot], Some("one"));
        let crash = found(Some(&note_text), Some("one")).unwrap();
        note(&mut record, &crash, None);
        note(&mut record, &crash, None);
        assert_eq!((record.crashes, record.failures), (2, 2));
        assert_eq!(record.result.as_deref(), Some("crashed"));
        assert!(record.detail.unwrap().ends_with("(boot)"));
    }
}
