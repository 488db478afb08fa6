//! The OMA DM management tree and session engine: no IO, no clock, no randomness.
