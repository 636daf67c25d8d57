//! `reread eval`: how well each pass ranks, and what the second one adds.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use reread_engine::Engine;
use reread_eval::{TrialOptions, summarise};

use super::judged::{DEPTHS, Place};
use super::{raw_stdout, styled_stdout};
use crate::args::{CommonArgs, EvalArgs, FilterArgs};
use crate::output::eval::{self, Results};
use crate::{Outcome, resolve};

pub(crate) fn run(args: &EvalArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    let place = Place::find(&args.judged)?;
    let flags = args.judged.settings(args.search.clone().into());
    let settings = place.settings(flags, common)?;
    let options = resolve::search_options(&settings, &FilterArgs { since: None })?;
    let depths = if args.depths.is_empty() {
        &DEPTHS[..]
    } else {
        &args.depths
    };
    let options = TrialOptions::new(options.first_pass, options.second_pass, depths);
    let run_of = run_system(args, &options)?;

    // What cannot be written is better known before the models run.
    for path in [&args.run, &args.report].into_iter().flatten() {
        let file = File::options().create(true).append(true).open(path);
        file.with_context(|| format!("cannot write {}", path.display()))?;
    }
    let judged = place.open(&settings, args.judged.limit, common)?;
    let trials = judged.ask(&options, common.quiet)?;
    let results = Results {
        rows: summarise(
            &trials,
            &judged.targets,
            &options,
            &args.measures,
            args.judged.seed,
        ),
        n_passages: judged.engine.first_pass()?.n_passages(),
        models: models(&judged.engine, &options)?,
        name: judged.name,
        trials,
        targets: judged.targets,
        measures: args.measures.clone(),
        seed: args.judged.seed,
        warnings: judged.warnings,
    };
    write(args, &results, run_of)?;
    Ok(Outcome::Found)
}

/// Which system's ranking is written, checked before hours are spent.
fn run_system(args: &EvalArgs, options: &TrialOptions) -> anyhow::Result<usize> {
    let systems = options.systems();
    let Some(name) = &args.run_system else {
        return Ok(systems.len() - 1);
    };
    let found = systems.iter().position(|system| system.name() == *name);
    found.with_context(|| {
        let names: Vec<String> = systems.iter().map(|system| system.name()).collect();
        format!(
            "there is no system {name:?}; the systems are {}",
            names.join(", ")
        )
    })
}

fn models(engine: &Engine, options: &TrialOptions) -> anyhow::Result<Vec<String>> {
    let mut models = vec![engine.embedder()?.model().to_string()];
    if options
        .systems()
        .iter()
        .any(|system| system.depth().is_some())
    {
        models.push(engine.cross_encoder()?.model().to_string());
    }
    Ok(models)
}

fn write(args: &EvalArgs, results: &Results, run_of: usize) -> anyhow::Result<()> {
    if let Some(path) = &args.run {
        write_file(path, |out| eval::write_run(out, results, run_of))?;
    }
    if let Some(path) = &args.report {
        write_file(path, |out| eval::write_report(out, results))?;
    }
    if args.json {
        let mut out = raw_stdout();
        eval::write_json(&mut out, results)?;
        out.flush()?;
    } else {
        let mut out = styled_stdout();
        eval::write_tables(&mut out, results)?;
        out.flush()?;
    }
    Ok(())
}

fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut out = BufWriter::new(File::create(path).with_context(failed)?);
    write(&mut out)
        .and_then(|()| out.flush())
        .with_context(failed)
}
