//! The device's side of a DM session as a state machine: messages in, messages out
//! (OMA-TS-DM-Protocol 1.2).

mod outcome;
mod start;

pub use outcome::{BearerFailure, Cancel, Counts, Note, Outcome, Refusal, SessionEnd, StoreError};
pub use start::{ExecKey, SessionCause, SessionParameters, SessionStart};
