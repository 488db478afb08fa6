//! Sessions that wait for their turn: one runs at a time, and causes for the same account
//! become one session.

use std::collections::VecDeque;

use omadm_dm::session::SessionCause;

/// A session that waits, with those who want to hear of it.
#[derive(Debug)]
pub(super) struct Waiting<W> {
    /// The account's name.
    pub account: String,
    /// Why it starts: the first cause.
    pub cause: SessionCause,
    /// Who waits for its end.
    pub waiters: Vec<W>,
}

/// The sessions that wait, first come, first served.
#[derive(Debug)]
pub(super) struct Queue<W> {
    waiting: VecDeque<Waiting<W>>,
}

impl<W> Queue<W> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
        }
    }

    /// Adds a cause. An account has one place in the queue however many causes it has, so the
    /// queue is bounded by the number of accounts.
    pub(super) fn push(&mut self, account: &str, cause: SessionCause, waiter: Option<W>) {
        let there = self
            .waiting
            .iter_mut()
            .find(|entry| entry.account == account);
        match there {
            Some(entry) => entry.waiters.extend(waiter),
            None => self.waiting.push_back(Waiting {
                account: account.to_owned(),
                cause,
                waiters: waiter.into_iter().collect(),
            }),
        }
    }

    /// Lets go of those who no longer wait. The sessions stay.
    pub(super) fn release(&mut self, gone: impl Fn(&W) -> bool) {
        for entry in &mut self.waiting {
            entry.waiters.retain(|waiter| !gone(waiter));
        }
    }

    pub(super) fn pop(&mut self) -> Option<Waiting<W>> {
        self.waiting.pop_front()
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
        queue.push("a", SessionCause::Schedule, None);
        queue.push("b", SessionCause::User, Some(1));
        queue.push("a", SessionCause::User, Some(2));
        queue.push("a", SessionCause::User, Some(3));
        assert!(queue.has("a") && queue.has("b") && !queue.has("c"));
        queue.push("a", SessionCause::User, Some(4));
        queue.release(|waiter| *waiter == 4);
        let first = queue.pop().unwrap();
        assert_eq!(first.account, "a");
        assert_eq!(first.cause, SessionCause::Schedule);
        assert_eq!(first.waiters, [2, 3]);
        assert_eq!(queue.pop().unwrap().account, "b");
        assert!(queue.pop().is_none());
    }
}
