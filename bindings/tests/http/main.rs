//! The HTTP bearer against servers of every kind.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests: real sockets, and a failure is a panic"
)]

mod authority;
mod bad;
mod credentials;
mod good;
mod interface;
mod peer;
mod proxy;
mod redirect;
mod secure;
mod trust;
