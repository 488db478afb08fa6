//! The time as pure code is handed it.

use std::time::Duration;

/// Time since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(pub Duration);

/// The current time on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// `CLOCK_BOOTTIME`: intervals and deadlines.
    pub boot: Duration,
    /// The wall clock; `None` until it is plausible.
    pub wall: Option<Wall>,
}
