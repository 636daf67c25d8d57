//! `reread index`: brings the index of a folder up to date.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use reread_engine::{Engine, IndexError, IndexRun, IndexSummary};
use reread_wire::index::Summary;

use super::raw_stdout;
use crate::args::{CommonArgs, IndexArgs, Wait};
use crate::output::emptiness::Emptiness;
use crate::output::shown::Shown;
use crate::output::{json, people, say};
use crate::progress::{Progress, Waiting};
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
    let summary = bring_up_to_date(&engine, way, common.quiet, args.wait.when());
    let summary = summary.map_err(|error| {
        let doing = cannot_index(&args.folder, &error);
        anyhow::Error::new(error).context(doing)
    })?;
    if args.json {
        let mut out = raw_stdout();
        let line = Summary::new(&summary, &args.folder, engine.index_folder());
        json::write_line(&mut out, &line)?;
        out.flush()?;
    } else if !common.quiet {
        for line in people::index_summary(&summary, &Shown::in_folder(&args.folder)) {
            say(&line);
        }
        for line in emptiness(&engine, &args.folder) {
            say(&line);
        }
    }
    Ok(Outcome::Found)
}

/// Why nothing in the folder can be searched, where that is so.
pub(super) fn emptiness(engine: &Engine, folder: &Path) -> Vec<String> {
    let Ok(snapshot) = engine.snapshot() else {
        return Vec::new();
    };
    if snapshot.n_passages() > 0 {
        return Vec::new();
    }
    // What cannot be walked any more has been said already.
    let passed_over = snapshot.passed_over(folder).unwrap_or_default();
    Emptiness::of(&snapshot, passed_over).lines(folder)
}

/// One of the engine's ways to bring an index in step with its folder.
pub(crate) type Way = fn(&Engine, &IndexRun<'_>) -> reread_engine::Result<IndexSummary>;

/// Indexes a folder in one way, with a progress bar, until it is done or the user stops it. While another
/// process writes to the index, it waits or fails, as the user wishes.
pub(crate) fn bring_up_to_date(
    engine: &Engine,
    way: Way,
    quiet: bool,
    wait: Wait,
) -> reread_engine::Result<IndexSummary> {
    loop {
        match once(engine, way, quiet) {
            Err(reread_engine::Error::Index(IndexError::Locked { .. })) if wait != Wait::Never => {
                until_free(engine, quiet)?;
            }
            summary => return summary,
        }
    }
}

fn once(engine: &Engine, way: Way, quiet: bool) -> reread_engine::Result<IndexSummary> {
    let _orderly = interrupt::orderly();
    let progress = Progress::new(quiet);
    let summary = way(engine, &progress.run());
    progress.finish();
    summary
}

/// Waits until no other process writes to the index, and shows how far that is.
fn until_free(engine: &Engine, quiet: bool) -> reread_engine::Result<()> {
    /// How often is looked.
    const EVERY: Duration = Duration::from_millis(200);
    let _orderly = interrupt::orderly_while_waiting();
    let waiting = Waiting::new(quiet);
    loop {
        match engine.check_free() {
            Err(reread_engine::Error::Index(IndexError::Locked { holder, .. })) => {
                waiting.show(holder.as_ref());
            }
            free => return free,
        }
        interrupt::token().check()?;
        std::thread::sleep(EVERY);
    }
}

/// What was being done when indexing failed, and what helps where another process is at work.
pub(crate) fn cannot_index(folder: &Path, error: &reread_engine::Error) -> String {
    let folder = folder.display();
    match error {
        reread_engine::Error::Index(IndexError::Locked { .. }) => {
            format!("cannot index {folder} now (with --wait it waits)")
        }
        _ => format!("cannot index {folder}"),
    }
}
