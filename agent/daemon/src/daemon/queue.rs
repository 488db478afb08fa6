//! Sessions that wait for their turn: one runs at a time, and causes for the same account
//! become one session.

use omadm_dm::session::SessionCause;

/// So often at most a session is overtaken by more urgent ones.
const OVERTAKEN: u32 = 8;

/// A session that waits, with those who want to hear of it.
#[derive(Debug)]
pub(super) struct Waiting<W> {
    /// The account's name.
    pub account: String,
    /// Why it starts, each cause once, the most urgent first.
    pub causes: Vec<SessionCause>,
    /// Who waits for its end.
    pub waiters: Vec<W>,
    overtaken: u32,
}

impl<W> Waiting<W> {
    pub(super) fn new(account: &str, causes: Vec<SessionCause>, waiters: Vec<W>) -> Self {
        Self {
            account: account.to_owned(),
            causes,
            waiters,
            overtaken: 0,
        }
    }

    /// The most urgent cause.
    pub(super) fn cause(&self) -> SessionCause {
        self.causes.first().copied().unwrap_or(SessionCause::User)
    }

    /// Adds causes, each once.
    pub(super) fn add(&mut self, causes: &[SessionCause]) {
        for cause in causes {
            // Of several notifications the first is answered: it has named the session.
            let same = |other: &SessionCause| urgency(*other) == urgency(*cause);
            if !self.causes.iter().any(same) {
                self.causes.push(*cause);
            }
        }
        self.causes.sort_by_key(|cause| urgency(*cause));
    }

    fn turn(&self) -> u8 {
        if self.overtaken < OVERTAKEN {
            urgency(self.cause())
        } else {
            0
        }
    }
}

/// The order in which causes come: somebody waits for the first ones, and nobody for the last.
/// A notification comes before all, because the server knows its session by it,
/// and so does a server that sits on the line and waits.
pub(super) const fn urgency(cause: SessionCause) -> u8 {
    match cause {
        SessionCause::Notification { .. } | SessionCause::Poll => 1,
        SessionCause::Bootstrap => 2,
        SessionCause::User => 3,
        SessionCause::Alerts => 4,
        SessionCause::NetworkUp => 5,
        SessionCause::Boot => 6,
        SessionCause::Calendar => 7,
        SessionCause::Schedule => 8,
        SessionCause::Retry => 9,
    }
}

/// The sessions that wait: the most urgent first, and first come, first served.
#[derive(Debug)]
pub(super) struct Queue<W> {
    waiting: Vec<Waiting<W>>,
}

impl<W> Queue<W> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: Vec::new(),
        }
    }

    /// Adds causes. An account has one place in the queue however many causes it has, so the
    /// queue is bounded by the number of accounts.
    pub(super) fn push(&mut self, account: &str, causes: &[SessionCause], waiter: Option<W>) {
        let there = self
            .waiting
            .iter()
            .position(|entry| entry.account == account);
        let at = there.unwrap_or_else(|| {
            let entry = Waiting::new(account, Vec::new(), Vec::new());
            self.waiting.push(entry);
            self.waiting.len() - 1
        });
        let Some(entry) = self.waiting.get_mut(at) else {
            return;
        };
        entry.add(causes);
        entry.waiters.extend(waiter);
    }

    /// Lets go of those who no longer wait. The sessions stay.
    pub(super) fn release(&mut self, gone: impl Fn(&W) -> bool) {
        for entry in &mut self.waiting {
            entry.waiters.retain(|waiter| !gone(waiter));
        }
    }

    pub(super) fn pop(&mut self) -> Option<Waiting<W>> {
        let turns = self.waiting.iter().enumerate();
        let (at, _) = turns.min_by_key(|(_, entry)| entry.turn())?;
        for entry in self.waiting.iter_mut().take(at) {
            entry.overtaken += 1;
        }
        Some(self.waiting.remove(at))
    }

    /// Takes out an account's place, if it has one.
    pub(super) fn take(&mut self, account: &str) -> Option<Waiting<W>> {
        let at = self
            .waiting
            .iter()
            .position(|entry| entry.account == account)?;
        Some(self.waiting.remove(at))
    }

    /// Gives a session its place back that has not come to anything, without the causes that were
    /// a server's: whoever waited for them is gone.
    pub(super) fn give_back(&mut self, waiting: Waiting<W>) {
        let causes: Vec<_> = waiting
            .causes
            .into_iter()
            .filter(|cause| !cause.is_of_server())
            .collect();
        if causes.is_empty() && waiting.waiters.is_empty() {
            return;
        }
        self.push(&waiting.account, &causes, None);
        for waiter in waiting.waiters {
            self.push(&waiting.account, &[], Some(waiter));
        }
    }

    /// Whether any account but this one waits.
    pub(super) fn has_others(&self, account: &str) -> bool {
        self.waiting.iter().any(|entry| entry.account != account)
    }

    pub(super) fn has(&self, account: &str) -> bool {
        self.waiting.iter().any(|entry| entry.account == account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_of_one_account_become_one_session() {
        let mut queue = Queue::new();
        queue.push("a", &[SessionCause::Schedule], None);
        queue.push("b", &[SessionCause::User], Some(1));
        queue.push("a", &[SessionCause::User], Some(2));
        queue.push("a", &[SessionCause::User, SessionCause::Boot], Some(3));
        assert!(queue.has("a") && queue.has("b") && !queue.has("c"));
        queue.push("a", &[SessionCause::User], Some(4));
        queue.release(|waiter| *waiter == 4);
        let first = queue.pop().unwrap();
        assert_eq!(first.account, "a");
        assert_eq!(
            first.causes,
            [
                SessionCause::User,
                SessionCause::Boot,
                SessionCause::Schedule
            ]
        );
        assert_eq!(first.waiters, [2, 3]);
        assert_eq!(queue.pop().unwrap().account, "b");
        assert!(queue.pop().is_none());
    }

    #[test]
    fn a_notification_keeps_the_session_it_named() {
        let mut queue = Queue::<()>::new();
        let notification = |session_id| SessionCause::Notification { session_id };
        queue.push("a", &[SessionCause::User], None);
        queue.push("a", &[notification(1)], None);
        queue.push("a", &[notification(2)], None);
        let session = queue.pop().unwrap();
        assert_eq!(session.cause(), notification(1));
        assert_eq!(session.causes.len(), 2);
    }

    #[test]
    fn what_came_to_nothing_goes_back_without_the_wish_of_a_server() {
        let mut queue = Queue::new();
        queue.push("a", &[SessionCause::Alerts], Some(1));
        let mut taken = queue.take("a").unwrap();
        assert!(queue.take("a").is_none());
        taken.add(&[SessionCause::Notification { session_id: 1 }]);
        assert_eq!(taken.causes.len(), 2);
        queue.push("a", &[SessionCause::User], Some(2));
        queue.give_back(taken);
        let session = queue.pop().unwrap();
        assert_eq!(session.causes, [SessionCause::User, SessionCause::Alerts]);
        assert_eq!(session.waiters, [2, 1]);
        queue.give_back(Waiting::new("a", vec![SessionCause::Poll], Vec::new()));
        assert!(queue.pop().is_none());
    }

    #[test]
    fn the_urgent_come_first_but_starve_nobody() {
        let mut queue = Queue::<()>::new();
        queue.push("slow", &[SessionCause::Schedule], None);
        queue.push("first", &[SessionCause::User], None);
        queue.push("second", &[SessionCause::User], None);
        assert_eq!(queue.pop().unwrap().account, "first");
        assert_eq!(queue.pop().unwrap().account, "second");
        let mut overtaken = 2;
        loop {
            queue.push("urgent", &[SessionCause::User], None);
            if queue.pop().unwrap().account == "slow" {
                break;
            }
            overtaken += 1;
        }
        assert_eq!(overtaken, OVERTAKEN);
    }
}
