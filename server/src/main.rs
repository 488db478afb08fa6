//! The command `omadm-server`.

use std::process::ExitCode;

fn main() -> ExitCode {
    omadm_server::cli::main()
}
