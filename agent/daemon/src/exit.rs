//! Exit codes, as `sysexits.h` numbers them.

/// All went well.
pub const OK: u8 = 0;
/// The operation failed.
pub const FAILED: u8 = 1;
/// The command line was wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// The input was wrong (`EX_DATAERR`).
pub const DATA: u8 = 65;
/// An input file is missing or unreadable (`EX_NOINPUT`).
pub const NO_INPUT: u8 = 66;
/// A service is unavailable: the daemon does not answer, or another one runs (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// An error of our own (`EX_SOFTWARE`).
pub const SOFTWARE: u8 = 70;
/// An input or output error, a damaged store among them (`EX_IOERR`).
pub const IO: u8 = 74;
/// Try again later (`EX_TEMPFAIL`).
pub const TRY_AGAIN: u8 = 75;
/// The caller may not do this (`EX_NOPERM`).
pub const NO_PERMISSION: u8 = 77;
/// The configuration is wrong (`EX_CONFIG`).
pub const CONFIG: u8 = 78;
