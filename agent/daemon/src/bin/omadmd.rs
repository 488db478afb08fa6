//! The daemon `omadmd`.

use std::process::ExitCode;

fn main() -> ExitCode {
    omadm_agent::daemon::main()
}
