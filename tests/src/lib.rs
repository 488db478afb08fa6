//! What the tests and benchmarks of the whole share.

pub mod ask;
pub mod dice;
pub mod pair;
pub mod process;
