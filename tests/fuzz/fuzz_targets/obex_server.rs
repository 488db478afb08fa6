//! Arbitrary courses of the server role; what has to hold in them stands in `src/fuzz.rs`.
#![no_main]

#[path = "../../src/fuzz.rs"]
#[allow(dead_code, unused_imports, reason = "the other target uses the rest")]
mod fuzz;

libfuzzer_sys::fuzz_target!(|course: &[u8]| fuzz::server(course));
