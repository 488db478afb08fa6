//! Serial lines over pseudo-terminals.
#![cfg(feature = "serial")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests: real devices, and a failure is a panic"
)]

mod end;
mod entry;
mod obexftp;
mod open;
mod pair;
mod waiting;
