//! The device agent: `omadmd`, which keeps the tree and runs the sessions, and `omadm`, which
//! talks to it.

pub mod cli;
pub mod config;
pub mod connectivity;
pub mod control;
pub mod daemon;
mod directory;
pub mod event;
pub mod exit;
pub mod identity;
pub mod mo;
pub mod rights;
mod rtnetlink;
pub mod store;
mod trace;
