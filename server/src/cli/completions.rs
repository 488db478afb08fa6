//! `omadm-server completions`: a script that lets a shell complete the command line.

use super::arguments::Shell;
use crate::error::Error;
use clap::{Command, ValueHint};
use std::io::Write;

/// Prints the script.
pub(super) fn run(shell: Shell, out: &mut dyn Write) -> Result<(), Error> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    // The generator panics when it cannot write.
    let mut script = Vec::new();
    let mut command = without_files(super::command());
    clap_complete::generate(shell, &mut command, "omadm-server", &mut script);
    // For bash it takes the hyphen of the name for the gap before a verb in one place of two.
    let script = String::from_utf8_lossy(&script).replace("omadm__subcmd__server", "omadm__server");
    out.write_all(script.as_bytes()).map_err(super::written)
}

/// What is no file is not completed with the names of files.
fn without_files(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let unknown = argument.get_value_hint() == ValueHint::Unknown;
        if unknown && argument.get_action().takes_values() {
            argument.value_hint(ValueHint::Other)
        } else {
            argument
        }
    });
    command.mut_subcommands(without_files)
}
