//! The figures of `make bench`: each beside a peer or a limit measured in the same run.
//!
//! `cargo bench -p omadm-tests` runs all of it; `-- bytes`, `-- time`, `-- kpi`, `-- obex`, `-- bearers`,
//! `-- process` or `-- sessions` a part.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark that cannot run says where"
)]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(
    clippy::disallowed_methods,
    reason = "driver: reads clocks and runs processes"
)]

#[path = "figures/bearers.rs"]
mod bearers;
#[path = "figures/bytes.rs"]
mod bytes;
#[path = "figures/carry.rs"]
mod carry;
#[path = "figures/kpi.rs"]
mod kpi;
#[path = "figures/obex.rs"]
mod obex;
#[path = "figures/process.rs"]
mod process;
#[path = "figures/sessions.rs"]
mod sessions;
#[path = "figures/time.rs"]
mod time;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

/// Counts what is allocated.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let mut arguments = std::env::args().skip(1);
    if let (Some(kpi::SUBJECT), Some(count)) = (arguments.next().as_deref(), arguments.next()) {
        return kpi::subject(&count);
    }
    let all: Vec<String> = std::env::args().skip(1).collect();
    if let Some((carry::SUBJECT, arguments)) = all.split_first().map(|(a, b)| (a.as_str(), b)) {
        return carry::subject(arguments);
    }
    let parts: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wanted("bytes") {
        bytes::print();
    }
    if wanted("time") {
        time::print();
    }
    if wanted("kpi") {
        kpi::print();
    }
    if wanted("obex") {
        obex::print();
    }
    if wanted("bearers") {
        bearers::print();
    }
    if wanted("process") {
        process::print();
    }
    if wanted("sessions") {
        sessions::print();
    }
}
