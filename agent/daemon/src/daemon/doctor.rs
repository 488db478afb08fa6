//! `CheckRights`: looks at what the features take, outside the event loop, because a helper or a
//! file system can be slow.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: looks in a thread of its own"
)]

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::agent::Agent;
use crate::control::Answer;
use crate::control::wire::{CheckRightsReply, Error};
use crate::rights::doctor::{AccountFile, Subject, examine};

/// One look at a time: one that hangs must not take the threads that look up host names.
static TURN: Semaphore = Semaphore::const_new(1);

/// How long a look waits for the one before it.
const PATIENCE: Duration = Duration::from_secs(10);

impl Agent {
    /// Answers from a thread of its own.
    pub(super) fn check_rights(&self, answer: Answer) {
        let subject = Subject {
            config_file: self.config_file.clone(),
            config: self.config.clone(),
            files: Some(self.account_files()),
            is_agent: true,
        };
        tokio::spawn(async move {
            let Ok(Ok(turn)) = timeout(PATIENCE, TURN.acquire()).await else {
                let text = "the look before this one still lasts: does a file system hang?";
                return answer.finish(Err::<CheckRightsReply, _>(Error::Busy(text.to_owned())));
            };
            tokio::task::spawn_blocking(move || {
                let features = examine(&subject);
                answer.finish(Ok(CheckRightsReply { features }));
                drop(turn);
            });
        });
    }

    fn account_files(&self) -> Vec<AccountFile> {
        let mut files = Vec::new();
        for policy in self.book.policies() {
            let client = policy.client_certificate.map(|own| (own.chain, own.key));
            let (chain, key) = client.unzip();
            let named = [
                ("certificate authorities", policy.ca_file),
                ("client certificate", chain),
                ("client key", key),
            ];
            for (what, path) in named {
                files.extend(path.map(|path| AccountFile {
                    account: policy.name.clone(),
                    what,
                    path,
                }));
            }
        }
        files
    }
}
