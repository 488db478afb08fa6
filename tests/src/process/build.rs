//! Where the programs are, built when they are missing or older than their sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::SystemTime;

/// The program of the workspace with this name, of the same profile as the caller.
pub fn program(name: &str) -> PathBuf {
    static BUILD: Once = Once::new();
    let folder = folder();
    BUILD.call_once(|| {
        let programs =
            ["omadmd", "omadm", "omadm-server", "omadm-helper"].map(|name| folder.join(name));
        if !programs.iter().all(|program| is_fresh(program)) {
            build(&folder);
        }
    });
    folder.join(name)
}

/// `target/debug` or `target/release`: the caller is in its `deps`.
fn folder() -> PathBuf {
    let own = std::env::current_exe().expect("the path of the test");
    let deps = own.parent().expect("a folder");
    if deps.file_name().is_some_and(|name| name == "deps") {
        deps.parent().expect("a folder").to_owned()
    } else {
        deps.to_owned()
    }
}

/// Cargo keeps the list of a program's sources beside it.
fn is_fresh(program: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    let (Some(built), Ok(list)) = (
        changed(program),
        fs::read_to_string(program.with_extension("d")),
    ) else {
        return false;
    };
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources);
    let later = |time: SystemTime| time > built;
    !sources
        .split_whitespace()
        .any(|source| changed(Path::new(source)).is_none_or(later))
}

fn build(folder: &Path) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "--quiet",
        "--locked",
        "-p",
        "omadm-agent",
        "-p",
        "omadm-server",
    ]);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    match cargo.status() {
        Ok(status) if status.success() => {}
        other => panic!("the programs cannot be built: {other:?}"),
    }
}
