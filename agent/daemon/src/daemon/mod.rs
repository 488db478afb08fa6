//! The daemon: an event loop that owns all state and joins tree, sessions, store and control.

mod account;
mod agenda;
mod agent;
mod arrivals;
mod calls;
pub(crate) mod clock;
mod commit;
mod conclude;
mod crash;
mod doctor;
mod drive;
mod elapsed;
mod elsewhere;
mod files;
mod instance;
mod kpis;
mod lines;
mod logging;
mod network;
mod nodes;
mod notified;
mod notify;
mod objects;
mod opening;
mod plan;
mod queue;
mod reload;
mod schedule;
mod sessions;
mod start;
mod status;

pub use start::{command, main};
