//! Whole conversations over sockets and pseudo-terminals, both ends being this crate's.
#![cfg(feature = "serial")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests: real lines, and a failure is a panic"
)]

mod device;
mod lines;
mod relay;
