//! Vectors, whole-session tests and benchmarks.
