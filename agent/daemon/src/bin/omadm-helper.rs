//! The program `omadm-helper`, which has one right that the daemon has not.

use std::process::ExitCode;

fn main() -> ExitCode {
    omadm_agent::rights::main()
}
