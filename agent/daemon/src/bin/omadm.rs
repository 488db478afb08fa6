//! The command `omadm`.

use std::process::ExitCode;

fn main() -> ExitCode {
    omadm_agent::cli::main()
}
