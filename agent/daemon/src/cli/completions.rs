//! `omadm completions`: a script that lets a shell complete the command line.

use std::collections::BTreeSet;
use std::io::{self, Write};

use clap::builder::PossibleValuesParser;
use clap::{Command, ValueHint};
use clap_complete::{Shell, generate};
use omadm_kpi::{KpiId, KpiSet};

use super::arguments;
use super::failure::Failure;

impl From<arguments::Shell> for Shell {
    fn from(shell: arguments::Shell) -> Self {
        match shell {
            arguments::Shell::Bash => Self::Bash,
            arguments::Shell::Zsh => Self::Zsh,
            arguments::Shell::Fish => Self::Fish,
        }
    }
}

/// Prints the script.
pub(super) fn run(shell: arguments::Shell, out: &mut dyn Write) -> Result<(), Failure> {
    Ok(write(Shell::from(shell), out)?)
}

fn write(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    let mut command = without_files(super::command());
    command = command.mut_subcommand("kpi", |kpi| {
        kpi.mut_arg("patterns", |patterns| {
            patterns.value_parser(PossibleValuesParser::new(patterns_of_kpis()))
        })
    });
    // The generator panics when it cannot write.
    let mut script = Vec::new();
    generate(shell, &mut command, "omadm", &mut script);
    out.write_all(&script)
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

/// Every KPI, after the groups that they are in. `clap` borrows names for ever; the program
/// ends as soon as they are printed.
fn patterns_of_kpis() -> Vec<&'static str> {
    let group = |id: KpiId| Some(format!("{}.*", id.name().split_once('.')?.0));
    let groups: BTreeSet<_> = KpiSet::all().iter().filter_map(group).collect();
    let groups = groups.into_iter().map(|group| &*group.leak());
    let ids = KpiSet::all().iter().map(KpiId::name).collect::<Vec<_>>();
    groups.chain(ids).collect()
}
