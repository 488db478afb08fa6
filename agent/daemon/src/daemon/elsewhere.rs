//! What follows a session whose line has broken.

use omadm_dm::session::SessionCause;
use omadm_syncml::Now;

use super::agent::Agent;
use super::conclude::End;
use super::queue::Waiting;
use super::sessions::{Beginning, Running, Turn, Waiter};
use crate::mo::dmacc::Configured;

impl Agent {
    /// Begins anew at the account's next address, or over its next link, when the line to this one
    /// has broken: DM 1.2 cannot resume a session. Says whether there is one.
    ///
    /// A server that has connected again on its line begins a session of its own.
    pub(super) fn go_on_elsewhere(&mut self, failed: &End, now: Now) -> bool {
        let Some(running) = self.running.as_ref().filter(|_| self.stop_at.is_none()) else {
            return false;
        };
        if self.begins_again(running, failed.is_of_line()) {
            return false;
        }
        let turn = running.next_turn();
        if now.boot >= turn.give_up {
            return false;
        }
        let Some(configured) = self.reachable(&running.account.name, turn) else {
            return false;
        };
        let Some(broken) = self.running.take() else {
            return false;
        };
        let left = broken.line.clone().or(broken.left.clone());
        let place = broken.line.as_deref().unwrap_or(&broken.account.address);
        log::warn!("{}has broken off: {place}: {failed}", failed.session());
        let beginning = Beginning {
            waiting: anew(broken),
            configured,
            turn,
            line: None,
            notice: None,
        };
        self.open(beginning, now);
        if let Some(running) = &mut self.running {
            running.left = left;
        }
        true
    }

    /// The account, if it has an address that has not had its turn. It is read again, because the
    /// session has renewed its nonces.
    fn reachable(&self, account: &str, turn: Turn) -> Option<Configured> {
        let accounts = self.configured().into_iter().flatten();
        let mut same = accounts.filter(|found| found.account.name == account);
        let found = same.next()?;
        self.way(&found, turn.from).is_open().then_some(found)
    }
}

/// What a session that has broken off is followed by. The session that a server has named is over:
/// the device begins one of its own.
fn anew(broken: Running) -> Waiting<Waiter> {
    let of_server = broken.causes.iter().any(|cause| cause.is_of_server());
    let kept = broken.causes.iter().copied();
    let kept: Vec<_> = kept.filter(|cause| !cause.is_of_server()).collect();
    let mut waiting = Waiting::new(&broken.account.name, kept, broken.waiters);
    if of_server {
        waiting.add(&[SessionCause::Retry]);
    }
    waiting
}

#[cfg(test)]
mod tests {
    use super::super::opening::Opening;
    use super::*;
    use omadm_dm::Account;
    use omadm_syncml::Limits;
    use std::time::Duration;

    fn broken(causes: Vec<SessionCause>) -> Running {
        let never: Opening = Box::pin(std::future::pending());
        let turn = Turn {
            from: 0,
            earlier: None,
            give_up: Duration::ZERO,
        };
        let now = Now {
            boot: Duration::ZERO,
            wall: None,
        };
        let account = Account::new("lab", "srv", "https://srv/dm");
        let begun = (causes, Vec::new());
        Running::begin(account, begun, never, turn, Limits::default(), now)
    }

    #[test]
    fn the_session_that_a_server_named_is_not_repeated() {
        let named = SessionCause::Notification { session_id: 7 };
        for (causes, expected) in [
            (vec![named], vec![SessionCause::Retry]),
            (vec![SessionCause::Poll], vec![SessionCause::Retry]),
            (
                vec![named, SessionCause::User],
                vec![SessionCause::User, SessionCause::Retry],
            ),
            (vec![SessionCause::User], vec![SessionCause::User]),
        ] {
            assert_eq!(anew(broken(causes)).causes, expected);
        }
    }
}
