//! Local control over Varlink.

pub mod wire;
