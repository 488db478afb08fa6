//! A Device Management System for benches, labs and fleets.
//!
//! [`session`] decides what a message is answered with and touches nothing; [`Server`] gives it
//! the database; the rest are the sockets and the command line.

pub mod cli;
pub mod clock;
pub mod error;
pub mod http;
pub mod job;
mod mask;
pub mod obex;
pub mod server;
pub mod service;
pub mod session;
pub mod store;
mod worker;

pub use error::Error;
pub use server::{Answer, Fault, Notified, Policy, Request, Server, Wish};
pub use store::Store;
