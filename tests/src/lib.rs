//! What the tests and benchmarks of the whole share.

pub mod ask;
pub mod canned;
pub mod dice;
pub mod fuzz;
pub mod lab;
pub mod line;
pub mod netns;
pub mod pair;
pub mod process;
pub mod rounds;
pub mod vectors;
pub mod waiting;

/// The page on adding things: what it shows is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/adding.md")]
pub struct Adding;
