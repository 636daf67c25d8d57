//! `reread index`: brings the index of a folder up to date.

use std::io::Write;

use anyhow::Context;
use reread_engine::{Engine, IndexRun, IndexSummary};
use reread_wire::index::Summary;

use super::raw_stdout;
use crate::args::{CommonArgs, IndexArgs};
use crate::output::{json, people, say};
use crate::progress::Progress;
use crate::{Outcome, folder, interrupt, resolve};

pub(crate) fn run(args: &IndexArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    folder::check(&args.folder)?;
    let flags = args.indexing.settings();
    let settings = resolve::settings(flags, Some(&args.folder), common)?;
    let index = args.indexing.index.index.as_deref();
    let engine = resolve::engine(&args.folder, index, &settings)?;
    let way: Way = if args.rebuild {
        Engine::rebuild
    } else {
        Engine::update_with
    };
    let summary = bring_up_to_date(&engine, way, common.quiet)
        .with_context(|| format!("cannot index {}", args.folder.display()))?;
    if args.json {
        let mut out = raw_stdout();
        let line = Summary::new(&summary, &args.folder, engine.index_folder());
        json::write_line(&mut out, &line)?;
        out.flush()?;
    } else if !common.quiet {
        for line in people::index_summary(&summary) {
            say(&line);
        }
    }
    Ok(Outcome::Found)
}

/// One of the engine's ways to bring an index in step with its folder.
pub(crate) type Way = fn(&Engine, &IndexRun<'_>) -> reread_engine::Result<IndexSummary>;

/// Indexes a folder in one way, with a progress bar, until it is done or the user stops it.
pub(crate) fn bring_up_to_date(
    engine: &Engine,
    way: Way,
    quiet: bool,
) -> reread_engine::Result<IndexSummary> {
    let _orderly = interrupt::orderly();
    let progress = Progress::new(quiet);
    let summary = way(engine, &progress.run());
    progress.finish();
    summary
}
