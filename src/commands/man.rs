//! `reread man`: the manual page, from the same definitions as the help.

use std::io::Write;

use anyhow::Context;
use clap::CommandFactory;

use super::raw_stdout;
use crate::Outcome;
use crate::args::{Cli, ManArgs};

pub(crate) fn run(args: &ManArgs) -> anyhow::Result<Outcome> {
    if let Some(dir) = &args.dir {
        let failed = || format!("cannot write manual pages to {}", dir.display());
        std::fs::create_dir_all(dir).with_context(failed)?;
        clap_mangen::generate_to(Cli::command(), dir).with_context(failed)?;
        return Ok(Outcome::Found);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    let mut out = raw_stdout();
    out.write_all(&page)?;
    out.flush()?;
    Ok(Outcome::Found)
}
