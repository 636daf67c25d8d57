//! `reread completions`: a completion script for a shell.

use std::io::Write;

use clap::CommandFactory;

use super::raw_stdout;
use crate::Outcome;
use crate::args::{Cli, CompletionsArgs};

pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    // The generator panics where it cannot write, which a closed pipe would make it do.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "reread", &mut script);
    let mut out = raw_stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Outcome::Found)
}
