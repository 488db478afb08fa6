//! OBEX stacks and programs that were not made here meet a device that waits.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "driver: runs programs of others; a test fails by panicking"
)]

#[path = "foreign_obex/daemon.rs"]
mod daemon;
#[path = "foreign_obex/programs.rs"]
mod programs;
#[path = "foreign_obex/serial.rs"]
mod serial;
#[path = "foreign_obex/stacks.rs"]
mod stacks;

use std::path::{Path, PathBuf};
use std::process::Command;

use omadm_tests::process::run;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");

/// A Python with `PyOBEX`, made by `deps.sh`; why there is none.
fn pyobex() -> Result<PathBuf, String> {
    let made = run(Command::new(Path::new(SCRIPTS).join("deps.sh")).arg("pyobex"));
    match made.out.lines().last() {
        Some(path) if made.code == 0 => Ok(PathBuf::from(path)),
        _ => Err(format!("{}{}", made.out, made.err)),
    }
}

/// The system's Python, if it finds libopenobex.
fn libopenobex() -> Result<PathBuf, String> {
    let load = "import ctypes; ctypes.CDLL('libopenobex.so.2')";
    let loaded = Command::new("python3").args(["-c", load]).output();
    let loaded = loaded.map_err(|error| format!("python3: {error}"))?;
    if !loaded.status.success() {
        return Err("libopenobex.so.2 is missing (Debian: libopenobex2)".to_owned());
    }
    Ok(PathBuf::from("python3"))
}

/// Says whether a program of this name is installed.
fn is_installed(name: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {name}")])
        .output();
    found.is_ok_and(|found| found.status.success())
}
