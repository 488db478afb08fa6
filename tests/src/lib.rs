//! What the tests and benchmarks of the whole share.

pub mod ask;
pub mod canned;
pub mod dice;
pub mod fuzz;
pub mod line;
pub mod netns;
pub mod pair;
pub mod process;
pub mod rounds;
pub mod vectors;
pub mod waiting;
