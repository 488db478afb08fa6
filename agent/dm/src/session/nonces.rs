//! The nonces that the server's credentials may be made with, now and before.

use omadm_syncml::NonceUsed;
use omadm_syncml::auth::AuthScheme;

/// How many nonces of the past are remembered, to tell a stale one from a wrong secret.
const REMEMBERED: usize = 8;

/// What a credential of the server proves.
#[derive(Debug)]
pub(super) enum Shown {
    /// Nothing.
    Wrong {
        /// It fits a nonce of the past: its sender knows the secret, or repeats who does.
        stale: bool,
        /// The name that it was shown under.
        name: Option<String>,
    },
    /// That somebody has seen a message of the server: its nonce is empty or the one to
    /// resynchronise with, so that every such session has the same digest.
    Repeatable,
    /// That the server knows the secret and this nonce.
    Right(Vec<u8>),
}

impl Shown {
    const fn wrong(stale: bool) -> Self {
        Self::Wrong { stale, name: None }
    }

    /// Adds the name that a wrong credential was shown under.
    pub(super) fn named(self, name: Option<&str>) -> Self {
        match self {
            Self::Wrong { stale, .. } => Self::Wrong {
                stale,
                name: name.map(str::to_owned),
            },
            right => right,
        }
    }
}

/// The nonces of one session.
#[derive(Debug)]
pub(super) struct Nonces {
    current: Vec<Vec<u8>>,
    /// Oldest first.
    past: Vec<Vec<u8>>,
}

impl Nonces {
    /// Those of a session that begins with this one, unless it is empty.
    pub(super) fn new(stored: Vec<u8>) -> Self {
        Self {
            current: Some(stored)
                .filter(|nonce| !nonce.is_empty())
                .into_iter()
                .collect(),
            past: Vec::new(),
        }
    }

    /// One more is valid.
    pub(super) fn add(&mut self, nonce: Vec<u8>) {
        self.current.push(nonce);
    }

    /// Only this one is valid from now on.
    pub(super) fn renew(&mut self, nonce: Vec<u8>) {
        self.past.append(&mut self.current);
        let surplus = self.past.len().saturating_sub(REMEMBERED);
        self.past.drain(..surplus);
        self.add(nonce);
    }

    /// What a credential proves; `with` says whether it is made with a nonce.
    pub(super) fn check(&self, scheme: AuthScheme, with: impl Fn(&[u8]) -> bool) -> Shown {
        if !scheme.needs_nonce() {
            return if with(&[]) {
                Shown::Right(Vec::new())
            } else {
                Shown::wrong(false)
            };
        }
        match self.current.iter().find(|nonce| with(nonce)) {
            Some(nonce) if NonceUsed::of(nonce) == NonceUsed::Stored => Shown::Right(nonce.clone()),
            Some(_) => Shown::Repeatable,
            None if self.current.is_empty() && with(&[]) => Shown::Repeatable,
            None => Shown::wrong(self.past.iter().any(|nonce| with(nonce))),
        }
    }
}
