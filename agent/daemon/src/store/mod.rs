//! The state of the agent in `state.db`: a thread of its own writes it, one synced transaction
//! at a time. What the state means is left to the event loop.

mod open;
mod record;
mod reserve;
mod rows;
mod thread;

pub use open::OpenError;
pub use record::{AccountRecord, Anchor, AuditEntry, Change, ExecRow, Loaded, Notified};
pub use rows::NOTIFIED_PER_ACCOUNT;
pub use thread::{Done, Store};

#[cfg(test)]
mod tests;
