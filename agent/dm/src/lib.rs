//! The OMA DM management tree and session engine: no IO, no clock, no randomness.
#![forbid(unsafe_code)]

pub mod account;
pub mod session;

pub use account::{Account, Credential};
